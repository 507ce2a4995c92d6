"""Inverse pole figure colours: a direction of the sample, seen from the crystal, as a colour.

The direction is brought into the fundamental sector of the Laue class; its three corners are red, green and blue, and a
point between them has the corners' shares, scaled so that the largest is full (the look that EDAX made common). Classes
without mirrors (-1, 2/m, -3, 4/m, 6/m, m-3) have a jump of colour at the border of their sector; no key can avoid it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmcstudio.crystal.quaternions import rotate
from nmcstudio.crystal.symmetry import laue_class

# Fold about the main axis, for classes with one: degrees of the sector, and whether a mirror halves the period.
_WEDGES = {
    "-1": (360.0, False), "2/m": (180.0, False), "112/m": (180.0, False), "2/m11": (180.0, False), "mmm": (90.0, True),
    "4/m": (90.0, False), "4/mmm": (45.0, True),
    "-3": (120.0, False), "-3m": (60.0, True), "-31m": (60.0, True), "6/m": (60.0, False), "6/mmm": (30.0, True),
}  # fmt: skip
# Where the main axis of a class is not z: places of the components that become x, y and z of the wedge.
_ORDER = {"2/m": [2, 0, 1], "2/m11": [1, 2, 0]}
# Azimuth at which the sector begins: the mirror of -3m that contains c lies 30 degrees from the two-fold axis.
_START = {"-3m": -30.0, "-31m": 0.0}
# Names of the red, green and blue corner; of monoclinic and triclinic crystals only the axes of the crystal frame are known.
_CORNER_NAMES = {
    "m-3m": ("001", "101", "111"),
    "m-3": ("001", "101", "111"),
    "6/mmm": ("0001", "2-1-10", "10-10"),
    "6/m": ("0001", "2-1-10", "11-20"),
    "-3m": ("0001", "1-100", "10-10"),
    "-31m": ("0001", "2-1-10", "11-20"),
    "-3": ("0001", "2-1-10", "-12-10"),
    "4/mmm": ("001", "100", "110"),
    "4/m": ("001", "100", "010"),
    "mmm": ("001", "100", "010"),
    "2/m": ("y", "z", "−z"),
    "112/m": ("z", "x", "−x"),
    "2/m11": ("x", "y", "−y"),
    "-1": ("z", "x", ""),
}
DIRECTIONS = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


def _to_sector(directions: NDArray[np.float64], laue: str) -> NDArray[np.float64]:
    """Equivalent directions ``(n, 3)`` inside the fundamental sector."""
    if laue == "m-3m":
        sorted_ = np.sort(np.abs(directions), axis=1)
        return sorted_[:, [1, 0, 2]]
    if laue == "m-3":
        folded = np.abs(directions)
        top = np.argmax(folded, axis=1)
        rows = np.arange(len(folded))
        return np.stack([folded[rows, (top + 1) % 3], folded[rows, (top + 2) % 3], folded[rows, top]], axis=1)
    period, mirror = _WEDGES[laue]
    directions = directions[:, _ORDER.get(laue, [0, 1, 2])]
    up = np.where(directions[:, 2:] < 0, -directions, directions)
    start = np.deg2rad(_START.get(laue, 0.0))
    span = np.deg2rad(period)
    full = 2 * span if mirror else span
    azimuth = np.mod(np.arctan2(up[:, 1], up[:, 0]) - start, full)
    if mirror:
        azimuth = np.where(azimuth > span, full - azimuth, azimuth)
    radius = np.hypot(up[:, 0], up[:, 1])
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), up[:, 2]], axis=1)


def _corners(laue: str) -> NDArray[np.float64]:
    """Red, green and blue corner of the sector as rows."""
    if laue in ("m-3m", "m-3"):
        return np.array([[0, 0, 1], [1, 0, 1] / np.sqrt(2), [1, 1, 1] / np.sqrt(3)])
    span = np.deg2rad(_WEDGES[laue][0])
    return np.array([[0, 0, 1], [1, 0, 0], [np.cos(span), np.sin(span), 0]])


def direction_colours(directions: ArrayLike, point_group: str) -> NDArray[np.uint8]:
    """Colours of crystal directions.

    Parameters
    ----------
    directions
        ``(n, 3)``, unit vectors in the crystal frame.
    point_group
        Hermann-Mauguin name.

    Returns
    -------
    uint8 ``(n, 3)``, red, green, blue; black where a direction is NaN.
    """
    laue = laue_class(point_group)
    vectors = np.asarray(directions, dtype=np.float64)
    finite = np.all(np.isfinite(vectors), axis=1)
    sector = _to_sector(np.where(finite[:, None], vectors, (0.0, 0.0, 1.0)), laue)
    if laue == "m-3m" or (laue in _WEDGES and _WEDGES[laue][0] <= 60.0):
        shares = sector @ np.linalg.inv(_corners(laue))
    elif laue == "m-3":
        # The sector has four corners; the second triangle mirrors the first and swaps green and blue.
        swap = sector[:, 1] > sector[:, 0]
        lower = np.where(swap[:, None], sector[:, [1, 0, 2]], sector)
        shares = lower @ np.linalg.inv(_corners(laue))
        shares = np.where(swap[:, None], shares[:, [1, 0, 2]], shares)
    else:
        # Wedges of 90 degrees and more: shares from the tilt against c and the azimuth within the wedge.
        span = np.deg2rad(_WEDGES[laue][0])
        part = np.mod(np.arctan2(sector[:, 1], sector[:, 0]), 2 * np.pi) / span
        planar = np.hypot(sector[:, 0], sector[:, 1])
        shares = np.stack([sector[:, 2], planar * (1 - part), planar * part], axis=1)
    shares = np.maximum(shares, 0.0)
    colours = np.sqrt(shares / np.maximum(shares.max(axis=1, keepdims=True), 1e-12))
    return np.where(finite[:, None], np.rint(255 * colours), 0).astype(np.uint8)


def ipf_colours(quaternions: ArrayLike, point_group: str, direction: str = "z") -> NDArray[np.uint8]:
    """IPF colours of orientations.

    Parameters
    ----------
    quaternions
        ``(..., 4)``, sample to crystal; NaN gives black.
    point_group
        Hermann-Mauguin name.
    direction
        Sample direction: "x", "y" or "z".

    Returns
    -------
    uint8 ``(..., 3)``. Less than a microsecond an orientation.
    """
    q = np.asarray(quaternions)
    flat = q.reshape(-1, 4)
    colours = np.empty((len(flat), 3), np.uint8)
    for start in range(0, len(flat), 1 << 18):  # bounds the memory of the intermediate arrays
        part = flat[start : start + (1 << 18)]
        colours[start : start + len(part)] = direction_colours(rotate(part, np.asarray(DIRECTIONS[direction])), point_group)
    return colours.reshape(*q.shape[:-1], 3)


def sector_grid(point_group: str, size: int = 256) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Directions on the stereographic picture of a Laue class's sector.

    Parameters
    ----------
    point_group
        Hermann-Mauguin name.
    size
        Points along the longer side.

    Returns
    -------
    x ``(n,)``, y ``(m,)`` of the picture, y upwards and descending, and unit vectors of the crystal frame ``(m, n, 3)``, NaN
    outside the sector.
    """
    laue = laue_class(point_group)
    x0, x1, y0, y1 = _extent(laue)
    scale = (size - 1) / max(x1 - x0, y1 - y0)
    xs, ys = np.linspace(x0, x1, round((x1 - x0) * scale) + 1), np.linspace(y1, y0, round((y1 - y0) * scale) + 1)
    x, y = np.meshgrid(xs, ys)
    norm = 1 + x**2 + y**2
    # Points of the rim may lie a fraction of a step outside the unit circle; z below 0 would fold them away.
    in_sector = np.stack([2 * x, 2 * y, np.maximum(2 - norm, 0)], axis=-1).reshape(-1, 3) / norm.reshape(-1, 1)
    start = np.deg2rad(_START.get(laue, 0.0))
    turned = in_sector @ np.array([[np.cos(start), np.sin(start), 0], [-np.sin(start), np.cos(start), 0], [0, 0, 1]])
    turned = turned[:, np.argsort(_ORDER.get(laue, [0, 1, 2]))]
    inside = (norm.ravel() <= 2 + 4.0 / size) & (np.abs(_to_sector(turned, laue) - in_sector).max(axis=1) < 2.0 / size)
    return xs, ys, np.where(inside[:, None], turned, np.nan).reshape(*x.shape, 3)


def sector_corners(point_group: str) -> tuple[tuple[str, float, float], ...]:
    """Names of the corners of the sector with their place on its stereographic picture, as in `sector_grid`."""
    laue = laue_class(point_group)
    corners = _corners(laue)
    planar = corners[:, :2] / (1 + corners[:, 2:])
    return tuple((name, float(u), float(v)) for name, (u, v) in zip(_CORNER_NAMES[laue], planar) if name)


def sector_outline(point_group: str) -> NDArray[np.float64]:
    """The closed border of the sector on its stereographic picture, ``(n, 2)``, as in `sector_grid`."""
    laue = laue_class(point_group)
    if laue in ("m-3m", "m-3"):
        path = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1], [0, 0, 1]] if laue == "m-3" else
                        [[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1]], dtype=float)  # fmt: skip
        along = np.linspace(0, 1, 40)[:, None]
        v = np.concatenate([(1 - along) * first + along * second for first, second in pairwise(path)])
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        border: NDArray[np.float64] = v[:, :2] / (1 + v[:, 2:])
        return border
    span = np.deg2rad(_WEDGES[laue][0])
    around = np.linspace(0, span, 181)
    rim = np.stack([np.cos(around), np.sin(around)], axis=1)
    return rim if laue == "-1" else np.concatenate([np.zeros((1, 2)), rim, np.zeros((1, 2))])


def _extent(laue: str) -> tuple[float, float, float, float]:
    """Smallest and largest x, then y, of the sector's stereographic picture."""
    if laue in ("m-3m", "m-3"):
        # The side from 101 to 111 bulges: its highest y is that of 111, its largest x that of 101.
        top = 1 / (1 + np.sqrt(3)) if laue == "m-3m" else np.sqrt(2) - 1
        return 0.0, float(np.sqrt(2) - 1), 0.0, float(top)
    around = np.linspace(0, np.deg2rad(_WEDGES[laue][0]), 361)
    xs, ys = np.append(np.cos(around), 0), np.append(np.sin(around), 0)
    return float(xs.min()), float(xs.max()), float(ys.min()), float(ys.max())


def ipf_key(point_group: str, size: int = 256) -> tuple[NDArray[np.uint8], tuple[tuple[str, float, float], ...]]:
    """Picture of the colour key.

    Parameters
    ----------
    point_group
        Hermann-Mauguin name.
    size
        Pixels of the longer side.

    Returns
    -------
    RGBA image uint8 ``[rows, columns, 4]``, transparent outside the sector (stereographic projection, first row on top), and
    the corners' labels with their (x, y) in pixels.
    """
    xs, ys, directions = sector_grid(point_group, size)
    flat = directions.reshape(-1, 3)
    inside = np.isfinite(flat[:, 0])
    image = np.zeros((len(flat), 4), np.uint8)
    image[inside, :3] = direction_colours(flat[inside], point_group)
    image[inside, 3] = 255
    scale = (len(xs) - 1) / (xs[-1] - xs[0])
    labels = tuple((name, (u - xs[0]) * scale, (ys[0] - v) * scale) for name, u, v in sector_corners(point_group))
    return image.reshape(len(ys), len(xs), 4), labels
