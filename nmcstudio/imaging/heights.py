"""How deep each voxel lies, lightly smoothed: the field whose basins are the pieces of particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.imaging import gauss_kernels
from nmcstudio.imaging.denoise import each_smoothed_plane
from nmcstudio.imaging.distance import squared_distance_inside

STEP = 1 / 256  # of heights, in voxels, unless some particle is more than 500 voxels wide


@dataclass(frozen=True)
class Heights:
    """A positive field as whole numbers.

    Attributes
    ----------
    codes
        uint16 ``[z, y, x]``, 0 outside of the material, else 1 at least.
    step
        Height of one code.
    """

    codes: NDArray[np.uint16]
    step: float


def heights_of(
    mask: NDArray[np.bool_],
    edges: Triple,
    observed: NDArray[np.bool_] | None,
    smoothing_voxels: float,
    monitor: Monitor,
) -> Heights:
    """Smoothed distance to the surface of each voxel of the material.

    A slab with as much around it as its largest distance and four times the smoothing gives equal heights.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``, the material; False where nothing was observed.
    edges
        Voxel edges (z, y, x), of mean 1.
    observed
        bool ``[z, y, x]`` or None; what is unobserved leaves no surface.
    smoothing_voxels
        Standard deviation of the Gaussian filter.
    """
    squared, unit = squared_distance_inside(mask, edges, observed, monitor.sub(0.0, 0.6))
    step = STEP
    if squared.dtype != np.uint16:
        # Of the material only: the unobserved may lie as deep as the volume is wide.
        deepest = max(float(plane.max(initial=0, where=inside)) for plane, inside in zip(squared, mask))
        step = max(STEP, float(np.sqrt(deepest * unit)) / 65535)
    codes = np.empty(mask.shape, np.uint16)

    def root(piece: NDArray[Any]) -> NDArray[np.float32]:
        return np.sqrt(piece * np.float32(unit), dtype=np.float32)

    def keep(z: int, plane: NDArray[np.float32]) -> None:
        gauss_kernels.quantise_inside(plane, np.float32(1 / step), mask[z], codes[z])

    each_smoothed_plane(squared, smoothing_voxels, None, keep, monitor.sub(0.6, 1.0), root)
    return Heights(codes, step)


def heights_from(field: NDArray[np.float32]) -> Heights:
    """Any field ``[z, y, x]`` that is 0 outside and positive within."""
    step = float(field.max(initial=0.0)) / 65535 or 1.0
    codes = np.rint(field / np.float32(step)).astype(np.uint16)
    np.maximum(codes, 1, out=codes, where=field > 0)
    return Heights(codes, step)
