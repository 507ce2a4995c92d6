"""Descriptors against balls, boxes and scipy."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy import ndimage

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.cells import laguerre_cells
from nmcstudio.grains.labelling import label_grid
from nmcstudio.io.tables.descriptors import write_descriptors
from nmcstudio.stats.descriptors import describe_labels
from nmcstudio.stats.directions import direction_weights


def ball(radius, spacing=(1.0, 1.0, 1.0), shift=(0.2, -0.3, 0.1)):
    half = [int(np.ceil(radius / h)) + 3 for h in spacing]
    z, y, x = np.meshgrid(*[np.arange(-n, n + 1) * h for n, h in zip(half, spacing)], indexing="ij")
    inside = (z - shift[0]) ** 2 + (y - shift[1]) ** 2 + (x - shift[2]) ** 2 <= radius**2
    return LabelVolume(inside.astype(np.uint16), spacing)


def test_direction_weights_of_cubes():
    weights = direction_weights((1.0, 1.0, 1.0))
    np.testing.assert_allclose(weights[[0, 3, 9]], [0.09156, 0.07401, 0.07032], atol=1e-4)
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(direction_weights((2.0, 2.0, 2.0)), weights)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.6), (2.0, 1.0, 1.0), (0.7, 1.3, 1.0)])
def test_surface_of_balls_on_uneven_voxels(spacing):
    found = describe_labels(ball(14.0, spacing))
    assert found.surfaces_um2[0] == pytest.approx(4 * np.pi * 14**2, rel=0.02)
    assert found.sphericities[0] == pytest.approx(1.0, abs=0.025)
    assert found.aspect_ratios[0] == pytest.approx(1.0, abs=0.02)
    assert found.diameters_um[0] == pytest.approx(28.0, rel=0.005)


def test_box():
    labels = np.zeros((12, 20, 30), np.uint16)
    labels[2:8, 3:13, 4:24] = 7
    found = describe_labels(LabelVolume(labels, (2.0, 1.0, 0.5), (10.0, 20.0, 30.0)))
    assert found.labels.tolist() == [7]
    assert found.volumes_um3[0] == 12 * 10 * 10
    np.testing.assert_allclose(found.centroids_um[0], [30 + 13.5 * 0.5, 20 + 7.5, 10 + 4.5 * 2])
    # a box of edges 10, 10, 12 um: variance edge^2 / 12
    np.testing.assert_allclose(found.covariances_um2[0], np.diag([100, 100, 144]) / 12, atol=1e-9)
    assert found.aspect_ratios[0] == pytest.approx(1.2)
    assert found.boxes[0].tolist() == [[2, 3, 4], [8, 13, 24]]
    assert not found.touches_border[0]
    assert found.background_shares[0] == 1.0


def reference(labels):
    """Volumes, centroids, contacts and intercepts the slow way."""
    ids = np.unique(labels[labels > 0])
    pairs = {}
    for axis in range(3):
        a = np.moveaxis(labels, axis, 0)
        for u, v in zip(a[:-1].ravel(), a[1:].ravel()):
            if u != v and u > 0 and v > 0:
                key = (min(u, v), max(u, v))
                pairs[key] = pairs.get(key, 0) + 1
    return ids, pairs


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_many_labels_equal_slow_counts(dtype):
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 900, (9, 8, 10))
    labels = np.kron(coarse, np.ones((3, 4, 2), int)).astype(dtype) * (1 if dtype == np.uint16 else 2_000_003)
    volume = LabelVolume(labels, (1.0, 1.0, 1.0))
    found = describe_labels(volume, minimum_faces=7)
    ids, pairs = reference(labels.astype(np.int64))
    np.testing.assert_array_equal(found.labels, ids)
    np.testing.assert_array_equal(found.voxels, ndimage.sum_labels(np.ones(labels.shape), labels, ids))
    centres = np.array(ndimage.center_of_mass(np.ones(labels.shape), labels, ids))[:, ::-1]
    np.testing.assert_allclose(found.centroids_um, centres, atol=1e-9)
    assert {tuple(map(int, p)): int(f) for p, f in zip(found.pairs, found.pair_faces)} == pairs
    several = np.array([p for p, f in pairs.items() if f >= 7])
    np.testing.assert_array_equal(found.neighbours, [(several == i).sum() for i in ids])
    # surface of one label is the same as measured alone
    alone = describe_labels(LabelVolume((labels == ids[20]).astype(np.uint16), (1.0, 1.0, 1.0)))
    assert alone.surfaces_um2[0] == pytest.approx(found.surfaces_um2[20])


def test_surface_does_not_depend_on_axis_order_or_place():
    rng = np.random.default_rng(8)
    labels = (ndimage.gaussian_filter(rng.normal(size=(20, 22, 24)), 2) > 0).astype(np.uint16)
    whole = describe_labels(LabelVolume(labels, (1, 1, 1))).surfaces_um2[0]
    for other in (labels[::-1], labels[:, ::-1], labels[:, :, ::-1], labels.transpose(1, 2, 0)):
        assert describe_labels(LabelVolume(np.ascontiguousarray(other), (1, 1, 1))).surfaces_um2[0] == pytest.approx(whole)


def crofton_slowly(labels, label):
    """The area of one object from runs along lines, counted with plain loops over a padded copy (nothing touches the border)."""
    from nmcstudio.stats.descriptor_kernels import OFFSETS
    from nmcstudio.stats.directions import crofton_factors

    inside = np.pad(labels == label, 3)
    total = 0.0
    for offset, factor in zip(OFFSETS, crofton_factors((1.0, 1.0, 1.0))):
        before, one, two = (np.roll(inside, shift * offset, (0, 1, 2)) for shift in (1, -1, -2))
        begins = inside & ~before
        single, pair = np.count_nonzero(begins & ~one), np.count_nonzero(begins & one & ~two)
        total += 2 * factor * (np.count_nonzero(begins) + 5 / 6 * single - pair / 3)
    return total


def test_area_is_that_of_runs_counted_slowly():
    rng = np.random.default_rng(2)
    labels = np.pad(rng.integers(0, 4, (6, 8, 7)), 1).astype(np.uint16)
    found = describe_labels(LabelVolume(labels, (1, 1, 1)))
    for label, area in zip(found.labels, found.surfaces_um2):
        assert area == pytest.approx(crofton_slowly(labels, label), rel=1e-6)


def test_areas_are_those_of_exact_polyhedra():
    rng = np.random.default_rng(4)
    seeds, weights = rng.uniform(0, 96, (220, 3)), rng.gamma(6.0, 12.0, 220)
    labels = label_grid("laguerre", seeds, weights, None, (96, 96, 96), (1.0,) * 3, (0.5,) * 3) + 1
    cells = laguerre_cells(seeds, weights, np.array([[0.0, 96.0]] * 3))
    found = describe_labels(LabelVolume(labels.astype(np.uint16), (1, 1, 1)))
    ratio = found.surfaces_um2 / cells.surfaces_um2[found.labels - 1]
    whole = ~found.touches_border
    # Runs alone are 3 % short here: chords near edges are missed.
    assert ratio[whole].mean() == pytest.approx(1.0, abs=0.006)
    assert ratio[~whole].mean() == pytest.approx(1.0, abs=0.006)
    assert ratio.std() < 0.04


def test_faces_on_the_border_count_in_full_and_edges_beside_it_half():
    labels = np.ones((9, 14, 11), np.uint16)
    labels[:, :, 6:] = 2
    found = describe_labels(LabelVolume(labels, (1.0, 1.0, 1.0)))
    wall = found.surfaces_um2 - 2 * np.array([6 * 9 + 6 * 14, 5 * 9 + 5 * 14]) - 9 * 14
    # A plane across an axis has 2 x 0.4633 of its area (models.md 13.3) at any place, up to the border.
    np.testing.assert_allclose(wall, 2 * 0.4633 * 9 * 14, rtol=1e-3)


def test_area_does_not_depend_on_the_threads(monkeypatch):
    from nmcstudio.core import workers
    from nmcstudio.stats import descriptors

    rng = np.random.default_rng(6)
    labels = np.kron(rng.integers(0, 60, (8, 5, 6)), np.ones((3, 4, 4), int)).astype(np.uint16)
    whole = describe_labels(LabelVolume(labels, (1, 1, 1)))
    monkeypatch.setattr(descriptors, "_SLAB_VOXELS", 600)
    monkeypatch.setattr(workers, "worker_count", lambda: 4)
    pieces = describe_labels(LabelVolume(labels, (1, 1, 1)))
    for name, value in vars(whole).items():
        np.testing.assert_array_equal(getattr(pieces, name), value, err_msg=name)


def test_border_and_unobserved():
    labels = np.zeros((8, 8, 8), np.uint16)
    labels[0:3, 1:4, 1:4], labels[4:7, 4:7, 4:7], labels[4:6, 1:3, 1:3] = 1, 2, 3
    observed = np.ones(labels.shape, bool)
    observed[:, :, 7] = False
    found = describe_labels(LabelVolume(labels, (1, 1, 1), observed=observed))
    assert found.touches_border.tolist() == [True, True, False]
    flat = describe_labels(LabelVolume(labels[4:5, 1:7, 1:7], (1, 1, 1)))
    assert flat.touches_border.tolist() == [True, True]
    inner = np.zeros((1, 5, 5), np.uint16)
    inner[0, 2, 2] = 1
    assert describe_labels(LabelVolume(inner, (1, 1, 1))).touches_border.tolist() == [False]


def test_nothing_there_and_cancel():
    empty = describe_labels(LabelVolume(np.zeros((3, 3, 3), np.uint16), (1, 1, 1)))
    assert len(empty) == 0
    assert empty.pairs.shape == (0, 2)
    assert len(empty.columns()["aspect_ratio"]) == 0
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        describe_labels(ball(4.0), monitor=monitor)


def test_a_single_section_has_areas_and_circles():
    disc = ball(6.0).labels[:1] * 0
    disc[0, 3:9, 2:7] = 4
    found = describe_labels(LabelVolume(disc, (7.0, 0.5, 0.4)))
    assert found.is_section
    columns = found.columns()
    assert columns["area_um2"] == pytest.approx([30 * 0.2])
    assert columns["diameter_um"] == pytest.approx([2 * np.sqrt(30 * 0.2 / np.pi)]), "whatever the section's thickness"
    assert not {"volume_um3", "surface_um2", "sphericity", "aspect_ratio"} & set(columns)


def test_table(tmp_path):
    found = describe_labels(ball(6.0))
    write_descriptors(tmp_path / "Größe µm.csv", found.columns())
    rows = list(csv.DictReader((tmp_path / "Größe µm.csv").open(encoding="utf-8")))
    head = [
        "label",
        "volume_um3",
        "diameter_um",
        "surface_um2",
        "sphericity",
        "neighbours",
        "touches_border",
        "x_um",
        "y_um",
        "z_um",
    ]
    assert list(rows[0])[:10] == head
    assert float(rows[0]["surface_um2"]) == found.surfaces_um2[0]
    assert rows[0]["touches_border"] == "0"
    with pytest.raises(NmcError, match="differ in length"):
        write_descriptors(tmp_path / "x.csv", {"a": np.zeros(2), "b": np.zeros(3)})
