"""The parameters of a grain model that the correction moves, as numbers that move freely."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.grains.copula import copula_of_vector, copula_vector
from nmcstudio.grains.processes import intensity_of
from nmcstudio.grains.weights import weight_family, weight_moments, weight_of_vector, weight_vector
from nmcstudio.grains.windows import HEADROOM

Array = NDArray[np.float64]

MEAN, SPREAD, SHAPE = "mean weight", "spread of the weights", "shape of the weights"
DEPENDENCE = ("dependence at 0.3", "dependence at 0.65")
_MATERN = {"parent intensity": "parent_intensity", "mean offspring": "mean_offspring", "cluster radius": "cluster_radius"}
INTENSITY, REPULSION, RANGE = "intensity", "repulsion", "range of the repulsion"
SEEDS = (*_MATERN, INTENSITY, REPULSION, RANGE)
_STRAUSS_GAMMA = (-6.0, -0.02)  # log gamma in which repulsion and range move; at the ends they are held
RANGE_ROOM = 0.3  # of the logarithm of the range, to both sides


@dataclass(frozen=True)
class ModelVector:
    """Logarithms of the seeds' parameters, the mean weight in standard deviations, its other numbers (`weights.weight_vector`),
    and the copula's (`copula.copula_vector`).

    Attributes
    ----------
    base
        The model that the vector starts from.
    names
        Of the numbers.
    values
        float64 ``(k,)``, of the base.
    low, high
        float64 ``(k,)``, where the search ends.
    """

    base: GrainModel
    names: tuple[str, ...]
    values: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, model: GrainModel) -> ModelVector:
        """The vector of a fitted model."""
        rows: list[tuple[str, float, float, float]] = []
        room = float(np.log(HEADROOM))
        seeds = model.seeds
        if seeds.kind == "matern-cluster":
            for name, key in _MATERN.items():
                value = float(np.log(seeds[key]))
                rows.append((name, value, value - 2 * room, value + room))
        else:
            value = float(np.log(intensity_of(seeds)))
            rows.append((INTENSITY, value, value - room, value + room))
        if seeds.kind == "strauss" and _STRAUSS_GAMMA[0] < np.log(max(seeds["gamma"], 1e-9)) < _STRAUSS_GAMMA[1]:
            rows.append((REPULSION, float(np.log(seeds["gamma"])), _STRAUSS_GAMMA[0], 0.0))
            value = float(np.log(seeds["interaction_radius"]))
            rows.append((RANGE, value, value - RANGE_ROOM, value + RANGE_ROOM))
        _, spread, *shape = weight_vector(model.weights)
        rows.append((MEAN, 0.0, -3.0, 3.0))
        rows.append((SPREAD, float(spread), spread - 2.0, spread + 2.0))
        rows += [(SHAPE, float(value), *weight_family(model.weights.kind).bounds) for value in shape]
        if model.copula.kind == "tawn":
            if model.copula["kappa"] > 1.01:
                rows += [(name, float(value), -0.7, 0.0) for name, value in zip(DEPENDENCE, copula_vector(model.copula))]
        else:
            rows += [(DEPENDENCE[0], float(value), -1.8, 1.8) for value in copula_vector(model.copula)]
        names, values, low, high = zip(*rows)
        return cls(model, names, np.array(values), np.array(low), np.array(high))

    @property
    def first_weight(self) -> int:
        """Where the numbers of the weights begin."""
        return self.names.index(MEAN)

    @property
    def first_dependence(self) -> int:
        """Where the copula's numbers begin; the end where none moves."""
        return self.names.index(DEPENDENCE[0]) if DEPENDENCE[0] in self.names else len(self.names)

    @property
    def telling(self) -> tuple[int, ...]:
        """Numbers that decide which cells show: those of the seeds, spread and shape of the weights.

        None for a Strauss process, whose windows share no random numbers.
        """
        if self.base.seeds.kind == "strauss":
            return ()
        return tuple(k for k in range(self.first_dependence) if self.names[k] != MEAN)

    def clip(self, x: Array) -> Array:
        """The nearest vector within the bounds."""
        return np.clip(x, self.low, self.high)

    def at_limit(self, x: Array) -> tuple[str, ...]:
        """Numbers of the seeds that ended at their limit."""
        ended = np.minimum(x - self.low, self.high - x) < 1e-6
        return tuple(n for n, end in zip(self.names, ended) if end and n in SEEDS and n != REPULSION)

    def laws(self, x: Array) -> tuple[Law, Law, Law]:
        """Seeds, weights and copula of a vector."""
        base = self.base
        kind = base.seeds.kind
        if kind == "matern-cluster":
            seeds = Law(kind, dict(zip(_MATERN.values(), np.exp(x[:3]).tolist())))
        elif kind == "poisson":
            seeds = Law(kind, {"intensity": float(np.exp(x[0]))})
        else:
            intensity, gamma, radius = float(np.exp(x[0])), base.seeds["gamma"], base.seeds["interaction_radius"]
            if RANGE in self.names:
                gamma, radius = float(np.exp(x[1])), float(np.exp(x[2]))
            # The inverse of the Poisson-saddlepoint intensity.
            beta = intensity * np.exp(intensity * (1.0 - gamma) * 4.0 / 3.0 * np.pi * radius**3)
            seeds = Law(kind, {"beta": float(beta), "gamma": gamma, "interaction_radius": radius})
        i, j = self.first_weight, self.first_dependence
        moments = weight_moments(base.weights)
        weights = weight_of_vector(base.weights.kind, np.array([moments.mean + moments.sd * x[i], *x[i + 1 : j]]))
        return seeds, weights, copula_of_vector(base.copula, x[j:]) if j < len(x) else base.copula

    def place_of(self, seeds: Law, weights: Law, copula: Law) -> Array:
        """The vector of laws of the same kinds, inverse of `laws`: float64 ``(k,)``."""
        keys = {**_MATERN, REPULSION: "gamma", RANGE: "interaction_radius"}
        first = [
            np.log(intensity_of(seeds) if name == INTENSITY else max(seeds[keys[name]], 1e-9))
            for name in self.names[: self.first_weight]
        ]
        return np.array([*first, *self.marks_of(weights, copula)])

    def marks_of(self, weights: Law, copula: Law) -> list[float]:
        """The numbers of weights and copula."""
        moments = weight_moments(self.base.weights)
        mean, *others = weight_vector(weights)
        own = [(mean - moments.mean) / moments.sd, *others]
        return [float(v) for v in (*own, *(copula_vector(copula) if self.first_dependence < len(self.names) else ()))]

    def model(self, x: Array) -> GrainModel:
        """The base with the laws of a vector."""
        seeds, weights, copula = self.laws(x)
        return replace(self.base, seeds=seeds, weights=weights, copula=copula)
