"""Colours of the c-axis: the axis along the line of sight is white, an axis in the section dark, the hue tells where it leans.

An axis has no sign, so that the axes are the points of a half sphere whose rim is glued to itself: a hue that simply follows the
azimuth would jump there. Here the hue turns once with the azimuth between centre and rim, where the two directions of leaning
differ, and twice at the rim, where an axis and its opposite must look the same. The colours are continuous all over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmcstudio.core.colours import oklab_to_srgb
from nmcstudio.crystal.pole_figures import unproject
from nmcstudio.crystal.quaternions import c_axis


def axis_colours(axes: ArrayLike) -> NDArray[np.uint8]:
    """Colours of axes of the sample frame.

    Parameters
    ----------
    axes
        ``(..., 3)``, unit vectors; an axis and its opposite have one colour.

    Returns
    -------
    uint8 ``(..., 3)``, red, green, blue; black where an axis is NaN.
    """
    v = np.asarray(axes, dtype=float)
    finite = np.isfinite(v).all(axis=-1)
    v = np.where(finite[..., None], np.where(v[..., 2:] > 0, -v, v), (0.0, 0.0, -1.0))
    up = np.clip(-v[..., 2], 0.0, 1.0)
    # y of the map runs down: the hue turns as it does on a page.
    azimuth = np.arctan2(-v[..., 1], v[..., 0])
    tilt = np.arccos(up) / (np.pi / 2)
    lightness = 1.0 - 0.52 * tilt
    once, twice = 0.17 * np.sin(np.pi * tilt), 0.15 * tilt**3
    a = once * np.cos(azimuth) + twice * np.cos(2 * azimuth)
    b = once * np.sin(azimuth) + twice * np.sin(2 * azimuth)
    return np.where(finite[..., None], oklab_to_srgb(lightness, a, b), 0).astype(np.uint8)


def c_axis_colours(quaternions: ArrayLike) -> NDArray[np.uint8]:
    """Colours of the c-axis of orientations ``(..., 4)``, sample to crystal: uint8 ``(..., 3)``; black where NaN."""
    q = np.asarray(quaternions)
    flat = q.reshape(-1, 4)
    colours = np.empty((len(flat), 3), np.uint8)
    for start in range(0, len(flat), 1 << 18):  # bounds the memory of the intermediate arrays
        part = slice(start, start + (1 << 18))
        colours[part] = axis_colours(c_axis(flat[part]))
    return colours.reshape(*q.shape[:-1], 3)


def c_axis_key(size: int = 256) -> NDArray[np.uint8]:
    """The round key, equal-area, x to the right and y down as in the map: RGBA uint8 ``[size, size, 4]``."""
    along = np.linspace(-1, 1, size)
    axes = unproject(np.stack(np.meshgrid(along, along), axis=-1))
    image = np.zeros((size, size, 4), np.uint8)
    image[..., :3] = axis_colours(axes)
    image[..., 3] = np.where(np.isfinite(axes[..., 0]), 255, 0)
    return image
