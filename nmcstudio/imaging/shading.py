"""Shading: grey values that drift across the field of view, and its correction by a smooth field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.blas import one_blas_thread
from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.samples import Samples

ROUNDS = 60


@dataclass(frozen=True)
class Shading:
    """A smooth field over the volume: a polynomial of the voxel's place.

    Attributes
    ----------
    multiplies
        True if grey values are divided by the field (its mean is 1), False if it is subtracted (its mean is 0).
    coefficients
        float64 ``(a, b, c)`` of the powers of z, y and x, each in units of `scale` from `centre`.
    centre, scale
        Voxel indices and voxels, (z, y, x).
    low, high
        Smallest and largest value of the field on the points that it was fitted on.
    """

    multiplies: bool
    coefficients: NDArray[np.float64]
    centre: tuple[float, float, float]
    scale: tuple[float, float, float]
    low: float
    high: float

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The field at points ``(n, 3)`` of voxel indices (z, y, x)."""
        place = (points - np.asarray(self.centre)) / np.asarray(self.scale)
        return np.asarray(np.polynomial.polynomial.polyval3d(place[:, 0], place[:, 1], place[:, 2], self.coefficients), float)

    @property
    def words(self) -> str:
        """What it does, for the notes."""
        if self.multiplies:
            return f"grey values were {100 * (self.low - 1):+.1f} to {100 * (self.high - 1):+.1f} % off across the field of view"
        return f"grey values were {self.low:+.4g} to {self.high:+.4g} off across the field of view"


def fit_shading(
    samples: Samples,
    shape: tuple[int, ...],
    kind: str = "multiplicative",
    degree: int = 2,
    centre: tuple[float, float] | None = None,
    monitor: Monitor | None = None,
) -> Shading:
    """Fit the field that makes the phases' grey values the same everywhere.

    Parameters
    ----------
    samples
        Grey values at points.
    shape
        Of the volume, for the field's units.
    kind
        "multiplicative" (illumination, beam hardening), "additive" (scatter, offset), or "cup": multiplicative, even powers up to
        the sixth of the distance from the axis.
    degree
        Total degree of the polynomial, 1 to 4.
    centre
        Axis (y, x) in voxels of a cup; None is the middle.

    Returns
    -------
    shading
        With mean 1 (multiplicative) or 0 (additive) over the points.

    Raises
    ------
    ComputationError
        If the field would change grey values by more than four fifths somewhere.

    Notes
    -----
    The points are a mixture of two phases, bright and dark, and a few outliers: ``value = level of the phase x field``. Levels,
    noise of each phase, memberships and the field are found in turn, as the bias field of magnetic resonance images is (Wells
    et al. 1996, IEEE TMI 15, 429; Van Leemput et al. 1999, IEEE TMI 18, 885). How many particles lie where does not matter,
    because a point is only compared with its own phase.
    """
    monitor = monitor or Monitor()
    middle = [(n - 1) / 2 for n in shape]
    scale = [max(1.0, n / 2) for n in shape]
    if kind == "cup":
        middle[1:] = centre or middle[1:]
        scale[1:] = [max(scale[1:])] * 2
    place = (samples.points - np.asarray(middle)) / np.asarray(scale)
    thin = [n < 8 for n in shape]
    powers = _powers(kind, degree, thin)
    basis = np.stack([_evaluate(place, terms) for terms in powers], axis=1)
    values = samples.means
    multiplies = kind != "additive"
    with one_blas_thread():
        weights = _fit(values, basis, multiplies, monitor)
    field = basis @ weights
    if multiplies:
        weights /= field.mean()
    else:
        weights[0] -= field.mean()
    field = basis @ weights
    if multiplies and (field.min() < 0.2 or field.max() > 5):
        raise ComputationError(
            "no smooth shading explains the grey values", "choose a lower degree of the shading, or no correction", "shading"
        )
    coefficients = np.zeros([1 + max(power[axis] for terms in powers for _, power in terms) for axis in range(3)])
    for weight, terms in zip(weights, powers):
        for factor, power in terms:
            coefficients[power] += weight * factor
    return Shading(
        multiplies,
        coefficients,
        (middle[0], middle[1], middle[2]),
        (scale[0], scale[1], scale[2]),
        float(field.min()),
        float(field.max()),
    )


Terms = list[tuple[float, tuple[int, int, int]]]


def _powers(kind: str, degree: int, thin: list[bool]) -> list[Terms]:
    """Basis functions as sums of factors times powers of (z, y, x); the first is the constant."""
    if kind == "cup":
        return [
            [(1.0, (0, 0, 0))],
            [(1.0, (0, 2, 0)), (1.0, (0, 0, 2))],
            [(1.0, (0, 4, 0)), (2.0, (0, 2, 2)), (1.0, (0, 0, 4))],
            [(1.0, (0, 6, 0)), (3.0, (0, 4, 2)), (3.0, (0, 2, 4)), (1.0, (0, 0, 6))],
        ]
    grid = [(a, b, c) for a in range(degree + 1) for b in range(degree + 1 - a) for c in range(degree + 1 - a - b)]
    return [[(1.0, power)] for power in grid if not any(p and flat for p, flat in zip(power, thin))]


def _evaluate(place: NDArray[np.float64], terms: Terms) -> NDArray[np.float64]:
    total = np.zeros(len(place))
    for factor, power in terms:
        total += factor * np.prod(place ** np.asarray(power), axis=1)
    return total


def _fit(values: NDArray[np.float64], basis: NDArray[np.float64], multiplies: bool, monitor: Monitor) -> NDArray[np.float64]:
    """Weights of the basis by expectation-maximisation."""
    weights = np.zeros(basis.shape[1])
    weights[0] = 1.0 if multiplies else 0.0
    low, high = np.quantile(values, (0.005, 0.995))
    start = _otsu(values[(values >= low) & (values <= high)])
    bright = values > start
    levels = np.array([np.median(values[~bright]), np.median(values[bright])])
    spreads = np.array([np.std(values[~bright].clip(low, high)), np.std(values[bright].clip(low, high))])
    least = 1e-3 * max(high - low, 1e-12)
    spreads = np.maximum(spreads, least)
    shares = np.array([np.mean(~bright), np.mean(bright)]) * 0.98
    # Outliers, and points on a surface, may have any grey value.
    anywhere = 0.02 / max(high - low, 1e-12)
    field = basis @ weights
    ridge = 1e-9 * np.eye(basis.shape[1])
    for k in range(ROUNDS):
        monitor.report(k / ROUNDS, "Fitting the shading")
        expected = levels[:, None] * field if multiplies else levels[:, None] + field
        density = shares[:, None] / spreads[:, None] * np.exp(-0.5 * ((values - expected) / spreads[:, None]) ** 2)
        density /= np.sqrt(2 * np.pi)
        member = density / (density.sum(axis=0) + anywhere)
        precision = member / spreads[:, None] ** 2
        if multiplies:
            weight = (levels[:, None] ** 2 * precision).sum(axis=0)
            target = (levels[:, None] * precision).sum(axis=0) * values
        else:
            weight = precision.sum(axis=0)
            target = (precision * (values - levels[:, None])).sum(axis=0)
        normal = basis.T @ (basis * weight[:, None])
        new = np.linalg.solve(normal + ridge * np.trace(normal), basis.T @ target)
        found = basis @ new
        if multiplies:
            new /= found.mean()
        else:
            new[0] -= found.mean()
        change = float(np.abs(basis @ new - field).max())
        weights, field = new, basis @ new
        sums = member.sum(axis=1) + 1e-12
        if multiplies:
            levels = (member * field * values).sum(axis=1) / ((member * field**2).sum(axis=1) + 1e-12)
            off = values - levels[:, None] * field
        else:
            levels = (member * (values - field)).sum(axis=1) / sums
            off = values - levels[:, None] - field
        spreads = np.maximum(np.sqrt((member * off**2).sum(axis=1) / sums), least)
        shares = sums / len(values)
        if change < (1e-4 if multiplies else 1e-4 * (high - low)):
            break
    return weights


def _otsu(values: NDArray[np.float64]) -> float:
    """Otsu's threshold of a sample."""
    ordered = np.sort(values)
    if ordered[0] == ordered[-1]:
        raise ComputationError("all grey values are the same", "there is no shading to find", "shading")
    below = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)
    gap = sums[:-1] / below - (sums[-1] - sums[:-1]) / (len(ordered) - below)
    best = int(np.argmax(below * (len(ordered) - below) * gap**2))
    return float(ordered[best : best + 2].mean())
