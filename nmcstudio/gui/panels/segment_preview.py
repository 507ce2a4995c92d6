"""What a segmentation would give, as layers of the slices: planes of the smoothed volume, of the material, of the particles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple, Volume
from nmcstudio.gui.panels.piece_colours import PieceColours
from nmcstudio.gui.panels.plane_store import PlaneStore
from nmcstudio.gui.views.contents import Layer, PlaneSource
from nmcstudio.gui.views.layer_model import PREVIEW
from nmcstudio.gui.views.slicing import word_of

# Splitting this many voxels takes one to two seconds.
PIECE_VOXELS = 4_000_000
_MATERIAL = (255, 170, 40)
_UNKNOWN = (40, 90, 160)
_SMALL, _CUT = (150, 150, 150), (70, 70, 70)


@dataclass(frozen=True)
class Plane:
    """One smoothed plane: codes with their scale (`imaging.smoothed.Codes`), and which of them were observed (None: all)."""

    settings: Any
    codes: NDArray[Any]
    scale: Any
    observed: NDArray[np.bool_] | None


class SmoothedStore(PlaneStore):
    """Smoothed planes of one volume, each kept as it was last computed.

    `has_unknown` is true once a plane has shown that not all was observed.
    """

    def __init__(self, segmenter: Any, wanted: Callable[[int, int], None]) -> None:
        super().__init__(wanted)
        self.segmenter = segmenter
        self.settings: Any = None
        self.has_unknown = False
        # Observed voxels under the settings of the last plane: with them a plane costs the GUI thread no pass over the volume.
        self._regions: dict[Any, NDArray[np.bool_] | None] = {}

    def get(self, axis: int, index: int) -> Plane | None:
        """The plane; while the one for these settings is being computed, the one before it, or None."""
        held: Plane | None = self.held(axis, index)
        if held is not None and held.settings.smoothing == self.settings.smoothing:
            return held
        regions = self._regions
        if self.segmenter.has("smoothed", self.settings) and self.settings.smoothing in regions:
            held = self._plane(self.settings, axis, index, regions[self.settings.smoothing])
            self.put(axis, index, held)
        else:
            self._wanted(axis, index)
        return held

    def work(self, axis: int, index: int) -> Callable[[Monitor], Plane] | None:
        settings = self.settings
        return None if settings is None else lambda monitor: self.compute(settings, axis, index, monitor)

    def compute(self, settings: Any, axis: int, index: int, monitor: Monitor | None = None) -> Plane:
        """Smooth one plane; at once where the whole volume is smoothed already."""
        # What is fitted to the whole volume before the first plane may take seconds.
        observed = self.segmenter.ground(settings, monitor).observed
        self._regions = {settings.smoothing: observed}
        self.has_unknown = observed is not None
        return self._plane(settings, axis, index, observed)

    def _plane(self, settings: Any, axis: int, index: int, observed: NDArray[np.bool_] | None) -> Plane:
        codes, scale = self.segmenter.smoothed_slice(axis, index, settings)
        return Plane(settings, codes, scale, None if observed is None else observed[(slice(None),) * axis + (index,)])


class SmoothedPlanes(PlaneSource):
    """Grey values after corrections and smoothing."""

    dtype = np.dtype(np.float32)

    def __init__(self, store: SmoothedStore) -> None:
        self.shape = store.segmenter.volume.shape
        self._store = store

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        found = self._store.get(axis, index)
        if found is None:
            return None
        grey: NDArray[np.float32] = found.scale.values(found.codes)
        return grey


class MaterialPlanes(PlaneSource):
    """True above the threshold, where something was observed."""

    dtype = np.dtype(bool)

    def __init__(self, store: SmoothedStore, level: float) -> None:
        self.shape = store.segmenter.volume.shape
        self._store, self._level = store, level

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        found = self._store.get(axis, index)
        if found is None:
            return None
        material = found.codes > found.scale.last_below(self._level)
        return material if found.observed is None else material & found.observed


class UnknownPlanes(PlaneSource):
    """True where nothing was observed."""

    dtype = np.dtype(bool)

    def __init__(self, store: SmoothedStore) -> None:
        self.shape = store.segmenter.volume.shape
        self._store = store

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        found = self._store.get(axis, index)
        return None if found is None or found.observed is None else ~found.observed


@dataclass(frozen=True)
class Sorted:
    """The particles of one look.

    Attributes
    ----------
    numbers
        uint32 ``(basins + 1,)``, number of each basin's particle, 0 if dropped.
    words
        ARGB32 words ``(2, basins + 1)``; the second row differs where a particle is dropped at the border.
    diameters_um
        Of the particles that stay.
    removed
        What was dropped (`imaging.split.Removed`).
    """

    numbers: NDArray[np.uint32]
    words: NDArray[np.uint32]
    diameters_um: NDArray[np.float64]
    removed: Any


class Pieces:
    """The pieces that a slider puts together, with what does not change while it moves."""

    def __init__(self, hierarchy: Any, volume: Volume, settings: Any) -> None:
        self.hierarchy = hierarchy
        self.settings = settings
        self.volume = volume
        self._colours = PieceColours(hierarchy.sizes)

    def sort_out(self, split: float, minimum_voxels: int, keep_cut: bool, show_dropped: bool) -> Sorted:
        """Particles for one value of `split`; milliseconds for a million pieces."""
        hierarchy = self.hierarchy
        found = hierarchy.sort_out(split, minimum_voxels, keep_cut)
        groups = hierarchy.groups(split)
        words = np.repeat(self._colours.words(groups)[None], 2, axis=0)
        dropped = found.lookup == 0
        dropped[0] = False
        words[:, dropped] = 0
        if show_dropped:
            touching = np.zeros(int(groups.max(initial=0)) + 1, bool)
            touching[groups[hierarchy.cut]] = not keep_cut
            words[:, dropped] = word_of(_SMALL)
            words[1, dropped & touching[groups]] = word_of(_CUT)
        edge_um = float(np.cbrt(np.prod(self.volume.spacing_um)))
        return Sorted(found.lookup, words, np.cbrt(6 / np.pi * found.sizes) * edge_um, found.removed)

    def layer(self, found: Sorted, show_dropped: bool) -> Layer:
        """The particles over the slices."""
        words = found.words if show_dropped else found.words[0]
        return Layer(
            PREVIEW, "Particle preview", "labels", self.hierarchy.basins, self.volume.spacing_um, self.volume.origin_um,
            opacity=0.5, words=words, numbers=found.numbers,
        )  # fmt: skip


def grey_preview(store: SmoothedStore, limits: tuple[float, float]) -> Layer:
    """The smoothed grey values in the place of the scan."""
    volume = store.segmenter.volume
    grid = {"spacing_um": volume.spacing_um, "origin_um": volume.origin_um}
    return Layer(f"{PREVIEW}-grey", "Smoothed preview", "grey", SmoothedPlanes(store), limits=limits, **grid)


def material_preview(store: SmoothedStore, level: float) -> tuple[Layer, ...]:
    """What lies above the threshold, and what counts as not observed."""
    volume = store.segmenter.volume
    grid = {"spacing_um": volume.spacing_um, "origin_um": volume.origin_um}
    planes = MaterialPlanes(store, level)
    material = Layer(PREVIEW, "Material preview", "mask", planes, opacity=0.45, colour=_MATERIAL, **grid)
    if not store.has_unknown:
        return (material,)
    unknown = UnknownPlanes(store)
    return (Layer(f"{PREVIEW}-unknown", "Not observed", "mask", unknown, opacity=0.35, colour=_UNKNOWN, **grid), material)


def material_words(histogram: Any, level: float, is_given: bool, where: str) -> str:
    """How much material there is, and how much depends on the threshold."""
    from nmcstudio.imaging.threshold import share_above, volume_slope

    share = share_above(histogram, level)
    text = f"{100 * share:.1f} % material at {'threshold' if is_given else 'Otsu'} {level:.5g}{where}."
    span = float(histogram.edges[-1] - histogram.edges[0])
    step = 10.0 ** np.floor(np.log10(span / 50))
    change = abs(100 * step * volume_slope(histogram, level))
    if not np.isfinite(change):
        return text
    unit = "1 grey value" if step == 1 else f"{step:g} in grey value"
    return f"{text} {unit} changes its volume by {change:.2g} %."


def particle_words(found: Sorted, show_dropped: bool, where: str) -> str:
    """How many particles of which size there are, and what was dropped."""
    count = len(found.diameters_um)
    text = f"{count} particle{'' if count == 1 else 's'}{where}"
    if count:
        text += f", median diameter {np.median(found.diameters_um):.3g} µm"
    dropped = [
        f"{number} {what}{f' ({look})' if show_dropped else ''}"
        for number, what, look in ((found.removed.cut, "at the border", "striped"), (found.removed.small, "too small", "grey"))
        if number
    ]
    return f"{text}. Dropped: {', '.join(dropped)}." if dropped else f"{text}."


def middle_piece(volume: Volume, voxels: int = PIECE_VOXELS) -> tuple[Volume, bool]:
    """The middle of a volume, of its own proportions where it is small, and whether that is all of it."""
    if volume.values.size <= voxels:
        return volume, True
    edge = voxels ** (1 / 3)
    shape = np.array(volume.shape, float)
    # Short axes are taken whole, and the long ones share what that leaves.
    for _ in range(3):
        short = shape <= edge
        rest = int((~short).sum())
        if rest in (0, 3):
            break
        edge = (voxels / np.prod(shape[short])) ** (1 / rest)
    size = np.minimum(shape, edge).astype(int)
    start = (np.array(volume.shape) - size) // 2
    cut = tuple(slice(int(a), int(a + n)) for a, n in zip(start, size))
    origin: Triple = tuple(o + s * h for o, s, h in zip(volume.origin_um, start, volume.spacing_um))  # type: ignore[assignment]
    observed = None if volume.observed is None else volume.observed[cut]
    return Volume(volume.values[cut], volume.spacing_um, origin, observed, volume.name, volume.simulated), False
