"""Fit of a Laguerre tessellation or a GBPD to a label volume (models.md 6)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import KINDS, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, index_to_um
from nmcstudio.core.workers import worker_count
from nmcstudio.grains.fit_progress import FitHistory, FitProgress
from nmcstudio.grains.gaps import fill_gaps
from nmcstudio.grains.gauge import fix_gauge
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.lbfgs import Precondition, minimise
from nmcstudio.grains.local_models import Array, Generators, LocalModel, local_model
from nmcstudio.grains.objective import Objective
from nmcstudio.grains.published import polish_as_published
from nmcstudio.grains.quality import with_quality
from nmcstudio.grains.reentry import bring_back
from nmcstudio.grains.start import start_values
from nmcstudio.grains.training import TrainingSet, sample_training_set
from nmcstudio.stats.descriptors import Descriptors, describe_labels

_MEAN_DIAMETER = 15.0  # of the grains in the fit's own unit: temperatures are those of models.md 6.4 in voxel^2
_SHOW_EVERY_S = 0.2  # between two live views
_MANY_POINTS = 200_000  # from here on the early stages look at a share of the points, and all end a little earlier
_PATIENCE = 0.25  # factor of the tolerances of smaller fits
_MOST_POINTS = 20_000_000  # in all, whatever the number of grains: 2 GiB
_SLAB = 64  # planes that are labelled together


@dataclass(frozen=True)
class _Stage:
    """One temperature of the fit (its unit squared): which loss, share of the points, factor of the ridge, and when it ends."""

    temperature: float
    error: bool
    share: float
    tolerance: float
    ridge: float = 1.0


# from a few points, where the problem is convex and coarse, to all of them, where the last share of a voxel counts
# Where the start values agree badly (long or ramified grains), a fit that begins colder goes astray: far voxels on the wrong
# side rule it, with the quadratic form's ten parameters almost everywhere. From good start values it would only lead away.
_HOT = _Stage(32.0, False, 0.1, 2e-3)
_GOOD_START = {"laguerre": 0.75, "gbpd-quadratic": 0.95, "gbpd-sqrt": 0.75}  # agreement
_FIRST = _Stage(8.0, False, 0.2, 2e-3)
_LAST = _Stage(3.0, False, 1.0, 1e-3)
_STAGES = {
    "agreement": (_FIRST, _Stage(4.0, True, 0.3, 1e-3, 0.1), _Stage(2.0, True, 1.0, 1e-3, 0.1)),
    "cross-entropy": (_FIRST, _LAST),
    "published": (_FIRST, _LAST),
}
# Labels that nearly are a tessellation tell their generators far better at low temperature: a soft face between two close seeds
# drives them apart, and the seeds' pair correlation with them. For other labels there is no such place to look for.
_SHARP = (_Stage(1.0, False, 1.0, 1e-3, 0.1), _Stage(0.3, False, 1.0, 1e-3, 0.01))
_SHARP_FROM = {"laguerre": 0.98, "gbpd-quadratic": 0.99, "gbpd-sqrt": 0.99}  # agreement; GBPD reach 0.98 on any smooth grains
_MOST_STEPS, _TYPICAL_STEPS = 100, 10  # of a stage


def fit_tessellation(
    grains: LabelVolume,
    kind: str = "laguerre",
    objective: str = "agreement",
    points_per_grain: int = 1000,
    ridge: float = 1e-3,
    fill_gap_voxels: float = 2.0,
    gauge: str = "auto",
    rng: np.random.Generator | None = None,
    monitor: Monitor | None = None,
) -> Tessellation:
    """Find the generators whose cells agree best with the grains.

    Multiclass cross-entropy of soft labels in the local parametrisation of models.md 6.5, which is convex for Laguerre
    tessellations and quadratic GBPD, at falling temperatures; then the root error 2 (1 - sqrt p). The best state of the
    ends of all stages, start values included, is kept.

    Parameters
    ----------
    grains
        Labels 0 are background or unknown and are not fitted; grains may consist of several pieces.
    kind
        "laguerre", "gbpd-quadratic" or "gbpd-sqrt".
    objective
        "agreement" (cross-entropy, then root error, then lost grains brought back), "cross-entropy" (no more than that), or
        "published" (cross-entropy, then Adam on the binary sum, [A] Eq. 32).
    points_per_grain
        Training voxels near faces, on average.
    ridge
        rho of models.md 6.5: how strongly generators are held to the grains' centroids and moments.
    fill_gap_voxels
        Seams of label 0 up to twice as wide are given to the nearest grain first; 0 to leave them.
    gauge
        "auto", "stationarity" or "centroid" (`fix_gauge`).
    rng
        Choice of training voxels.
    monitor
        Progress with `FitProgress`, cancel, finish now.

    Raises
    ------
    NmcError
        If there is no grain, or an argument is unknown.
    """
    if kind not in KINDS:
        raise NmcError(f"unknown kind of tessellation {kind!r}", f"use one of {', '.join(KINDS)}", "kind")
    if objective not in _STAGES:
        raise NmcError(f"unknown objective {objective!r}", f"use one of {', '.join(_STAGES)}", "objective")
    rng = rng if rng is not None else np.random.default_rng(1)
    monitor = monitor or Monitor()
    filled = fill_gaps(grains, fill_gap_voxels, monitor)
    described = describe_labels(filled, monitor=monitor.sub(0.0, 0.05))
    if len(described) == 0:
        raise NmcError("there are no grains to fit", "the label volume is empty: segment or import grains first")
    with ThreadPoolExecutor(worker_count()) as pool:
        fit = _Fit(filled, grains, described, kind, pool, monitor.sub(0.05, 0.1))
        wanted = min(points_per_grain * len(described), _MOST_POINTS)
        training = sample_training_set(fit.rows, fit.scaling, wanted, rng, monitor.sub(0.1, 0.15))
        found = fit.run(training, objective, ridge, rng, monitor.sub(0.15, 0.9))
    result = fit.tessellation(found)
    result = with_quality(result, filled, described, fit.counted, monitor.sub(0.9, 1.0))
    result = fix_gauge(result, gauge)
    monitor.report(1.0, f"Agreement {result.agreement:.4f}")
    return result


class _Fit:
    """One fit: the grains, their scaling to the fit's unit of length, and the best state so far."""

    def __init__(
        self,
        filled: LabelVolume,
        grains: LabelVolume,
        described: Descriptors,
        kind: str,
        pool: ThreadPoolExecutor,
        monitor: Monitor,
    ) -> None:
        self.grains = grains
        self._pool = pool
        self.kind = kind
        self._shown = 0.0
        self._history = FitHistory()
        self.labels = described.labels
        self.rows = _rows(filled, described.labels)
        self.counted = self.rows if filled is grains else _rows(grains, described.labels)
        self._counted = sum(int(np.count_nonzero(plane >= 0)) for plane in self.counted)
        self.unit = float(described.diameters_um.mean()) / _MEAN_DIAMETER
        corner, end = index_to_um(np.array([[0, 0, 0], grains.shape]), grains.spacing_um, grains.origin_um)
        self.middle = (corner + end) / 2.0
        self.scaling = np.stack([(corner - self.middle) / self.unit, np.array(grains.spacing_um[::-1]) / self.unit], axis=1)
        seeds, weights, matrices = start_values(kind, described.centroids_um, described.volumes_um3, described.covariances_um2)
        radii = described.diameters_um / 2.0 / self.unit
        self.model: LocalModel = local_model(kind, (seeds - self.middle) / self.unit, radii, matrices)
        self.best = Generators(kind, seeds, weights, matrices)
        self._start = self.best
        self.best_agreement = self._agreement(self.best, monitor)
        self._history.add_whole(self.best_agreement)

    def run(
        self,
        training: TrainingSet,
        objective: str,
        ridge: float,
        rng: np.random.Generator,
        monitor: Monitor,
    ) -> Generators:
        sharp = _SHARP if objective == "agreement" else ()
        hot = () if self.best_agreement >= _GOOD_START[self.kind] else (_HOT,)
        stages = (*hot, *_STAGES[objective], *sharp)
        temperature = self.model.temperature(stages[0].temperature)
        theta = self.model.start(temperature)
        work = np.cumsum([0.0] + [stage.share for stage in stages])
        ends = (0.7 if objective == "published" else 1.0) * work / work[-1]
        for stage, first, last in zip(stages, ends, ends[1:]):
            if stage in sharp and self.best_agreement < _SHARP_FROM[self.kind]:
                break
            part = monitor.sub(first, last)
            points = training
            if stage.share < 1.0 and len(training) > _MANY_POINTS:
                points = training.subset(np.flatnonzero(rng.random(len(training), np.float32) < stage.share))
            new = self.model.temperature(stage.temperature)
            theta, temperature = theta * temperature / new, new
            loss = Objective(self.model, points, self._pool, ridge * stage.ridge)
            tolerance = stage.tolerance if len(training) > _MANY_POINTS else _PATIENCE * stage.tolerance
            theta = self._stage(loss, theta, temperature, stage, tolerance, part)
            self._keep(self.model.generators(theta, temperature), part)
            if monitor.finish_requested:
                return self.best
        if objective == "published":

            def watch(theta: Array, loss: Objective, fraction: float) -> None:
                self._report(loss, theta, temperature, "Binary sum, Adam", monitor.sub(0.7, 1.0), fraction)

            theta = polish_as_published(self.model, training, theta, temperature, self._pool, rng, monitor.sub(0.7, 1.0), watch)
            # the published objective is what was asked for, whatever the other one thinks of its result
            return self._in_um(self.model.generators(theta, temperature))
        if objective == "agreement":
            self.best = bring_back(self.best, self._start, self.counted, self.grains, _MEAN_DIAMETER * self.unit, monitor)
        return self.best

    def _stage(
        self, loss: Objective, theta: Array, temperature: float, stage: _Stage, tolerance: float, monitor: Monitor
    ) -> Array:
        from nmcstudio.grains.objective_kernels import CROSS_ENTROPY, ROOT_ERROR

        words = f"{'Root error' if stage.error else 'Cross-entropy'} at temperature {stage.temperature:g}"
        mode = ROOT_ERROR if stage.error else CROSS_ENTROPY
        monitor.report(0.0, words)

        def function(theta: Array) -> tuple[float, Array]:
            return loss(theta, temperature, mode, monitor)

        def renew(theta: Array, failed: bool) -> Precondition:
            if failed:
                loss.margin *= 2.0
            loss.choose_candidates(theta, temperature, monitor)
            return loss.preconditioner(theta, temperature, monitor)

        def going_on(step: int, theta: Array) -> bool:
            self._report(loss, theta, temperature, words, monitor, 1.0 - 0.5 ** (step / _TYPICAL_STEPS))
            return not monitor.finish_requested

        def project(theta: Array) -> Array:
            return self.model.project(theta, temperature)

        return minimise(function, theta, _MOST_STEPS, renew, going_on, project, tolerance)

    def _report(self, loss: Objective, theta: Array, temperature: float, words: str, monitor: Monitor, fraction: float) -> None:
        now = time.monotonic()
        if np.isnan(loss.agreement) or now - self._shown < _SHOW_EVERY_S:
            monitor.report(fraction)
            return
        self._shown = now
        state = self._in_um(self.model.generators(theta, temperature))
        shares = np.divide(loss.right_mass, loss.mass, out=np.full(len(loss.mass), np.nan), where=loss.mass > 0)
        self._history.add(loss.agreement, loss.value)
        partial = FitProgress(
            self.kind, self.labels, state.seeds, state.weights, state.matrices, shares, loss.mass, *self._history.curves()
        )
        monitor.report(fraction, f"{words}: agreement {loss.agreement:.3f}", partial)

    def _keep(self, generators: Generators, monitor: Monitor) -> None:
        found = self._in_um(generators)
        agreement = self._agreement(found, monitor)
        self._history.add_whole(agreement)
        if agreement > self.best_agreement:
            self.best, self.best_agreement = found, agreement

    def _agreement(self, g: Generators, monitor: Monitor) -> float:
        """Share of all grain voxels whose label the generators give back."""
        volume, quiet = self.grains, _Quiet(monitor)
        starts = range(0, volume.shape[0], _SLAB)

        def right_of(start: int) -> int:
            rows = self.counted[start : start + _SLAB]
            origin = (volume.origin_um[0] + start * volume.spacing_um[0], *volume.origin_um[1:])
            index = label_grid(g.kind, g.seeds, g.weights, g.matrices, rows.shape, volume.spacing_um, origin, quiet)
            return int(np.count_nonzero((index == rows) & (rows >= 0)))

        monitor.check()
        return sum(self._pool.map(right_of, starts)) / max(self._counted, 1)

    def _in_um(self, g: Generators) -> Generators:
        weights = g.weights * (self.unit if self.kind == "gbpd-sqrt" else self.unit**2)
        return Generators(self.kind, g.seeds * self.unit + self.middle, weights, g.matrices)

    def tessellation(self, g: Generators) -> Tessellation:
        volume = self.grains
        corners = index_to_um(np.array([[-0.5] * 3, np.array(volume.shape) - 0.5]), volume.spacing_um, volume.origin_um)
        quaternions = None if volume.quaternions is None else volume.quaternions[self.labels]
        return Tessellation(
            kind=self.kind,
            labels=self.labels,
            seeds_um=g.seeds,
            weights=g.weights,
            window_um=corners.T,
            matrices=g.matrices,
            quaternions=quaternions,
            point_group=volume.point_group,
            simulated=volume.simulated,
        )


class _Quiet(Monitor):
    """Passes cancelling on, but no progress: for a look at the result between two steps."""

    def __init__(self, parent: Monitor) -> None:
        super().__init__()
        self._parent = parent

    def check(self) -> None:
        self._parent.check()


def _rows(volume: LabelVolume, labels: NDArray[np.int64]) -> NDArray[np.int32]:
    """Row in `labels` of each voxel, -1 for background, unobserved voxels and labels that are not there."""
    table = np.full(int(max(volume.labels.max(initial=0), labels.max(initial=0))) + 1, -1, np.int32)
    table[labels] = np.arange(len(labels), dtype=np.int32)
    rows: NDArray[np.int32] = table[volume.labels]
    if volume.observed is not None:
        rows[~volume.observed] = -1
    return rows
