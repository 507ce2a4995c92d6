"""What the fitted random model of the grains shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.laws import family_of
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.content_images import density_plot
from nmcstudio.gui.views.contents import Column, Content, Image, Plot, Series, Table


def grain_model_content(values: dict[str, Any], monitor: Monitor) -> Content:
    model: GrainModel = values["grain-model"]
    fitted: Tessellation | None = values.get("tessellation")
    plots = [_pair_correlation(model), _weights(model, fitted), _copula(model)]
    lines = []
    for part in ("seeds", "weights", "copula", "texture"):
        law: Law = getattr(model, part)
        before = model.as_published[part].parameters if part in model.as_published else {}
        for name, value in (law.parameters or {"—": np.nan}).items():
            lines.append((f"{part}: {law.kind}", name, value, law.errors.get(name, np.nan), before.get(name, np.nan)))
    table = Table(
        "", "parameters", np.arange(1, len(lines) + 1),
        (
            Column("Law", "", np.array([line[0] for line in lines], dtype=object)),
            Column("Parameter", "", np.array([line[1].replace("_", " ") for line in lines], dtype=object)),
            Column("Value", "", np.array([line[2] for line in lines])),
            Column("Standard error", "", np.array([line[3] for line in lines])),
            Column("As published", "", np.array([line[4] for line in lines])),
        ),
    )  # fmt: skip
    return Content("grain-model", "Grain model", "", table=table, plots=tuple(p for p in plots if p), note=" ".join(model.notes))


def _pair_correlation(model: GrainModel) -> Plot | None:
    if model.seeds.kind != "matern-cluster":
        return None
    from nmcstudio.grains.matern import pair_correlation_theory

    series = []
    for role, law in (("model", model.seeds), ("theory", model.as_published.get("seeds"))):
        if law is None or law.kind != "matern-cluster":
            continue
        radius = law["cluster_radius"]
        r = np.linspace(0.02 * radius, 3.5 * radius, 300)
        g = pair_correlation_theory(r, law["parent_intensity"], radius)
        series.append(
            Series(
                role,
                "model" if role == "model" else "before the correction for empty cells",
                r,
                g,
                style="line" if role == "model" else "dashed",
            )
        )
    return Plot("pair-correlation", "Pair correlation of the seeds", "distance [µm]", "g(r)", tuple(series))


def _weights(model: GrainModel, fitted: Tessellation | None) -> Plot:
    from nmcstudio.grains.weights import weight_density, weight_moments, weight_quantile

    law = model.weights
    low, high = (float(v) for v in weight_quantile(np.array([0.0005, 0.9995]), law))
    x = np.linspace(low, high, 400)
    series = [Series("model", family_of("weights", law.kind).label, x, weight_density(x, law), weight_moments(law).mean)]
    if fitted is not None and fitted.kind == "laguerre":
        observed = density_plot("", "", "weight [µm²]", fitted.weights, "fitted")
        if observed is not None:
            series.insert(0, observed.series[0])
    return Plot("weight-density", "Weights of the cells", "weight [µm²]", "density [1/µm²]", tuple(series))


def _copula(model: GrainModel) -> Plot | None:
    if model.copula.kind == "independence":
        return None
    from nmcstudio.grains.copula import copula_log_density

    u = np.linspace(0.01, 0.99, 99)
    first, second = np.meshgrid(u, u)
    z = np.exp(copula_log_density(first, second, model.copula))
    return Plot(
        "copula", "Copula of weight and distance", "rank of the weight", "rank of the distance",
        image=Image(u, u, z), caption="Density; 1 everywhere would be independence.",
    )  # fmt: skip
