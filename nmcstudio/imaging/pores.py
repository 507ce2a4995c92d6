"""Closed pores are filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads, planes_of
from nmcstudio.imaging import run_kernels
from nmcstudio.imaging.denoise import EVERYTHING

PIECE_VOXELS = 8_000_000


def fill_pores(
    mask: NDArray[np.bool_], observed: NDArray[np.bool_] | None = None, monitor: Monitor | None = None
) -> tuple[int, int]:
    """Fill pores that are closed: background that is not connected through faces to the border or to unobserved voxels.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``, filled in place; False where nothing was observed. Room is taken for its background runs along x,
        16 bytes each.

    Returns
    -------
    pores, voxels
        How many were filled and how large they were together.
    """
    monitor = monitor or Monitor()
    message = "Filling closed pores"
    nz, ny, _ = mask.shape
    pieces = planes_of(mask.shape, PIECE_VOXELS)
    counts = np.zeros((nz, ny), np.int64)
    in_threads(lambda part: run_kernels.count_runs(mask[part], counts[part]), pieces, monitor.sub(0.0, 0.25), message)
    offsets = np.concatenate(([0], np.cumsum(counts.reshape(-1))))
    starts, stops = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.int32)
    parent = np.arange(offsets[-1])

    def link(part: slice) -> None:
        begins = offsets[:-1].reshape(nz, ny)[part]
        run_kernels.list_runs(mask[part], begins, starts, stops)
        run_kernels.join_slab(offsets, ny, part.start, part.stop, starts, stops, parent)

    in_threads(link, pieces, monitor.sub(0.25, 0.7), message)
    for part in pieces[1:]:
        run_kernels.join_planes(offsets, ny, part.start, starts, stops, parent)
    outside, sizes = np.zeros(len(parent), bool), np.zeros(len(parent), np.int64)
    known = EVERYTHING if observed is None else observed
    run_kernels.find_outside(mask.shape, offsets, starts, stops, known, parent, outside, sizes)
    closed = (sizes > 0) & ~outside
    if closed.any():
        in_threads(
            lambda part: run_kernels.fill_closed(
                mask[part], offsets[part.start * ny : part.stop * ny + 1], starts, stops, parent, outside
            ),
            pieces,
            monitor.sub(0.8, 1.0),
            message,
        )
    return int(closed.sum()), int(sizes[closed].sum())
