"""Fit of the Strauss process, which repels down to a hard core, to seeds (models.md 7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.process_fit import LEAST, LEAST_GAIN, ProcessFit, regularity
from nmcstudio.grains.repulsion import count_within, profile
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]


def fit_strauss(
    points_um: Array, region: Region, rng: np.random.Generator, *, dummies: int = 20_000, monitor: Monitor | None = None
) -> ProcessFit:
    """Fit a Strauss process by maximum profile pseudo-likelihood over the interaction radius (models.md 7).

    Parameters
    ----------
    points_um, region
        As in `fit_seeds`; the border is left out by one interaction radius.
    rng
        Draws the quadrature points of the integral of the Papangelou intensity.
    dummies
        Number of quadrature points.
    """
    monitor = monitor or Monitor()
    inside = points_um[region.contains(points_um)]
    intensity = len(inside) / region.volume_um3
    unit = intensity ** (-1 / 3)
    bounds = region.bounds_um
    probes = rng.uniform(bounds[:, 0], bounds[:, 1], (dummies, 3))
    probes = probes[region.contains(probes)]
    depth_points, depth_probes = region.boundary_distance_um(inside), region.boundary_distance_um(probes)
    radii = np.linspace(0.15, 1.1, 32) * unit
    monitor.report(0.0, "Fitting the repulsion of seeds")
    near_points, near_probes = (count_within(places, points_um, radii) for places in (inside, probes))
    best: tuple[float, float, float, float] | None = None
    for k, radius in enumerate(monitor.track(radii.tolist(), "Fitting the repulsion of seeds")):
        use, probe = depth_points > radius, depth_probes > radius
        volume = float(region.eroded_volume_um3(np.array([radius]))[0])
        if np.count_nonzero(use) < LEAST or np.count_nonzero(probe) < 200:
            # Too thin for a border: points outside the region are then taken to be absent.
            use, probe, volume = np.ones(len(use), dtype=bool), np.ones(len(probe), dtype=bool), region.volume_um3
        found = profile([near_points[use, k]], [near_probes[probe, k]], 0.0)
        beta = float(np.count_nonzero(use)) / (volume * found.mean_factor)
        # Per point, since larger radii use fewer points; relative to the Poisson process on the same points.
        if best is None or found.gain > best[0]:
            best = (found.gain, beta, float(np.exp(found.log_gamma)), radius)
    assert best is not None
    gain, beta, gamma, radius = best
    notes = []
    if gamma > 0.95 or gain * len(inside) < LEAST_GAIN:
        ratio = regularity(points_um, region)
        notes.append(
            f"The seeds do not repel each other by more than chance explains (gamma {gamma:.2f}, mean nearest-neighbour distance "
            f"{ratio:.2f} of that of random points). Fit again with --seeds {'matern' if ratio < 0.95 else 'poisson'}."
        )
    return ProcessFit(Law("strauss", {"beta": beta, "gamma": gamma, "interaction_radius": radius}), True, tuple(notes), radius)
