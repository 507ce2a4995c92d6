"""Work in blocks gives the labels of the work on the whole volume, voxel by voxel and number by number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Volume
from nmcstudio.imaging.blockwise.segment import BlockSegmentation, segment_blocks
from nmcstudio.imaging.corrections import Corrections
from nmcstudio.imaging.find_cylinder import Cylinder
from nmcstudio.imaging.segment_ct import segment_ct
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.io.volumes.registry import open_volume, read_labels, write_volume

pytest.importorskip("distributed")


def _scene(balls: np.ndarray, noise: float = 14.0) -> np.ndarray:
    """Touching balls of which some have a pore, blurred and noisy."""
    pores = ndimage.gaussian_filter(np.random.default_rng(8).normal(size=balls.shape), 1.5) > 0.16
    grey = ndimage.gaussian_filter(np.where((balls > 0) & ~pores, 160.0, 60.0), 0.7)
    return (grey + np.random.default_rng(9).normal(0, noise, balls.shape)).clip(0, 255)


def _in_blocks(volume: Volume, settings: SegmentSettings, folder: Path, **more: object) -> tuple[BlockSegmentation, np.ndarray]:
    write_volume(volume, folder / "in.zarr")
    opened, _ = open_volume((str(folder / "in.zarr"),))
    assert opened.source is not None
    found = segment_blocks(
        opened.source,
        volume.spacing_um,
        folder / "out.zarr",
        settings,
        origin_um=volume.origin_um,
        stored_observed=opened.observed,
        **more,  # type: ignore[arg-type]
    )
    labels = read_labels((str(folder / "out.zarr"),))
    assert labels.spacing_um == pytest.approx(volume.spacing_um)
    assert not list(folder.glob(".blocks-*"))
    return found, labels.labels


PLAIN = SegmentSettings(sigma=1.0, keep_cut=True, minimum_diameter_um=0.0)
CASES = {
    "whole": (PLAIN, np.uint8, None),
    "dropped at the border": (replace(PLAIN, keep_cut=False, minimum_diameter_um=4.0), np.uint8, None),
    "fine pieces": (replace(PLAIN, split=1.0, depth_voxels=0.0), np.uint8, None),
    "real numbers": (PLAIN, np.float32, None),
    "cylinder": (replace(PLAIN, cylinder=Cylinder((45.0, 50.0), 40.3)), np.uint8, None),
    "leaning cylinder": (replace(PLAIN, keep_cut=False, cylinder=Cylinder((45.0, 50.0), 40.3, (0.1, 0.0))), np.uint8, None),
    "stored mask": (PLAIN, np.uint16, "corner"),
    "phase": (replace(PLAIN, phase_value=1, sigma=0.0), np.uint8, "phase"),
    "corrected": (
        replace(PLAIN, corrections=Corrections(True, 2, (47.0, 48.0), "multiplicative", 2, 1, 0.8, 1)),
        np.uint8,
        None,
    ),
    "flat voxels": (replace(PLAIN, sigma=1.5), np.uint8, "flat"),
}
QUICK = ("dropped at the border", "cylinder")
SHAPES = [(32, 32, 32), (96, 20, 41), (23, 96, 37), (17, 19, 96), (200, 200, 200)]


@pytest.fixture(scope="module")
def cases(balls: np.ndarray) -> Callable[[str], tuple[Volume, SegmentSettings, np.ndarray]]:
    """Volume, settings, and the labels of the work on the whole volume."""
    grey = _scene(balls)

    @cache
    def make(name: str) -> tuple[Volume, SegmentSettings, np.ndarray]:
        settings, dtype, extra = CASES[name]
        values = grey.astype(dtype) if extra != "phase" else (balls > 0).astype(np.uint8)
        observed = None
        if extra == "corner":
            observed = np.ones(values.shape, bool)
            observed[:30, :40, 50:] = False
        spacing = (0.9, 0.4, 0.5) if extra == "flat" else (0.5, 0.5, 0.5)
        volume = Volume(values, spacing, (1.0, 2.0, 3.0), observed)
        return volume, settings, segment_ct(volume, settings).labels

    return make


@pytest.mark.parametrize(("name", "blocks"), list(zip(QUICK, SHAPES)))
def test_blocks_give_the_labels_of_the_whole(cases, name: str, blocks: tuple[int, int, int], tmp_path: Path) -> None:
    volume, settings, expected = cases(name)
    found, labels = _in_blocks(volume, settings, tmp_path, block_voxels=blocks)
    assert expected.max() > 5
    assert np.array_equal(labels, expected)
    assert np.array_equal(found.sizes, np.bincount(expected.ravel())[1:])
    centres = ndimage.center_of_mass(expected > 0, expected, np.arange(1, expected.max() + 1))
    assert np.allclose(found.centroids_um[:, ::-1], np.array(centres) * volume.spacing_um + volume.origin_um)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("blocks", SHAPES)
def test_every_shape_of_blocks_gives_the_labels_of_the_whole(cases, name, blocks, tmp_path: Path) -> None:
    volume, settings, expected = cases(name)
    _, labels = _in_blocks(volume, settings, tmp_path, block_voxels=blocks)
    assert np.array_equal(labels, expected)


@pytest.mark.slow
def test_a_particle_larger_than_the_blocks_and_their_halo(tmp_path: Path) -> None:
    """The halo of the distances is widened."""
    z, y, x = np.ogrid[-60:61, -60:61, -60:61]
    values = np.where(z * z + y * y + x * x < 55**2, 200, 50).astype(np.uint8)
    settings = SegmentSettings(sigma=1.0)
    volume = Volume(values, (1.0,) * 3)
    _, labels = _in_blocks(volume, settings, tmp_path, block_voxels=24)
    assert np.array_equal(labels, segment_ct(volume, settings).labels)


@pytest.mark.slow
def test_notes_are_those_of_the_whole(cases, tmp_path: Path) -> None:
    volume, settings, _ = cases("whole")
    found, _ = _in_blocks(volume, settings, tmp_path, block_voxels=40)
    assert found.notes == segment_ct(volume, settings).notes
    assert any("closed pores filled" in note for note in found.notes)


@pytest.mark.slow
def test_processes_give_the_same(cases, tmp_path: Path) -> None:
    volume, settings, expected = cases("corrected")
    _, labels = _in_blocks(volume, settings, tmp_path, block_voxels=48, scheduler="processes")
    assert np.array_equal(labels, expected)


def test_cancelled_work_leaves_nothing(cases, tmp_path: Path) -> None:
    volume, settings, _ = cases("whole")
    monitor = Monitor(lambda progress: monitor.cancel() if (progress.fraction or 0) > 0.5 else None, interval_s=0)
    with pytest.raises(Cancelled):
        _in_blocks(volume, settings, tmp_path, block_voxels=40, monitor=monitor)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.zarr"]


def test_wrong_use_says_so(cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume, settings, _ = cases("whole")
    with pytest.raises(NmcError, match="too small"):
        _in_blocks(volume, settings, tmp_path, block_voxels=4)
    with pytest.raises(NmcError, match="no scheduler") as raised:
        _in_blocks(volume, settings, tmp_path, scheduler="cluster")
    assert raised.value.field == "scheduler"
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(NmcError, match="needs dask"):
        _in_blocks(volume, settings, tmp_path)
