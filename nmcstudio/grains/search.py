"""Search of the correction for empty cells: Newton's steps on common random numbers, then fresh ones at the place found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import CorrectionTrace
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.grains.study import Study
from nmcstudio.grains.windows import VisiblePattern

Array = NDArray[np.float64]

_NEAR = 0.02  # residual, in logarithms, below which the search on the common windows ends
_LARGEST_STEP = 0.6
# Remaining residual that counts as agreement however small the Monte Carlo error: the last step takes it away to first order.
TOLERANCE = 0.15
_DIFFERENCE = 0.15  # between two places that tell a derivative; common random numbers leave little noise in it
_TELLING_CELLS = 16_000  # visible ones, in the windows that tell a derivative; all windows where they hold fewer
_SLOW = 0.5  # of the residual that is left after a step, from which on the derivatives are not good enough
_FAR = 0.3  # from the place of the derivatives, beyond which they are taken again
_LEAST_SINGLES = 8  # windows; the scatter of fewer says nothing of a standard error
_MOST_SINGLES = 32
_STRAY = 4.0  # robust standard deviations at which a window's fit is cut


class Search:
    """The steps of a correction.

    Attributes
    ----------
    x
        float64 ``(k,)``, the present place.
    sensitivity
        float64 ``(k, k)``, derivative of what the fit sees by the parameters. Where windows of neighbouring parameters share
        their random numbers it is measured for what moves the number of visible cells; the rest comes from the steps.
    rows
        Of the trace: residual, place, fresh or not, hidden share.
    residual, noise
        Mean over the fresh steps, and its Monte Carlo standard error.
    scatter
        float64 ``(n, k)``, how the fits of single simulated windows scatter about their middle; no rows where these are too few.
    """

    def __init__(self, study: Study, rng: np.random.Generator, steps: int, monitor: Monitor) -> None:
        self.vector, self.compare, self.plan, self.rng = study.vector, study.compare, study.windows, rng
        self.steps, self.monitor = steps, monitor
        self.x = study.vector.values.copy()
        self.sensitivity = np.eye(len(self.x))
        self.rows: list[tuple[Array, Array, bool, float]] = []
        self.residual = self.noise = np.full(len(self.x), np.nan)
        self.scatter = np.empty((0, len(self.x)))
        self._measured_at: Array | None = None
        self._common: list[VisiblePattern] = []
        self._looks = 0

    def approach(self) -> None:
        """To the solution on windows with common random numbers."""
        checks = max(2, self.steps // 2)
        residual = self._step(False)
        self._measure()
        for _ in range(2 * self.steps):
            # Near enough for the checks, which move it once more; from a place that was looked at, not from the next guess.
            enough = 0.5 * TOLERANCE if len(self.rows) >= self.steps - checks else _NEAR
            if np.max(np.abs(residual)) < enough or self.monitor.finish_requested:
                break
            before = self.x
            self.x = self._moved(residual)
            moved = self.x - before
            new = self._step(False)
            size = float(moved @ moved)
            slow = self._measured_at is None or np.max(np.abs(new)) > _SLOW * np.max(np.abs(residual))
            if size > 1e-8 and slow:
                # Broyden's update, for want of better ones: in a single step it takes noise and curvature for derivatives.
                self.sensitivity += np.outer(residual - new - self.sensitivity @ moved, moved) / size
                self.sensitivity = _tamed(self.sensitivity)
            residual = new
        if self._measured_at is not None and np.max(np.abs(self.x - self._measured_at)) > _FAR:
            self._measure()

    def check(self) -> None:
        """Fresh windows at the place found; their mean moves it once more."""
        residuals, singles = [], []
        for _ in range(max(self.steps - len(self.rows), self.steps // 2, 2)):
            patterns: list[VisiblePattern] = []
            residuals.append(self._step(True, patterns))
            singles += patterns
            if self.monitor.finish_requested:
                break
        self.residual = np.mean(residuals, axis=0)
        count = len(residuals)
        self.noise = np.std(residuals, axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(self.x), np.nan)
        self.scatter = self._scatter(singles[:_MOST_SINGLES])
        self.x = self._moved(self.residual)

    def trace(self, allowed: Array) -> CorrectionTrace:
        """What is kept of the search, before it is judged."""
        residuals, parameters, fresh, hidden = zip(*self.rows)
        return CorrectionTrace(
            names=self.vector.names,
            residuals=np.array(residuals),
            parameters=np.array(parameters),
            fresh=np.array(fresh),
            noise=self.noise,
            allowed=allowed,
            hidden_shares=np.array(hidden),
            converged=False,
            errors=self.errors,
        )

    @property
    def hidden_share(self) -> float:
        """Mean share of seeds without a visible cell at the place found."""
        return float(np.mean([hidden for _, _, fresh, hidden in self.rows if fresh]))

    @property
    def uncertainty(self) -> Array:
        """float64 ``(k,)``, Monte Carlo standard error of the corrected numbers."""
        return np.asarray(np.linalg.norm(np.linalg.solve(self.sensitivity, np.diag(np.nan_to_num(self.noise))), axis=1))

    @property
    def spread(self) -> Array:
        """float64 ``(n, k)``: `scatter` as scatter of corrected parameters."""
        return np.asarray(np.linalg.solve(self.sensitivity, self.scatter.T).T)

    @property
    def errors(self) -> Array:
        """float64 ``(k,)``, standard errors of the corrected numbers: sampling of the data and simulation; NaN if not known."""
        if not len(self.scatter):
            return np.full(len(self.x), np.nan)
        return np.asarray(np.sqrt(self.spread.var(axis=0, ddof=1) / self.compare.patterns + self.uncertainty**2))

    def _look(self, x: Array, fresh: bool, words: str, first: int | None = None) -> tuple[Array, list[VisiblePattern]]:
        """Data minus simulation at a place, and the patterns; of all windows, or of the first ones."""
        total = self.steps + len(self.vector.telling)
        part = self.monitor.sub(min(self._looks / total, 0.9), min((self._looks + 1) / total, 1.0))
        self._looks += 1
        patterns = self.plan.draw(self.vector.model(x), child(self.rng, len(self.rows) if fresh else 0), part, words, first)
        return self.compare(patterns, part), patterns

    def _step(self, fresh: bool, kept: list[VisiblePattern] | None = None) -> Array:
        """Data minus simulation at the present place; noted in the trace."""
        residual, patterns = self._look(self.x, fresh, f"Correcting for empty cells: step {len(self.rows) + 1}")
        hidden = float(np.mean([p.hidden_share for p in patterns]))
        self.rows.append((residual, self.x - self.vector.values, fresh, hidden))
        if kept is not None:
            kept += patterns
        if not fresh:
            self._common = patterns
        return residual

    def _measure(self) -> None:
        """Derivatives by what moves the number of visible cells, on the common windows, at the last place looked at.

        The first windows are enough: what two places differ by on common random numbers hardly depends on the windows.
        """
        first = 1 + int(np.searchsorted(np.cumsum([len(p.weights) for p in self._common]), _TELLING_CELLS))
        base = self.compare(self._common[:first], self.monitor) if self.vector.telling else self.x
        for index in self.vector.telling:
            if self.monitor.finish_requested:
                return
            x = self.x.copy()
            step = _DIFFERENCE if x[index] + _DIFFERENCE < self.vector.high[index] else -_DIFFERENCE
            x[index] += step
            seen, _ = self._look(x, False, "Correcting for empty cells: how the fit follows the parameters", first)
            self.sensitivity[:, index] = (base - seen) / step
            self._measured_at = self.x
        self.sensitivity = _tamed(self.sensitivity)

    def _moved(self, residual: Array) -> Array:
        move = np.linalg.solve(self.sensitivity, residual)
        return self.vector.clip(self.x + np.clip(move, -_LARGEST_STEP, _LARGEST_STEP))

    def _scatter(self, patterns: list[VisiblePattern]) -> Array:
        """What the fits of single windows differ by, as one window of the data's size would."""
        rows = []
        for pattern in patterns:
            if np.count_nonzero(self.compare.region.contains(pattern.seeds_um)) > 1:
                rows.append(self.compare([pattern], self.monitor))
        if len(rows) < _LEAST_SINGLES:
            return np.empty((0, len(self.x)))
        off = np.array(rows) - np.median(rows, axis=0)
        # A window whose own fit runs to a limit must not decide the standard error of all.
        most = _STRAY * 1.4826 * np.median(np.abs(off), axis=0)
        return np.asarray(np.clip(off, -most, most))


def _tamed(matrix: Array) -> Array:
    """The matrix with singular values in 0.25 to 3: noise in a derivative must not turn a step round or blow it up."""
    left, values, right = np.linalg.svd(matrix)
    return np.asarray((left * np.clip(values, 0.25, 3.0)) @ right)
