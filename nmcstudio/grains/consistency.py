"""A grain model whose simulations give back the data: correction for empty cells, then standard errors (models.md 8.4, 8.5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.grains.bootstrap import bootstrap_errors
from nmcstudio.grains.correction import correct_empty_cells
from nmcstudio.grains.fit_error import FitError, measure_fit_error
from nmcstudio.grains.fit_visible import VisibleFit
from nmcstudio.grains.observed import of_simulation
from nmcstudio.grains.study import Study

_CORRECTION, _BOOTSTRAP, _FIT_ERROR = 1, 16, 17  # streams


def make_consistent(
    fit: VisibleFit,
    *,
    rng: np.random.Generator,
    correct: bool,
    windows: int,
    steps: int,
    fit_error: bool,
    bootstrap: int,
    agreement: float,
    monitor: Monitor,
) -> GrainModel:
    """Correct the model of visible cells and tell how well it is known.

    Parameters
    ----------
    fit
        The model of visible cells and its data.
    rng
        Simulated windows.
    correct, windows, steps, fit_error, bootstrap
        As in `model.fit_grains`.
    agreement
        Of the data's own tessellation, beside which that of a simulated one is told.
    monitor
        Progress, warnings, cancelling, finish now.
    """
    model = fit.model
    if not (correct or bootstrap):
        return model
    notes = list(model.notes)
    missed = _missed(fit, fit_error, rng, monitor.sub(0.0, 0.15))
    if missed is not None:
        notes.append(missed.words(agreement))
    study = Study.plan(
        model,
        [fit.pattern],
        fit.observation,
        windows,
        clustered=fit.process.clustered,
        r_max_um=fit.process.r_max_um,
        contrast=fit.process.contrast,
        error=(0.0, 0.0) if missed is None else (missed.seeds_um, missed.weights),
    )
    found = None
    begin = 0.15 if fit_error else 0.0
    share = begin + (1.0 - begin) * (0.3 if bootstrap else 1.0)
    if correct:
        found = correct_empty_cells(model, study, child(rng, _CORRECTION), steps=steps, monitor=monitor.sub(begin, share))
        model = found.model
        notes.extend(found.notes)
        for warning in found.warnings:
            monitor.warn(warning)
    if bootstrap and not monitor.finish_requested:
        part = monitor.sub(share if correct else begin, 1.0)
        errors = bootstrap_errors(model, study, found, bootstrap, child(rng, _BOOTSTRAP), part)
        model = errors.model
        notes.extend(errors.notes)
    return replace(model, notes=tuple(notes))


def _missed(fit: VisibleFit, wanted: bool, rng: np.random.Generator, monitor: Monitor) -> FitError | None:
    """What a tessellation fit adds to the generators, where it is to be taken back too."""
    if not wanted:
        return None
    monitor.report(0.0, "Fitting a tessellation to a simulated window")
    return measure_fit_error(fit.model, of_simulation(fit.observation), child(rng, _FIT_ERROR), monitor)
