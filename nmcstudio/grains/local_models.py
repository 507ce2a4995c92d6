"""How the fit writes a tessellation down: local, preconditioned parameters of each grain (models.md 6.4, 6.5).

Everything here is in the fit's own unit of length, in which the mean grain has the diameter 15.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen

Array = NDArray[np.float64]
# order of the quadratic terms: xx, yy, zz, xy, xz, yz
_ROWS, _COLUMNS = np.array([0, 1, 2, 0, 0, 1]), np.array([0, 1, 2, 1, 2, 2])
_LOW_ROWS, _LOW_COLUMNS = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 0, 1, 0, 1, 2])
_LEAST_EIGENVALUE = 0.1  # of a matrix of a quadratic GBPD, relative to that of its start value
_LEAST_OF_NORMS = 0.01  # the same for the sqrt form, whose matrices are those of squared lengths


@dataclass(frozen=True)
class Generators:
    """Seeds ``(n, 3)``, weights ``(n,)`` and matrices ``(n, 3, 3)`` or None, in the fit's unit of length."""

    kind: str
    seeds: Array
    weights: Array
    matrices: Array | None


class PolynomialModel:
    """Laguerre and quadratic GBPD: scores that are linear in the parameters, so that the cross-entropy is convex.

    With z = x - c (c the centroid, R the equivalent radius, M0 the start matrix) the score of a grain is
    ``-z' M0 z / tau + theta . (1, z / R, zz' / R^2)``; the quadratic terms are there for the GBPD only.
    """

    def __init__(self, kind: str, centroids: Array, radii: Array, matrices: Array | None) -> None:
        self.kind = kind
        self.centroids = frozen(centroids)
        self.radii = frozen(radii)
        self.anchors = frozen(np.tile(np.eye(3), (len(radii), 1, 1)) if matrices is None else matrices)
        self.terms = 4 if kind == "laguerre" else 10
        self._least = _LEAST_EIGENVALUE * np.linalg.eigvalsh(self.anchors)[:, 0]

    def start(self, temperature: float) -> Array:
        theta = np.zeros((len(self.radii), self.terms))
        theta[:, 0] = self.radii**2 / temperature
        return theta

    def temperature(self, power_temperature: float) -> float:
        return power_temperature

    def project(self, theta: Array, temperature: float) -> Array:
        """The same parameters with the eigenvalues of every matrix raised to a tenth of the start value's smallest one.

        These matrices form a convex set. Without it a score could grow without bound far from its grain, where no training
        point sees it.
        """
        if self.kind == "laguerre":
            return theta
        values, vectors = np.linalg.eigh(self.anchors - temperature * self._quadratic(theta))
        low = np.flatnonzero(values[:, 0] < self._least)
        if len(low) == 0:
            return theta
        raised = np.maximum(values[low], self._least[low, None])
        matrices = (vectors[low] * raised[:, None, :]) @ np.swapaxes(vectors[low], 1, 2)
        q = (self.anchors[low] - matrices) * (self.radii[low] ** 2 / temperature)[:, None, None]
        out = theta.copy()
        out[low, 4:] = q[:, _ROWS, _COLUMNS] * np.where(_ROWS == _COLUMNS, 1.0, 2.0)
        return out

    def ridge(self, temperature: float) -> Array:
        """Factors ``(n, terms)`` of theta^2 that penalise |seed shift|^2 and |R (M - M0)|^2 with 1."""
        factors = np.zeros((len(self.radii), self.terms))
        scale = (temperature / self.radii)[:, None] ** 2
        factors[:, 1:4] = scale / 4.0
        factors[:, 4:] = scale
        return factors

    def generators(self, theta: Array, temperature: float) -> Generators:
        shift = temperature * theta[:, 1:4] / (2.0 * self.radii[:, None])
        level = temperature * theta[:, 0]
        if self.kind == "laguerre":
            return Generators(self.kind, self.centroids + shift, level + (shift**2).sum(axis=1), None)
        matrices = self.anchors - temperature * self._quadratic(theta)
        step = np.linalg.solve(matrices, shift[..., None])[..., 0]
        return Generators(self.kind, self.centroids + step, level + (shift * step).sum(axis=1), matrices)

    def scored(self, theta: Array, temperature: float) -> tuple[Array, Callable[[Array], Array]]:
        """The parameters that the kernels score with, and what turns a gradient by these into one by theta."""
        slope = theta[:, 1:4] / self.radii[:, None]
        coefficients = np.empty((len(theta), self.terms))
        q = self._quadratic(theta) - self.anchors / temperature
        qc = np.einsum("nij,nj->ni", q, self.centroids)
        coefficients[:, 0] = theta[:, 0] - (slope * self.centroids).sum(axis=1) + (qc * self.centroids).sum(axis=1)
        coefficients[:, 1:4] = slope - 2.0 * qc
        if self.terms == 10:
            coefficients[:, 4:] = q[:, _ROWS, _COLUMNS] * np.where(_ROWS == _COLUMNS, 1.0, 2.0)
        return coefficients, self._pull

    def _pull(self, gradient: Array) -> Array:
        c, r = self.centroids, self.radii[:, None]
        out = np.empty_like(gradient)
        g0 = gradient[:, :1]
        out[:, :1] = g0
        out[:, 1:4] = (gradient[:, 1:4] - c * g0) / r
        if self.terms == 10:
            a, b = c[:, _ROWS], c[:, _COLUMNS]
            linear = gradient[:, 1:4]
            out[:, 4:] = (gradient[:, 4:] - a * linear[:, _COLUMNS] - b * linear[:, _ROWS] + a * b * g0) / r**2
        return out

    def _quadratic(self, theta: Array) -> Array:
        q = np.zeros((len(theta), 3, 3))
        if self.terms == 10:
            half = np.where(_ROWS == _COLUMNS, 1.0, 0.5)
            q[:, _ROWS, _COLUMNS] = theta[:, 4:] * half / self.radii[:, None] ** 2
            q[:, _COLUMNS, _ROWS] = q[:, _ROWS, _COLUMNS]
        return q


class NormModel:
    """GBPD in the sqrt form ([B] Eq. 4): not convex, fitted from its start values.

    Parameters of a grain: shift of the seed, of the Cholesky factor L of M (logarithm on the diagonal) and of r.
    """

    terms = 10

    def __init__(self, kind: str, centroids: Array, radii: Array, matrices: Array) -> None:
        self.kind = kind
        self.centroids = frozen(centroids)
        self.radii = frozen(radii)
        self.factors = frozen(np.linalg.cholesky(matrices)[:, _LOW_ROWS, _LOW_COLUMNS])
        self._diagonal = _LOW_ROWS == _LOW_COLUMNS
        self._least = _LEAST_OF_NORMS * np.linalg.eigvalsh(matrices)[:, 0]

    def start(self, temperature: float) -> Array:
        return np.zeros((len(self.radii), self.terms))

    def temperature(self, power_temperature: float) -> float:
        # a face is as soft as that of a Laguerre tessellation whose seeds are a mean diameter (15) apart
        return power_temperature / 15.0

    def project(self, theta: Array, temperature: float) -> Array:
        """The same parameters with the eigenvalues of every matrix raised to a hundredth of the start value's smallest one.

        Without it a grain of a few voxels could have a metric of almost nothing along one axis.
        """
        low = np.zeros((len(theta), 3, 3))
        low[:, _LOW_ROWS, _LOW_COLUMNS] = self._natural(theta, temperature)[:, 3:9]
        values, vectors = np.linalg.eigh(low @ np.swapaxes(low, 1, 2))
        rows = np.flatnonzero(values[:, 0] < self._least)
        if len(rows) == 0:
            return theta
        raised = np.maximum(values[rows], self._least[rows, None])
        matrices = (vectors[rows] * raised[:, None, :]) @ np.swapaxes(vectors[rows], 1, 2)
        factors = np.linalg.cholesky(matrices)[:, _LOW_ROWS, _LOW_COLUMNS]
        before = self.factors[rows]
        ratios = np.divide(factors, before, out=np.ones_like(before), where=self._diagonal)
        change = np.where(self._diagonal, np.log(ratios), factors - before)
        out = theta.copy()
        out[rows, 3:9] = change * self.radii[rows, None] / temperature
        return out

    def ridge(self, temperature: float) -> Array:
        factors = np.full((len(self.radii), self.terms), temperature**2)
        factors[:, 9] = 0.0
        return factors

    def generators(self, theta: Array, temperature: float) -> Generators:
        natural = self._natural(theta, temperature)
        low = np.zeros((len(theta), 3, 3))
        low[:, _LOW_ROWS, _LOW_COLUMNS] = natural[:, 3:9]
        return Generators(self.kind, natural[:, :3], natural[:, 9], low @ np.swapaxes(low, 1, 2))

    def scored(self, theta: Array, temperature: float) -> tuple[Array, Callable[[Array], Array]]:
        natural = self._natural(theta, temperature)

        def pull(gradient: Array) -> Array:
            out = temperature * gradient
            out[:, 3:9] *= np.where(self._diagonal, natural[:, 3:9], 1.0) / self.radii[:, None]
            return out

        return natural, pull

    def _natural(self, theta: Array, temperature: float) -> Array:
        natural = np.empty((len(theta), 10))
        natural[:, :3] = self.centroids + temperature * theta[:, :3]
        step = temperature * theta[:, 3:9] / self.radii[:, None]
        natural[:, 3:9] = np.where(
            self._diagonal, self.factors * np.exp(np.where(self._diagonal, step, 0.0)), self.factors + step
        )
        natural[:, 9] = self.radii + temperature * theta[:, 9]
        return natural


LocalModel = PolynomialModel | NormModel


def local_model(kind: str, centroids: Array, radii: Array, matrices: Array | None) -> LocalModel:
    """The parametrisation of a kind of tessellation about its start values."""
    if kind == "gbpd-sqrt":
        assert matrices is not None
        return NormModel(kind, centroids, radii, matrices)
    return PolynomialModel(kind, centroids, radii, matrices)
