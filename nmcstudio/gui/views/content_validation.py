"""What the validation shows: a plot for each curve and each bivariate density, and all distances in a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmcstudio.core.comparison import Comparison, Validation
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.colours import ROLE_NAMES
from nmcstudio.gui.views.contents import Column, Content, Image, Plot, Series, Table
from nmcstudio.report.figures import verdict

_NAMES = {
    "ks": "KS",
    "wasserstein": "Wasserstein",
    "energy": "energy distance",
    "mean_difference_model": "mean difference to the model",
    "mean_difference_theory": "mean difference to the theory",
}
_STYLES = {"model": "dashed", "theory": "dashed"}
_ENDS = (("_95", "95 %"), ("_low", "lower end"), ("_high", "upper end"))


def validation_content(values: dict[str, Any], monitor: Monitor) -> Content:
    validation: Validation = values["validation"]
    plots = tuple(plot for comparison in validation.comparisons for plot in comparison_plots(comparison))
    twins = any(name.startswith("model_") for comparison in validation.comparisons for name in comparison.distances)
    note = "Distances of data and model; in brackets the same between two samples of the model." if twins else ""
    return Content("validation", "Validation", "", plots=plots, table=distances_table(validation), note=note)


def distances_table(validation: Validation) -> Table | None:
    """All distances of data and model, a comparison a row; None if there are none."""
    found = [c for c in validation.comparisons if any(np.isfinite(v) for v in c.distances.values())]
    names = list(dict.fromkeys(name for comparison in found for name in comparison.distances))
    if not names:
        return None
    columns = [Column("Comparison", "", np.array([c.title for c in found], dtype=object))]
    columns += [Column(_column_title(name), "", np.array([c.distances.get(name, np.nan) for c in found])) for name in names]
    columns.append(Column("Unit of Wasserstein", "", np.array([c.distance_unit or "—" for c in found], dtype=object)))
    return Table("", "comparisons", np.arange(1, len(found) + 1), tuple(columns))


def _column_title(name: str) -> str:
    for prefix, whose in (("model_", "two model samples"), ("fitted_", "fitted")):
        if name.startswith(prefix):
            return f"{_column_title(name.removeprefix(prefix))}, {whose}"
    for ending, words in _ENDS:
        if name.endswith(ending):
            return f"{_column_title(name.removesuffix(ending))}, {words}"
    if name.endswith("_p"):
        plain = name.removesuffix("_p")
        return f"p of {_NAMES.get(plain, plain)}"
    said = _NAMES.get(name, name.replace("_", " "))
    return said[:1].upper() + said[1:]


def comparison_plots(comparison: Comparison) -> list[Plot]:
    """The figure of a comparison; a bivariate one gives a picture for each role, all with the same levels."""
    caption = "\n".join(words for words in (verdict(comparison), distances_text(comparison)) if words)
    words = {"caption": caption, "note": comparison.note}
    labels = (comparison.x_label, comparison.y_label)
    plots = []
    if comparison.curves:
        series = tuple(
            Series(c.role, c.label or ROLE_NAMES.get(c.role, c.role), c.x, c.y, c.mean, _STYLES.get(c.role, "line"))
            for c in comparison.curves
        )
        plots.append(
            Plot(comparison.key, comparison.title, *labels, series, bands=comparison.bands, log_y=comparison.log_y, **words)
        )
    top = max((float(surface.z.max()) for surface in comparison.surfaces), default=0.0)
    for surface in comparison.surfaces:
        name = ROLE_NAMES.get(surface.role, surface.role)
        image = Image(surface.x, surface.y, surface.z, surface.role, top if top > 0 else 1.0, surface.label or name, surface.mean)
        plots.append(Plot(f"{comparison.key}-{surface.role}", f"{comparison.title}: {name}", *labels, image=image, **words))
    return plots


def distances_text(comparison: Comparison) -> str:
    """The distances of data and model in one line, in brackets the same between two samples of the model."""
    parts = []
    every = comparison.distances
    for name, value in every.items():
        side = name.startswith(("model_", "envelope_")) or name.endswith("_p")
        if side or not np.isfinite(value):
            continue
        fitted = name.startswith("fitted_")
        plain = name.removeprefix("fitted_")
        unit = f" {comparison.distance_unit}" if plain == "wasserstein" and comparison.distance_unit else ""
        twin, most = (every.get(f"model_{name}{ending}", np.nan) for ending in ("", "_95"))
        limit = f", 95 % below {most:.3g}" if np.isfinite(most) else ""
        against = f" ({twin:.3g}{limit})" if np.isfinite(twin) else ""
        p = f", p {every[f'{name}_p']:.3g}" if f"{name}_p" in every else ""
        words = f"{_NAMES.get(plain, plain.replace('_', ' '))} {value:.3g}{unit}{against}{p}"
        parts.append(f"fitted: {words}" if fitted else words)
    return " · ".join(parts)
