"""What a segmentation of grains would give, as layers of the slices: boundaries on a plane, grains; and its figures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.colours import argb, label_colours
from nmcstudio.gui.views.contents import Layer, PlaneSource
from nmcstudio.gui.views.layer_model import PREVIEW

# Planes of disorientations that are kept: wheeling back and forth costs nothing.
_PLANES = 48
# Voxels that the histograms look at: planes spread over the stack.
_SAMPLE = 3_000_000
_LINES = (15, 15, 15)
_BINS = 120


@dataclass(frozen=True)
class Histograms:
    """Disorientations of neighbours in degrees, and confidences; counts None where there are none."""

    angle_edges: NDArray[np.float64]
    angles: NDArray[np.int64] | None
    confidence_edges: NDArray[np.float64]
    confidences: NDArray[np.int64] | None


def find_histograms(stack: EbsdStack, points: Any, monitor: Monitor) -> Histograms:
    """Of neighbours within sections, and for stacks across them; of as many planes as are quick."""
    depth, rows, columns = stack.shape
    edges = np.linspace(0, 180, 18001)
    counts = np.zeros(18000, np.int64)
    wanted = [(0, z) for z in _spread(depth, _SAMPLE // (rows * columns))]
    if depth > 1:
        wanted += [(1, y) for y in _spread(rows, _SAMPLE // (depth * columns))]
    for axis, index in monitor.track(wanted, "Looking at disorientations"):
        found = plane_of(points, axis, index)
        # Of an upright plane only what lies across sections is new.
        found = found if axis == 0 else found[1:]
        counts += np.histogram(np.rad2deg(found[np.isfinite(found)]), edges)[0]
    top = max(1.0, 1.02 * float(edges[1:][counts > 0].max(initial=1.0)))
    coarse = np.linspace(0, top, _BINS + 1)
    angles = np.histogram(edges[:-1], coarse, weights=counts)[0].astype(np.int64) if counts.any() else None
    known = stack.confidence[:: max(1, stack.phase.size // _SAMPLE)]
    known = known[np.isfinite(known)].astype(np.float64)
    confidences, confidence_edges = (None, np.array([0.0, 1.0])) if not known.size else np.histogram(known, _BINS)
    return Histograms(coarse, angles, confidence_edges, confidences)


def _spread(length: int, count: int) -> list[int]:
    return sorted({int(v) for v in np.linspace(0, length - 1, max(1, min(length, count)))})


def plane_of(points: Any, axis: int, index: int) -> NDArray[np.float32]:
    """Disorientations ``[2, rows, columns]`` (radians) to the right and downwards on one plane normal to an array axis."""
    from nmcstudio.imaging.grain_kernels import plane_angles

    cut = (slice(None),) * axis + (index,)
    quaternions = np.ascontiguousarray(points.quaternions[cut])
    ids = np.ascontiguousarray(points.ids[cut])
    angles = np.empty((2, *ids.shape), np.float32)
    plane_angles(quaternions, ids, points.group, angles)
    return angles


class AngleStore:
    """Disorientations of planes of one map; made in a worker, looked at in the GUI thread.

    `wanted(axis, index)` is called for a plane that is not there.
    """

    def __init__(self, points: Any, wanted: Callable[[int, int], None]) -> None:
        self.points = points
        self._wanted = wanted
        self._planes: OrderedDict[tuple[int, int], NDArray[np.float32]] = OrderedDict()

    def get(self, axis: int, index: int) -> NDArray[np.float32] | None:
        held = self._planes.get((axis, index))
        if held is None:
            self._wanted(axis, index)
        return held

    def put(self, axis: int, index: int, plane: NDArray[np.float32]) -> None:
        self._planes[axis, index] = plane
        self._planes.move_to_end((axis, index))
        while len(self._planes) > _PLANES:
            self._planes.popitem(last=False)


class BoundaryPlanes(PlaneSource):
    """True at points whose right or lower neighbour differs by more than an angle (radians)."""

    dtype = np.dtype(bool)

    def __init__(self, store: AngleStore, angle: float) -> None:
        self.shape = store.points.ids.shape
        self._store, self._angle = store, angle

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        found = self._store.get(axis, index)
        return None if found is None else (found > self._angle).any(axis=0)


def boundary_layer(store: AngleStore, angle: float, stack: EbsdStack) -> Layer:
    """The boundaries at an angle."""
    planes = BoundaryPlanes(store, angle)
    return Layer(PREVIEW, "Boundary preview", "mask", planes, stack.spacing_um, stack.origin_um, colour=_LINES)


class GrainColours:
    """The grains of a hierarchy over the slices: a grain has the colour of its largest piece and keeps it when others join."""

    def __init__(self, hierarchy: Any, stack: EbsdStack) -> None:
        self.hierarchy = hierarchy
        self._stack = stack
        self._by_size = np.argsort(hierarchy.sizes, kind="stable")
        self._words = argb(label_colours(np.arange(len(hierarchy.sizes))))

    def layer(self, found: Any) -> Layer:
        largest = np.zeros(int(found.numbers.max(initial=0)) + 1, np.int64)
        # Written from the smallest to the largest piece: the last one to write stays.
        largest[found.numbers[self._by_size]] = self._by_size
        words = self._words[largest[found.numbers]]
        words[found.numbers == 0] = 0
        return Layer(
            PREVIEW, "Grain preview", "labels", self.hierarchy.pieces, self._stack.spacing_um, self._stack.origin_um,
            opacity=0.6, words=words, numbers=found.numbers,
        )  # fmt: skip


def grain_words(found: Any, hierarchy: Any, min_voxels: int, seen: int) -> str:
    """How many grains of which size there are, and what is left over."""
    count, voxels = len(found.sizes), int(found.sizes.sum())
    rest = int(hierarchy.sizes.sum()) - voxels
    text = f"{count} grain{'' if count == 1 else 's'} with {100 * voxels / max(1, seen):.1f} % of the voxels"
    if count:
        text += f", median {np.median(found.sizes):.0f} voxels"
    if rest:
        text += f". {100 * rest / max(1, seen):.1f} % in pieces below {min_voxels} voxels go to their neighbours"
    return text + "."
