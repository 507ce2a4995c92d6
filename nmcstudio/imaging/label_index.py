"""Where each object of a label volume is and how large: what makes an edit a matter of its own bounding box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging import label_kernels as kernels
from nmcstudio.imaging.slabs import slabs

Box = tuple[slice, slice, slice]

_LARGEST = 20_000_000  # tables by label stay below a gigabyte
_FAR = 2**60


class LabelIndex:
    """Voxels and bounding box of every label, kept up as the volume changes.

    Attributes
    ----------
    sizes
        int64 ``(n,)``, voxels of each label; n is larger than the largest label.
    boxes
        int64 ``(n, 6)``, (z0, y0, x0, z1, y1, x1), the end one past the last voxel; meaningless for labels without voxels.
    """

    def __init__(self, labels: NDArray[Any], monitor: Monitor | None = None) -> None:
        self.sizes = np.zeros(256, np.int64)
        self.boxes = _no_boxes(256)
        for part in slabs(labels.shape, monitor or Monitor(), "Looking for labels", voxels=1 << 23):
            slab = labels[part]
            self._make_room(int(slab.max(initial=0)))
            kernels.add_extents(slab, part.start, self.sizes, self.boxes)

    @property
    def highest(self) -> int:
        """The largest label that has voxels; 0 if there is none."""
        found = np.flatnonzero(self.sizes[1:])
        return int(found[-1]) + 1 if len(found) else 0

    def has(self, label: int) -> bool:
        return 0 < label < len(self.sizes) and bool(self.sizes[label])

    def box(self, label: int) -> Box:
        """Bounding box of a label, as slices (z, y, x)."""
        low_z, low_y, low_x, high_z, high_y, high_x = (int(v) for v in self.boxes[label])
        return slice(low_z, high_z), slice(low_y, high_y), slice(low_x, high_x)

    def change(self, labels: NDArray[Any], box: Box, mask: NDArray[np.bool_], old: NDArray[Any], new: NDArray[Any]) -> list[int]:
        """Follow a change that has been made: voxels `mask` of a box went from `old` to `new` ``(k,)``.

        Returns
        -------
        touched
            Labels that lost or gained voxels, ascending, the background too.
        """
        self._make_room(int(new.max(initial=0)))
        lost, lost_counts = _counted(old)
        gained, gained_counts = _counted(new)
        self.sizes[lost] -= lost_counts
        self.sizes[gained] += gained_counts
        offset = np.array([part.start for part in box] * 2)
        for label in gained[gained > 0].tolist():
            where = mask
            if len(gained) > 1:
                where = mask.copy()
                where[mask] = new == label
            self._grow(label, tight_box(where) + offset)
        for label in lost[lost > 0].tolist():
            if self.sizes[label] == 0:
                self.boxes[label] = _no_boxes(1)[0]
            else:
                self._shrink(label, labels, np.array([*(p.start for p in box), *(p.stop for p in box)]))
        return sorted({*lost.tolist(), *gained.tolist()})

    def _grow(self, label: int, box: NDArray[np.int64]) -> None:
        here = self.boxes[label]
        np.minimum(here[:3], box[:3], out=here[:3])
        np.maximum(here[3:], box[3:], out=here[3:])

    def _shrink(self, label: int, labels: NDArray[Any], lost: NDArray[np.int64]) -> None:
        here = self.boxes[label]
        if (lost[:3] > here[:3]).all() and (lost[3:] < here[3:]).all():
            return  # what was lost lies inside: the box stands
        box = self.box(label)
        self.boxes[label] = tight_box(labels[box] == label) + np.array([part.start for part in box] * 2)

    def _make_room(self, label: int) -> None:
        if label < len(self.sizes):
            return
        if label > _LARGEST:
            raise NmcError(
                f"the largest label is {label:,}, and edits know labels up to {_LARGEST:,}",
                "number the objects anew (export and import them)",
            )
        more = max(label + 1, len(self.sizes) * 3 // 2) - len(self.sizes)
        self.sizes = np.concatenate([self.sizes, np.zeros(more, np.int64)])
        self.boxes = np.concatenate([self.boxes, _no_boxes(more)])


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different values and how often each occurs."""
    if len(values) and (values == values[0]).all():
        return values[:1].astype(np.int64), np.array([len(values)])
    found, counts = np.unique(values, return_counts=True)
    return found.astype(np.int64), counts


def _no_boxes(count: int) -> NDArray[np.int64]:
    return np.tile(np.array([_FAR] * 3 + [0] * 3, np.int64), (count, 1))


def tight_box(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Smallest box of the True voxels ``[z, y, x]`` as (z0, y0, x0, z1, y1, x1); at least one must be."""
    flat: NDArray[np.bool_] = np.any(mask, axis=2)
    used = [np.flatnonzero(each) for each in (np.any(flat, axis=1), np.any(flat, axis=0), np.any(mask, axis=(0, 1)))]
    return np.array([int(each[0]) for each in used] + [int(each[-1]) + 1 for each in used])
