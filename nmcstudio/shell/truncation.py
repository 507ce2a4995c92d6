"""Radii are above zero: the normaliser P(min Z > 0) of a component, smooth in its parameters (models.md 4.6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.directions import icosphere
from nmcstudio.shell.harmonics import Y00, degree_of_index, harmonics

#: From this share of rejected shells on the normaliser is part of the likelihood.
NOTABLE = 0.01
_BLOCK = 250


class Positivity:
    """log P(all radii > 0) of a random field, with derivatives, on the directions that sampling looks at.

    Given the shape of a field, its radii are positive if and only if its mean radius lies above a bound, and the mean radius is
    normal: each drawn shape gives a smooth function instead of a yes or no. The same standard normal numbers serve every
    parameter (common random numbers), each draw also with its sign turned, so that the estimate is continuous in the parameters.

    Parameters
    ----------
    degree
        L.
    draws
        Number of shapes; twice as many count.
    rng
        For the draws, which are then kept.
    """

    def __init__(self, degree: int, draws: int, rng: np.random.Generator) -> None:
        self._numbers = rng.standard_normal((draws, (degree + 1) ** 2))
        self._numbers[:, 0] = 0
        self._basis = harmonics(icosphere().directions, degree)
        self._groups = degree_of_index(degree)

    def log_probability(
        self, mean_um: float, spectrum_um2: NDArray[np.float64], monitor: Monitor | None = None
    ) -> tuple[float, float, NDArray[np.float64]]:
        """log P, its derivative by the mean radius, and those by log a_l, float64 ``(L + 1,)``."""
        from scipy.special import log_ndtr

        roots = np.sqrt(spectrum_um2)
        spread = max(roots[0] * Y00, 1e-9 * abs(mean_um))
        peak = float(np.sqrt(spectrum_um2[1:] @ (2 * np.arange(1, len(roots)) + 1))) * Y00
        if mean_um > 9 * np.hypot(spread, peak):
            # 2,562 directions nine standard deviations away: below 1e-15.
            return 0.0, 0.0, np.zeros(len(roots))
        bounds, parts = [], []
        for start in range(0, len(self._numbers), _BLOCK):
            if monitor is not None:
                monitor.check()
            values = self._numbers[start : start + _BLOCK] * roots[self._groups]
            radii = values @ self._basis.T
            for sign, where in ((1.0, radii.argmin(axis=1)), (-1.0, radii.argmax(axis=1))):
                bounds.append(sign * np.take_along_axis(radii, where[:, None], axis=1)[:, 0])
                at = sign * values * self._basis[where]
                parts.append(np.add.reduceat(at, np.arange(len(roots)) ** 2, axis=1))
        lowest, by_degree = np.concatenate(bounds), np.concatenate(parts)
        score = (mean_um + lowest) / spread
        log_each = log_ndtr(score)
        top = float(log_each.max())
        each = np.exp(log_each - top)
        log_probability = top + float(np.log(each.mean()))
        # d log Phi(t) = phi(t) / Phi(t), weighted by each draw's part of P.
        slope = np.exp(-0.5 * score**2 - 0.5 * np.log(2 * np.pi) - top) / each.sum()
        by_spectrum = 0.5 * (slope / spread) @ by_degree
        by_spectrum[0] = -0.5 * slope @ score
        return min(log_probability, 0.0), float(slope.sum() / spread), by_spectrum

    def curvature(self, mean_um: float, spectrum_um2: NDArray[np.float64], monitor: Monitor | None = None) -> NDArray[np.float64]:
        """Second derivatives of log P by the mean radius and by log a_0 … log a_L, float64 ``(L + 2, L + 2)``.

        Differences of the first ones over a few per cent, which even out the places where another direction becomes the lowest.
        """
        size = len(spectrum_um2) + 1
        out = np.zeros((size, size))
        if self.log_probability(mean_um, spectrum_um2, monitor)[0] > -1e-6:
            return out
        for row in range(size):
            step = 0.02 * mean_um if row == 0 else 0.1
            ends = []
            for sign in (1.0, -1.0):
                mean = mean_um + sign * step if row == 0 else mean_um
                spectrum = np.array(spectrum_um2)
                if row:
                    spectrum[row - 1] *= np.exp(sign * step)
                _, by_mean, by_spectrum = self.log_probability(mean, spectrum, monitor)
                ends.append(np.concatenate([[by_mean], by_spectrum]))
            out[row] = (ends[0] - ends[1]) / (2 * step)
        return 0.5 * (out + out.T)
