"""Radius functions of bodies with a known surface, the filter's shift, and why particles are not star-shaped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.core.volume import LabelVolume, SurfaceLevel, Volume
from nmcstudio.io.tables.radii import read_directions
from nmcstudio.shell.blur import inward_shift_um
from nmcstudio.shell.descriptors import published_radii_um, size_and_shape
from nmcstudio.shell.directions import grid_for_degree, icosphere, octasphere
from nmcstudio.shell.harmonics import Y00, evaluate, evaluate_at, shell_diameter, tangent_basis
from nmcstudio.shell.lattice import smooth_on_lattice
from nmcstudio.shell.lattice_kernels import interpolate
from nmcstudio.shell.radii import extract_radii
from nmcstudio.shell.scan import find_particles
from nmcstudio.shell.star_shape import explain

U = octasphere().directions


def bumpy(seed: int, mean: float, degree: int = 6) -> np.ndarray:
    """Coefficients of a rough shell in voxels, without degree 1."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(degree + 1) ** 2) * 0.05 * mean / np.sqrt(degree + 1)
    values[:4] = 0
    values[0] = mean / Y00
    return values


def ramp_volume(coefficients: np.ndarray, turn: np.ndarray | None = None) -> tuple[LabelVolume, Volume, np.ndarray]:
    """A grey volume whose level 0.5 is exactly the shell, its labels, and the centre (x, y, z) in voxels."""
    half = int(1.45 * coefficients[0] * Y00) + 6
    centre = np.array([half + 0.3, half - 0.2, half + 0.1])
    z, y, x = np.indices((2 * half + 1,) * 3).astype(float)
    points = np.stack([x - centre[0], y - centre[1], z - centre[2]], axis=-1)
    surface = evaluate_at(coefficients, points if turn is None else points @ turn)
    values = 1 / (1 + np.exp((np.linalg.norm(points, axis=-1) - surface) / 1.5))
    labels = LabelVolume((values > 0.5).astype(np.uint16), 1.0, surface=SurfaceLevel(0.0, 0.5))
    return labels, Volume(values.astype(np.float32), 1.0), centre


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_rough_shell_is_found_to_a_twentieth_of_a_voxel(seed: int) -> None:
    coefficients = bumpy(seed, 20.0)
    labels, ct, centre = ramp_volume(coefficients)
    radii = extract_radii(labels, ct, directions=grid_for_degree(15).directions)
    # Seen from the star point that was taken, the surface must lie on the shell.
    for measured, u in ((radii.radii_um[0], radii.directions), (radii.published_radii_um[0], U)):
        points = radii.centres_um[0] - centre + measured[:, None] * u
        assert np.abs(np.linalg.norm(points, axis=1) - evaluate_at(coefficients, points)).max() < 0.05
    assert radii.flags == ("",)
    assert radii.star_errors[0] < 1e-6


@given(seed=st.integers(0, 1000))
@settings(max_examples=4, deadline=None)
def test_turned_shells_have_turned_radii(seed: int) -> None:
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    straight = extract_radii(*ramp_volume(bumpy(3, 12.0))[:2], directions=U)
    turned = extract_radii(*ramp_volume(bumpy(3, 12.0), turn)[:2], directions=U @ turn.T)
    np.testing.assert_allclose(turned.radii_um, straight.radii_um, atol=0.12)


def ellipsoid_radii(semi: np.ndarray, u: np.ndarray) -> np.ndarray:
    return 1 / np.sqrt((u**2 / semi**2).sum(axis=1))


@pytest.mark.parametrize("radius", [3.0, 5.0, 12.0])
def test_the_shift_of_a_ball_restores_its_radius(radius: float) -> None:
    sigma = 0.512
    measured = np.full((1, 258), radius - sigma**2 / radius)
    found = measured + inward_shift_um(measured, U, sigma)
    np.testing.assert_allclose(found, radius, rtol=1e-4)


def test_the_shift_of_an_ellipsoid_is_its_mean_curvature() -> None:
    semi, sigma = np.array([7.0, 6.0, 5.2]), 0.3
    u = grid_for_degree(15).directions
    true = ellipsoid_radii(semi, u)
    points = true[:, None] * u
    # Mean curvature of x^2 / a^2 + y^2 / b^2 + z^2 / c^2 = 1, and the cosine between ray and normal.
    h = 1 / np.sqrt((points**2 / semi**4).sum(axis=1))
    curvature = h**3 * ((semi**2).sum() - (points**2).sum(axis=1)) / (2 * semi.prod() ** 2)
    cosine = h * (u * points / semi**2).sum(axis=1)
    expected = sigma**2 * curvature / cosine
    found = inward_shift_um((true - expected)[None], u, sigma)[0]
    assert expected.max() / expected.min() > 1.8
    np.testing.assert_allclose(found, expected, rtol=0.04)


@pytest.mark.parametrize("semi", [(14.0, 14.0, 14.0), (22.0, 22.0, 22.0), (20.0, 16.0, 14.0)])
def test_the_filters_shift_of_an_image_is_taken_back(semi: tuple[float, float, float]) -> None:
    sigma, half = 3.0, 34
    fine = np.zeros((2 * half + 1,) * 3, np.float32)
    z, y, x = (np.indices(fine.shape) - half).astype(np.float32)
    steps = (np.arange(3) - 1) / 3
    for a in steps:
        for b in steps:
            for c in steps:
                fine += ((x + a) / semi[0]) ** 2 + ((y + b) / semi[1]) ** 2 + ((z + c) / semi[2]) ** 2 <= 1
    ct = Volume(fine / 27, 1.0)
    labels = LabelVolume((gaussian_filter(ct.values, sigma) > 0.5).astype(np.uint16), 1.0, surface=SurfaceLevel(sigma, 0.5))
    true = ellipsoid_radii(np.array(semi), U)
    monitor = Monitor()
    plain = extract_radii(labels, ct, directions=U, monitor=monitor)
    corrected = extract_radii(labels, ct, directions=U, correct_blur=True)
    raw, left = plain.radii_um[0] - true, corrected.radii_um[0] - true
    assert raw.mean() == pytest.approx(-(sigma**2) / np.mean(semi), rel=0.25)
    assert abs(left.mean()) < 0.12
    assert np.abs(left).max() < 0.35 * np.abs(raw).max()
    note = plain.notes[0]
    assert " um" in note
    assert "%" in note
    assert note in monitor.warnings
    assert "taken back" in corrected.notes[0]


@pytest.mark.parametrize("sigma", [0.0, 0.7, 3.0, 4.0, 9.0])
def test_the_lattice_holds_the_gaussian(sigma: float) -> None:
    rng = np.random.default_rng(1)
    values = (rng.random((40, 44, 50)) * 50).astype(np.uint8)
    values[12:30, 10:34, 14:40] += 150
    expected = gaussian_filter(values.astype(float), sigma, mode="reflect") if sigma else values
    low, high = np.array([-2, 0, 10]), np.array([42, 44, 40])
    found = smooth_on_lattice(values, low, high, sigma, None, Monitor())
    places = rng.integers(np.maximum(low, 0), np.minimum(high, values.shape), (500, 3))
    at = np.array([interpolate(found.values, found.origin, found.stride, *(float(v) for v in place)) for place in places])
    # The steepest slope of the edge is 150 / (sqrt(2 pi) sigma) a voxel: a hundredth of a voxel.
    assert np.abs(at - expected[tuple(places.T)]).max() < max(0.025 * 150 / (2.5 * max(sigma, 1)), 1e-3)


def test_unobserved_voxels_take_no_part_in_the_lattice() -> None:
    values, observed = np.full((30, 30, 30), 80, np.uint8), np.ones((30, 30, 30), bool)
    values[:, :, 20:], observed[:, :, 20:] = 255, False
    found = smooth_on_lattice(values, np.array([5, 5, 5]), np.array([25, 25, 20]), 2.0, observed, Monitor())
    at = [interpolate(found.values, found.origin, found.stride, 15.0, 15.0, float(x)) for x in range(5, 20)]
    np.testing.assert_allclose(at, 80, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_one_pass_finds_all_particles(dtype: type) -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat(rng.integers(0, 6, (9, 11, 7)), 3, axis=2).astype(dtype)[:, :, :19]
    labels[labels == 5] = 40_000
    found = find_particles(labels, Monitor())
    assert found.ids.tolist() == [1, 2, 3, 4, 40_000]
    for number, label in enumerate(found.ids):
        places = np.argwhere(labels == label)
        assert found.counts[number] == len(places)
        np.testing.assert_allclose(found.centroids[number], places.mean(axis=0))
        np.testing.assert_array_equal(found.boxes[number], np.stack([places.min(axis=0), places.max(axis=0) + 1], axis=1))


def test_labels_of_any_size_are_found() -> None:
    labels = np.zeros((5, 6, 7), np.uint32)
    labels[1:3, 1:4, 2:5], labels[4, 5, 6] = 3_000_000_000, 7
    found = find_particles(labels, Monitor())
    assert found.ids.tolist() == [7, 3_000_000_000]
    assert found.counts.tolist() == [1, 18]


def made_shapes() -> dict[str, np.ndarray]:
    z, y, x = (np.indices((44, 44, 60)) - 21.5).astype(float)
    x -= 8
    ball = x**2 + y**2 + z**2 <= 15**2
    two = ((x - 12) ** 2 + y**2 + z**2 <= 100) | ((x + 12) ** 2 + y**2 + z**2 <= 100) | ((np.hypot(y, z) < 4) & (abs(x) < 12))
    ring = (np.hypot(x, y) - 12) ** 2 + z**2 <= 36
    mushroom = (ball & (z > 4)) | ((np.hypot(x, y) < 4) & (z > -15) & (z <= 4))
    return {
        "it has a hole inside": ball & ~((x - 4) ** 2 + y**2 + z**2 <= 25),
        "it looks like two particles": two,
        "an opening goes through it": ring,
        "it has an overhang": mushroom | ((np.hypot(x, y) < 14) & (z < -15) & (z > -19)),
    }


@pytest.mark.parametrize("reason", ["it has a hole inside", "it looks like two particles", "an opening goes through it"])
def test_flags_say_why(reason: str) -> None:
    shape = made_shapes()[reason]
    assert explain(shape, (1.0, 1.0, 1.0)) == reason
    radii = extract_radii(LabelVolume(shape.astype(np.uint16), 1.0), directions=icosphere(3).directions, star_tolerance=0.005)
    assert reason in radii.flags[0]


def test_an_overhang_is_called_one() -> None:
    z, y, x = (np.indices((50, 50, 50)) - 24.5).astype(float)
    hooked = (np.hypot(x, y) < 8) & (abs(z) < 20) | ((z > 10) & (z < 20) & (np.hypot(x, y) < 20))
    assert explain(hooked, (1.0, 1.0, 1.0)) == "it has an overhang"


def test_published_descriptors_are_measured_whatever_the_directions() -> None:
    labels, ct, _ = ramp_volume(bumpy(4, 14.0))
    fine = extract_radii(labels, ct)
    coarse = extract_radii(labels, ct, directions=U)
    assert coarse.published_radii_um is None
    np.testing.assert_array_equal(published_radii_um(fine), coarse.radii_um)
    both = size_and_shape(published_radii_um(coarse))[0]
    np.testing.assert_allclose(both, size_and_shape(evaluate(bumpy(4, 14.0)[None], octasphere().directions))[0], rtol=2e-3)
    assert both[0] == pytest.approx(0.9922 * shell_diameter(bumpy(4, 14.0)), rel=2e-3)
    elsewhere = RadiusFunctions(**(vars(fine) | {"published_radii_um": None}))
    np.testing.assert_allclose(published_radii_um(elsewhere), coarse.radii_um, atol=0.1)


def test_derivatives_of_harmonics_are_those_of_neighbours() -> None:
    grid, step = grid_for_degree(5), 1e-4
    tangent = tangent_basis(grid, 5)
    coefficients = np.random.default_rng(1).normal(size=36)
    here = evaluate(coefficients, grid.directions)
    for axis, first, second in ((0, tangent.south, tangent.south_south), (1, tangent.east, tangent.east_east)):
        ahead, behind = (
            evaluate_at(coefficients, np.cos(step) * grid.directions + sign * np.sin(step) * tangent.axes[axis])
            for sign in (1, -1)
        )
        np.testing.assert_allclose(first @ coefficients, (ahead - behind) / (2 * step), atol=1e-5)
        np.testing.assert_allclose(second @ coefficients, (ahead - 2 * here + behind) / step**2, atol=1e-4)
    both = (tangent.axes[0] + tangent.axes[1]) / np.sqrt(2)
    ahead, behind = (evaluate_at(coefficients, np.cos(step) * grid.directions + sign * np.sin(step) * both) for sign in (1, -1))
    mixed = 0.5 * (tangent.south_south + 2 * tangent.south_east + tangent.east_east) @ coefficients
    np.testing.assert_allclose(mixed, (ahead - 2 * here + behind) / step**2, atol=1e-4)


def test_directions_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "Richtungen µ.csv"
    file.write_text("x,y,z\n" + "\n".join(",".join(map(repr, row)) for row in U.tolist()), encoding="utf-8")
    np.testing.assert_allclose(read_directions(file), U, atol=1e-15)
    file.write_text("x,y,z\n1,0,0\n2,0,0\n", encoding="utf-8")
    with pytest.raises(NmcError, match="line 3: length 2"):
        read_directions(file)
    file.write_text("1,0,0\n", encoding="utf-8")
    with pytest.raises(NmcError, match="no table of directions"):
        read_directions(file)
