"""Inverse pole figure colours: a direction of the sample, seen from the crystal, as a colour.

The direction is brought into the fundamental sector of the Laue class; its three corners are red, green and blue, and a
point between them has the corners' shares, scaled so that the largest is full (the look that EDAX made common). Classes
without mirrors (-1, 2/m, -3, 4/m, 6/m, m-3) have a jump of colour at the border of their sector; no key can avoid it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmcstudio.crystal.quaternions import rotate
from nmcstudio.crystal.symmetry import laue_class

# Fold about c (degrees of the sector, and whether a mirror halves the period) for classes with one main axis.
_WEDGES = {
    "-1": (360.0, False), "2/m": (180.0, False), "mmm": (90.0, True), "4/m": (90.0, False), "4/mmm": (45.0, True),
    "-3": (120.0, False), "-3m": (60.0, True), "-31m": (60.0, True), "6/m": (60.0, False), "6/mmm": (30.0, True),
}  # fmt: skip
# Azimuth at which the sector begins: the mirror of -3m that contains c lies 30 degrees from the two-fold axis.
_START = {"-3m": -30.0, "-31m": 0.0}
_CORNER_NAMES = {
    "m-3m": ("001", "101", "111"),
    "m-3": ("001", "011", "111"),
    "6/mmm": ("0001", "2-1-10", "10-10"),
    "-3m": ("0001", "1-100", "10-10"),
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
    laue = laue_class(point_group)
    if laue in ("m-3m", "m-3"):
        extent = (0.0, np.sqrt(2) - 1, 0.0, np.sqrt(2) - 1)
    else:
        span = np.deg2rad(_WEDGES[laue][0])
        around = np.linspace(0, span, 361)
        xs, ys = np.append(np.cos(around), 0), np.append(np.sin(around), 0)
        extent = (xs.min(), xs.max(), ys.min(), ys.max())
    x0, x1, y0, y1 = extent
    scale = (size - 1) / max(x1 - x0, y1 - y0)
    columns, rows = round((x1 - x0) * scale) + 1, round((y1 - y0) * scale) + 1
    x, y = np.meshgrid(np.linspace(x0, x1, columns), np.linspace(y1, y0, rows))
    norm = 1 + x**2 + y**2
    # Pixel centres of the rim may lie a fraction of a pixel outside the unit circle; z below 0 would fold them away.
    in_sector = np.stack([2 * x, 2 * y, np.maximum(2 - norm, 0)], axis=-1).reshape(-1, 3) / norm.reshape(-1, 1)
    start = np.deg2rad(_START.get(laue, 0.0))
    turned = in_sector @ np.array([[np.cos(start), np.sin(start), 0], [-np.sin(start), np.cos(start), 0], [0, 0, 1]])
    inside = (norm.ravel() <= 2 + 4.0 / size) & (np.abs(_to_sector(turned, laue) - in_sector).max(axis=1) < 2.0 / size)
    image = np.zeros((rows * columns, 4), np.uint8)
    image[inside, :3] = direction_colours(turned[inside], laue)
    image[inside, 3] = 255
    corners = _corners(laue)
    planar = corners[:, :2] / (1 + corners[:, 2:])
    names = _CORNER_NAMES.get(laue, ("c", "a", "b"))
    labels = tuple((name, float((u - x0) * scale), float((y1 - v) * scale)) for name, (u, v) in zip(names, planar))
    return image.reshape(rows, columns, 4), labels
