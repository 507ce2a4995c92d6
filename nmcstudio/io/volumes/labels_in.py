"""Label values of any number type made into whole numbers of 16 or 32 bits while they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.sources import Box, Source

_TOP = 2**32 - 1


class _Checking(np.ndarray[Any, Any]):
    """An array that looks at what is assigned to it, so that sources fill it without a copy in the file's own type.

    Views of it (slices, other orders of the axes) look as well, and share what they have seen.
    """

    seen: _Seen

    def __array_finalize__(self, other: Any) -> None:
        self.seen = getattr(other, "seen", None)  # type: ignore[assignment]

    def __setitem__(self, key: Any, value: Any) -> None:
        block = np.asarray(value)
        if block.size:
            self.seen.look(block)
        super().__setitem__(key, block)


class _Seen:
    """What was assigned so far: the largest label. Complains of what is no label."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.top = 0

    def look(self, block: NDArray[Any]) -> None:
        if block.dtype.kind == "f" and not np.array_equal(block, np.rint(block)):
            raise NmcError(
                f"{self.name} holds values that are not whole numbers", "import it as a CT volume and segment it", "files"
            )
        top = block.max()
        if block.min() < 0 or top > _TOP:
            raise NmcError(
                f"{self.name} holds labels outside 0 to {_TOP}", "use 0 for the background and positive labels", "files"
            )
        self.top = max(self.top, int(top))


def read_whole(source: Source, box: Box, name: str, monitor: Monitor) -> NDArray[Any]:
    """Labels in `box` as uint16 or uint32.

    Raises
    ------
    NmcError
        For fractions, negative labels and labels above 4294967295.
    """
    narrow = source.dtype.kind in "ui" and source.dtype.itemsize <= 2
    labels = np.empty([b - a for a, b in box], np.uint16 if narrow else np.uint32)
    checking = labels.view(_Checking)
    checking.seen = _Seen(name)
    source.read_into(checking, box, monitor)
    return labels.astype(np.uint16) if not narrow and checking.seen.top < 65536 else labels
