"""Label values of any number type made into whole numbers of 16 or 32 bits, slab by slab."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.sources import BLOCK, Box, Source

_TOP = 2**32 - 1


def read_whole(source: Source, box: Box, name: str, monitor: Monitor) -> NDArray[Any]:
    """Labels in `box` as uint16 or uint32.

    Raises
    ------
    NmcError
        For fractions, negative labels and labels above 4294967295.
    """
    shape = tuple(b - a for a, b in box)
    narrow = source.dtype.kind in "ui" and source.dtype.itemsize <= 2
    labels = np.empty(shape, np.uint16 if narrow else np.uint32)
    step = max(1, BLOCK // max(1, shape[1] * shape[2] * source.dtype.itemsize))
    low, high = box[0]
    top = 0
    for start in range(low, high, step):
        stop = min(start + step, high)
        part = monitor.sub((start - low) / (high - low), (stop - low) / (high - low))
        slab = source.read(((start, stop), box[1], box[2]), part)
        top = max(top, _checked(slab, name))
        labels[start - low : stop - low] = slab
    return labels.astype(np.uint16) if not narrow and top < 65536 else labels


def _checked(slab: NDArray[Any], name: str) -> int:
    """The largest label of a slab."""
    if slab.dtype.kind == "f" and not np.array_equal(slab, np.rint(slab)):
        raise NmcError(f"{name} holds values that are not whole numbers", "import it as a CT volume and segment it", "files")
    if slab.min() < 0 or slab.max() > _TOP:
        raise NmcError(f"{name} holds labels outside 0 to {_TOP}", "use 0 for the background and positive labels", "files")
    return int(slab.max())
