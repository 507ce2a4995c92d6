"""Fit of the shell model to radius functions ([A] Eqs 8 to 20; models.md 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.shell.coefficients import ShellCoefficients, estimate_coefficients
from nmcstudio.shell.em import FEWEST, MixtureFit, fit_coefficient_em, prior_variance, standard_errors
from nmcstudio.shell.nugget import mixture_posteriors, nugget_data
from nmcstudio.shell.sample import rejection_probability
from nmcstudio.shell.selection import bic, select_components

Method = Literal["em", "em-nugget", "published"]


def fit_shell(
    radii: RadiusFunctions,
    *,
    degree: int = 15,
    components: int | Literal["auto"] = "auto",
    method: Method = "em",
    most_components: int = 8,
    starts: int = 8,
    prior_strength: float = 1.0,
    use_weights: bool = True,
    leave_out_flagged: bool = False,
    rng: np.random.Generator,
    monitor: Monitor | None = None,
) -> ShellModel:
    """A mixture of isotropic Gaussian random fields.

    Parameters
    ----------
    radii
        Of at least 5 particles a component.
    degree
        L.
    components
        K, or "auto" for the number of smallest BIC in coefficient space.
    method
        "em": closed-form EM on harmonic coefficients; "em-nugget": the exact EM on the radii, started from it;
        "published": the route of [A]. All three report the same likelihood of the radii.
    most_components
        Largest K that "auto" tries.
    starts
        EM runs for each K; the best is kept.
    prior_strength
        nu_0 of the weak prior that keeps a component from collapsing; 0 for none.
    use_weights
        Use the particles' edge weights.
    leave_out_flagged
        Leave out particles that are not star-shaped.
    rng
        For starts and for the rejection probability.
    monitor
        Its partial result is a dict of "log_likelihood" (list, of the step that runs), "spectra" ``(K, L + 1)``, "means"
        and "shares" ``(K,)``. Asked to finish, the fit returns the best so far.

    Raises
    ------
    NmcError
        If there are too few particles or directions.
    ComputationError
        If no start keeps 5 particles in each component.
    """
    monitor = monitor or Monitor()
    if method not in ("em", "em-nugget", "published"):
        raise NmcError(f"there is no method {method!r}", "use em, em-nugget or published", "method")
    used = _used(radii, leave_out_flagged)
    needed = int(FEWEST) * (1 if components == "auto" else components)
    if used.sum() < needed:
        raise NmcError(
            f"{int(used.sum())} particles are too few for {components if components != 'auto' else 1} components",
            f"give at least {needed} particles" + (", or fewer components" if needed > FEWEST else ""),
            "components",
        )
    radii = _subset(radii, used)
    weights = radii.weights / radii.weights.mean() if use_weights else np.ones(len(radii))
    monitor.report(0.0, f"coefficients of {len(radii)} particles")
    coefficients = estimate_coefficients(radii, degree)
    full = (degree + 1) ** 2
    if coefficients.rank < full and method == "em":
        monitor.warn(
            f"{len(radii.directions)} directions determine {coefficients.rank} of {full} coefficients of degree {degree}, so the "
            "exact EM on the radii (em-nugget) was used; a lower degree or more directions allow the quick one"
        )
        method = "em-nugget"
    live = _Live(monitor)
    first = monitor.sub(0.02, 0.9 if method == "em" else 0.3)
    table: dict[int, float] = {}
    options: dict[str, Any] = {"weights": weights, "starts": starts, "prior_strength": prior_strength, "on_step": live}
    if components == "auto":
        start, table = select_components(coefficients, rng, most=most_components, monitor=first, **options)
        if len(start.shares) == most_components > 1:
            monitor.warn(
                f"BIC still falls at {most_components} components, the largest number tried: raise it, or take fewer on purpose"
            )
    else:
        start = fit_coefficient_em(coefficients, components, rng, monitor=first, **options)
    fit = start
    data = nugget_data(radii.radii_um, radii.directions, degree, weights)
    if method == "em-nugget" and not monitor.finish_requested:
        from nmcstudio.shell.nugget_em import fit_nugget_em

        fit = fit_nugget_em(data, start, monitor=monitor.sub(0.3, 0.9), on_step=live)
    elif method == "published" and not monitor.finish_requested:
        from nmcstudio.shell.published import fit_by_adam

        part = monitor.sub(0.3, 0.9)
        begin = _published_start(radii, degree, len(start.shares), weights, coefficients, part)
        fit = fit_by_adam(data, begin, monitor=part, on_step=live)
    if method != "em" and not fit.converged and not monitor.finish_requested:
        monitor.warn("the fit ended at its largest number of steps; more would raise the likelihood a little")
    monitor.report(0.9, "likelihood of the radii")
    log_likelihood, responsibilities, _ = mixture_posteriors(
        data, fit.shares, fit.means_um, fit.spectra_um2, max(fit.nugget_um2, 1e-12), monitor
    )
    model = _model(radii, fit, coefficients, weights, method, log_likelihood, responsibilities, table)
    monitor.report(0.92, "share of shells that sampling will reject")
    rejected = rejection_probability(model, rng, monitor=monitor.sub(0.92, 1.0))
    if rejected > 0.01:
        monitor.warn(
            f"{100 * rejected:.1f} % of the shells have a radius at or below zero and will be rejected, so that drawn shells are "
            "larger than the fitted mean; leave out particles that are not star-shaped, or use more components"
        )
    monitor.report(1.0, f"{len(model.components)} components, log-likelihood {log_likelihood:.1f}")
    return replace(model, rejection_probability=rejected)


class _Live:
    """Hands the state of a running fit to whoever watches."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def __call__(self, fit: MixtureFit) -> None:
        partial = {
            "log_likelihood": list(fit.history),
            "spectra": fit.spectra_um2,
            "means": fit.means_um,
            "shares": fit.shares,
        }
        self._monitor.report(None, partial=partial)


def _used(radii: RadiusFunctions, leave_out_flagged: bool) -> NDArray[np.bool_]:
    if not leave_out_flagged:
        return np.ones(len(radii), dtype=bool)
    return np.array([not flag for flag in radii.flags], dtype=bool)


def _subset(radii: RadiusFunctions, rows: NDArray[np.bool_]) -> RadiusFunctions:
    names = ("ids", "radii_um", "centres_um", "weights", "star_errors", "volumes_um3")
    parts: dict[str, Any] = {name: getattr(radii, name)[rows] for name in names}
    return replace(radii, flags=tuple(flag for flag, row in zip(radii.flags, rows) if row), **parts)


def _published_start(
    radii: RadiusFunctions,
    degree: int,
    components: int,
    weights: NDArray[np.float64],
    coefficients: ShellCoefficients,
    monitor: Monitor,
) -> MixtureFit:
    from nmcstudio.shell.published import spectra_by_least_squares, vector_mixture_responsibilities

    monitor.report(0.0, "mixture of Gaussian vectors")
    # A few hundred directions, spread evenly, carry the covariance; pairs of thousands would only take time.
    some = slice(None, None, -(-len(radii.directions) // 600))
    values, directions = np.ascontiguousarray(radii.radii_um[:, some]), radii.directions[some]
    shares = vector_mixture_responsibilities(values, components, weights, monitor=monitor)
    monitor.report(0.0, "spectra by non-negative least squares")
    weighted = shares * weights[:, None]
    means, spectra = spectra_by_least_squares(values, directions, degree, weighted, monitor)
    # Least squares sets small variances to zero, from where a climb in their logarithms would not return.
    spectra[:, 1:] = np.maximum(spectra[:, 1:], 0.1 * prior_variance(coefficients, 1, weights)[1:])
    sizes = weighted.sum(axis=0) / weighted.sum()
    return MixtureFit(sizes, means, spectra, float("nan"), shares, coefficients.nugget_um2, (), False)


def _model(
    radii: RadiusFunctions,
    fit: MixtureFit,
    coefficients: ShellCoefficients,
    weights: NDArray[np.float64],
    method: Method,
    log_likelihood: float,
    responsibilities: NDArray[np.float64],
    table: dict[int, float],
) -> ShellModel:
    share_errors, mean_errors, spectrum_errors = standard_errors(fit, coefficients.noise_um2, weights)
    parts = tuple(
        ShellComponent(
            probability=float(fit.shares[k]),
            mean_um=float(fit.means_um[k]),
            power_spectrum=fit.spectra_um2[k],
            probability_se=float(share_errors[k]),
            mean_se_um=float(mean_errors[k]),
            power_spectrum_se=spectrum_errors[k],
        )
        for k in range(len(fit.shares))
    )
    return ShellModel(
        degree=coefficients.degree,
        components=parts,
        log_likelihood=log_likelihood,
        bic=bic(log_likelihood, len(parts), coefficients.degree, len(radii)),
        nugget_um=float(np.sqrt(fit.nugget_um2)),
        method=method,
        sample_size=len(radii),
        responsibilities=responsibilities,
        smoothing_um=radii.smoothing_um,
        bic_by_components={str(k): float(value) for k, value in table.items()},
        simulated=radii.simulated,
    )
