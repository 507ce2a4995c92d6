"""Pole figures and inverse pole figures as pictures: density, lines of equal density, outline and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.ipf import sector_corners, sector_outline
from nmcstudio.crystal.pole_figures import PoleDensity, inverse_pole_density, pole_density, pole_families, project, sample_poles
from nmcstudio.report.drawing import COLOURS

Array = NDArray[np.float64]

_LEVELS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_MOST_POINTS = 120  # orientations
_MOST_ORIENTATIONS = 20_000


@dataclass(frozen=True)
class PolePicture:
    """One pole figure or inverse pole figure; y runs upwards.

    Attributes
    ----------
    key, title
        Name and words.
    x, y, density
        ``(n,)``, ``(m,)`` ascending, ``(m, n)`` in multiples of random, NaN outside.
    points
        ``(k, 2)``, single poles; none where there are too many to be told apart.
    contours
        Level to its line ``(p, 2)``, pieces parted by NaN.
    outline
        ``(q, 2)``.
    marks
        Words and where they stand.
    caption
        A sentence.
    """

    key: str
    title: str
    x: Array
    y: Array
    density: Array
    points: Array
    contours: dict[float, Array]
    outline: Array
    marks: tuple[tuple[str, float, float], ...]
    caption: str


def pole_pictures(quaternions: Array, point_group: str, weights: Array | None, noun: str, monitor: Monitor) -> list[PolePicture]:
    """The pole figures of a point group's families, and the inverse pole figure of z.

    Parameters
    ----------
    quaternions, weights
        ``(n, 4)`` and ``(n,)`` or None; of very many every k-th is taken. Rows that are not finite are left out.
    point_group
        Of the crystal.
    noun
        What the orientations are of ("grains", "points").
    monitor
        Progress.

    Returns
    -------
    Nothing if fewer than three orientations are finite.
    """
    keep = np.isfinite(quaternions).all(axis=1)
    q = np.asarray(quaternions, dtype=float)[keep]
    mass = None if weights is None else np.asarray(weights, dtype=float)[keep]
    total = len(q)
    if total < 3:
        return []
    step = -(-total // _MOST_ORIENTATIONS)
    q, mass = q[::step], None if mass is None else mass[::step]
    said = (
        f"{total} {noun}" + (f", every {step}th taken" if step > 1 else "") + (", weighted by size" if mass is not None else "")
    )
    around = np.linspace(0, 2 * np.pi, 181)
    circle = np.stack([np.cos(around), np.sin(around)], axis=1)
    made = []
    families = pole_families(point_group)
    for number, (name, pole) in enumerate(families.items()):
        monitor.report(number / (len(families) + 1), "pole figures")
        found = pole_density(q, pole, point_group, weights=mass)
        poles = sample_poles(q, pole, point_group)
        points = project(poles).reshape(-1, 2) * [1, -1] if len(q) <= _MOST_POINTS else np.empty((0, 2))
        caption = (
            f"{_range(found)} multiples of random; {said}; equal-area projection of the half that faces the viewer, "
            "X to the right and Y down as in the map"
        )
        title = f"Pole figure {name}" + (", c-axis" if name == "{0001}" else "")
        made.append(
            _picture(f"pole-figure-{number}", title, found, points, circle, (("X", 1.06, 0.0), ("Y", 0.0, -1.08)), caption)
        )
    monitor.report(len(families) / (len(families) + 1), "inverse pole figure")
    found = inverse_pole_density(q, "z", point_group, weights=mass)
    marks = tuple((name, x, y) for name, x, y in sector_corners(point_group))
    caption = f"{_range(found)} multiples of random; {said}; which crystal direction lies along z of the sample"
    made.append(
        _picture(
            "inverse-pole-figure",
            "Inverse pole figure, z",
            found,
            np.empty((0, 2)),
            sector_outline(point_group),
            _outwards(marks),
            caption,
        )
    )
    return made


def _range(found: PoleDensity) -> str:
    return f"{np.nanmin(found.values):.2f} to {np.nanmax(found.values):.3g}"


def _picture(
    key: str,
    title: str,
    found: PoleDensity,
    points: Array,
    outline: Array,
    marks: tuple[tuple[str, float, float], ...],
    caption: str,
) -> PolePicture:
    # A pole figure's y runs down and ascends; a sector's runs up and descends: both are turned to up and ascending.
    down = found.y[0] < found.y[-1]
    y, z = (-found.y[::-1] if down else found.y[::-1]), found.values[::-1]
    return PolePicture(key, title, found.x, y, z, points, _contours(found.x, y, z), outline, marks, caption)


def _contours(x: Array, y: Array, z: Array) -> dict[float, Array]:
    import contourpy

    lines = {}
    maker = contourpy.contour_generator(x, y, np.ma.masked_invalid(z))
    for level in _LEVELS:
        pieces = [np.asarray(piece) for piece in maker.lines(level)]
        if pieces:
            gap = np.full((1, 2), np.nan)
            lines[level] = np.concatenate([part for piece in pieces for part in (piece, gap)])
    return lines


def _outwards(marks: tuple[tuple[str, float, float], ...]) -> tuple[tuple[str, float, float], ...]:
    """Words moved away from the middle of the picture, so that they stand beside its corners."""
    middle = np.mean([(x, y) for _, x, y in marks], axis=0)
    span = max(np.ptp([x for _, x, _ in marks]), np.ptp([y for *_, y in marks]), 0.4)
    moved = []
    for words, x, y in marks:
        away = np.array([x, y]) - middle
        away *= 0.09 * span / max(float(np.linalg.norm(away)), 1e-9)
        moved.append((words, float(x + away[0]), float(y + away[1])))
    return tuple(moved)


def draw_poles(picture: PolePicture, axis: Any) -> None:
    """Draw a picture on matplotlib axes."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("poles", ["#ffffff", COLOURS["data"]])
    top = float(np.nanmax(picture.density))
    shaded = axis.pcolormesh(
        picture.x, picture.y, picture.density, cmap=shades, vmin=0, vmax=top, shading="nearest", rasterized=True
    )
    (border,) = axis.fill(*picture.outline.T, facecolor="none")
    shaded.set_clip_path(border)
    for level, line in picture.contours.items():
        axis.plot(*line.T, color="#333333", linewidth=0.5 + 0.25 * np.log2(level), label=f"{level:g}")
    if len(picture.points):
        axis.plot(*picture.points.T, ".", color="#000000", markersize=1.5, alpha=0.5)
    axis.plot(*picture.outline.T, color="#000000", linewidth=1)
    for words, x, y in picture.marks:
        low = y <= np.min(picture.outline[:, 1]) + 0.05
        axis.annotate(words, (x, y), ha="center", va="top" if low else "bottom", fontsize=8, annotation_clip=False)
    axis.set_title(picture.title, fontsize=9)
    axis.set_aspect("equal")
    axis.set_axis_off()
