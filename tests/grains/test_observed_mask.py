"""What was not imaged has no say: whatever stands there, every later step gives the same."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import multiply, normalise, random_orientations
from nmcstudio.imaging.align import apply_shifts
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.imaging.grains import segment_grains
from nmcstudio.imaging.label_acts import Fill, Flood, Paint
from nmcstudio.imaging.label_edits import LabelEditor
from nmcstudio.shell.edge_weights import edge_weights
from nmcstudio.stats.descriptors import describe_labels

SHAPE = (20, 22, 24)


def tilted() -> np.ndarray:
    """A tilted cut: what lies above was milled away; one blank section."""
    z, _, x = np.indices(SHAPE)
    seen = x + 0.5 * z < 26
    seen[7] = False
    return seen


@pytest.fixture(scope="module")
def stack() -> EbsdStack:
    rng = np.random.default_rng(3)
    where = np.moveaxis(np.indices(SHAPE), 0, -1).reshape(-1, 3)
    truth = cKDTree(rng.uniform(size=(14, 3)) * SHAPE).query(where)[1].reshape(SHAPE)
    blur = normalise(np.concatenate([np.ones((*SHAPE, 1)), rng.normal(0, 0.002, (*SHAPE, 3))], axis=-1))
    return EbsdStack(
        quaternions=multiply(blur, random_orientations(14, rng)[truth]), phase=np.ones(SHAPE, np.uint8),
        phases=(Phase("NMC", "-3m"),), quality=rng.uniform(0.2, 1.0, SHAPE), confidence=np.full(SHAPE, np.nan), observed=tilted(),
        spacing_um=(0.5, 0.5, 0.5),
    )  # fmt: skip


def with_garbage(stack: EbsdStack, seed: int) -> EbsdStack:
    """Other orientations, phases and qualities where nothing was imaged."""
    rng = np.random.default_rng(seed)
    q, phase, quality = stack.quaternions.copy(), stack.phase.copy(), stack.quality.copy()
    hidden = ~stack.observed
    q[hidden] = random_orientations(int(hidden.sum()), rng)
    phase[hidden] = rng.integers(0, 2, int(hidden.sum()))
    quality[hidden] = rng.uniform(0, 50, int(hidden.sum()))
    return replace(stack, quaternions=q, phase=phase, quality=quality)


@pytest.mark.parametrize(
    "settings",
    [
        GrainSettings(fill_um=2.0),
        GrainSettings(replace_passes=2, smooth_passes=2, spare_border=True),
        GrainSettings(method="both", sigma_voxels=1.0, split=0.6),
    ],
    ids=["orientation", "clean-up", "map"],
)
def test_segmentation_sees_only_what_was_imaged(stack: EbsdStack, settings: GrainSettings) -> None:
    first, second = (segment_grains(with_garbage(stack, seed), settings) for seed in (1, 2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.quaternions, second.quaternions)
    np.testing.assert_array_equal(first.observed, tilted())
    assert not first.labels[~tilted()].any()


def test_alignment_and_edits_keep_the_mask(stack: EbsdStack) -> None:
    shifts = np.zeros((SHAPE[0], 2))
    shifts[3:] = (0.5, 1.0)
    moved = apply_shifts(stack, shifts)
    assert moved.observed.sum() == stack.observed.sum()
    grains = segment_grains(moved, GrainSettings())
    np.testing.assert_array_equal(grains.observed, moved.observed)
    assert not grains.labels[~moved.observed].any()
    editor = LabelEditor.of(grains, stack=moved)
    x_um, y_um, z_um = ((n - 1) * 0.5 for n in SHAPE[::-1])
    editor.do(Paint(int(grains.labels.max()), 30.0, ((x_um, y_um, z_um),)))
    with contextlib.suppress(NmcError):  # nothing but what was not imaged may be left to fill
        editor.do(Fill(int(grains.labels.max())))
    with contextlib.suppress(NmcError):
        editor.do(Flood(int(grains.labels.max()), "xy", (x_um, y_um, z_um)))
    result = editor.result()
    np.testing.assert_array_equal(result.observed, moved.observed)
    assert not result.labels[~moved.observed].any()


def grains_with(garbage: int | None) -> LabelVolume:
    """Grains of which some go on behind the mask, with other labels there for every seed; None has none there."""
    rng = np.random.default_rng(5)
    where = np.moveaxis(np.indices(SHAPE), 0, -1).reshape(-1, 3)
    labels = (cKDTree(rng.uniform(size=(12, 3)) * SHAPE).query(where)[1].reshape(SHAPE) + 1).astype(np.uint16)
    seen = tilted()
    seen[7] = True
    hidden = ~seen
    labels[hidden] = 0 if garbage is None else np.random.default_rng(garbage).integers(0, 13, int(hidden.sum()))
    return LabelVolume(labels, (0.5, 0.5, 0.5), observed=seen, kind="grains")


def test_descriptors_and_edge_weights_do_not_see_behind_the_mask() -> None:
    known = [describe_labels(grains_with(garbage)) for garbage in (None, 1, 2)]
    for other in known[1:]:
        for name in ("labels", "voxels", "volumes_um3", "centroids_um", "surfaces_um2", "neighbours", "touches_border", "pairs"):
            np.testing.assert_array_equal(getattr(known[0], name), getattr(other, name), err_msg=name)
    grains = grains_with(None)
    inside = grains.labels[:, :, :-1][~grains.observed[:, :, 1:] & grains.observed[:, :, :-1]]
    cut = known[0].touches_border[np.isin(known[0].labels, np.unique(inside))]
    assert len(cut)
    assert cut.all()
    boxes = np.array([[4, 4, 4], [8, 8, 8]])
    # weights have the mean 1: the larger box finds fewer places than in the whole volume
    hidden, whole = (edge_weights(boxes, SHAPE, observed) for observed in (grains.observed, None))
    assert hidden[1] / hidden[0] > 1.05 * whole[1] / whole[0]


def test_the_fit_and_its_quality_do_not_see_behind_the_mask() -> None:
    from nmcstudio.grains.fit_tessellation import fit_tessellation

    first, second = (fit_tessellation(grains_with(garbage), points_per_grain=150) for garbage in (1, 2))
    np.testing.assert_array_equal(first.seeds_um, second.seeds_um)
    np.testing.assert_array_equal(first.weights, second.weights)
    assert first.agreement == second.agreement
    assert first.observed_volume_um3 == second.observed_volume_um3 == pytest.approx(grains_with(None).observed.sum() * 0.125)


def test_point_patterns_are_counted_where_something_was_imaged() -> None:
    from nmcstudio.core.grains import Tessellation
    from nmcstudio.grains.observed import observed_region

    grains = grains_with(1)
    window = np.array([[-0.25] * 3, [(n - 0.5) * 0.5 for n in SHAPE[::-1]]]).T
    inside, outside = (1.0, 1.0, 1.0), (11.0, 5.0, 9.0)
    tessellation = Tessellation(
        kind="laguerre", labels=np.array([1, 2]), seeds_um=np.array([inside, outside]), weights=np.zeros(2), window_um=window
    )
    region = observed_region(tessellation, grains)
    assert region.volume_um3 == pytest.approx(grains.observed.sum() * 0.125)
    assert region.contains(np.array([inside, outside])).tolist() == [True, False]
