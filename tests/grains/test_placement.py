"""Orientations whose neighbours know of each other: measured, judged, simulated and measured again."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, random_orientations
from nmcstudio.crystal.symmetry import disorientation_angles
from nmcstudio.grains import placement
from nmcstudio.grains.fit_texture import fit_texture
from nmcstudio.grains.placement import Contacts, arrange_orientations, judge_placement, neighbour_quantiles
from nmcstudio.grains.textures import contacts_of, draw_orientations, needs_contacts
from nmcstudio.stats.contacts import count_contacts
from nmcstudio.stats.descriptors import describe_labels

GROUP = "-3m"


def voronoi(count: int, seed: int, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(seed).random((count, 3))
    along = (np.arange(side) + 0.5) / side
    z, y, x = np.meshgrid(along, along, along, indexing="ij")
    labels = cKDTree(points).query(np.stack([x, y, z], axis=-1).reshape(-1, 3))[1].reshape(z.shape) + 1
    return labels.astype(np.uint16), points


def angles_of(q: np.ndarray, contacts: Contacts) -> np.ndarray:
    first, second = contacts.pairs.T
    return neighbour_quantiles(disorientation_angles(q[first], q[second], GROUP), contacts.areas)


def twinned(points: np.ndarray, seed: int) -> np.ndarray:
    """Grains take one of a few orientations with their neighbourhood, with a spread: many low angles between neighbours."""
    rng = np.random.default_rng(seed)
    parents = rng.random((12, 3))
    chosen = random_orientations(12, rng)[cKDTree(parents).query(points)[1]]
    vectors = rng.normal(scale=np.radians(6), size=(len(points), 3))
    return multiply(from_axis_angle(vectors, np.linalg.norm(vectors, axis=1)), chosen)


def distance_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.abs(a - b).mean()))


def test_contacts_are_those_of_the_descriptors() -> None:
    labels, _ = voronoi(60, 1, side=30)
    labels[:3] = 0
    described = describe_labels(LabelVolume(labels, (1.0, 1.0, 1.0)))
    for values in (labels, labels.astype(np.uint32) * 50):  # small labels by a table, large ones by sorting
        pairs, faces = count_contacts(values)
        np.testing.assert_array_equal(pairs * (1 if values is labels else 1 / 50), described.pairs)
        np.testing.assert_array_equal(faces, described.pair_faces)
    assert count_contacts(np.zeros((2, 2, 2), np.uint16))[0].shape == (0, 2)


def test_quantiles_follow_the_areas() -> None:
    found = neighbour_quantiles(np.array([0.3, 0.1]), np.array([3.0, 1.0]), 8)
    assert found[0] == pytest.approx(0.1, abs=0.05)
    assert np.mean(found > 0.2) == pytest.approx(0.75, abs=0.13)
    assert np.all(np.diff(found) >= 0)


def test_random_placement_is_not_rejected_and_a_correlated_one_is() -> None:
    labels, points = voronoi(150, 2)
    contacts = contacts_of(labels)
    rng = np.random.default_rng(3)
    ps = [judge_placement(random_orientations(150, rng), contacts, GROUP, rng).p for _ in range(10)]
    assert np.sum(np.array(ps) < 0.05) <= 3
    assert len(set(ps)) > 4
    found = judge_placement(twinned(points, 4), contacts, GROUP, rng)
    assert found.p == pytest.approx(0.005)
    assert np.degrees(found.shift) > 5
    with pytest.raises(NmcError, match="fewer than ten pairs"):
        judge_placement(random_orientations(3, rng), Contacts(np.array([[0, 1]]), np.ones(1)), GROUP, rng)


def test_simulated_neighbours_follow_the_measured_law_and_the_texture_stays() -> None:
    """Measure a correlated structure, simulate another one from the model, measure that: the law comes back."""
    labels, points = voronoi(250, 5)
    data = twinned(points, 6)
    law = angles_of(data, contacts_of(labels))
    tessellation = Tessellation(
        "laguerre", np.arange(1, 251), points, np.zeros(250), np.array([[0.0, 1.0]] * 3), quaternions=data, point_group=GROUP
    )
    grains = LabelVolume(labels, (1 / 48,) * 3, kind="grains")
    fit = fit_texture(tessellation, np.ones(250, bool), "correlated", grains, np.random.default_rng(7))
    assert fit.law.kind == "correlated"
    assert "depend on each other" in fit.notes[0]
    assert distance_deg(fit.neighbour_angles, law) < 0.01
    # Contacts of the cells in place of those of the image.
    cells = fit_texture(tessellation, np.ones(250, bool), "resampled", None, np.random.default_rng(7))
    assert distance_deg(cells.neighbour_angles, law) < 1.0
    assert "the correlated texture" in cells.notes[0]
    nothing = Law("poisson", {"intensity": 1.0})
    model = GrainModel(
        nothing, nothing, nothing, texture=fit.law, orientations=fit.orientations, neighbour_angles=fit.neighbour_angles,
        point_group=GROUP,
    )  # fmt: skip
    assert needs_contacts(model)
    other, middles = voronoi(200, 8)
    contacts = contacts_of(other)
    drawn = draw_orientations(model, middles, np.random.default_rng(9), contacts=contacts)
    again = draw_orientations(model, middles, np.random.default_rng(9), contacts=contacts)
    np.testing.assert_array_equal(drawn, again)
    assert distance_deg(angles_of(drawn, contacts), law) < 0.6
    single = draw_orientations(replace(model, texture=Law("resampled")), middles, np.random.default_rng(9))
    assert distance_deg(angles_of(single, contacts), law) > 4
    # Refit of the simulation: dependence is found, with the law that made it.
    refit = judge_placement(drawn, contacts, GROUP, np.random.default_rng(10))
    assert refit.p < 0.01
    assert distance_deg(refit.angles, law) < 0.6
    # Every grain has its orientation from the data.
    nearest = np.min([disorientation_angles(drawn, q, GROUP) for q in data], axis=0)
    assert np.degrees(nearest.max()) < 2
    with pytest.raises(NmcError, match="no disorientations"):
        draw_orientations(model, middles, np.random.default_rng(9))


def test_memory_grows_with_the_contacts() -> None:
    """A table of all pairs of 20,000 grains would take 400 MB."""
    n = 20_000
    rows = np.arange(n)
    contacts = Contacts(np.stack([rows, (rows + 1) % n], axis=1), np.ones(n))
    q = random_orientations(n, np.random.default_rng(1))
    tracemalloc.start()
    placed = arrange_orientations(q, contacts, np.radians(np.linspace(20, 90, 200)), GROUP, np.random.default_rng(2))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 30e6
    assert not np.array_equal(placed, q)


def test_exchanging_keeps_the_orientations() -> None:
    labels, points = voronoi(80, 11, side=24)
    contacts = contacts_of(labels)
    q = random_orientations(80, np.random.default_rng(12))
    wanted = angles_of(twinned(points, 13), contacts)
    placed = arrange_orientations(q, contacts, wanted, GROUP, np.random.default_rng(14))
    assert not np.array_equal(placed, q)
    np.testing.assert_array_equal(np.sort(placed[:, 0]), np.sort(q[:, 0]))
    assert distance_deg(angles_of(placed, contacts), wanted) < distance_deg(angles_of(q, contacts), wanted) / 2
    np.testing.assert_array_equal(arrange_orientations(q[:2], contacts, wanted, GROUP, np.random.default_rng(0)), q[:2])
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        arrange_orientations(q, contacts, wanted, GROUP, np.random.default_rng(14), monitor)


def test_ending_before_neighbours_follow_the_law_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, _ = voronoi(40, 11, side=16)
    q = random_orientations(40, np.random.default_rng(12))
    monkeypatch.setattr(placement, "_MOST_TRIES", 10)
    monitor = Monitor()
    # Random orientations hold no such neighbours.
    arrange_orientations(q, contacts_of(labels), np.full(200, np.radians(1.0)), GROUP, np.random.default_rng(14), monitor)
    assert "exchanged 10 times" in monitor.warnings[0]
