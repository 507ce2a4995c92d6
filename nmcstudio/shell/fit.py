"""Fit of the shell model to radius functions ([A] Eqs 8 to 20; models.md 4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.blas import one_blas_thread
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.shell.coefficients import ShellCoefficients, estimate_coefficients
from nmcstudio.shell.directions import quadrature_of
from nmcstudio.shell.em import FEWEST, MixtureFit
from nmcstudio.shell.live import LiveFit
from nmcstudio.shell.nugget import NuggetData, nugget_data
from nmcstudio.shell.nugget_em import fit_nugget_em
from nmcstudio.shell.objective import MixtureObjective
from nmcstudio.shell.refit import bootstrap_of
from nmcstudio.shell.routes import CoefficientRoute, ExactRoute
from nmcstudio.shell.selection import (
    Criterion,
    CrossValidation,
    Curves,
    bic,
    degree_curves,
    select_components,
)
from nmcstudio.shell.selection import (
    most_components as largest_number,
)
from nmcstudio.shell.truncation import NOTABLE, Positivity
from nmcstudio.shell.uncertainty import closed_form_errors, information_errors

Method = Literal["em", "em-nugget", "published"]
METHODS: tuple[Method, ...] = ("em", "em-nugget", "published")
#: Shapes that the report of rejected shells draws, and that the normaliser in the likelihood draws.
_DRAWS_REPORT, _DRAWS_FIT = 400, 1000
_HIGHEST_AUTO = 30


@dataclass(frozen=True)
class _Task:
    """What all methods share: the radii's coefficients and sufficient statistics, and how to watch."""

    radii: RadiusFunctions
    weights: NDArray[np.float64]
    coefficients: ShellCoefficients
    data: NuggetData
    exact: ExactRoute
    quick: CoefficientRoute
    live: LiveFit


@one_blas_thread()
def fit_shell(
    radii: RadiusFunctions,
    *,
    degree: int | Literal["auto"] = 15,
    components: int | Literal["auto"] = "auto",
    method: Method = "em",
    criterion: Criterion = "bic",
    most_components: int | None = None,
    starts: int = 8,
    prior_strength: float = 1.0,
    use_weights: bool = True,
    leave_out_flagged: bool = False,
    positive_radii: bool = True,
    compare_methods: bool = False,
    cross_validate: bool = True,
    bootstrap: int = 0,
    rng: np.random.Generator,
    monitor: Monitor | None = None,
) -> ShellModel:
    """A mixture of isotropic Gaussian random fields.

    Parameters
    ----------
    radii
        Of at least 5 particles a component.
    degree
        L, or "auto" for the one that `criterion` prefers.
    components
        K, or "auto" for the number that `criterion` prefers.
    method
        "em": closed-form EM on harmonic coefficients; "em-nugget": the exact maximum on the radii, climbed from it;
        "published": the route of [A]. All three report the same likelihood of the radii.
    criterion
        "bic", or "held-out" for the log-likelihood of particles that a fit has not seen.
    most_components
        Largest K that "auto" tries; None for ten particles each and at most 20.
    starts
        EM runs for each K; the best is kept.
    prior_strength
        nu_0 of the weak prior that keeps a component from collapsing; 0 for none.
    use_weights
        Use the particles' edge weights.
    leave_out_flagged
        Leave out particles that are not star-shaped.
    positive_radii
        Count in the likelihood that radii are above zero, where more than 1 % of the fields would break that.
    compare_methods
        Fit by the other methods too and keep their likelihoods.
    cross_validate
        Compute the held-out log-likelihood beside BIC.
    bootstrap
        Number of refits of simulated data for standard errors and intervals; 0 for none.
    rng
        For starts, folds, the share of rejected shells and the bootstrap.
    monitor
        Its partial results are described in `LiveFit`. Asked to finish, the fit returns the best so far.

    Raises
    ------
    NmcError
        If there are too few particles or directions, or a criterion is asked for that is not computed.
    ComputationError
        If no start keeps 5 particles in each component.
    """
    monitor = monitor or Monitor()
    if method not in METHODS:
        raise NmcError(f"there is no method {method!r}", "use em, em-nugget or published", "method")
    if criterion == "held-out" and not cross_validate:
        raise NmcError("the held-out likelihood is not computed", "turn cross_validate on, or go by bic", "criterion")
    radii = _used(radii, leave_out_flagged, components)
    highest = highest_degree(radii.directions) if degree == "auto" else degree
    options: dict[str, Any] = {"starts": starts, "prior_strength": prior_strength, "use_weights": use_weights}
    task = _task(radii, highest, monitor, **options)
    method = _possible(method, task.coefficients, monitor)
    route = _route(task, method)
    ends = 0.5 if bootstrap else 0.95
    choosing = monitor.sub(0.02, (0.7 if method == "em" else 0.5) * ends)
    validation = CrossValidation(route, rng) if cross_validate else None
    curves = Curves()
    if components == "auto":
        limit = most_components or largest_number(len(radii))
        start, curves = select_components(
            route, rng, most=limit, criterion=criterion, validation=validation,
            monitor=choosing.sub(0.0, 0.8), on_step=task.live, on_curves=task.live.components,
        )  # fmt: skip
        if len(start.shares) == limit > 1:
            monitor.warn(
                f"{'BIC still falls' if criterion == 'bic' else 'the held-out likelihood still rises'} at {limit} components, "
                "the largest number tried: raise it, or take fewer on purpose"
            )
    else:
        start = route.fit(components, rng, choosing.sub(0.0, 0.5), task.live)
    by_degree = degree_curves(route, start, rng, validation=validation, monitor=choosing.sub(0.8, 1.0))
    task.live.degrees(by_degree)
    chosen = by_degree.best(criterion) if degree == "auto" else highest
    if chosen < highest:
        task = _task(radii, chosen, monitor, **options)
        method = _possible(method, task.coefficients, monitor)
        route = _route(task, method)
        start = route.fit(len(start.shares), rng, monitor.sub(0.5 * ends, 0.6 * ends), task.live)
    fit = _by_method(task, method, start, monitor.sub(0.6 * ends, 0.9 * ends))
    fit, positivity = _with_positive_radii(task, fit, rng, positive_radii, monitor.sub(0.9 * ends, ends))
    task.live(fit)
    objective = MixtureObjective(task.data, len(fit.shares), positivity=positivity, monitor=monitor)
    model = _model(task, fit, objective, "em-nugget" if positivity and method == "em" else method, rng, curves, by_degree)
    if compare_methods and not monitor.finish_requested:
        model = replace(model, methods=_compared(task, fit, positivity, start, monitor.sub(ends, ends + 0.02)))
    if bootstrap and not monitor.finish_requested:
        part = monitor.sub(ends, 1.0)
        how = task.quick if model.method == "em" else task.exact
        done = bootstrap_of(model, how, radii.directions, positivity, bootstrap, rng, monitor=part, live=task.live)
        model = replace(model, bootstrap=done)
    monitor.report(1.0, f"{len(model.components)} components, log-likelihood {model.log_likelihood:.1f}")
    return model


def highest_degree(directions: NDArray[np.float64]) -> int:
    """The highest degree that "auto" considers: what the directions determine with room to spare, and never above 30."""
    grid = quadrature_of(directions)
    by_directions = (grid.exact_degree + 1) // 2 - 8 if grid is not None else int(np.sqrt(len(directions) / 2)) - 1
    return int(min(_HIGHEST_AUTO, max(1, by_directions)))


def _used(radii: RadiusFunctions, leave_out_flagged: bool, components: int | Literal["auto"]) -> RadiusFunctions:
    rows = np.array([not (flag and leave_out_flagged) for flag in radii.flags], dtype=bool)
    needed = int(FEWEST) * (1 if components == "auto" else components)
    if rows.sum() < needed:
        raise NmcError(
            f"{int(rows.sum())} particles are too few for {components if components != 'auto' else 1} components",
            f"give at least {needed} particles" + (", or fewer components" if needed > FEWEST else ""),
            "components",
        )
    names = ("ids", "radii_um", "centres_um", "weights", "star_errors", "volumes_um3")
    parts: dict[str, Any] = {name: getattr(radii, name)[rows] for name in names}
    if radii.published_radii_um is not None:
        parts["published_radii_um"] = radii.published_radii_um[rows]
    return replace(radii, flags=tuple(flag for flag, row in zip(radii.flags, rows) if row), **parts)


def _task(radii: RadiusFunctions, degree: int, monitor: Monitor, starts: int, prior_strength: float, use_weights: bool) -> _Task:
    weights = radii.weights / radii.weights.mean() if use_weights else np.ones(len(radii))
    monitor.report(0.0, f"coefficients of {len(radii)} particles")
    coefficients = estimate_coefficients(radii, degree)
    data = nugget_data(radii.radii_um, radii.directions, degree, weights)
    quick = CoefficientRoute(coefficients, weights, starts, prior_strength)
    return _Task(
        radii,
        weights,
        coefficients,
        data,
        ExactRoute(coefficients, weights, starts, prior_strength, data),
        quick,
        LiveFit(monitor),
    )


def _possible(method: Method, coefficients: ShellCoefficients, monitor: Monitor) -> Method:
    if method != "em" or coefficients.determined_well:
        return method
    full = (coefficients.degree + 1) ** 2
    what = f"{coefficients.rank} of {full}" if coefficients.rank < full else f"all {full}, but not well,"
    monitor.warn(
        f"{coefficients.directions} directions determine {what} coefficients of degree {coefficients.degree}, so the exact fit "
        "of the radii (em-nugget) was used; a lower degree or more directions allow the quick one"
    )
    return "em-nugget"


def _route(task: _Task, method: Method) -> CoefficientRoute:
    """How K and L are chosen: exactly where the method or the directions ask for it."""
    return task.quick if method != "em-nugget" and task.coefficients.determined_well else task.exact


def _by_method(task: _Task, method: Method, start: MixtureFit, monitor: Monitor) -> MixtureFit:
    """The fit by a method; `start` is that of its route already, so only the published one has work left."""
    if method != "published" or monitor.finish_requested:
        return start
    from nmcstudio.shell.published import fit_by_adam, published_start

    begin = published_start(task.radii, len(start.shares), task.weights, task.coefficients, monitor)
    fit = fit_by_adam(task.data, begin, monitor=monitor, on_step=task.live)
    if not fit.converged and not monitor.finish_requested:
        monitor.warn("the gradient ascent ended at its largest number of steps; more would raise the likelihood a little")
    return fit


def _with_positive_radii(
    task: _Task, fit: MixtureFit, rng: np.random.Generator, allowed: bool, monitor: Monitor
) -> tuple[MixtureFit, Positivity | None]:
    """Climb on with the normaliser where a notable share of the fields has radii below zero; it is returned where it was used."""
    monitor.report(0.0, "share of shells that sampling will reject")
    rejected = float(fit.shares @ rejections(fit, Positivity(task.coefficients.degree, _DRAWS_REPORT, child(rng, 1)), monitor))
    if rejected <= NOTABLE:
        return fit, None
    percent = f"{100 * rejected:.1f} % of the shells have a radius at or below zero and will be rejected"
    if not allowed or monitor.finish_requested:
        monitor.warn(
            f"{percent}, so that drawn shells are larger than the fitted mean; leave out particles that are not star-shaped, or "
            "use more components"
        )
        return fit, None
    monitor.warn(f"{percent}; the likelihood counts that (radii above zero), and the parameters are those before rejection")
    positivity = Positivity(task.coefficients.degree, _DRAWS_FIT, child(rng, 2))
    prior = task.exact.prior(len(fit.shares)) if task.exact.prior_strength > 0 else None
    fit = fit_nugget_em(task.data, fit, prior=prior, positivity=positivity, monitor=monitor, on_step=task.live)
    return fit, positivity


def rejections(fit: MixtureFit, positivity: Positivity, monitor: Monitor | None = None) -> NDArray[np.float64]:
    """Share of each component's fields that have a radius at or below zero, float64 ``(K,)``."""
    pairs = zip(fit.means_um, fit.spectra_um2)
    return np.array([abs(np.expm1(positivity.log_probability(float(mean), a, monitor)[0])) for mean, a in pairs])


def _compared(
    task: _Task, fit: MixtureFit, positivity: Positivity | None, start: MixtureFit, monitor: Monitor
) -> dict[str, dict[str, float]]:
    """Log-likelihood (i) and nugget of each method at the same K and L, with the normaliser where the fit has it."""
    objective = MixtureObjective(task.data, len(fit.shares), positivity=positivity, monitor=monitor)
    out: dict[str, dict[str, float]] = {}
    for method in METHODS:
        if method == "em":
            own = task.quick.fit(len(fit.shares), np.random.default_rng(0), monitor)
        elif method == "em-nugget":
            own = fit_nugget_em(task.data, start, prior=task.exact.prior(len(fit.shares)), monitor=monitor, on_step=task.live)
        else:
            own = _by_method(task, method, start, monitor)
        if monitor.finish_requested:
            break
        at = objective.bounded(objective.pack(own))
        out[method] = {
            "log_likelihood": objective.at(at).log_likelihood,
            "nugget_um": float(np.exp(0.5 * at[objective.nugget])),
        }
    return out


def _model(
    task: _Task,
    fit: MixtureFit,
    objective: MixtureObjective,
    method: Method,
    rng: np.random.Generator,
    curves: Curves,
    by_degree: Curves,
) -> ShellModel:
    at = objective.bounded(objective.pack(fit))
    point = objective.at(at)
    fit = replace(fit, responsibilities=point.responsibilities)
    if method == "em":
        errors = closed_form_errors(fit, task.coefficients.noise_um2, task.weights)
    else:
        errors = information_errors(fit, objective, task.weights)
    rejected = rejections(fit, Positivity(task.coefficients.degree, _DRAWS_REPORT, child(rng, 1)))
    parts = tuple(
        ShellComponent(
            probability=float(fit.shares[k]),
            mean_um=float(fit.means_um[k]),
            power_spectrum=fit.spectra_um2[k],
            probability_se=float(errors.shares[k]),
            mean_se_um=float(errors.means_um[k]),
            power_spectrum_se=errors.spectra_um2[k],
            rejection_probability=float(rejected[k]),
        )
        for k in range(len(fit.shares))
    )
    degree, nugget = task.coefficients.degree, float(np.exp(at[objective.nugget]))
    tables: dict[str, dict[str, float]] = {
        "bic_by_components": _as_text(curves.bic),
        "held_out_by_components": _as_text(curves.held_out),
        "bic_by_degree": _as_text(by_degree.bic),
        "held_out_by_degree": _as_text(by_degree.held_out),
    }
    return ShellModel(
        degree=degree,
        components=parts,
        log_likelihood=point.log_likelihood,
        bic=bic(point.log_likelihood, len(parts), degree, len(task.radii)),
        nugget_um=float(np.sqrt(nugget)),
        method=method,
        sample_size=len(task.radii),
        responsibilities=point.responsibilities,
        rejection_probability=float(fit.shares @ rejected),
        smoothing_um=task.radii.smoothing_um,
        simulated=task.radii.simulated,
        history=np.array(fit.history),
        truncated=objective.truncated,
        **tables,  # type: ignore[arg-type]
    )


def _as_text(table: dict[int, float]) -> dict[str, float]:
    return {str(key): float(value) for key, value in table.items()}
