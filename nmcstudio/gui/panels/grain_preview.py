"""What a segmentation of grains would give, as layers of the slices: boundaries on a plane, grains; and its figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.piece_colours import PieceColours
from nmcstudio.gui.panels.plane_store import PlaneStore
from nmcstudio.gui.views.contents import Layer, PlaneSource
from nmcstudio.gui.views.layer_model import PREVIEW

# Voxels that the histograms look at: planes spread over the stack.
_SAMPLE = 3_000_000
_LINES = (15, 15, 15)
_BINS = 120
# Planes of up to this many pixels along an edge are drawn with thin lines.
_FINE_PIXELS = 1400


@dataclass(frozen=True)
class Histograms:
    """Disorientations of neighbours in degrees, and confidences; counts None where there are none.

    `shares` ``(18000,)`` is the share of neighbours above each hundredth of a degree.
    """

    angle_edges: NDArray[np.float64]
    angles: NDArray[np.int64] | None
    confidence_edges: NDArray[np.float64]
    confidences: NDArray[np.int64] | None
    shares: NDArray[np.float64]

    def words(self, angle: float) -> str:
        """How many neighbours an angle (radians) parts."""
        degrees = float(np.rad2deg(angle))
        share = self.shares[min(round(100 * degrees), len(self.shares) - 1)]
        return f"{100 * share:.2g} % of all neighbours differ by more than {degrees:.3g}°."


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
    confidence_edges, confidences = np.array([0.0, 1.0]), None
    if known.size:
        # Files hold two or three decimals: bins of as many values each, none of them on an edge.
        low, high = np.floor(100 * known.min()) / 100, np.ceil(100 * known.max()) / 100
        confidence_edges = np.arange(round(100 * (high - low)) + 2) / 100 + low - 0.0005
        confidences = np.histogram(known, confidence_edges)[0]
    shares = 1 - np.cumsum(counts) / max(1, counts.sum())
    return Histograms(coarse, angles, confidence_edges, confidences, shares)


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


class AngleStore(PlaneStore):
    """Disorientations of planes of one map."""

    def __init__(self, points: Any, wanted: Callable[[int, int], None]) -> None:
        super().__init__(wanted)
        self.points = points

    def get(self, axis: int, index: int) -> NDArray[np.float32] | None:
        """Those of a plane as `plane_of` gives them, or None while they are being made."""
        found: NDArray[np.float32] | None = self.held(axis, index)
        if found is None:
            self._wanted(axis, index)
        return found

    def work(self, axis: int, index: int) -> Callable[[Monitor], NDArray[np.float32]]:
        points = self.points
        return lambda monitor: plane_of(points, axis, index)


class BoundaryPlanes(PlaneSource):
    """Lines along the faces across which the disorientation exceeds an angle (radians), `fine` pixels a voxel."""

    dtype = np.dtype(bool)

    def __init__(self, store: AngleStore, angle: float, fine: int) -> None:
        depth, rows, columns = store.points.ids.shape
        self.shape = (depth * fine, rows * fine, columns * fine)
        self._store, self._angle, self._fine = store, angle, fine

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        found = self._store.get(axis, index // self._fine)
        if found is None:
            return None
        apart = found > self._angle
        if self._fine == 1:
            drawn: NDArray[np.bool_] = apart.any(axis=0)
            return drawn
        fine = self._fine
        lines = np.zeros((apart.shape[1] * fine, apart.shape[2] * fine), bool)
        lines[:, fine - 1 :: fine] = np.repeat(apart[0], fine, axis=0)
        lines[fine - 1 :: fine] |= np.repeat(apart[1], fine, axis=1)
        return lines


def boundary_layer(store: AngleStore, angle: float, stack: EbsdStack) -> Layer:
    """The boundaries at an angle: thin lines where a map is coarse, whole points where it has many."""
    fine = int(np.clip(_FINE_PIXELS // max(stack.shape), 1, 4))
    spacing: Any = tuple(edge / fine for edge in stack.spacing_um)
    origin: Any = tuple(at - edge / 2 + part / 2 for at, edge, part in zip(stack.origin_um, stack.spacing_um, spacing))
    return Layer(PREVIEW, "Boundary preview", "mask", BoundaryPlanes(store, angle, fine), spacing, origin, colour=_LINES)


class GrainColours:
    """The grains of a hierarchy over the slices."""

    def __init__(self, hierarchy: Any, stack: EbsdStack) -> None:
        self.hierarchy = hierarchy
        self._stack = stack
        self._colours = PieceColours(hierarchy.sizes)

    def layer(self, found: Any) -> Layer:
        words = self._colours.words(found.numbers)
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
        share = 100 * rest / max(1, seen)
        text += (
            f". {f'{share:.1f}' if share >= 0.05 else 'Under 0.1'} % in pieces below {min_voxels} voxels go to their neighbours"
        )
    return text + "."
