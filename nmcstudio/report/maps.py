"""The orientation map and its grains in the report: IPF picture with key, pole figures, sizes, disorientations."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.report.drawing import COLOURS, DASHES, Line, draw_lines, drawing_settings, figure_bytes
from nmcstudio.stats.contacts import count_voxels
from nmcstudio.stats.descriptors import Descriptors, describe_labels

Array = NDArray[np.float64]

_WIDEST = 900  # pixels of a map's picture
_LEAST_SIZES = 3
_POINTS = 500_000  # of a stack, behind its pole figures


def render_maps(ebsd: EbsdStack | None, grains: LabelVolume | None, monitor: Monitor) -> str:
    """The section of the report as HTML; empty where there is no orientation.

    Parameters
    ----------
    ebsd
        The map or stack; of a stack the middle section is drawn.
    grains
        Its grains, if they are known: outlines, sizes, disorientations.
    """
    oriented = grains is not None and grains.quaternions is not None and bool(grains.point_group)
    if ebsd is not None and not ebsd.phase.any():
        ebsd = None
    if ebsd is None and not oriented:
        return ""
    found = None if grains is None else describe_labels(grains, monitor=monitor.sub(0.0, 0.1))
    figures = []
    if ebsd is not None:
        figures.append(_figure("IPF map, z", _svg(draw_map(ebsd, grains), "ipf-map"), _map_words(ebsd)))
        if np.isfinite(ebsd.quality[ebsd.shape[0] // 2]).any():
            figures.append(
                _figure("Quality", _svg(_draw_quality(ebsd), "quality-map"), "The vendor's image quality, bright is good.")
            )
    monitor.report(0.2, "drawing pole figures")
    figures.append(_poles(ebsd, grains if oriented else None, monitor.sub(0.2, 0.6)))
    if grains is not None and found is not None and grains.kind == "grains":
        figures.append(_sizes(found))
        monitor.report(0.7, "disorientations")
        figures.append(_disorientations(grains, monitor.sub(0.7, 1.0)))
    title = "Orientation map and grains" if grains is not None else "Orientation map"
    facts = _facts(ebsd, found)
    return f"<h2>{title}</h2>{facts}<div class=grid>{''.join(figures)}</div>"


def draw_map(ebsd: EbsdStack, grains: LabelVolume | None, direction: str = "z") -> Any:
    """A matplotlib Figure of the middle section in IPF colours, with outlines of grains, scale bar and key."""
    import matplotlib
    from matplotlib.figure import Figure

    from nmcstudio.crystal.ipf import ipf_colours, ipf_key

    index = ebsd.shape[0] // 2
    step = -(-max(ebsd.shape[1:]) // _WIDEST)
    at = (index, slice(None, None, step), slice(None, None, step))
    phase = ebsd.phase[at]
    colours = np.full((*phase.shape, 3), 255, np.uint8)
    for number, each in enumerate(ebsd.phases, start=1):
        here = phase == number
        colours[here] = ipf_colours(ebsd.quaternions[at][here], each.point_group, direction)
    _, dy, dx = ebsd.spacing_um
    height, width = colours.shape[0] * step * dy, colours.shape[1] * step * dx
    with matplotlib.rc_context(drawing_settings("ipf-map")):
        figure = Figure(figsize=(6.4, max(2.2, min(5.2 * height / width, 7.0))), layout="constrained")
        axis, side = figure.subplots(1, 2, width_ratios=(5, 1.2))
        axis.imshow(colours, extent=(0, width, height, 0), interpolation="none")
        if grains is not None and grains.shape == ebsd.shape:
            lines = _outlines(grains.labels[at], step * dx, step * dy)
            axis.plot(*lines.T, color="#000000", linewidth=0.6)
        axis.set_axis_off()
        _scale_bar(axis, width, height)
        counts = np.bincount(ebsd.phase[at].ravel(), minlength=len(ebsd.phases) + 1)[1:]
        group = ebsd.phases[int(np.argmax(counts))].point_group if len(counts) else "-3m"
        picture, marks = ipf_key(group, 256)
        side.imshow(picture, interpolation="bilinear")
        for words, x, y in marks:
            low = y > picture.shape[0] / 2
            side.annotate(words, (x, y), (0, -3 if low else 3), textcoords="offset points", ha="center",
                          va="top" if low else "bottom", fontsize=7, annotation_clip=False)  # fmt: skip
        side.set_title(f"IPF {direction}, {group}", fontsize=8, pad=14)
        side.set_axis_off()
    return figure


def _draw_quality(ebsd: EbsdStack) -> Any:
    import matplotlib
    from matplotlib.figure import Figure

    step = -(-max(ebsd.shape[1:]) // _WIDEST)
    values = ebsd.quality[ebsd.shape[0] // 2, ::step, ::step]
    _, dy, dx = ebsd.spacing_um
    height, width = values.shape[0] * step * dy, values.shape[1] * step * dx
    low, high = np.nanpercentile(values, [0.5, 99.5])
    with matplotlib.rc_context(drawing_settings("quality-map")):
        figure = Figure(figsize=(6.4, max(2.2, min(5.2 * height / width, 7.0))), layout="constrained")
        axis = figure.subplots()
        axis.imshow(values, cmap="gray", vmin=low, vmax=high, extent=(0, width, height, 0), interpolation="none")
        axis.set_axis_off()
        _scale_bar(axis, width, height)
    return figure


def _outlines(labels: NDArray[Any], dx: float, dy: float) -> Array:
    """Edges between pixels of different labels, as pieces of a line parted by NaN."""
    rows, columns = np.nonzero(labels[:, 1:] != labels[:, :-1])
    gap = np.full(len(rows), np.nan)
    x, y = (columns + 1.0) * dx, rows * dy
    upright = np.stack([np.stack([x, x, gap], axis=1).ravel(), np.stack([y, y + dy, gap], axis=1).ravel()], axis=1)
    rows, columns = np.nonzero(labels[1:] != labels[:-1])
    gap = np.full(len(rows), np.nan)
    x, y = columns * dx, (rows + 1.0) * dy
    level = np.stack([np.stack([x, x + dx, gap], axis=1).ravel(), np.stack([y, y, gap], axis=1).ravel()], axis=1)
    return np.concatenate([upright, level])


def _scale_bar(axis: Any, width: float, height: float) -> None:
    """A bar of a round length below the map."""
    power = 10.0 ** np.floor(np.log10(width / 4))
    length = float(max(factor * power for factor in (1, 2, 5) if factor * power <= width / 4))
    top = height * 1.03
    axis.plot([0, length], [top, top], color="#000000", linewidth=3, clip_on=False, solid_capstyle="butt")
    words = f"{length:g} µm" if length >= 1 else f"{1000 * length:g} nm"
    axis.annotate(words, (length, top), (5, 0), textcoords="offset points", va="center", fontsize=8, annotation_clip=False)


def _facts(ebsd: EbsdStack | None, grains: Descriptors | None) -> str:
    rows = []
    if ebsd is not None:
        slices, height, width = ebsd.shape
        dz, dy, dx = ebsd.spacing_um
        if slices == 1:
            rows.append(("map", f"one section of {width} × {height} points, step {dx:.4g} × {dy:.4g} µm"))
        else:
            rows.append(("stack", f"{slices} sections of {width} × {height} points, step {dx:.4g} × {dy:.4g} × {dz:.4g} µm"))
        rows.append(("phases", ", ".join(f"{phase.name} ({phase.point_group})" for phase in ebsd.phases)))
        rows.append(("indexed", f"{100 * np.count_nonzero(ebsd.phase) / ebsd.phase.size:.1f} %"))
        rows.append(("reference frame", ebsd.frame))
    if grains is not None:
        rows.append(("grains", f"{len(grains)}, {np.count_nonzero(~grains.touches_border)} of them whole"))
        if grains.is_section:
            rows.append(("dimension", "two-dimensional: all sizes are those of sections through grains, not of the grains"))
    body = "".join(f"<tr><td>{html.escape(name)}</td><td class=n>{html.escape(words)}</td></tr>" for name, words in rows)
    return f"<table>{body}</table><p></p>"


def _map_words(ebsd: EbsdStack) -> str:
    words = "Colour: the crystal direction along z of the sample, as in the key; black lines: grain boundaries."
    if ebsd.shape[0] > 1:
        words = f"Section {ebsd.shape[0] // 2 + 1} of {ebsd.shape[0]}. {words}"
    return words


def _poles(ebsd: EbsdStack | None, grains: LabelVolume | None, monitor: Monitor) -> str:
    """Pole figures of the grains' mean orientations, else of the points."""
    import matplotlib
    from matplotlib.figure import Figure

    from nmcstudio.report.poles import draw_poles, pole_pictures

    if grains is not None and grains.quaternions is not None:
        volumes = count_voxels(grains.labels)[: len(grains.quaternions)]
        there = np.flatnonzero(volumes[1:]) + 1
        pictures = pole_pictures(
            grains.quaternions[there], grains.point_group, volumes[there].astype(float), "grains", monitor
        )  # fmt: skip
    else:
        assert ebsd is not None
        number = int(np.argmax(count_voxels(ebsd.phase)[1:])) + 1
        step = max(1, round((ebsd.phase.size / _POINTS) ** (1 / 3))) if ebsd.shape[0] > 1 else 1
        at = (slice(None, None, step),) * 3
        points = ebsd.quaternions[at][ebsd.phase[at] == number]
        pictures = pole_pictures(points, ebsd.phases[number - 1].point_group, None, "points", monitor)
    if not pictures:
        return ""
    with matplotlib.rc_context(drawing_settings("pole-figures")):
        figure = Figure(figsize=(2.6 * len(pictures), 2.9), layout="constrained")
        for axis, picture in zip(figure.subplots(1, len(pictures)), pictures):
            draw_poles(picture, axis)
            axis.set_title(f"{picture.title}\nat most {np.nanmax(picture.density):.3g}", fontsize=8)
    first, last = (f"{picture.title}: {picture.caption}." for picture in (pictures[0], pictures[-1]))
    words = f"{first} Lines at 1, 2, 4, … multiples of random. {last}"
    return _figure("Pole figures", _svg(figure, "pole-figures"), words, wide=True)


def _sizes(grains: Descriptors) -> str:
    """Law of the equivalent diameters, in a single section of the circles, and their means."""
    flat, diameters, whole = grains.is_section, grains.diameters_um, ~grains.touches_border
    sizes = grains.areas_um2 if flat else grains.volumes_um3
    if len(diameters) < _LEAST_SIZES:
        return ""
    name, unit, size = ("equivalent circle diameter", "µm²", "area") if flat else ("equivalent diameter", "µm³", "volume")
    edges = np.histogram_bin_edges(diameters, bins=min(40, max(8, round(np.sqrt(len(diameters)) * 1.5))))
    lines = []
    width = edges[1] - edges[0]
    for label, chosen, role in (("all grains", diameters, "data"), ("whole grains", diameters[whole], "model")):
        if len(chosen) >= _LEAST_SIZES:
            found = np.histogram(chosen, edges)[0] / (len(chosen) * width)
            style = "bars" if role == "data" else "line"
            x = edges if role == "data" else (edges[1:] + edges[:-1]) / 2
            lines.append(Line(label, x, found, COLOURS[role], DASHES[role], style, float(chosen.mean())))
    figure = draw_lines(lines, f"{name} [µm]", "density [1/µm]")
    by_size = float(np.average(diameters, weights=sizes))
    rows = (
        (f"mean {name}", f"{diameters.mean():.4g} µm (whole grains {_mean(diameters[whole])} µm)"),
        ("median", f"{np.median(diameters):.4g} µm"),
        ("standard deviation", f"{diameters.std():.4g} µm"),
        (f"mean weighted by {size}", f"{by_size:.4g} µm"),
        (f"mean {size}", f"{sizes.mean():.4g} {unit}"),
    )
    table = "".join(f"<tr><td>{left}</td><td class=n>{right}</td></tr>" for left, right in rows)
    words = "Two-dimensional: a section cuts most grains off their middle, so that they are larger than this." if flat else ""
    title = "Grain size in the section (2D)" if flat else "Grain size"
    return _figure(title, _svg(figure, "grain-size"), words, f"<table>{table}</table>")


def _mean(values: Array) -> str:
    return f"{values.mean():.4g}" if len(values) else "–"


def _disorientations(grains: LabelVolume, monitor: Monitor) -> str:
    from nmcstudio.report.disorientations import find_neighbours

    found = find_neighbours(grains, monitor.sub(0.0, 0.3))
    if found is None:
        return ""
    edges, density, random = found.histogram()
    middle = (edges[1:] + edges[:-1]) / 2
    lines = [
        Line("touching grains", edges, density, COLOURS["data"], style="bars", mean=found.mean_deg),
        Line(f"random orientations, {found.point_group}", middle, random, COLOURS["theory"]),
        Line(
            "the same orientations, placed at random", middle, found.shuffled(np.random.default_rng(0)), COLOURS["fitted"], "--"
        ),
    ]
    figure = draw_lines(lines, "disorientation angle [°]", "density [1/°]")
    words = found.words(monitor.sub(0.3, 1.0))
    return _figure("Disorientation of touching grains", _svg(figure, "disorientations"), words)


def _svg(figure: Any, name: str) -> str:
    text = figure_bytes(figure, "svg", name).decode()
    return text[text.index("<svg") :]


def _figure(title: str, svg: str, words: str, table: str = "", wide: bool = False) -> str:
    told = f"<p>{html.escape(words)}</p>" if words else ""
    head = f"<figure{' class=wide' if wide else ''}><h3>{html.escape(title)}</h3>"
    return f"{head}{svg}<figcaption>{told}{table}</figcaption></figure>"
