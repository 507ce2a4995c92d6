"""Composed particles: the right volume, the same particle whatever else is made, grains that belong to the shell."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import stream
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.crystal.quaternions import c_axis, from_axis_angle, multiply, random_orientations
from nmcstudio.grains.labelling import label_points
from nmcstudio.particle.compose import compose, compose_particle
from nmcstudio.particle.sizes import cell_diameter_um, default_voxel_um, expected_grid
from nmcstudio.particle.surfaces import shell_surface
from nmcstudio.particle.table import grain_columns
from nmcstudio.report.disorientations import find_neighbours
from nmcstudio.shell.harmonics import evaluate_at, shell_volume

H = 0.05  # um, voxel of the published grain parameters (models.md 1)
GRAINS = GrainModel(
    Law("matern-cluster", {"parent_intensity": 0.00108 / H**3, "mean_offspring": 0.418, "cluster_radius": 2.58 * H}),
    Law("inverse-gamma", {"alpha": 16.8, "beta": 1247 * H**2, "theta": -76.4 * H**2}),
    Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)


def shells(mean_um: float = 3.0, degree: int = 8, amplitude: float = 0.06, spread: float = 0.3) -> ShellModel:
    degrees = np.arange(degree + 1)
    spectrum = amplitude * mean_um**2 / (1.0 + degrees) ** 3
    spectrum[0] = 4 * np.pi * (spread * mean_um) ** 2
    spectrum[1] = 1e-4 * mean_um**2
    return ShellModel(degree, (ShellComponent(1.0, mean_um, spectrum),))


SHELLS = shells()


@pytest.fixture(scope="module")
def particle():  # type: ignore[no-untyped-def]
    return compose_particle(SHELLS, GRAINS, stream(1, "compose"), 0, diameter_um=5.0, voxel_um=0.1)


def test_particle_is_consistent(particle) -> None:  # type: ignore[no-untyped-def]
    labels = particle.grains.labels
    present = np.unique(labels)
    assert np.array_equal(present, np.arange(particle.grain_count + 1))
    assert 4.9 * 0.999 <= particle.shell_diameter_um <= 5.1 * 1.001
    volume = np.count_nonzero(labels) * 0.1**3
    assert particle.diameter_um == pytest.approx((6 * volume / np.pi) ** (1 / 3))
    assert particle.grains.quaternions.shape == (particle.grain_count + 1, 4)
    assert np.allclose(np.linalg.norm(particle.grains.quaternions[1:], axis=1), 1)
    assert particle.grains.simulated
    for axis in range(3):
        faces = np.moveaxis(labels, axis, 0)
        assert not faces[0].any()
        assert not faces[-1].any()
        assert faces[1].any()
        assert faces[-2].any()


def test_grains_are_the_cells_with_centroids_in_the_shell(particle) -> None:  # type: ignore[no-untyped-def]
    """Independent of the composition's own passes: centroids from the table, cells from the generators that were kept."""
    columns = grain_columns(particle)
    centroids = np.stack([columns[f"{name}_um"] for name in "xyz"], axis=1)
    radii = evaluate_at(particle.shell_coefficients, centroids)
    assert np.all(np.linalg.norm(centroids, axis=1) <= radii + 1e-9)
    again = label_points("laguerre", particle.seeds_um, particle.weights, None, centroids)
    # a cell of a tessellation is convex, so its centroid lies in it: the generators' order is that of the labels
    assert np.array_equal(again + 1, columns["id"])
    assert columns["volume_um3"].sum() == pytest.approx(np.pi / 6 * particle.diameter_um**3)


def test_particle_does_not_depend_on_the_others() -> None:
    options = {"diameter_um": 3.0, "voxel_um": 0.15}
    three = compose(SHELLS, GRAINS, stream(7, "compose"), count=3, **options).particles
    alone = compose_particle(SHELLS, GRAINS, stream(7, "compose"), 2, **options)
    assert np.array_equal(three[2].grains.labels, alone.grains.labels)
    assert np.array_equal(three[2].grains.quaternions, alone.grains.quaternions, equal_nan=True)
    assert three[2].index == alone.index == 2
    assert alone.seed == 7
    assert three[0].grain_count != three[1].grain_count or not np.array_equal(three[0].seeds_um, three[1].seeds_um)


def test_coarse_preview_is_the_same_particle(particle) -> None:  # type: ignore[no-untyped-def]
    coarse = compose_particle(SHELLS, GRAINS, stream(1, "compose"), 0, diameter_um=5.0, voxel_um=0.25)
    assert np.array_equal(coarse.shell_coefficients, particle.shell_coefficients)
    shared = {tuple(seed) for seed in coarse.seeds_um} & {tuple(seed) for seed in particle.seeds_um}
    assert len(shared) > 0.9 * particle.grain_count
    assert coarse.diameter_um == pytest.approx(particle.diameter_um, rel=0.02)


def test_volume_is_unbiased() -> None:
    """Union of the grains against the shell (models.md 12.2): no bias to first order, spread of half a layer of cells."""
    ratios = []
    for index in range(14):
        one = compose_particle(SHELLS, GRAINS, stream(3, "bias"), index, diameter_um=3.5, voxel_um=0.15)
        ratios.append((one.diameter_um / one.shell_diameter_um) ** 3)
    error = np.std(ratios, ddof=1) / np.sqrt(len(ratios))
    assert error < 0.03
    assert abs(np.mean(ratios) - 1) < 3.5 * error


def test_without_a_diameter_sizes_follow_the_model() -> None:
    particles = compose(shells(spread=0.2), GRAINS, stream(5, "sizes"), count=6, voxel_um=0.3).particles
    diameters = [one.shell_diameter_um for one in particles]
    assert np.std(diameters) > 0.2


def test_loose_grains_are_found() -> None:
    from nmcstudio.particle.compose import _largest_piece

    labels = np.zeros((6, 6, 6), np.uint16)
    labels[0, :, :3] = 1
    labels[1:4, 0, 0] = 2
    labels[5, 5, 5] = 3
    labels[4, 4, 4] = 4  # touches 3 and the rest at edges and corners only
    labels[5, 3:5, 5] = 5
    keep = _largest_piece(labels, np.bincount(labels.ravel())[1:], Monitor())
    assert keep.tolist() == [True, True, False, False, False]


def test_published_rejection_has_the_size() -> None:
    one = compose_particle(
        SHELLS, GRAINS, stream(5, "x"), 0, diameter_um=5.0, tolerance=0.05, conditioning="rejection", voxel_um=0.3
    )
    assert 4.75 * 0.999 <= one.shell_diameter_um <= 5.25 * 1.001


def test_gbpd_grains() -> None:
    law = Law("gbpd-quadratic", {"trace_mean": 0.0, "trace_sd": 0.1, "deviator_sd": 0.3})
    model = GrainModel(GRAINS.seeds, GRAINS.weights, GRAINS.copula, matrices=law)
    one = compose_particle(SHELLS, model, stream(5, "x"), 0, diameter_um=3.0, voxel_um=0.15)
    assert one.kind == "gbpd-quadratic"
    assert one.matrices is not None
    assert one.matrices.shape == (one.grain_count, 3, 3)


def test_radial_texture_looks_from_the_centre() -> None:
    one = compose_particle(
        SHELLS, GRAINS, stream(5, "x"), 0, diameter_um=5.0, voxel_um=0.2, scenario={"texture": 20.0}
    )  # fmt: skip
    columns = grain_columns(one)
    places = np.stack([columns[f"{name}_um"] for name in "xyz"], axis=1)
    cosines = np.sum(c_axis(one.grains.quaternions[1:]) * places, axis=1) / np.linalg.norm(places, axis=1)
    # density exp(-20 cos^2 t): cosines nearly normal with variance 1/40; a uniform texture has 1/3
    assert np.mean(cosines**2) == pytest.approx(1 / 40, rel=0.35)
    assert one.scenario == {"texture": 20.0}


def test_table_agrees_with_itself(particle) -> None:  # type: ignore[no-untyped-def]
    columns = grain_columns(particle)
    phi1, phi = np.radians(columns["phi1_deg"]), np.radians(columns["Phi_deg"])
    expected = np.stack([np.sin(phi1) * np.sin(phi), -np.cos(phi1) * np.sin(phi), np.cos(phi)], axis=1)
    assert np.allclose(np.stack([columns[f"c_{name}"] for name in "xyz"], axis=1), expected)
    assert np.allclose(columns["diameter_um"] ** 3 * np.pi / 6, columns["volume_um3"])


def test_shell_surface_has_the_volume_of_the_shell(particle) -> None:  # type: ignore[no-untyped-def]
    mesh = shell_surface(particle.shell_coefficients)
    corners = mesh.points_um[mesh.triangles]
    assert np.linalg.det(corners).sum() / 6 == pytest.approx(float(shell_volume(particle.shell_coefficients)), rel=2e-3)


def test_too_small_a_particle_is_said() -> None:
    tiny = shells(0.02, spread=0.01)
    with pytest.raises(ComputationError, match="no grain"):
        compose(tiny, GRAINS, stream(5, "x"), count=20, voxel_um=0.05)


def test_too_fine_a_grid_is_refused_before_it_is_made() -> None:
    with pytest.raises(NmcError, match="voxels") as caught:
        compose_particle(SHELLS, GRAINS, stream(5, "x"), 0, diameter_um=5.0, voxel_um=0.002)
    assert caught.value.field == "voxel_um"


def test_default_voxel_and_estimate() -> None:
    assert cell_diameter_um(GRAINS) == pytest.approx(0.809, abs=0.001)
    assert default_voxel_um(GRAINS) == pytest.approx(0.054)
    facts = {
        "seeds": {"kind": "matern-cluster", **GRAINS.seeds.parameters},
        "weights": {"kind": "inverse-gamma", **GRAINS.weights.parameters},
        "copula": {"kind": "tawn", **GRAINS.copula.parameters},
    }
    voxels, edge = expected_grid({"probabilities": [1.0], "mean_radii_um": [3.0]}, facts, 5.0, 0.1, {})
    assert edge == 0.1
    assert voxels == pytest.approx(85**3, rel=0.3)


def test_cancelling_takes_less_than_a_second(particle) -> None:  # type: ignore[no-untyped-def]
    monitor = Monitor()
    ended: list[float] = []

    def work() -> None:
        with pytest.raises(Cancelled):
            compose(SHELLS, GRAINS, stream(1, "compose"), count=50, diameter_um=8.0, voxel_um=0.06, monitor=monitor)
        ended.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.7)
    asked = time.monotonic()
    monitor.cancel()
    thread.join()
    assert ended[0] - asked < 1.0


def test_correlated_texture_follows_the_measured_neighbours() -> None:
    """Neighbours of a composed particle are disoriented as the model says; the same seed gives the same particle."""
    rng = np.random.default_rng(1)
    parents = random_orientations(6, rng)[rng.integers(6, size=300)]
    vectors = rng.normal(scale=np.radians(3), size=(300, 3))
    known = multiply(from_axis_angle(vectors, np.linalg.norm(vectors, axis=1)), parents)
    wanted = np.radians(np.r_[np.linspace(2, 8, 120), np.linspace(40, 90, 80)])
    model = replace(GRAINS, texture=Law("correlated"), orientations=known, neighbour_angles=wanted)
    first, again = (compose_particle(SHELLS, model, stream(7, "x"), 0, diameter_um=5.0, voxel_um=0.2) for _ in range(2))
    np.testing.assert_array_equal(first.grains.quaternions, again.grains.quaternions)
    found = find_neighbours(first.grains)
    plain = find_neighbours(
        compose_particle(
            SHELLS, replace(model, texture=Law("resampled")), stream(7, "x"), 0, diameter_um=5.0, voxel_um=0.2
        ).grains
    )
    assert found is not None
    assert plain is not None
    assert abs(found.low_angle_share - 0.6) < 0.05
    assert plain.low_angle_share < 0.4
