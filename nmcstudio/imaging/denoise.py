"""Smoothing in slabs: Gaussian with reflecting ends, and median."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.slabs import slabs


def smooth(
    values: NDArray[Any],
    sigma_voxels: float,
    observed: NDArray[np.bool_] | None = None,
    monitor: Monitor | None = None,
) -> NDArray[np.float32]:
    """Gaussian filter with reflecting ends, cut off at four standard deviations (models.md 2.2).

    Parameters
    ----------
    values
        Array ``[z, y, x]``.
    sigma_voxels
        Standard deviation in voxels along every axis longer than one voxel; 0 only converts.
    observed
        bool ``[z, y, x]``: unobserved voxels take no part (normalised convolution), so that the rim of a cylindrical field of
        view is not darkened; None if everything is observed.

    Returns
    -------
    smoothed
        float32 ``[z, y, x]``; 0 where nothing observed is near.
    """
    monitor = monitor or Monitor()
    if observed is None:
        return _gaussian(values, sigma_voxels, None, monitor)
    weighted = _gaussian(values, sigma_voxels, observed, monitor.sub(0.0, 0.5))
    weights = _gaussian(observed, sigma_voxels, None, monitor.sub(0.5, 0.95))
    for part in slabs(values.shape, monitor.sub(0.95, 1.0), "Smoothing"):
        known = weights[part] > 1e-3
        weighted[part] = np.divide(weighted[part], weights[part], out=np.zeros_like(weighted[part]), where=known)
    return weighted


def _gaussian(values: NDArray[Any], sigma: float, observed: NDArray[np.bool_] | None, monitor: Monitor) -> NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter1d

    result = np.empty(values.shape, np.float32)
    nz, ny, nx = values.shape
    for part in slabs(values.shape, monitor.sub(0.0, 0.65), "Smoothing"):
        piece = values[part].astype(np.float32)
        if observed is not None:
            piece[~observed[part]] = 0
        for axis, length in ((2, nx), (1, ny)):
            if sigma > 0 and length > 1:
                piece = gaussian_filter1d(piece, sigma, axis=axis, mode="reflect", truncate=4.0)
        result[part] = piece
    if sigma > 0 and nz > 1:
        for part in slabs(values.shape, monitor.sub(0.65, 1.0), "Smoothing", axis=1):
            result[:, part] = gaussian_filter1d(result[:, part], sigma, axis=0, mode="reflect", truncate=4.0)
    return result


def median(values: NDArray[Any], radius_voxels: int, monitor: Monitor | None = None) -> NDArray[Any]:
    """Median over cubes of ``2 radius + 1`` voxels with reflecting ends, against single bright or dark voxels."""
    from scipy.ndimage import median_filter

    monitor = monitor or Monitor()
    if radius_voxels < 1:
        return values
    result = np.empty_like(values)
    size = tuple(2 * radius_voxels + 1 if length > 1 else 1 for length in values.shape)
    work = 60_000_000 // (size[0] * size[1] * size[2]) // 10
    for part in slabs(values.shape, monitor, "Median filter", voxels=work):
        low, high = max(0, part.start - radius_voxels), min(len(values), part.stop + radius_voxels)
        result[part] = median_filter(values[low:high], size, mode="reflect")[part.start - low : part.stop - low]
    return result
