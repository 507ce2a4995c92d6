"""What the fitted random model of the grains shows: its processes, laws and parameters beside the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Band
from nmcstudio.core.grains import Envelope, GrainModel, Law, Tessellation
from nmcstudio.core.laws import LAWS, LawParameter, family_of
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.gui.views.content_images import density_plot
from nmcstudio.gui.views.content_orientations import model_plots
from nmcstudio.gui.views.contents import Column, Content, Image, Plot, Series, Table
from nmcstudio.gui.views.correction_plots import correction_plots

PARTS = {"seeds": "Seeds", "weights": "Weights", "copula": "Weight and distance", "texture": "Orientations", "matrices": "Shapes"}
_CURVES = {
    "g": ("pair-correlation", "Pair correlation of the seeds", "g(r)"),
    "F": ("empty-space", "Distance from any place to the nearest seed", "share of places F(r)"),
    "D0": ("nearest-neighbour", "Distance of a seed to its nearest neighbour", "share of seeds D₀(r)"),
}
Marks = tuple[NDArray[np.float64], NDArray[np.float64]]
_POWERS = {-3: "µm⁻³", 0: "", 1: "µm"}


def grain_model_content(values: dict[str, Any], monitor: Monitor) -> Content:
    model: GrainModel = values["grain-model"]
    fitted: Tessellation | None = values.get("tessellation")
    marks = _marks(model, fitted, values.get("grains"))
    plots = [_envelope_plot(model, envelope) for envelope in model.envelopes] or [_pair_correlation(model)]
    plots += [_weights(model, marks), _copula(model), _ranks(marks), *correction_plots(model.correction)]
    plots += model_plots(model)
    return Content(
        "grain-model", "Grain model", "", table=_table(model), plots=tuple(p for p in plots if p), note=" ".join(model.notes)
    )


def _table(model: GrainModel) -> Table:
    """A row a parameter, then a row for each law that was compared."""
    rows = [row for part in PARTS if getattr(model, part) is not None for row in _rows(model, part)]
    least = model.choices[0].aic if model.choices else 0.0
    for choice in model.choices:
        label = f"{family_of('weights', choice.weights.kind).label}, {family_of('copula', choice.copula.kind).label}"
        rows.append(("Compared laws", label, "AIC above the best", choice.aic - least, "", *[np.nan] * 4))
    for process, p in model.goodness.items():
        rows.append(("Test of the seeds", family_of("seeds", process).label, "p-value", p, "", *[np.nan] * 4))
    texts = [np.array([row[k] for row in rows], dtype=object) for k in (0, 1, 2, 4)]
    value, error, low, high, before = (np.array([row[k] for row in rows], dtype=float) for k in (3, 5, 6, 7, 8))
    columns = [
        Column("Of", "", texts[0], "part", "What the law stands for"),
        Column("Law", "", texts[1], "law", "Family of the law"),
        Column("Parameter", "", texts[2], "parameter"),
        Column("Value", "", value, "value", "Used by simulations"),
        Column("Unit", "", texts[3], "unit"),
        Column(
            "Standard error",
            "",
            error,
            "standard_error",
            "Of the bootstrap where it was run, else of the windows that the correction simulated, else of the fit",
        ),
        Column("95 % from", "", low, "low_95", "Lower end of the bootstrap's interval"),
        Column("to", "", high, "high_95", "Upper end of the bootstrap's interval"),
        Column("As published", "", before, "as_published", "Fit to visible cells only, before the correction for empty cells"),
    ]
    known = [c for c in columns if c.values.dtype == object or np.isfinite(c.values).any() or c.name == "value"]
    return Table("", "lines", np.arange(1, len(rows) + 1), tuple(known))


def _rows(model: GrainModel, part: str) -> list[tuple[Any, ...]]:
    law: Law = getattr(model, part)
    family = LAWS[part].get(law.kind)
    label = family.label if family else law.kind
    known = {p.name: p for p in family.parameters} if family else {}
    before = model.as_published[part].parameters if part in model.as_published else {}
    ends = model.intervals.get(part, {})
    rows = []
    for name, value in law.parameters.items():
        words, unit = _words(known.get(name), name, model.kind)
        low, high = ends.get(name, (np.nan, np.nan))
        rows.append((PARTS[part], label, words, value, unit, law.errors.get(name, np.nan), low, high, before.get(name, np.nan)))
    return rows or [(PARTS[part], label, "—", np.nan, "", *[np.nan] * 4)]


def _words(parameter: LawParameter | None, name: str, kind: str) -> tuple[str, str]:
    """Plain words with the paper's name, and the unit."""
    if parameter is None:
        return name.replace("_", " "), ""
    unit = _POWERS.get(parameter.power, "") if parameter.power is not None else _weight_unit(kind)
    plain = name.replace("_", " ")
    return (parameter.label if plain == parameter.label else f"{parameter.label} ({plain})"), unit


def _weight_unit(kind: str) -> str:
    return "µm" if kind == "gbpd-sqrt" else "µm²"


def _envelope_plot(model: GrainModel, envelope: Envelope) -> Plot:
    """A curve of the data in the band of the fitted process, and the theory of the corrected one."""
    key, title, label = _CURVES[envelope.function]
    process = family_of("seeds", envelope.process).label
    series = [
        Series("data", "seeds of visible cells", envelope.radii_um, envelope.data),
        Series("model", f"{process}, median of {envelope.simulations}", envelope.radii_um, envelope.middle, style="dashed"),
    ]
    fitted = envelope.process == model.envelopes[0].process
    if fitted:
        theory = _theory(envelope.function, model.seeds, envelope.radii_um)
        if theory is not None:
            words = "theory, empty cells among them" if model.as_published else "theory"
            series.append(Series("theory", words, envelope.radii_um, theory, style="dashed"))
    inside = bool(np.all((envelope.data >= envelope.low) & (envelope.data <= envelope.high)))
    said = f"{'Inside' if inside else 'Leaves'} the band of the process ({process}); p of this curve {envelope.p:.2g}."
    note = f"The shaded band holds 95 % of {envelope.simulations} simulated patterns in all three curves at once."
    band = Band(envelope.radii_um, envelope.low, envelope.high, envelope.simulations)
    suffix, more = ("", "") if fitted else (f"-{envelope.process}", f": {process} instead")
    return Plot(key + suffix, title + more, "distance [µm]", label, tuple(series), caption=said, note=note, bands=(band,))


def _theory(function: str, law: Law, r: np.ndarray) -> np.ndarray | None:
    from nmcstudio.grains import matern

    if law.kind == "poisson":
        below = -np.expm1(-law["intensity"] * matern.ball_volume(r))
        return np.ones_like(r) if function == "g" else below
    if law.kind != "matern-cluster":
        return None
    lam, mu, radius = law["parent_intensity"], law["mean_offspring"], law["cluster_radius"]
    if function == "g":
        return matern.pair_correlation_theory(r, lam, radius)
    return (matern.empty_space_theory if function == "F" else matern.nearest_neighbour_theory)(r, lam, mu, radius)


def _pair_correlation(model: GrainModel) -> Plot | None:
    """g of the model alone, where the seeds were not tested."""
    if model.seeds.kind != "matern-cluster":
        return None
    series = []
    before = model.as_published.get("seeds")
    for role, words, law in (("model", "model", model.seeds), ("theory", "before the correction for empty cells", before)):
        if law is not None and law.kind == "matern-cluster":
            radius = law["cluster_radius"]
            r = np.linspace(0.02 * radius, 3.5 * radius, 300)
            g = _theory("g", law, r)
            assert g is not None
            series.append(Series(role, words, r, g, style="line" if role == "model" else "dashed"))
    key, title, label = _CURVES["g"]
    return Plot(key, title, "distance [µm]", label, tuple(series))


def _weights(model: GrainModel, marks: Marks | None) -> Plot:
    """Density of the law, of the fitted weights, and of other laws by Akaike's criterion."""
    from nmcstudio.grains.weights import weight_density, weight_moments, weight_quantile

    law, unit = model.weights, _weight_unit(model.kind)
    low, high = (float(v) for v in weight_quantile(np.array([0.0005, 0.9995]), law))
    x = np.linspace(low, high, 400)
    label = family_of("weights", law.kind).label
    series = [Series("model", label, x, weight_density(x, law), weight_moments(law).mean)]
    if marks is not None:
        observed = density_plot("", "", f"weight [{unit}]", marks[0])
        if observed is not None:
            series.insert(0, observed.series[0])
    seen = model.as_published.get("weights")
    if seen is not None:
        series.append(Series("theory", f"{label}, visible cells only", x, weight_density(x, seen), style="dashed"))
    said = _compared(model)
    return Plot("weight-density", "Weights of the cells", f"weight [{unit}]", f"density [1/{unit}]", tuple(series), caption=said)


def _compared(model: GrainModel) -> str:
    """The best pairing of each law of the weights, by Akaike's criterion."""
    best: dict[str, str] = {}
    for choice in model.choices:
        gap = choice.aic - model.choices[0].aic
        copula = family_of("copula", choice.copula.kind).label
        best.setdefault(choice.weights.kind, f"{family_of('weights', choice.weights.kind).label} with {copula} +{gap:.1f}")
    return "AIC above the best: " + ", ".join(best.values()) + "." if best else ""


def _copula(model: GrainModel) -> Plot | None:
    if model.copula.kind == "independence":
        return None
    from nmcstudio.grains.copula import copula_log_density, kendall_tau

    u = np.linspace(0.01, 0.99, 99)
    first, second = np.meshgrid(u, u)
    z = np.exp(copula_log_density(first, second, model.copula))
    label = family_of("copula", model.copula.kind).label
    said = f"{label}: density, 1 everywhere would be independence. Kendall's tau {kendall_tau(model.copula):.3f}."
    title, axes = "Copula of weight and distance", ("rank of the weight", "rank of the distance")
    return Plot("copula", title, *axes, image=Image(u, u, z), caption=said)


def _marks(model: GrainModel, fitted: Tessellation | None, grains: LabelVolume | None) -> Marks | None:
    """Weights and nearest-neighbour distances ``(n,)`` of the seeds that the laws are fitted to; None without them.

    Weights of cells at the border of what was observed are held by few of their faces only.
    """
    from nmcstudio.grains.fit_weights import seeds_in_use
    from nmcstudio.grains.observed import observe, visible_generators
    from nmcstudio.stats.point_patterns import nearest_neighbour_sample

    if fitted is None or fitted.kind != model.kind:
        return None
    observation = observe(fitted, grains, model.minimum_cell_voxels)
    used = visible_generators(fitted, model.minimum_cell_voxels, float(np.prod(observation.raster.spacing_um)))
    if np.count_nonzero(used) < 2:
        return None
    sample = nearest_neighbour_sample(fitted.seeds_um[used], observation.region)
    use = seeds_in_use(sample)
    return fitted.weights[used][sample.index][use], sample.distances_um[use]


def _ranks(marks: Marks | None) -> Plot | None:
    """The same of the data: a point a seed whose nearest neighbour is known."""
    from scipy.stats import kendalltau, rankdata

    if marks is None:
        return None
    weights, distances_um = marks
    if len(weights) < 10 or np.ptp(weights) == 0:
        return None
    ranks = [(rankdata(v) - 0.5) / len(v) for v in (weights, distances_um)]
    tau = float(kendalltau(*ranks).statistic)
    said = f"{len(weights)} seeds, Kendall's tau {tau:.3f}. Compare with the copula of the model."
    points = (Series("data", "fitted cells", *ranks, style="points"),)
    return Plot(
        "copula-data", "Ranks of weight and distance: data", "rank of the weight", "rank of the distance", points, caption=said
    )
