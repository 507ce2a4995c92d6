"""Distribution of the nearest-neighbour distance D0, through which the weights depend on the seeds (models.md 8.2, 9.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.matern import nearest_neighbour_theory
from nmcstudio.grains.processes import intensity_of, simulate_strauss

Array = NDArray[np.float64]

# A copula needs values off 0 and 1.
EDGE = 1e-9
_STRAUSS_POINTS = 100_000
_STRAUSS_KEPT = 16
_STRAUSS_LAWS: dict[tuple[float, float, float, int], DistanceLaw] = {}


class DistanceLaw:
    """A tabulated distribution function, interpolated monotonically.

    Parameters
    ----------
    distances_um
        float64 ``(n,)``, ascending from 0.
    values
        float64 ``(n,)``, the distribution function; made monotone and cut to [1e-9, 1 - 1e-9] on evaluation.
    """

    def __init__(self, distances_um: Array, values: Array) -> None:
        self.distances_um = np.asarray(distances_um, dtype=float)
        self.values = np.clip(np.maximum.accumulate(values), 0.0, 1.0)

    def cdf(self, distances_um: Array) -> Array:
        """Distribution function, strictly inside (0, 1)."""
        return np.clip(np.interp(distances_um, self.distances_um, self.values), EDGE, 1.0 - EDGE)

    @property
    def mean_um(self) -> float:
        return float(np.trapezoid(1.0 - self.values, self.distances_um))

    @property
    def sd_um(self) -> float:
        second = np.trapezoid(2.0 * self.distances_um * (1.0 - self.values), self.distances_um)
        return float(np.sqrt(max(second - self.mean_um**2, 0.0)))


def distance_law(seeds: Law, monitor: Monitor | None = None, strauss_points: int = _STRAUSS_POINTS) -> DistanceLaw:
    """The nearest-neighbour law of a process: exact for Poisson and Matérn, Monte Carlo for Strauss.

    Parameters
    ----------
    seeds
        Law of the seeds.
    monitor
        Progress and cancelling of the Monte Carlo run.
    strauss_points
        Simulated points behind the law of a Strauss process.

    Raises
    ------
    NmcError
        If the kind of the process is not known.
    """
    reach = 6.0 * intensity_of(seeds) ** (-1 / 3)
    if seeds.kind == "strauss":
        return _strauss_law(seeds["beta"], seeds["gamma"], seeds["interaction_radius"], strauss_points, monitor or Monitor())
    if seeds.kind == "poisson":
        d = np.linspace(0.0, reach, 3000)
        return DistanceLaw(d, -np.expm1(-seeds["intensity"] * 4.0 / 3.0 * np.pi * d**3))
    if seeds.kind == "matern-cluster":
        # Steps follow the cluster radius below twice its size and the mean distance beyond.
        radius = seeds["cluster_radius"]
        fine = np.linspace(0.0, min(2.2 * radius, reach), 700, endpoint=False)
        d = np.concatenate([fine, np.linspace(fine[-1] + (fine[1] - fine[0]), reach, 700)])
        values = nearest_neighbour_theory(d, seeds["parent_intensity"], seeds["mean_offspring"], radius, nodes=40)
        return DistanceLaw(d, values)
    raise NmcError(f"unknown law of seeds {seeds.kind!r}", "use matern-cluster, poisson or strauss", "seeds")


def empirical_cdf(distances_um: Array, among_um: Array | None = None) -> Array:
    """Mid-rank distribution function of distances, among themselves or among another sample; strictly inside (0, 1)."""
    sample = np.sort(np.asarray(distances_um if among_um is None else among_um, dtype=float))
    low = np.searchsorted(sample, distances_um, side="left")
    high = np.searchsorted(sample, distances_um, side="right")
    return np.clip(0.5 * (low + high) / max(len(sample), 1), 0.5 / max(len(sample), 1), 1.0 - 0.5 / max(len(sample), 1))


def _strauss_law(beta: float, gamma: float, radius: float, count: int, monitor: Monitor) -> DistanceLaw:
    """Law from the points of one simulated window; a fixed seed makes it a function of the parameters, which is kept."""
    from scipy.spatial import cKDTree

    key = (beta, gamma, radius, count)
    if key in _STRAUSS_LAWS:
        return _STRAUSS_LAWS[key]
    rng = np.random.default_rng(20210702)
    intensity = intensity_of(Law("strauss", {"beta": beta, "gamma": gamma, "interaction_radius": radius}))
    edge = (count / intensity) ** (1 / 3)
    points = simulate_strauss(beta, gamma, radius, np.array([[0.0, edge]] * 3), rng, monitor, sweeps=16)
    margin = 3.0 * intensity ** (-1 / 3)
    inner = np.all((points > margin) & (points < edge - margin), axis=1)
    found = np.sort(cKDTree(points).query(points[inner], k=2)[0][:, 1])
    d = np.linspace(0.0, 6.0 * intensity ** (-1 / 3), 2000)
    law = DistanceLaw(d, np.searchsorted(found, d, side="right") / len(found))
    if len(_STRAUSS_LAWS) >= _STRAUSS_KEPT:
        _STRAUSS_LAWS.pop(next(iter(_STRAUSS_LAWS)))
    _STRAUSS_LAWS[key] = law
    return law
