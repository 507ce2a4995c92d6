"""Work on large arrays piece by piece, so that it can be watched and stopped."""

from __future__ import annotations

from collections.abc import Iterator

from nmcstudio.core.monitor import Monitor


def slabs(shape: tuple[int, ...], monitor: Monitor, message: str, voxels: int = 1 << 20, axis: int = 0) -> Iterator[slice]:
    """Slices along one axis of about `voxels` voxels each; reports before each of them."""
    total = 1
    for length in shape:
        total *= length
    step = max(1, voxels * shape[axis] // max(1, total))
    starts = range(0, shape[axis], step)
    for start in monitor.track(starts, message):
        yield slice(start, min(start + step, shape[axis]))
