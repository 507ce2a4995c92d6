"""What was imaged is found in scans whose filling is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nmcstudio.core.errors import NmcError
from nmcstudio.imaging.field_of_view import field_of_view, find_box
from nmcstudio.imaging.find_cylinder import Cylinder, find_cylinder


def _material(shape: tuple[int, int, int], seed: int = 1) -> np.ndarray:
    """Blobs of 160 in 60 with noise of 12, uint8."""
    rng = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter(rng.normal(size=shape), 4.0) > 0.01
    return (np.where(blobs, 160, 60) + rng.normal(0, 12, shape)).clip(1, 255).astype(np.uint8)


CYLINDERS = {
    "in the middle": Cylinder((63.5, 69.5), 60.0),
    "shifted": Cylinder((70.3, 61.8), 52.4),
    "wider than the volume": Cylinder((64.0, 71.0), 75.3),
    "leaning": Cylinder((63.1, 70.2), 50.7, (0.11, -0.08)),
}


QUICK = (("shifted", "constant"), ("wider than the volume", "constant"), ("leaning", "not a number"), ("leaning", "low noise"))
FILLINGS = ("constant", "not a number", "low noise", "noise of another level")


@pytest.mark.parametrize(
    ("which", "filling"),
    [
        pytest.param(which, filling, marks=() if (which, filling) in QUICK else pytest.mark.slow)
        for which in CYLINDERS
        for filling in FILLINGS
    ],
)
def test_a_cylinder_is_found_within_half_a_voxel(which: str, filling: str) -> None:
    true, shape = CYLINDERS[which], (90, 128, 140)
    values = _material(shape).astype(np.float32)
    outside = ~true.mask(shape)
    rng = np.random.default_rng(2)
    fillings = {
        "constant": np.zeros(shape),
        "not a number": np.full(shape, np.nan),
        "low noise": rng.normal(60, 5, shape),
        "noise of another level": rng.normal(20, 10, shape),
    }
    values[outside] = fillings[filling][outside]
    found = find_cylinder(values)
    assert found is not None
    assert found.centre == pytest.approx(true.centre, abs=0.5)
    assert found.radius == pytest.approx(true.radius, abs=0.5)
    assert np.array(found.lean) * shape[0] == pytest.approx(np.array(true.lean) * shape[0], abs=1.0)
    observed, words = field_of_view(values)
    assert observed is not None
    assert np.mean(observed != ~outside) < 0.02
    assert "cylinder" in words
    assert ("leaning" in words) == (which == "leaning")


def test_volumes_without_a_field_of_view_have_none() -> None:
    for seed in range(4):
        values = _material((60, 100, 110), seed)
        assert find_cylinder(values) is None
        assert field_of_view(values) == (None, "the whole volume")


def test_a_sample_in_air_is_not_cut_out() -> None:
    """Air around a round sample has the grey value and the noise of the pores: it is background."""
    shape = (60, 120, 120)
    values = _material(shape)
    air = ~Cylinder((59.5, 59.5), 50.0).mask(shape)
    values[air] = np.random.default_rng(3).normal(60, 12, np.count_nonzero(air)).astype(np.uint8)
    assert find_cylinder(values) is None


def test_constant_padding_is_a_box() -> None:
    shape = (40, 70, 80)
    values = np.zeros(shape, np.uint8)
    values[5:38, 10:64, 0:77] = _material((33, 54, 77))
    assert find_box(values) == (slice(5, 38), slice(10, 64), slice(0, 77))
    observed, words = field_of_view(values)
    assert observed is not None
    assert observed.sum() == 33 * 54 * 77
    assert observed[5:38, 10:64, :77].all()
    assert "constant padding" in words
    same, _ = field_of_view(values, kind="box")
    assert np.array_equal(same, observed)
    with pytest.raises(NmcError, match="no constant padding") as raised:
        field_of_view(_material(shape), kind="box")
    assert raised.value.field == "box"


def test_a_border_of_pores_is_no_padding() -> None:
    phases = np.zeros((30, 60, 60), np.uint8)
    phases[5:25, 10:50, 10:50] = _material((20, 40, 40)) > 110
    assert find_box(phases) == (slice(0, 30), slice(0, 60), slice(0, 60))


def test_empty_slices_above_a_cylinder_are_unknown() -> None:
    values = np.zeros((50, 90, 90), np.uint8)
    true = Cylinder((44.5, 44.5), 40.0)
    values[4:45] = np.where(true.mask((41, 90, 90)), _material((41, 90, 90)), 0)
    observed, words = field_of_view(values)
    assert observed is not None
    assert not observed[:4].any()
    assert not observed[45:].any()
    assert np.mean(observed[4:45] != true.mask((41, 90, 90))) < 0.01
    assert "slices 4 to 44" in words


def test_what_is_no_number_is_unknown() -> None:
    values = _material((20, 40, 50)).astype(np.float32)
    values[3:5, 10:20, 10:20] = np.nan
    observed, words = field_of_view(values, kind="all")
    assert observed is not None
    assert np.array_equal(observed, np.isfinite(values))
    assert "200 voxels" in words
