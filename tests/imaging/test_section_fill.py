"""Missing sections made from their neighbours: shapes, orientations, and what is marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, random_orientations
from nmcstudio.crystal.symmetry import disorientation_angles, operators
from nmcstudio.imaging.align import align_slices
from nmcstudio.imaging.grains import segment_grains
from nmcstudio.imaging.section_fill import between, fill_missing


def cones(depth: int = 7, size: int = 40, missing: tuple[int, ...] = (3,)) -> EbsdStack:
    """Two grains whose radii change from section to section, the first one turning by a degree each; one that ends."""
    z, y, x = np.mgrid[:depth, :size, :size]
    labels = np.zeros(z.shape, np.uint8)
    labels[(y - 12) ** 2 + (x - 12) ** 2 <= (4 + z) ** 2] = 1
    labels[(y - 28) ** 2 + (x - 28) ** 2 <= (10 - z) ** 2] = 2
    labels[(y > 32) & (x < 8) & (z < 3)] = 3
    base = random_orientations(4, np.random.default_rng(5))
    q = base[labels]
    turned = multiply(q, from_axis_angle(np.broadcast_to((0.0, 0, 1), (*q.shape[:-1], 3)), np.deg2rad(1.0) * z))
    q = np.where((labels == 1)[..., None], turned, q)
    # Equivalents at random, as indexing gives them.
    group = operators("-3m")
    q = multiply(group[np.random.default_rng(6).integers(len(group), size=labels.shape)], q)
    q[labels == 0] = np.nan
    stack = EbsdStack(
        quaternions=q, phase=(labels > 0).astype(np.uint8), phases=(Phase("NMC", "-3m"),), quality=10.0 * z,
        confidence=np.full(z.shape, np.nan), observed=np.ones(z.shape, bool), spacing_um=(0.2, 0.1, 0.1),
    )  # fmt: skip
    return blanked(stack, missing)


def blanked(stack: EbsdStack, numbers: tuple[int, ...]) -> EbsdStack:
    q, phase, quality, observed = (getattr(stack, n).copy() for n in ("quaternions", "phase", "quality", "observed"))
    for k in numbers:
        q[k], phase[k], quality[k], observed[k] = np.nan, 0, np.nan, False
    return replace(stack, quaternions=q, phase=phase, quality=quality, observed=observed)


@pytest.mark.parametrize("missing", [(3,), (2, 3)])
def test_outlines_and_orientations_lie_between(missing: tuple[int, ...]) -> None:
    whole = cones(missing=())
    filled, numbers = fill_missing(blanked(whole, missing), "interpolate")
    assert numbers == missing
    for k in missing:
        # The grain in the corner ends between the sections: nothing agrees there.
        ours, truth = filled.phase[k].copy(), whole.phase[k].copy()
        assert not ours[33:, :8].any()
        truth[33:, :8] = 0
        assert np.mean(ours != truth) < 0.02, "signed distances of discs interpolate their radii"
        both = (ours > 0) & (truth > 0)
        angle = disorientation_angles(filled.quaternions[k][both], whole.quaternions[k][both], "-3m")
        assert np.rad2deg(angle).max() < 0.05, "of float32"
        np.testing.assert_allclose(filled.quality[k], 10.0 * k)
        assert not filled.observed[k].any()
        assert np.isnan(filled.quaternions[k][ours == 0]).all()
    others = [k for k in range(7) if k not in missing]
    np.testing.assert_array_equal(filled.quaternions[others], whole.quaternions[others])
    assert filled.observed[others].all()


def test_grains_go_through_what_is_filled_and_statistics_can_tell() -> None:
    holed = cones()
    assert segment_grains(holed).labels.max() == 5
    filled, _ = align_slices(holed, measure=False, missing="interpolate")
    assert filled.alignment is not None
    assert filled.alignment.filled == (3,)
    grains = segment_grains(filled)
    assert grains.labels.max() == 3, "two go through, the one that ends stays what it is"
    assert grains.observed is not None
    np.testing.assert_array_equal(grains.observed, filled.observed)


def test_nearest_blank_and_the_ends() -> None:
    stack = cones(missing=(0, 2, 3, 6))
    near, numbers = fill_missing(stack, "nearest")
    assert numbers == (2, 3), "nothing is made beyond the outermost sections"
    np.testing.assert_array_equal(near.phase[2], stack.phase[1])
    np.testing.assert_array_equal(near.quaternions[3], stack.quaternions[4])
    again, none = fill_missing(near, "blank")
    assert none == ()
    assert not again.phase[[0, 2, 3, 6]].any(), "what an earlier run made goes"
    with pytest.raises(NmcError, match="unknown way"):
        fill_missing(stack, "guess")


def test_orientations_between_two_are_on_the_shortest_way() -> None:
    rng = np.random.default_rng(1)
    group = operators("m-3m")
    first = random_orientations(200, rng)
    axis = rng.normal(size=(200, 3))
    second = multiply(first, from_axis_angle(axis, np.deg2rad(rng.uniform(0, 20, 200))))
    second = multiply(group[rng.integers(len(group), size=200)], second) * rng.choice([-1, 1], (200, 1))
    whole = disorientation_angles(first, second, "m-3m")
    for share in (0.0, 0.3, 1.0):
        middle = between(first, second, share, group)
        np.testing.assert_allclose(disorientation_angles(first, middle, "m-3m"), share * whole, atol=1e-6)
        np.testing.assert_allclose(disorientation_angles(middle, second, "m-3m"), (1 - share) * whole, atol=1e-6)
