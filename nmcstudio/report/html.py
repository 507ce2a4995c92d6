"""The report: one HTML file that needs nothing else, with figures, distances, models and where all came from."""

from __future__ import annotations

import base64
import datetime
import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nmcstudio.core.comparison import Comparison, Validation
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import ShellModel
from nmcstudio.core.version import VERSION
from nmcstudio.report import figures
from nmcstudio.report.maps import render_maps

_STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 74rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0 } h2 { font-size: 1.25rem; border-bottom: 1px solid var(--line); margin-top: 2.5rem }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr)); gap: 1.5rem }
figure { margin: 0 } figure.wide { grid-column: 1 / -1 }
figure svg { width: 100%; height: auto; background: #fff; border-radius: 4px }
figcaption { font-size: .9rem } table { border-collapse: collapse; font-size: .9rem }
td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
td.n { font-variant-numeric: tabular-nums }
.note, .by { opacity: .75 } .warn { border-left: 4px solid #e69f00; padding-left: .6rem }
"""

UNITS = {
    "parent_intensity": "µm⁻³", "intensity": "µm⁻³", "beta": "µm²", "theta": "µm²", "cluster_radius": "µm",
    "interaction_radius": "µm", "mean_offspring": "", "alpha": "", "kappa": "", "psi1": "", "psi2": "",
}  # fmt: skip


def _rows(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    top = "<tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + "</tr>" if head else ""
    body = "".join(
        "<tr>" + "".join(f"<td{' class=n' if i else ''}>{html.escape(cell)}</td>" for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<table>{top}{body}</table>"


def _figure(comparison: Comparison) -> str:
    svg = figures.image_bytes(comparison).decode()
    svg = svg[svg.index("<svg") :]
    data = base64.b64encode(figures.table(comparison).encode()).decode()
    means = [(f"mean, {curve.label}", f"{curve.mean:.4g}") for curve in comparison.curves if np.isfinite(curve.mean)]
    note = f"<p class=note>{html.escape(comparison.note)}</p>" if comparison.note else ""
    said = figures.verdict(comparison)
    told = f"<p>{html.escape(said)}</p>" if said else ""
    link = f'<a download="{comparison.key}.csv" href="data:text/csv;base64,{data}">numbers (CSV)</a>'
    wide = " class=wide" if len(comparison.surfaces) > 1 else ""
    return (
        f"<figure{wide}><h3>{html.escape(comparison.title)}</h3>{svg}"
        f"<figcaption>{told}{_rows(means + figures.distance_lines(comparison))}{note}{link}</figcaption></figure>"
    )


def _value(value: float, error: float | None = None) -> str:
    spread = f" ± {error:.2g}" if error is not None and np.isfinite(error) else ""
    return f"{value:.5g}{spread}"


def _law(title: str, law: Law, published: Law | None) -> str:
    rows = []
    for name, value in law.parameters.items():
        row = [f"{name.replace('_', ' ')}", _value(value, law.errors.get(name)), UNITS.get(name, "")]
        if published is not None:
            row.append(_value(published.parameters[name], published.errors.get(name)) if name in published.parameters else "")
        rows.append(tuple(row))
    head = ("parameter", "value", "unit") + (("before the empty-cell correction",) if published is not None else ())
    return f"<h3>{html.escape(title)}: {html.escape(law.kind)}</h3>{_rows(rows, head)}"


def _shell_model(model: ShellModel) -> str:
    rows = []
    for index, component in enumerate(model.components, 1):
        rough = float(np.sum(component.power_spectrum[2:] * (2 * np.arange(2, model.degree + 1) + 1)) / (4 * np.pi))
        rows.append((
            str(index),
            _value(component.probability, component.probability_se),
            _value(component.mean_um, component.mean_se_um),
            f"{np.sqrt(rough):.4g}",
        ))  # fmt: skip
    facts = [("degree L", str(model.degree)), ("method", model.method), ("particles behind the fit", str(model.sample_size))]
    facts += [("log-likelihood", f"{model.log_likelihood:.6g}"), ("BIC", f"{model.bic:.6g}")]
    if np.isfinite(model.nugget_um):
        facts.append(("measurement error of a radius [µm]", f"{model.nugget_um:.3g}"))
    facts += [(f"log-likelihood by {name}", f"{found['log_likelihood']:.6g}") for name, found in model.methods.items()]
    if model.held_out_by_components:
        best = max(model.held_out_by_components, key=lambda k: model.held_out_by_components[k])
        facts.append(("components with the largest held-out likelihood", best))
    if model.bootstrap is not None:
        facts.append(("refits of the bootstrap", str(len(model.bootstrap))))
    if np.isfinite(model.rejection_probability):
        facts.append(("shells rejected because a radius is not positive", f"{100 * model.rejection_probability:.2g} %"))
    head = ("component", "share", "mean radius [µm]", "standard deviation of the radius, degrees 2 to L [µm]")
    return "<h2>Shell model</h2>" + _rows(facts) + "<p></p>" + _rows(rows, head)


def _grain_model(model: GrainModel) -> str:
    text = "<h2>Grain model</h2>"
    for title, law in (("Seeds", model.seeds), ("Weights", model.weights), ("Copula of weight and distance", model.copula)):
        text += _law(title, law, model.as_published.get(title.split()[0].lower()))
    text += _law("Texture", model.texture, None)
    for note in model.notes:
        text += f"<p class=note>{html.escape(note)}</p>"
    return text


def render_report(
    title: str,
    records: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, Any],
    monitor: Monitor,
    created: str | None = None,
) -> str:
    """The report of a project.

    Parameters
    ----------
    title
        Name of the project.
    records
        Node key to its provenance: ``title``, ``headline``, ``step``, ``params``, ``warnings``, ``state``, ``simulated``.
    values
        Node key to value, for "validation", "shell-model", "grain-model", "ebsd" and "grains" where they exist.
    created
        Date on the report; None for now.
    """
    now = created or datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [f"<h1>{html.escape(title)}</h1><p class=by>nmcstudio {VERSION}, {now}</p>"]
    if any(record.get("simulated") for record in records.values()):
        parts.append("<p class=warn>This project holds simulated data.</p>")
    parts.append("<h2>What there is</h2>")
    head = ("node", "content", "state", "made by")
    parts.append(_rows([(r["title"], r["headline"], r["state"], r["step"]) for r in records.values()], head))
    for record in records.values():
        for warning in record["warnings"]:
            parts.append(f"<p class=warn><b>{html.escape(record['title'])}.</b> {html.escape(warning)}</p>")
    parts.append(render_maps(values.get("ebsd"), values.get("grains"), monitor.sub(0.0, 0.3)))
    validation: Validation | None = values.get("validation")
    if validation is not None:
        for subject, heading in (("particles", "Particles: data and model"), ("grains", "Grains: data and model")):
            chosen = [each for each in validation.comparisons if each.subject == subject]
            if not chosen:
                continue
            drawn = [_figure(each) for each in monitor.sub(0.3, 1.0).track(chosen, f"drawing {subject}")]
            parts.append(f"<h2>{heading}</h2><div class=grid>{''.join(drawn)}</div>")
    if "shell-model" in values:
        parts.append(_shell_model(values["shell-model"]))
    if "grain-model" in values:
        parts.append(_grain_model(values["grain-model"]))
    parts.append("<h2>How it was made</h2>")
    for record in records.values():
        rows = [(name, str(value)) for name, value in record["params"].items()]
        parts.append(
            f"<details><summary>{html.escape(record['title'])}: {html.escape(record['step'])}</summary>{_rows(rows)}</details>"
        )
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
