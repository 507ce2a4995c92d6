"""Fits of whole label volumes: recovery, background, uneven voxels, cancelling and finishing early, the step."""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.fit_progress import FitProgress
from nmcstudio.grains.fit_tessellation import fit_tessellation
from nmcstudio.grains.gaps import fill_gaps
from nmcstudio.grains.labelling import label_grid
from nmcstudio.pipeline.direct import run


def grain_map(kind="laguerre", seed=1, shape=(30, 36, 40), spacing=(0.2, 0.1, 0.15), n=40):
    rng = np.random.default_rng(seed)
    box = np.array([m * h for m, h in zip(shape, spacing)])[::-1]
    size = float(np.prod(box) / n) ** (1 / 3)
    seeds = rng.uniform(0, 1, (n, 3)) * box
    matrices = None
    if kind != "laguerre":
        a = np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
        axes = np.exp(rng.normal(0, 0.35, (n, 3)))
        axes /= np.cbrt(axes.prod(axis=1))[:, None]
        matrices = np.einsum("nij,nj,nkj->nik", a, axes, a)
    weights = rng.normal(0, 0.15 * size, n) if kind == "gbpd-sqrt" else rng.normal(0, 0.1 * size**2, n)
    labels = label_grid(kind, seeds, weights, matrices, shape, spacing)
    return LabelVolume(labels + 1, spacing, kind="grains")


@pytest.mark.parametrize(("kind", "least"), [("laguerre", 0.995), ("gbpd-quadratic", 0.985), ("gbpd-sqrt", 0.985)])
def test_finds_its_own_kind_on_uneven_voxels(kind, least):
    grains = grain_map(kind)
    found = fit_tessellation(grains, kind)
    assert found.agreement >= least
    assert found.kind == kind
    index = label_grid(kind, found.seeds_um, found.weights, found.matrices, grains.shape, grains.spacing_um)
    assert np.mean(found.labels[index] == grains.labels) == pytest.approx(found.agreement)
    np.testing.assert_allclose(found.window_um, [[-0.075, 5.925], [-0.05, 3.55], [-0.1, 5.9]])
    assert found.neighbour_precision > 0.9
    assert found.neighbour_recall > 0.9
    if found.matrices is not None:
        assert np.linalg.eigvalsh(found.matrices).min() > 0


@pytest.mark.parametrize("kind", ["laguerre", "gbpd-quadratic", "gbpd-sqrt"])
def test_one_section_is_fitted_in_its_plane(kind):
    grains = grain_map(shape=(1, 50, 60), spacing=(0.1, 0.1, 0.1), n=25)
    found = fit_tessellation(grains, kind)
    assert found.agreement > 0.995
    assert np.abs(found.seeds_um[:, 2]).max() < 1e-6
    if found.matrices is not None:
        values = np.linalg.eigvalsh(found.matrices)
        assert values.min() > 1e-3
        assert values.max() < 1e4


def test_a_window_far_from_the_origin_and_one_in_nanometres():
    near = grain_map(spacing=(0.1, 0.1, 0.1))
    known = fit_tessellation(near)
    far = fit_tessellation(dataclasses.replace(near, origin_um=(2e5, -1e6, 3e5)))
    small = fit_tessellation(dataclasses.replace(near, spacing_um=(1e-4, 1e-4, 1e-4)))
    for found in (far, small):
        assert found.agreement == pytest.approx(known.agreement, abs=2e-3)
    np.testing.assert_allclose(small.volume_errors, known.volume_errors, atol=0.03)


def test_published_objective_ends_near_the_convex_fit():
    grains = grain_map()
    convex = fit_tessellation(grains, objective="cross-entropy")
    assert fit_tessellation(grains, objective="published").agreement > convex.agreement - 0.005


def test_same_generators_whatever_the_number_of_threads(monkeypatch):
    grains = grain_map()
    one = fit_tessellation(grains)
    monkeypatch.setattr("nmcstudio.grains.fit_tessellation.worker_count", lambda: 1)
    other = fit_tessellation(grains)
    np.testing.assert_array_equal(one.seeds_um, other.seeds_um)
    np.testing.assert_array_equal(one.weights, other.weights)


def test_background_seams_pieces_and_sparse_labels():
    grains = grain_map(spacing=(0.1, 0.1, 0.1))
    labels = grains.labels.astype(np.uint32) * 100
    z, y, x = np.indices(labels.shape)
    labels[(z - 15) ** 2 + (y - 18) ** 2 + (x - 20) ** 2 > 17**2] = 0
    seams = np.zeros(labels.shape, bool)
    seams[:, :, 1:] |= (labels[:, :, 1:] != labels[:, :, :-1]) & (labels[:, :, 1:] > 0) & (labels[:, :, :-1] > 0)
    labels[seams] = 0
    labels[0, 18, 20] = labels.max()  # a stray voxel: this grain has two pieces
    found = fit_tessellation(LabelVolume(labels, (0.1, 0.1, 0.1)))
    assert found.agreement > 0.97
    assert found.labels.tolist() == np.unique(labels[labels > 0]).tolist()
    assert not found.complete.all()


def test_filling_leaves_outer_surfaces():
    labels = np.zeros((20, 20, 20), np.uint16)
    labels[5:15, 5:15, 5:9], labels[5:15, 5:15, 11:15] = 1, 2
    filled = fill_gaps(LabelVolume(labels, (1, 1, 1)), 2.0).labels
    assert (filled[6:14, 6:14, 9:11] > 0).all()
    assert (filled[:5] == 0).all()
    assert (filled[:, :, :5] == 0).all()
    np.testing.assert_array_equal(filled[labels > 0], labels[labels > 0])


def test_one_grain_and_none():
    one = fit_tessellation(LabelVolume(np.ones((5, 6, 7), np.uint16), (1, 1, 1)))
    assert one.agreement == 1.0
    with pytest.raises(NmcError, match="no grains"):
        fit_tessellation(LabelVolume(np.zeros((5, 6, 7), np.uint16), (1, 1, 1)))


def test_live_view_finish_and_cancel():
    grains = grain_map(shape=(60, 60, 60), spacing=(0.1, 0.1, 0.1), n=150)
    whole = fit_tessellation(grains)
    seen: list[FitProgress] = []
    monitor = Monitor(lambda p: (seen.append(p.partial), monitor.finish()) if p.partial is not None else None, 0.0)
    short = fit_tessellation(grains, monitor=monitor)
    assert seen[0].seeds_um.shape == (150, 3) or len(seen[0].labels) == len(seen[0].seeds_um)
    assert len(seen[0].shares) == len(seen[0].labels)
    assert seen[0].agreement == pytest.approx(
        np.average(seen[0].shares, weights=np.bincount(grains.labels.ravel())[seen[0].labels]), abs=0.02
    )
    assert len(seen[0].whole) >= 1
    assert 0.5 < short.agreement <= whole.agreement + 1e-9
    stopped = Monitor()
    timer = threading.Timer(0.15, stopped.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        fit_tessellation(grains, monitor=stopped)
    assert time.monotonic() - started < 1.15


def test_step_gives_the_same_as_the_library():
    grains = grain_map()
    quaternions = np.tile([1.0, 0, 0, 0], (int(grains.labels.max()) + 1, 1))
    grains = dataclasses.replace(grains, quaternions=quaternions, point_group="-3m")
    one = run("fit-tessellation", {"grains": grains}, kind="laguerre", seed=3)
    other = run("fit-tessellation", {"grains": grains}, kind="laguerre", seed=3)
    np.testing.assert_array_equal(one.seeds_um, other.seeds_um)
    assert one.quaternions.shape == (len(one), 4)
    assert one.point_group == "-3m"


def test_real_grain_map(shared_data):
    """Centroids with the equivalent radius squared agree on 0.809 of the voxels."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(shared_data / "dct_al1050_crispy" / "lab_dct_Al1050.h5") as file:
        grains = LabelVolume(file["LabDCT/Data/GrainId"][()], (2.5, 2.5, 2.5), kind="grains")
    assert fit_tessellation(grains, "laguerre").agreement > 0.915
    assert fit_tessellation(grains, "gbpd-quadratic").agreement > 0.945
