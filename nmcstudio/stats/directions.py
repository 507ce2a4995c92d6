"""Weights of the 13 voxel directions in Crofton's formula for the surface area of voxel sets (models.md 13.3)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.volume import Triple


@lru_cache(maxsize=64)
def crofton_factors(spacing_um: Triple) -> NDArray[np.float64]:
    """Area in um^2 that one intercept of each of the 13 directions stands for.

    A line of direction q stands for the area ``V / |q|`` across it (V the voxel's volume, |q| the step in um); the mean over all
    directions is taken with the share of the sphere that is nearest to q or -q (spherical Voronoi cell). For cubes the
    shares are 0.09156, 0.07401 and 0.07032 for axes, face and space diagonals.

    Parameters
    ----------
    spacing_um
        Voxel edges (z, y, x) in um.

    Returns
    -------
    float64 ``(13,)`` in the order of `descriptor_kernels.OFFSETS`.
    """
    from nmcstudio.stats.descriptor_kernels import OFFSETS

    steps = OFFSETS * np.asarray(spacing_um)
    lengths = np.linalg.norm(steps, axis=1)
    factors = 2.0 * direction_weights(spacing_um) * float(np.prod(spacing_um)) / lengths
    factors.flags.writeable = False
    return factors


def direction_weights(spacing_um: Triple) -> NDArray[np.float64]:
    """Share of the sphere of each of the 13 directions and its opposite, float64 ``(13,)``, sum 1."""
    from scipy.spatial import SphericalVoronoi

    from nmcstudio.stats.descriptor_kernels import OFFSETS

    steps = OFFSETS * np.asarray(spacing_um)
    unit = steps / np.linalg.norm(steps, axis=1)[:, None]
    areas = SphericalVoronoi(np.vstack([unit, -unit])).calculate_areas()
    return (areas[:13] + areas[13:]) / areas.sum()
