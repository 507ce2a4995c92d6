"""Shells of the data and of the model, measured alike: one large sample of the model, and many of the data's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import RadiusFunctions, ShellModel
from nmcstudio.shell.coefficients import estimate_coefficients, power_by_degree
from nmcstudio.shell.directions import quadrature_of
from nmcstudio.shell.harmonics import degree_of_index
from nmcstudio.shell.measures import measure_shells
from nmcstudio.shell.sample import draw_shells

Array = NDArray[np.float64]
_BLOCK = 2000  # shells drawn at once
# Quadrature sees this many degrees less than it has rings without folding what lies above into them (models.md 4.3).
_GUARD = 8


@dataclass(frozen=True)
class ShellSample:
    """Measured shells.

    Attributes
    ----------
    pairs
        float64 ``(n, 2)``: volume-equivalent diameter, um, and sphericity.
    power
        float64 ``(n, l + 1)``: sum of the squared harmonic coefficients of each degree, um^2; in column 0 the mean radius.
    weights
        float64 ``(n,)``, or None where all weigh the same.
    """

    pairs: Array
    power: Array
    weights: Array | None

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class MeasuredShells:
    """The data's shells.

    Attributes
    ----------
    sample
        Diameter and sphericity from harmonics up to `degree`; the power up to `seen_degree`, as far as the directions show it.
    noise_um2
        float64 ``(seen_degree + 1,)``: variance that measuring adds to a coefficient of each degree.
    """

    sample: ShellSample
    noise_um2: Array
    degree: int

    @property
    def seen_degree(self) -> int:
        return len(self.noise_um2) - 1


def measure_data(radii: RadiusFunctions, degree: int, monitor: Monitor) -> MeasuredShells:
    """Measure the shells of the data up to a degree."""
    near = estimate_coefficients(radii, degree)
    grid = quadrature_of(radii.directions)
    seen = degree if grid is None else max(degree, (grid.exact_degree + 1) // 2 - _GUARD)
    far = near if seen == degree else estimate_coefficients(radii, seen)
    # Where the residual up to L holds structure above L, its error is that of the model's fit, and both are seen alike.
    noise = np.concatenate([near.noise_um2, far.noise_um2[degree + 1 :]])
    power = np.concatenate([near.power, far.power[:, degree + 1 :]], axis=1)
    measures = measure_shells(near.values, monitor)
    weights = None if np.ptp(radii.weights) == 0 else np.asarray(radii.weights)
    return MeasuredShells(ShellSample(np.column_stack(measures), power, weights), noise, degree)


def draw_sample(model: ShellModel, count: int, noise_um2: Array, rng: np.random.Generator, monitor: Monitor) -> ShellSample:
    """Shells of the model, with the error that estimating coefficients from radii has (models.md 4.3).

    Parameters
    ----------
    noise_um2
        As in `MeasuredShells`, up to the degree that is to be looked at: above the model's there is nothing but this error.
    """
    pairs, power = [], []
    deviations = np.sqrt(noise_um2)[degree_of_index(len(noise_um2) - 1)]
    inner = (model.degree + 1) ** 2
    for number, start in enumerate(range(0, count, _BLOCK)):
        part = monitor.sub(start / count, min(start + _BLOCK, count) / count)
        own, size = child(rng, number), min(_BLOCK, count - start)
        # Size and shape do not depend on where a shell is seen from: no need to move it to its centroid.
        drawn = draw_shells(model, size, child(own, 0), recentre=False, monitor=part.sub(0.0, 0.6)).coefficients
        seen = deviations * child(own, 1).standard_normal((size, len(deviations)))
        seen[:, :inner] += drawn
        pairs.append(np.column_stack(measure_shells(seen[:, :inner], part.sub(0.6, 1.0))))
        power.append(power_by_degree(seen))
    return ShellSample(np.concatenate(pairs), np.concatenate(power), None)


def draw_replicates(
    model: ShellModel, data: MeasuredShells, count: int, rng: np.random.Generator, monitor: Monitor
) -> list[ShellSample]:
    """Samples of the model, each of the data's size and chosen as the data are.

    Small particles lie wholly in the field of view more often, and the data's weights undo that on average but not their
    scatter. So a drawn shell is kept with the probability that the weights tell for its size, and gets that weight.
    "Finish now" ends after the samples that are complete.
    """
    size = len(data.sample)
    visible = visibility(data.sample)
    found: list[ShellSample] = []
    parts: list[ShellSample] = []
    kept = number = 0
    while len(found) < count and not (monitor.finish_requested and len(found) > 1):
        done = (len(found) + kept / size) / count
        monitor.report(done, f"drawing {count} samples of the model of the data's size")
        own = child(rng, number)
        drawn = draw_sample(model, min(_BLOCK, max(size, 200)), data.noise_um2, child(own, 0), _Silent(monitor))
        if visible is not None:
            chance = visible(drawn.pairs[:, 0])
            keep = child(own, 1).random(len(drawn)) < chance
            drawn = ShellSample(drawn.pairs[keep], drawn.power[keep], 1 / chance[keep])
        parts.append(drawn)
        kept += len(drawn)
        number += 1
        while kept >= size and len(found) < count:
            whole = _joined(parts)
            found.append(_part(whole, slice(0, size)))
            parts = [_part(whole, slice(size, None))]
            kept -= size
    return found


class _Silent(Monitor):
    """Passes on cancelling, not the progress of parts of unknown number."""

    def __init__(self, outer: Monitor) -> None:
        super().__init__()
        self._outer = outer

    def check(self) -> None:
        self._outer.check()


def visibility(sample: ShellSample) -> Callable[[Array], Array] | None:
    """Probability that a particle of a diameter (um) lies in the field of view, up to a factor: at most 1; None without weights.

    The logarithm of the weights as a quadratic of the diameter, straight on beyond the data. Holding it there instead would
    give samples of the model less scatter than the data have: the largest particles carry the largest weights.
    """
    if sample.weights is None:
        return None
    diameters, logarithms = sample.pairs[:, 0], np.log(sample.weights)
    middle, spread = diameters.mean(), diameters.std() or 1.0
    places = (diameters - middle) / spread
    trend = np.polynomial.Polynomial.fit(places, logarithms, 2 if len(sample) > 10 else 1)
    first, last = places.min(), places.max()
    rise = max(float(trend.deriv()(last)), 0.0)
    least = float(trend(np.linspace(first, last, 100)).min())

    def chance(at: Array) -> Array:
        place = (at - middle) / spread
        logarithm = trend(np.clip(place, first, last)) + rise * np.maximum(place - last, 0.0)
        return np.exp(np.minimum(least - logarithm, 0.0))

    return chance


def _joined(parts: list[ShellSample]) -> ShellSample:
    weights = None if parts[0].weights is None else np.concatenate([p.weights for p in parts if p.weights is not None])
    return ShellSample(np.concatenate([p.pairs for p in parts]), np.concatenate([p.power for p in parts]), weights)


def _part(sample: ShellSample, rows: slice) -> ShellSample:
    return ShellSample(sample.pairs[rows], sample.power[rows], None if sample.weights is None else sample.weights[rows])
