"""Forests over voxels turned into numbered regions, and connected components."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging import kernels
from nmcstudio.imaging.slabs import slabs


def forest_type(size: int) -> type[np.signedinteger[Any]]:
    """Integer type that holds flat indices of `size` voxels."""
    return np.int32 if size < 2**31 - 2 else np.int64


def number_trees(parents: NDArray[Any], monitor: Monitor, message: str) -> int:
    """Turn a forest of flat indices ``[z, y, x]`` (-1 outside) into regions 1, 2, …, in place; 0 outside.

    Regions are numbered in the order of their roots. Returns their number.
    """
    flat = parents.reshape(-1)
    chunk = 1 << 21
    starts = range(0, flat.size, chunk)
    for start in monitor.sub(0.0, 0.7).track(starts, message):
        kernels.follow(flat, start, min(start + chunk, flat.size))
    count = 0
    for start in monitor.sub(0.7, 0.8).track(starts, message):
        count = kernels.number_roots(flat, start, min(start + chunk, flat.size), count)
    for start in monitor.sub(0.8, 0.9).track(starts, message):
        kernels.take_numbers(flat, start, min(start + chunk, flat.size))
    for start in monitor.sub(0.9, 1.0).track(starts, message):
        part = flat[start : start + chunk]
        np.subtract(-1, part, out=part)
    return count


def connected_components(mask: NDArray[np.bool_], monitor: Monitor, message: str) -> tuple[NDArray[Any], int]:
    """Regions of a mask that are connected through faces.

    Returns
    -------
    labels
        int32 or int64 ``[z, y, x]``: 1, 2, … in the order of their first voxels, 0 outside.
    count
        Number of regions.
    """
    parents = np.empty(mask.shape, forest_type(mask.size))
    for part in slabs(mask.shape, monitor.sub(0.0, 0.5), message):
        kernels.join_faces(mask, parents, part.start, part.stop)
    return parents, number_trees(parents, monitor.sub(0.5, 1.0), message)
