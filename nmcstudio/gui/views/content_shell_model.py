"""What a shell model shows, fitted or on its way: spectra, shares, how K and L were chosen, sample shells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions, ShellModel
from nmcstudio.gui.views.colours import label_colours
from nmcstudio.gui.views.content_images import density_plot
from nmcstudio.gui.views.content_shells import shell_surfaces
from nmcstudio.gui.views.contents import Column, Content, Plot, SceneItem, Series, Surfaces, Table

_SAMPLES = 6  # sample shells of each component
_LEAST = 1e-12  # um^2, what a vanishing variance is drawn at


def component_colour(number: int) -> tuple[int, int, int]:
    """Colour of a mixture component, the same in spectra, table and 3D."""
    return tuple(int(v) for v in label_colours(np.array([number]))[0, :3])


def shell_model_content(values: dict[str, Any], monitor: Monitor) -> Content:
    model: ShellModel = values["shell-model"]
    plots = [_mixture_plot(model, values.get("radii")), _fitted_spectra(model)]
    plots += curve_plots("components", model.bic_by_components, model.held_out_by_components, len(model.components))
    plots += curve_plots("degree", model.bic_by_degree, model.held_out_by_degree, model.degree)
    if model.history is not None and len(model.history) > 1:
        steps = np.arange(1, len(model.history) + 1, dtype=float)
        caption = "What the fit maximised in its last run."
        plots.append(
            Plot("fit-history", "Log-likelihood while fitting", "step", "log-likelihood",
                 (Series("model", "", steps, model.history),), caption=caption)
        )  # fmt: skip
    scene = (SceneItem("samples", "Sample shells", lambda m: sample_surfaces(model), subject="components"),)
    return Content(
        "shell-model", "Shell model", "components", (), scene, _table(model), tuple(plots), simulated=model.simulated,
        note=" ".join(_sentences(model)),
    )  # fmt: skip


def _sentences(model: ShellModel) -> list[str]:
    """What the fit says of itself."""
    said = []
    if np.isfinite(model.log_likelihood):
        error = f", with a measurement error of {model.nugget_um:.3g} µm" if np.isfinite(model.nugget_um) else ""
        said.append(f"Log-likelihood of the radii {model.log_likelihood:.1f}{error}; BIC {model.bic:.1f}.")
    if model.methods:
        listed = ", ".join(f"{name} {found['log_likelihood']:.1f}" for name, found in model.methods.items())
        said.append(f"By method: {listed} (the larger the better).")
    if np.isfinite(model.rejection_probability):
        rejected = f"{100 * model.rejection_probability:.2g} % of the fields go below zero and are rejected"
        said.append(rejected + (", which the likelihood counts." if model.truncated else "."))
    if model.bootstrap is not None:
        said.append(f"Bootstrap: {len(model.bootstrap)} of {model.bootstrap.asked} refits.")
    said.append(f"Sample shells: {_SAMPLES} of each component, a row a component.")
    return said


def _table(model: ShellModel) -> Table:
    parts, boot = model.components, model.bootstrap
    means = np.array([c.mean_um for c in parts])
    columns = [
        Column("Share", "%", np.array([100 * c.probability for c in parts])),
        Column("± share", "%", np.array([100 * c.probability_se for c in parts])),
        Column("Mean radius", "µm", means),
        Column("± mean radius", "µm", np.array([c.mean_se_um for c in parts])),
        Column("Spread of the radius", "µm", _spreads(model)),
        Column("Roughness", "%", np.array([100 * _roughness(c.power_spectrum) / c.mean_um for c in parts])),
        Column("Rejected", "%", np.array([100 * c.rejection_probability for c in parts])),
    ]
    if boot is not None and len(boot) > 1:
        columns.insert(2, Column("± share, bootstrap", "%", 100 * boot.standard_error(boot.probabilities)))
        columns.insert(5, Column("± mean radius, bootstrap", "µm", boot.standard_error(boot.means_um)))
    known = [column for column in columns if np.isfinite(column.values).any()]
    return Table("components", "components", np.arange(1, len(parts) + 1), tuple(known))


def _spreads(model: ShellModel) -> NDArray[np.float64]:
    """Standard deviation of a shell's mean radius c_00 / sqrt(4 pi) in each component, um."""
    return np.array([np.sqrt(max(c.power_spectrum[0] / (4 * np.pi), (1e-3 * c.mean_um) ** 2)) for c in model.components])


def _mixture_plot(model: ShellModel, radii: RadiusFunctions | None) -> Plot:
    means, sds = np.array([c.mean_um for c in model.components]), _spreads(model)
    shares = np.array([c.probability for c in model.components])
    x = np.linspace(max(0.0, float((means - 4 * sds).min())), float((means + 4 * sds).max()), 400)
    parts = shares * np.exp(-0.5 * ((x[:, None] - means) / sds) ** 2) / (sds * np.sqrt(2 * np.pi))
    series = [Series("model", "mixture", x, parts.sum(axis=1), float((shares * means).sum()))]
    series += [
        Series("model", f"component {k}", x, parts[:, k - 1], style="dashed", colour=component_colour(k))
        for k in range(1, len(means) + 1)
        if len(means) > 1
    ]
    if radii is not None:
        # Weighted as in the fit: large particles are cut by the border more often.
        means_um = radii.radii_um.mean(axis=1)
        observed = density_plot("", "", "mean radius [µm]", means_um, weights=radii.weights, lower=0.0)
        if observed is not None:
            series.insert(0, observed.series[0])
    return Plot("mean-radius-mixture", "Mean radius: mixture", "mean radius [µm]", "density [1/µm]", tuple(series))


def _fitted_spectra(model: ShellModel) -> Plot:
    spectra = np.stack([c.power_spectrum for c in model.components])
    if model.bootstrap is None or len(model.bootstrap) < 2:
        return spectra_plot(spectra)
    low, high = model.bootstrap.interval(model.bootstrap.power_spectra)
    return spectra_plot(spectra, low, high)


def spectra_plot(
    spectra: NDArray[np.float64],
    low: NDArray[np.float64] | None = None,
    high: NDArray[np.float64] | None = None,
) -> Plot:
    """Spectra ``(K, L + 1)`` of the components, with the ends of their intervals where they are known."""
    degrees = np.arange(1, spectra.shape[1], dtype=float)
    series = []
    for k, spectrum in enumerate(spectra, start=1):
        colour = component_colour(k)
        series.append(Series("model", f"component {k}", degrees, np.maximum(spectrum[1:], _LEAST), colour=colour))
        if low is not None and high is not None:
            # One line there and back: the two ends of the intervals are one thing in the legend.
            ends = np.concatenate([low[k - 1, 1:], [np.nan], high[k - 1, :0:-1]])
            there = np.concatenate([degrees, [np.nan], degrees[::-1]])
            series.append(Series("model", "95 %", there, np.maximum(ends, _LEAST), style="dashed", colour=colour))
    caption = "Variance of each coefficient of degree l."
    if low is not None:
        caption += " Dashed: 95 % intervals of the bootstrap."
    return Plot("power-spectra", "Power spectra", "degree l", "aₗ [µm²]", tuple(series), log_y=True, caption=caption)


def curve_plots(what: str, bic: Mapping[Any, float], held_out: Mapping[Any, float], chosen: int) -> list[Plot]:
    """BIC and held-out likelihood against the number of components or the degree, the chosen one marked."""
    axis, name = ("components K", "K") if what == "components" else ("degree L", "L")
    made = []
    if len(bic) > 1:
        made.append(_curve(f"bic-{what}", f"BIC against {name}", axis, "BIC above the best + 1", bic, chosen, -1.0))
    if len(held_out) > 1:
        title, label = f"Held-out likelihood against {name}", "log-likelihood of a particle below the best + 1"
        made.append(_curve(f"held-out-{what}", title, axis, label, held_out, chosen, 1.0))
    return made


def _curve(key: str, title: str, axis: str, label: str, table: Mapping[Any, float], chosen: int, sign: float) -> Plot:
    """Distance to the best on a logarithmic axis: the first steps gain thousands, the last ones a few."""
    x = np.array([float(number) for number in table])
    values = np.array(list(table.values()))
    gap = 1.0 + sign * ((sign * values).max() * sign - values)
    series = [Series("model", "tried", x, gap)]
    if str(chosen) in map(str, table):
        at = x == chosen
        series.append(Series("data", f"chosen: {chosen}", x[at], gap[at], style="points"))
    best = int(x[np.argmin(gap)])
    means = "BIC (the smaller the better)" if sign < 0 else "log-likelihood of a particle (the larger the better)"
    caption = f"Best: {best}, {means} {values[np.argmin(gap)]:.6g}."
    return Plot(key, title, axis, label, tuple(series), log_y=True, caption=caption)


def live_plots(partial: Any) -> tuple[Plot, ...]:
    """Plots of a fit on its way (`nmcstudio.shell.live.LiveFit` describes what it reports)."""
    if not isinstance(partial, Mapping) or "spectra" not in partial:
        return ()
    spectra = np.asarray(partial["spectra"], dtype=float)
    made = []
    boot = partial.get("bootstrap")
    if boot is not None:
        plot = spectra_plot(spectra, boot["low"], boot["high"])
        made.append(replace(plot, title=f"Bootstrap: {boot['done']} of {boot['asked']} refits"))
    else:
        made.append(spectra_plot(spectra))
    if "shares" in partial and "means" in partial:
        shares = [
            Series(
                "model", f"component {k}", np.array([mean]), np.array([100 * share]), style="points", colour=component_colour(k)
            )
            for k, (mean, share) in enumerate(zip(partial["means"], partial["shares"]), start=1)
        ]
        made.append(Plot("live-shares", "Shares", "mean radius [µm]", "share [%]", tuple(shares)))
    for what, name in (("components", "components"), ("degree", "degrees")):
        curves = partial.get(name)
        if curves is not None:
            made += curve_plots(what, curves["bic"], curves["held_out"], -1)
    return tuple(made)


def _roughness(spectrum: NDArray[np.float64]) -> float:
    degrees = np.arange(len(spectrum))
    return float(np.sqrt((spectrum[1:] * (2 * degrees[1:] + 1)).sum() / (4 * np.pi)))


def sample_surfaces(model: ShellModel) -> Surfaces:
    """A few shells of each component in rows, always the same draws."""
    from nmcstudio.shell.directions import icosphere
    from nmcstudio.shell.harmonics import degree_of_index, evaluate

    rng = np.random.default_rng(7)
    sphere = icosphere(3)
    order = degree_of_index(model.degree)
    radii, centres, ids = [], [], []
    pitch = 2.6 * max(c.mean_um + np.sqrt(c.power_spectrum[0] / (4 * np.pi)) for c in model.components)
    for k, component in enumerate(model.components, start=1):
        for column in range(_SAMPLES):
            coefficients = rng.standard_normal(len(order)) * np.sqrt(component.power_spectrum[order])
            coefficients[0] += np.sqrt(4 * np.pi) * component.mean_um
            radii.append(np.maximum(evaluate(coefficients, sphere.directions), 0.0))
            centres.append((column * pitch, (k - 1) * pitch, 0.0))
            ids.append(k)
    return shell_surfaces(sphere.directions, np.array(radii), np.array(centres), np.array(ids))
