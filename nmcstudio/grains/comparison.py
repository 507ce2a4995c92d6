"""What the correction compares: what a fit says of visible seeds and weights, of the data and of simulated windows alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.contrast import Contrast
from nmcstudio.grains.copula import copula_log_density
from nmcstudio.grains.distance_laws import distance_law, empirical_cdf
from nmcstudio.grains.fit_matern import clusters_of
from nmcstudio.grains.model_vector import DEPENDENCE, INTENSITY, RANGE, RANGE_ROOM, REPULSION, ModelVector
from nmcstudio.grains.process_fit import LEAST as LEAST_SEEDS
from nmcstudio.grains.repulsion import count_within, strongest
from nmcstudio.grains.weights import weight_cdf, weight_log_density
from nmcstudio.grains.windows import VisiblePattern
from nmcstudio.stats.point_patterns import nearest_neighbour_sample
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]

_U = 1e-12
_STEP = 0.02  # of the weights' numbers, between two laws whose likelihoods are compared
_DEPENDENCE_STEP = 0.005
_FAR = 8.0  # standard deviations beyond which the score of one weight counts as that far
_FREE = 1.0  # a number that the data does not know to this error hardly moves
_FREE_DEPENDENCE = 0.1
_LEAST_KNOWN = 100  # distances; with fewer, also those count whose nearest neighbour may lie outside
_DUMMIES = 4000  # places behind the repulsion
_LEAST_DUMMIES = 200
_RANGES = 25  # ranges that are looked at
_MOST_LOG_GAMMA = 1.0  # simulated seeds may look attracted by chance; no search ends there


class Comparison:
    """Differences of data and simulation in the units of a `ModelVector`.

    Seeds: what the fit took, the highest Palm likelihood or the least contrast (Matérn), the intensity, the pseudo-likelihood
    over the ranges (Strauss), of all windows together. Weights and copula: the scores of the likelihood at the fitted laws,
    through the information of the data; simulated windows whose scores are the data's have the same fit.

    Parameters
    ----------
    vector
        Of the model that was fitted to the data.
    data
        The visible pattern of the data, or several.
    data_region, region
        Where seeds count, in the data and in each window.
    r_max_um
        Range of the Palm likelihood.
    contrast
        Minimum contrast that fitted the seeds of the data, None for the Palm likelihood.
    """

    def __init__(
        self,
        vector: ModelVector,
        data: Sequence[VisiblePattern],
        data_region: Region,
        region: Region,
        r_max_um: float,
        contrast: Contrast | None = None,
    ) -> None:
        self.vector = vector
        self.region = region
        self.r_max_um = r_max_um
        self.contrast = contrast
        self.patterns = len(data)
        model = vector.base
        self._law = None if model.distance_law == "empirical" else distance_law(model.seeds)
        self._pairs_of_laws = _neighbouring_laws(vector)
        self._known_only = sum(int(np.count_nonzero(self._sample(p)[2])) for p in data) >= _LEAST_KNOWN * len(data)
        self.seeds = self.seed_numbers(data, Monitor(), data_region)
        rows = self._scores(data)
        self._middle, self._reach = rows.mean(axis=0), _FAR * rows.std(axis=0) + 1e-12
        rows = self._cut(rows)
        self._mean = rows.mean(axis=0)
        centred = rows - self._mean
        free = np.where([n in DEPENDENCE for n in vector.names[vector.first_weight :]], _FREE_DEPENDENCE, _FREE)
        information = centred.T @ centred / len(rows) + np.diag(1.0 / (free**2 * len(rows) / len(data)))
        self._inverse = np.linalg.inv(information)
        # Standard errors of the marks' numbers that this much data gives; infinite for the seeds', which it does not say.
        own = np.sqrt(np.diag(self._inverse) * len(data) / len(rows))
        self.errors = np.concatenate([np.full(vector.first_weight, np.inf), own])

    def __call__(self, windows: Sequence[VisiblePattern], monitor: Monitor) -> Array:
        """Data minus simulation, float64 ``(k,)``: what to add to the parameters if the fit followed them one to one."""
        seeds = self.seeds - self.seed_numbers(windows, monitor)
        monitor.check()
        marks = self._inverse @ (self._mean - self._cut(self._scores(windows)).mean(axis=0))
        return np.concatenate([seeds, marks])

    def seed_numbers(self, windows: Sequence[VisiblePattern], monitor: Monitor, region: Region | None = None) -> Array:
        """The seeds' part of the vector that fits the visible seeds of windows best, float64."""
        law = self.vector.base.seeds
        region = region or self.region
        inside = [p.seeds_um[region.contains(p.seeds_um)] for p in windows]
        intensity = sum(map(len, inside)) / (len(inside) * region.volume_um3)
        if law.kind == "matern-cluster":
            start = (law["parent_intensity"], law["cluster_radius"])
            lam, _, radius = clusters_of(inside, region, self.r_max_um, self.contrast, start, monitor)
            return np.log([lam, intensity / lam, radius])
        numbers = {INTENSITY: float(np.log(intensity))}
        if RANGE in self.vector.names:
            numbers |= self._repulsion(windows, inside, region, law["interaction_radius"])
        return np.array([numbers[name] for name in self.vector.names[: self.vector.first_weight]])

    def _repulsion(
        self, windows: Sequence[VisiblePattern], inside: Sequence[Array], region: Region, radius: float
    ) -> dict[str, float]:
        """log gamma and log range of the highest profile pseudo-likelihood, of seeds deeper in the region than any range."""
        bounds = region.bounds_um
        probes = bounds[:, 0] + np.random.default_rng(0).random((_DUMMIES, 3)) * np.ptp(bounds, axis=1)
        probes = probes[region.contains(probes)]
        logs = np.log(radius) + np.linspace(-RANGE_ROOM, RANGE_ROOM, _RANGES)
        radii = np.exp(logs)
        deep = [region.boundary_distance_um(points) > radii[-1] for points in inside]
        deep_probes = region.boundary_distance_um(probes) > radii[-1]
        if sum(map(np.count_nonzero, deep)) < LEAST_SEEDS * len(deep) or np.count_nonzero(deep_probes) < _LEAST_DUMMIES:
            # Too thin for a border: points outside the region are then taken to be absent, in all windows alike.
            deep, deep_probes = [np.ones(len(points), dtype=bool) for points in inside], np.ones(len(probes), dtype=bool)
        near = [count_within(points[use], p.seeds_um, radii) for p, points, use in zip(windows, inside, deep)]
        places = [count_within(probes[deep_probes], p.seeds_um, radii) for p in windows]
        log_gamma, log_range = strongest(near, places, logs, _MOST_LOG_GAMMA)
        return {REPULSION: log_gamma, RANGE: log_range}

    def _sample(self, pattern: VisiblePattern) -> tuple[Array, Array, NDArray[np.bool_]]:
        sample = nearest_neighbour_sample(pattern.seeds_um, self.region)
        return pattern.weights[sample.index], sample.distances_um, sample.known

    def marks(self, windows: Sequence[VisiblePattern]) -> tuple[Array, Array]:
        """Weights and u2, the distance law's value, of the visible seeds of windows."""
        weights, distances = self.weights_and_distances(windows)
        u2 = empirical_cdf(distances) if self._law is None else self._law.cdf(distances)
        return weights, np.clip(u2, _U, 1.0 - _U)

    def weights_and_distances(self, windows: Sequence[VisiblePattern]) -> tuple[Array, Array]:
        """Weights and nearest-neighbour distances of the visible seeds of windows, as far as they are known."""
        samples = [self._sample(p) for p in windows]
        keep = [known if self._known_only else np.ones(len(known), dtype=bool) for _, _, known in samples]
        weights = np.concatenate([w[k] for (w, _, _), k in zip(samples, keep)])
        return weights, np.concatenate([d[k] for (_, d, _), k in zip(samples, keep)])

    def _scores(self, windows: Sequence[VisiblePattern]) -> Array:
        """Derivatives of the log-likelihood of each weight by the numbers of weights and copula, float64 ``(n, k)``."""
        w, u2 = self.marks(windows)
        columns = []
        for step, above, below in self._pairs_of_laws:
            columns.append((_log_likelihood(w, u2, *above) - _log_likelihood(w, u2, *below)) / (2.0 * step))
        return np.stack(columns, axis=1)

    def _cut(self, rows: Array) -> Array:
        return np.clip(rows, self._middle - self._reach, self._middle + self._reach)


def _neighbouring_laws(vector: ModelVector) -> list[tuple[float, tuple[Law, Law], tuple[Law, Law]]]:
    """For each number of weights and copula: a step, and the laws a step above and below."""
    rows = []
    for index in range(vector.first_weight, len(vector.names)):
        step = _DEPENDENCE_STEP if vector.names[index] in DEPENDENCE else _STEP
        laws = []
        for sign in (1.0, -1.0):
            x = vector.values.copy()
            x[index] += sign * step
            _, weights, copula = vector.laws(x)
            laws.append((weights, copula))
        rows.append((step, laws[0], laws[1]))
    return rows


def _log_likelihood(w: Array, u2: Array, weights: Law, copula: Law) -> Array:
    """Of each weight; one outside a law's support is as unlikely as a number of this size can say."""
    value = np.maximum(weight_log_density(w, weights), -1e3)
    if copula.kind == "independence":
        return value
    u1 = np.clip(weight_cdf(w, weights), _U, 1.0 - _U)
    return value + copula_log_density(u1, u2, copula)
