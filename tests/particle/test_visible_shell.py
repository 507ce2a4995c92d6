"""The size of a particle from its visible surface."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import LabelVolume
from nmcstudio.particle.visible_shell import fit_sphere, fit_visible_shell, surface_points


def cap(lowest: float, rng: np.random.Generator) -> np.ndarray:
    """1,500 points of a sphere of diameter 148.8 with noise 1, above a share of its radius."""
    points = rng.normal(size=(9000, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    points = points[points[:, 2] > lowest][:1500]
    return points * (74.4 + rng.normal(0, 1, (len(points), 1))) + [5.0, -3.0, 100.0]


@pytest.mark.parametrize(("lowest", "mean", "sd"), [(-1.0, 148.79, 0.06), (0.0, 148.81, 0.09), (0.5, 148.79, 0.30)])
def test_published_table_v10(lowest: float, mean: float, sd: float, rng: np.random.Generator) -> None:
    """models.md 12.1 and 17: full sphere, half, and a cap above half the radius."""
    replicates = 30
    found = np.array([2 * fit_sphere(cap(lowest, rng))[1] for _ in range(replicates)])
    assert found.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(replicates) + 0.01)
    assert found.std(ddof=1) == pytest.approx(sd, rel=0.6)


def test_centre_and_radius_move_and_scale_with_the_points(rng: np.random.Generator) -> None:
    points = cap(0.2, rng)
    centre, radius = fit_sphere(points)
    moved, larger = fit_sphere(3 * points + [10, 20, 30])
    np.testing.assert_allclose(moved, 3 * centre + [10, 20, 30], rtol=1e-6)
    assert larger == pytest.approx(3 * radius, rel=1e-6)


def test_points_in_a_plane_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(NmcError, match="no sphere"):
        fit_sphere(np.c_[rng.normal(size=(50, 2)), np.zeros(50)])


def ball(cut: int, spacing: tuple[float, float, float] = (0.1, 0.1, 0.1)) -> LabelVolume:
    """A ball of 6 um made of eight grains, cut off below slice `cut`, with a gap inside."""
    z, y, x = (np.arange(70) * 0.1 for _ in range(3))
    distance = np.sqrt((z[:, None, None] - 3.45) ** 2 + (y[:, None] - 3.45) ** 2 + (x - 3.45) ** 2)
    octant = 1 + (z[:, None, None] > 3.45) * 4 + (y[:, None] > 3.45) * 2 + (x > 3.45)
    labels = np.where(distance <= 3.0, octant, 0)
    labels[34:37, 34:37, 34:37] = 0
    return LabelVolume(labels[cut:], spacing, (0.1 * cut, 0.0, 0.0), kind="grains")


@pytest.mark.parametrize("cut", [0, 35, 45])
def test_a_ball_is_measured_however_much_was_milled_away(cut: int, rng: np.random.Generator) -> None:
    found = fit_visible_shell(ball(cut), rng)
    assert found.diameter_um == pytest.approx(6.0, abs=0.06)
    assert found.centre_um == pytest.approx([3.45, 3.45, 3.45], abs=0.05)
    assert found.interval_um[0] <= found.diameter_um <= found.interval_um[1]
    assert found.interval_um[1] - found.interval_um[0] < 0.25


def test_gaps_window_faces_and_milled_planes_are_no_surface() -> None:
    grains = ball(35)
    points = surface_points(grains)
    assert np.linalg.norm(points - 3.45, axis=1).min() > 2.9
    assert points[:, 2].min() > 3.5 + 1e-9  # nothing on the face of the window
    observed = np.ones(grains.shape, bool)
    observed[:, :, :30] = False
    hidden = LabelVolume(np.where(observed, grains.labels, 0), (0.1,) * 3, grains.origin_um, observed, "grains")
    assert surface_points(hidden)[:, 0].min() > 3.0 + 1e-9


def test_a_section_out_of_the_bulk_has_no_size(rng: np.random.Generator) -> None:
    with pytest.raises(NmcError, match="give the diameter"):
        fit_visible_shell(LabelVolume(np.ones((20, 20, 20), int), (0.1,) * 3, kind="grains"), rng)
