"""Colours of what a slider puts together from pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views.colours import argb, label_colours


class PieceColours:
    """A group of pieces has the colour of its largest one: where it falls apart, the largest part keeps it.

    Parameters
    ----------
    sizes
        Voxels of each piece ``(pieces,)``.
    """

    def __init__(self, sizes: NDArray[Any]) -> None:
        self._by_size = np.argsort(sizes, kind="stable")
        self._words = argb(label_colours(np.arange(len(sizes))))

    def words(self, groups: NDArray[Any]) -> NDArray[np.uint32]:
        """ARGB32 words of the pieces ``(pieces,)``, given the number of the group that each belongs to."""
        largest = np.zeros(int(groups.max(initial=0)) + 1, np.int64)
        # Written from the smallest to the largest piece: the last one to write stays.
        largest[groups[self._by_size]] = self._by_size
        words: NDArray[np.uint32] = self._words[largest[groups]]
        return words
