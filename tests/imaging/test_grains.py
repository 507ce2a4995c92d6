"""Grains of orientation maps: simulated ones with known labels, and the real maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, normalise, random_orientations
from nmcstudio.crystal.symmetry import LAUE_CLASSES, disorientation_angles, operators
from nmcstudio.imaging import grains as room
from nmcstudio.imaging.grain_fill import fill_from_nearest
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.io.ebsd.registry import read_ebsd


def segment_grains(stack: EbsdStack, *, boundary=None, monitor: Monitor | None = None, **settings: object):
    return room.segment_grains(stack, GrainSettings(**settings), boundary=boundary, monitor=monitor)  # type: ignore[arg-type]


def voronoi(shape: tuple[int, int, int], count: int, rng: np.random.Generator, spacing=(1.0, 1.0, 1.0)) -> np.ndarray:
    """Labels 1 to count of nearest random points; every cell is one connected piece at this size."""
    from scipy.spatial import cKDTree

    points = rng.uniform(size=(count, 3)) * np.array(shape) * spacing
    where = np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3) * np.asarray(spacing)
    return (cKDTree(points).query(where)[1] + 1).reshape(shape)


def simulated(labels: np.ndarray, rng: np.random.Generator, *, noise: float = 0.005, group: str = "-3m", spacing=(1.0, 1.0, 1.0)):
    """A stack with an orientation for each label, noise of `noise` radians and a random equivalent at every voxel."""
    truth = random_orientations(int(labels.max()) + 1, rng)
    blur = normalise(np.concatenate([np.ones((*labels.shape, 1)), rng.normal(0, noise / 2, (*labels.shape, 3))], axis=-1))
    symmetry = operators(group)
    equivalents = symmetry[rng.integers(len(symmetry), size=labels.shape)]
    q = multiply(equivalents, multiply(blur, truth[labels]))
    q[labels == 0] = np.nan
    nan = np.full(labels.shape, np.nan)
    stack = EbsdStack(
        quaternions=q,
        phase=(labels > 0).astype(np.uint8),
        phases=(Phase("NMC", group),),
        quality=nan,
        confidence=nan,
        observed=np.ones(labels.shape, bool),
        spacing_um=spacing,
    )
    return stack, truth


def rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Adjusted Rand index of two labellings (independent of skimage)."""
    table = np.zeros((int(first.max()) + 1, int(second.max()) + 1))
    np.add.at(table, (first.ravel(), second.ravel()), 1)

    def pairs(n: np.ndarray) -> float:
        return float((n * (n - 1) / 2).sum())

    both, a, b, every = pairs(table), pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array([table.sum()]))
    expected = a * b / every
    return (both - expected) / ((a + b) / 2 - expected)


# Seeds without two neighbours that happen to lie within 5 degrees (about one in four has such a pair under m-3m).
@pytest.mark.parametrize(("group", "seed"), [("-3m", 1), ("m-3m", 3)])
def test_known_grains_are_found(group: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = voronoi((30, 32, 34), 40, rng)
    stack, orientations = simulated(truth, rng, group=group)
    grains = segment_grains(stack)
    assert grains.kind == "grains"
    assert grains.point_group == group
    assert len(np.unique(grains.labels)) == 40
    assert rand_index(truth, grains.labels) > 0.9999
    # the mean of each grain is its orientation, whatever equivalents the voxels had
    for label in np.unique(grains.labels):
        source = np.bincount(truth[grains.labels == label]).argmax()
        assert disorientation_angles(grains.quaternions[label], orientations[source], group) < 0.002
    assert np.isnan(grains.quaternions[0]).all()


def test_components_against_a_graph() -> None:
    """Union-find against scipy's components of the same graph, built neighbour by neighbour."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, (6, 7, 8))
    stack, _ = simulated(labels, rng, noise=0.06)
    grains = segment_grains(stack, min_voxels=1, fill_um=0.0).labels
    index = np.arange(labels.size).reshape(labels.shape)
    rows, columns = [], []
    for axis in range(3):
        a, b = np.delete(index, -1, axis).ravel(), np.delete(index, 0, axis).ravel()
        q = stack.quaternions.reshape(-1, 4)
        near = disorientation_angles(q[a], q[b], "-3m") <= np.deg2rad(5)
        rows.append(a[near])
        columns.append(b[near])
    graph = coo_matrix((np.ones(sum(map(len, rows))), (np.concatenate(rows), np.concatenate(columns))), shape=(labels.size,) * 2)
    expected = connected_components(graph, directed=False)[1].reshape(labels.shape)
    expected = np.where(labels > 0, expected + 1, 0)
    pairs = set(zip(expected.ravel().tolist(), grains.ravel().tolist()))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.mark.slow
@pytest.mark.parametrize("group", LAUE_CLASSES)
@pytest.mark.parametrize("shape", [(1, 24, 24), (9, 10, 11)])
def test_all_laue_classes_against_orix(group: str, shape: tuple[int, int, int]) -> None:
    """Neighbours within 5 degrees by orix's angles, joined by scipy; every third grain is near the one before."""
    from orix.quaternion import Orientation
    from orix.quaternion import symmetry as orix_symmetry
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    named = {"2/m": "C2y", "112/m": "C2z", "2/m11": "C2x", "-31m": "D3y"}
    theirs = (
        getattr(orix_symmetry, named[group])
        if group in named
        else next(known for known in orix_symmetry._groups if known.name == group)
    )
    rng = np.random.default_rng(LAUE_CLASSES.index(group))
    truth = voronoi(shape, 25, rng)
    stack, _ = simulated(truth, rng, group=group, noise=0.02)
    q = stack.quaternions.reshape(-1, 4).astype(float)
    near = from_axis_angle(rng.normal(size=(26, 3)), np.deg2rad(rng.uniform(1, 9, 26)))
    for label in range(3, 26, 3):
        before = np.flatnonzero(truth.ravel() == label - 1)
        if len(before):
            q[truth.ravel() == label] = multiply(near[label], q[before[0]])
    stack = replace(stack, quaternions=q.reshape(*shape, 4).astype(np.float32))
    grains = segment_grains(stack, min_voxels=1, fill_um=0.0).labels
    index = np.arange(truth.size).reshape(shape)
    a = np.concatenate([np.delete(index, -1, axis).ravel() for axis in range(3)])
    b = np.concatenate([np.delete(index, 0, axis).ravel() for axis in range(3)])
    flat = stack.quaternions.reshape(-1, 4).astype(float)
    angles = Orientation(flat[a], symmetry=theirs).angle_with(Orientation(flat[b], symmetry=theirs))
    joined = angles <= np.deg2rad(5)
    graph = coo_matrix((np.ones(joined.sum()), (a[joined], b[joined])), shape=(truth.size,) * 2)
    expected = connected_components(graph, directed=False)[1]
    pairs = set(zip(expected.tolist(), grains.ravel().tolist()))
    assert len(pairs) == len({one for one, _ in pairs}) == len({two for _, two in pairs}) > 10


@given(st.integers(0, 2**31), st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3))
@settings(max_examples=15, deadline=None)
def test_flips_and_turns_change_nothing(seed: int, axes: list[int], flips: tuple[bool, bool, bool]) -> None:
    rng = np.random.default_rng(seed)
    stack, _ = simulated(voronoi((7, 8, 9), 6, rng), rng, noise=0.05)

    def moved(array: np.ndarray) -> np.ndarray:
        rest = tuple(range(3, array.ndim))
        return np.flip(array.transpose(*axes, *rest), [k for k in range(3) if flips[k]])

    other = EbsdStack(
        quaternions=moved(stack.quaternions), phase=moved(stack.phase), phases=stack.phases, quality=moved(stack.quality),
        confidence=moved(stack.confidence), observed=moved(stack.observed), spacing_um=(1, 1, 1),
    )  # fmt: skip
    first = segment_grains(stack, min_voxels=1, fill_um=0).labels
    second = segment_grains(other, min_voxels=1, fill_um=0).labels
    pairs = set(zip(moved(first).ravel().tolist(), second.ravel().tolist()))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_noise_inside_is_filled_and_background_stays() -> None:
    rng = np.random.default_rng(3)
    z, y, x = np.indices((36, 36, 36)) - 17.5
    inside = z**2 + y**2 + x**2 < 15**2
    truth = np.where(inside, voronoi((36, 36, 36), 25, rng), 0)
    stack, _ = simulated(truth, rng)
    q, phase = stack.quaternions.copy(), stack.phase.copy()
    lost = inside & (rng.uniform(size=inside.shape) < 0.08)  # not indexed
    wrong = inside & (rng.uniform(size=inside.shape) < 0.03)  # indexed wrongly
    specks = ~inside & (rng.uniform(size=inside.shape) < 0.02)  # indexed in the background
    phase[lost], q[lost] = 0, np.nan
    for where in (wrong & ~lost, specks):
        q[where] = random_orientations(int(where.sum()), rng)
        phase[where] = 1
    noisy = EbsdStack(
        quaternions=q, phase=phase, phases=stack.phases, quality=stack.quality, confidence=stack.confidence,
        observed=stack.observed, spacing_um=(1, 1, 1),
    )  # fmt: skip
    grains = segment_grains(noisy)
    agreement = np.mean((grains.labels > 0) == inside)
    assert agreement > 0.995
    assert (grains.labels[~inside] > 0).mean() < 0.005
    assert rand_index(truth, grains.labels) > 0.98


def test_low_confidence_is_left_out_and_filled() -> None:
    rng = np.random.default_rng(4)
    truth = voronoi((12, 12, 12), 5, rng)
    stack, _ = simulated(truth, rng)
    bad = rng.uniform(size=truth.shape) < 0.1
    q = stack.quaternions.copy()
    q[bad] = random_orientations(int(bad.sum()), rng)
    confidence = np.where(bad, 0.02, 0.6)
    noisy = EbsdStack(
        quaternions=q, phase=stack.phase, phases=stack.phases, quality=stack.quality, confidence=confidence,
        observed=stack.observed, spacing_um=(1, 1, 1),
    )  # fmt: skip
    grains = segment_grains(noisy, min_confidence=0.1, min_voxels=5)
    assert len(np.unique(grains.labels)) == 5
    assert np.mean(grains.labels > 0) == 1
    monitor = Monitor()
    segment_grains(stack, min_confidence=0.1, monitor=monitor)
    assert any("no confidence" in words for words in monitor.warnings)


def test_labels_of_the_file_and_phases() -> None:
    rng = np.random.default_rng(5)
    truth = voronoi((10, 12, 14), 6, rng)
    stack, _ = simulated(truth, rng)
    phase = stack.phase.copy()
    phase[:, :, :2] = 2
    two = EbsdStack(
        quaternions=stack.quaternions, phase=phase, phases=(*stack.phases, Phase("Al", "m-3m")), quality=stack.quality,
        confidence=stack.confidence, observed=stack.observed, spacing_um=(1, 1, 1), grain_ids=(truth * 7).astype(np.uint32),
    )  # fmt: skip
    monitor = Monitor()
    grains = segment_grains(two, min_voxels=1, monitor=monitor)
    np.testing.assert_array_equal(grains.labels, np.where(phase == 1, truth * 7, 0))
    assert any("Al stays 0" in words for words in monitor.warnings)
    other = segment_grains(two, method="orientation", phase=2, min_voxels=1)
    assert other.point_group == "m-3m"
    np.testing.assert_array_equal(other.labels > 0, phase == 2)
    with pytest.raises(NmcError, match="no phase 3"):
        segment_grains(two, phase=3)


def test_large_labels_of_the_file_are_numbered_anew() -> None:
    rng = np.random.default_rng(5)
    truth = voronoi((8, 9, 10), 5, rng)
    stack, _ = simulated(truth, rng)
    monitor = Monitor()
    grains = segment_grains(replace(stack, grain_ids=(truth * 500_000_000).astype(np.uint32)), min_voxels=1, monitor=monitor)
    np.testing.assert_array_equal(grains.labels, truth)
    assert any("up to 2500000000" in words for words in monitor.warnings)


def test_a_missing_section_is_told() -> None:
    rng = np.random.default_rng(6)
    stack, _ = simulated(np.ones((7, 6, 6), int), rng)
    observed = np.ones(stack.shape, bool)
    observed[3] = False
    monitor = Monitor()
    grains = segment_grains(replace(stack, observed=observed), min_voxels=1, monitor=monitor)
    assert len(np.unique(grains.labels[grains.labels > 0])) == 2
    assert any("1 of the sections (4)" in words for words in monitor.warnings)


def test_why_there_is_no_grain() -> None:
    stack, _ = simulated(np.ones((4, 5, 6), int), np.random.default_rng(0))
    shape = stack.shape
    two = replace(stack, phases=(*stack.phases, Phase("Al", "m-3m")))
    for odd, options, words in (
        (replace(stack, phase=np.zeros(shape, np.uint8)), {}, "no point of the map is indexed"),
        (two, {"phase": 2}, "no point of the map is of phase 2, Al"),
        (replace(stack, observed=np.zeros(shape, bool)), {}, "lies in the observed region"),
        (replace(stack, grain_ids=np.zeros(shape, np.uint32)), {}, "the file has no labels"),
        (replace(stack, confidence=np.zeros(shape, np.float32)), {"min_confidence": 0.1}, "reaches the confidence 0.1"),
    ):
        with pytest.raises(ComputationError, match=words):
            segment_grains(odd, **options)
    assert segment_grains(stack).notes[0].startswith("1 grain by")


def test_errors() -> None:
    stack, _ = simulated(np.ones((2, 3, 4), int), np.random.default_rng(0))
    with pytest.raises(ComputationError, match="no grain has 50 voxels"):
        segment_grains(stack, min_voxels=50)
    with pytest.raises(NmcError, match="no grain labels") as caught:
        segment_grains(stack, method="file")
    assert caught.value.field == "method"
    with pytest.raises(NmcError, match="angle 0 deg"):
        segment_grains(stack, angle=0)
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        segment_grains(stack, monitor=monitor)


def test_fill_respects_distance_spacing_and_surface() -> None:
    labels = np.zeros((9, 40, 40), np.uint32)
    labels[:, 5:35, 5:20], labels[:, 5:35, 22:35] = 1, 2  # a seam of two voxels, free surfaces all round
    labels[4, 10:16, 8:14] = 0  # a flat hole, one slice thick
    before = labels.copy()
    everywhere = np.ones(labels.shape, bool)
    filled = fill_from_nearest(labels, everywhere, 1.5, (0.5, 1.0, 1.0), Monitor())
    assert filled == int((labels > 0).sum() - (before > 0).sum())
    assert np.all(labels[:, 7:33, 20] == 1)
    assert np.all(labels[:, 7:33, 21] == 2)
    assert np.all(labels[4, 10:16, 8:14] == 1)
    outside = np.ones(labels.shape, bool)
    outside[:, 5:35, 5:35] = False
    assert not labels[outside].any()
    np.testing.assert_array_equal(labels[before > 0], before[before > 0])


def test_fill_in_blocks_is_fill_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from nmcstudio.imaging import grain_fill

    rng = np.random.default_rng(6)
    labels = voronoi((20, 21, 22), 12, rng).astype(np.uint32)
    labels[rng.uniform(size=labels.shape) < 0.3] = 0
    labels[:, :6] = 0
    once, parts = labels.copy(), labels.copy()
    fill_from_nearest(once, labels >= 0, 2.5, (1, 1.5, 1), Monitor())
    monkeypatch.setattr(grain_fill, "_CORE", 7)
    fill_from_nearest(parts, labels >= 0, 2.5, (1, 1.5, 1), Monitor())
    np.testing.assert_array_equal(once > 0, parts > 0)
    assert np.mean(once == parts) > 0.98  # points at equal distance may go either way


def test_a_far_reach_fills_everything_in_few_blocks() -> None:
    from nmcstudio.imaging import grain_fill

    labels = np.zeros((12, 150, 150), np.uint32)
    labels[:, :40], labels[:, 90:] = 1, 2
    assert fill_from_nearest(labels, labels == 0, 1000.0, (1, 1, 1), Monitor()) == 12 * 50 * 150
    assert (labels[:, :65] == 1).all()
    assert (labels[:, 65:] == 2).all()
    assert len(list(grain_fill._blocks((12, 150, 150), (2001,) * 3))) == 1


def test_iron_sections(shared_data: Path) -> None:
    """SOURCE.md of the data: 183 grains of 20 voxels and more at 5 degrees."""
    stack = read_ebsd(shared_data / "ebsd3d_iron_mtex" / "ang", slice_spacing_um=0.12)
    grains = segment_grains(stack, angle=np.deg2rad(5), min_voxels=20)
    assert len(np.unique(grains.labels[grains.labels > 0])) == 183
    assert np.mean(grains.labels > 0) > 0.99
    assert grains.labels.dtype == np.uint16


def test_labdct(labdct: tuple[str, EbsdStack]) -> None:
    part, stack = labdct
    by_file = segment_grains(stack)
    # of the file's 105 (66) ids, those with a piece of 20 voxels
    assert len(np.unique(by_file.labels[by_file.labels > 0])) == {"whole": 85, "middle": 53}[part]
    assert np.mean(by_file.labels == stack.grain_ids) > 0.995
    by_orientation = segment_grains(stack, method="orientation")
    assert rand_index(by_file.labels, by_orientation.labels) > 0.95


def test_seams_of_the_quality(labdct: tuple[str, EbsdStack]) -> None:
    """Completeness of the LabDCT map is dark at boundaries: the watershed finds most grains without any orientation."""
    part, stack = labdct
    by_quality = segment_grains(stack, method="map")
    truth = np.asarray(stack.grain_ids)
    measured = {"whole": 0.886, "middle": 0.843}[part]
    assert rand_index(truth[truth > 0], by_quality.labels[truth > 0]) > measured - 0.02
    blank = EbsdStack(
        quaternions=stack.quaternions, phase=stack.phase, phases=stack.phases, quality=np.full(stack.shape, np.nan),
        confidence=stack.confidence, observed=stack.observed, spacing_um=stack.spacing_um,
    )  # fmt: skip
    with pytest.raises(NmcError, match="no quality"):
        segment_grains(blank, method="map")


def test_sample_against_its_truth() -> None:
    """The bundled sample, imported, aligned and segmented with the defaults."""
    import h5py

    from nmcstudio.core.resources import resource
    from nmcstudio.imaging.align import align_slices
    from nmcstudio.io.volumes.registry import read_volume

    stack = read_ebsd(resource("samples/simulated-ebsd.h5"))
    assert stack.simulated
    assert stack.phases[0].point_group == "-3m"
    aligned, drift = align_slices(stack)
    with h5py.File(resource("samples/simulated-ebsd.h5")) as file:
        true = file["true_drift_um"][()]
    inner = slice(5, -5)  # the ends of the particle are too small to show their shift, and are reported
    left = (drift.drift_um - true)[inner]
    assert np.sqrt(np.mean((left - np.median(left, axis=0)) ** 2)) < 0.04  # measured 0.025 um, a quarter of a voxel
    grains = segment_grains(aligned)
    assert grains.simulated
    truth = np.asarray(read_volume(resource("samples/simulated-ebsd-truth.tif")).values)
    sizes = np.bincount(truth.ravel())[1:]
    count = len(np.unique(grains.labels)) - 1
    assert abs(count - (sizes >= 20).sum()) <= 6  # measured 307 of 309
    assert np.count_nonzero(grains.labels) == pytest.approx(np.count_nonzero(truth), rel=0.02)
