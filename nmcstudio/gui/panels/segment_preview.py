"""The preview of a segmentation: the steps of `segment_ct` on a piece of the volume, each kept until its input changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume

# Splitting this many voxels takes one to two seconds.
PIECE_VOXELS = 4_000_000


@dataclass(frozen=True)
class Preview:
    """What one look found: histogram of the smoothed piece, threshold in use, labels, and words about them."""

    histogram: Any
    threshold: float
    labels: LabelVolume | None
    words: str


class Segmenter:
    """Looks at the middle of one volume; used by one worker thread."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._piece, self._is_whole = middle_piece(volume)
        self._smooth_key: Any = None
        self._grey: NDArray[Any] | None = None
        self._observed: NDArray[np.bool_] | None = None
        self._histogram: Any = None
        self._split_key: Any = None
        self._hierarchy: Any = None

    def look(self, params: Any, monitor: Monitor, *, split: bool) -> Preview:
        """Smooth, and where `split` is set separate the particles, with these parameters."""
        from nmcstudio.imaging.threshold import otsu, share_above

        self._smooth(params, monitor.sub(0.0, 0.5))
        if params.phase_value is not None:
            level, found = 0.5, None
        else:
            found = self._histogram
            level = otsu(found) if params.threshold is None else params.threshold
        where = "" if self._is_whole else f" in the middle {' × '.join(map(str, self._piece.shape))} voxels"
        if not split:
            share = share_above(found, level) if found is not None else float("nan")
            words = f"{100 * share:.1f} % material at {'Otsu' if params.threshold is None else 'threshold'} {level:.5g}{where}."
            return Preview(found, level, None, words if found is not None else "")
        labels, count = self._split(params, level, monitor.sub(0.5, 1.0))
        if found is None:
            words = f"{count} particles{where}."
        else:
            words = f"{count} particles, {100 * share_above(found, level):.1f} % material{where}."
        return Preview(found, level, labels, f"Preview: {words}")

    def _smooth(self, params: Any, monitor: Monitor) -> None:
        from nmcstudio.imaging.denoise import median, smooth
        from nmcstudio.imaging.field_of_view import field_of_view
        from nmcstudio.imaging.smoothed import default_sigma
        from nmcstudio.imaging.threshold import histogram

        sigma = params.sigma if params.sigma is not None else default_sigma(self.volume.spacing_um, params.phase_value)
        key = (params.phase_value, sigma, params.median_radius)
        if key == self._smooth_key:
            return
        piece = self._piece
        # Corners outside of a cylinder are not in the middle; a field of view is looked for only where all is on view.
        kind = "automatic" if self._is_whole else "all"
        self._observed, _ = field_of_view(piece.values, piece.observed, kind, None, None)
        if params.phase_value is None:
            grey = median(piece.values, params.median_radius, monitor.sub(0.0, 0.3))
            self._grey = smooth(grey, sigma, self._observed, monitor.sub(0.3, 0.9))
            self._histogram = histogram(self._grey, self._observed, monitor.sub(0.9, 1.0), 256)
        else:
            phase = (piece.values == params.phase_value).astype(np.uint8)
            self._grey = smooth(phase, sigma, self._observed, monitor) if sigma > 0 else phase
            self._histogram = None
        self._smooth_key = key
        self._split_key = None

    def _split(self, params: Any, level: float, monitor: Monitor) -> tuple[LabelVolume, int]:
        from nmcstudio.core.volume import SurfaceLevel
        from nmcstudio.imaging.segment_ct import minimum_voxels
        from nmcstudio.imaging.split import split_hierarchy

        assert self._grey is not None
        piece = self._piece
        key = (self._smooth_key, level, params.depth)
        if key != self._split_key:
            mask = self._grey > level
            if self._observed is not None:
                mask &= self._observed
            self._hierarchy = split_hierarchy(mask, piece.spacing_um, self._observed, params.depth, monitor=monitor)
            self._split_key = key
        sigma = self._smooth_key[1]
        smallest = minimum_voxels(piece, SurfaceLevel(sigma, level), params.minimum_diameter_um)
        # At the border of a piece nothing can be said of what is cut.
        keep_cut = params.border == "keep" or not self._is_whole
        count = self._hierarchy.count(params.split, smallest, keep_cut)
        labels = LabelVolume(
            self._hierarchy.labels(params.split), piece.spacing_um, piece.origin_um, self._observed, name="preview"
        )
        return labels, count


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
    origin = tuple(o + s * h for o, s, h in zip(volume.origin_um, start, volume.spacing_um))
    observed = None if volume.observed is None else volume.observed[cut]
    return Volume(volume.values[cut], volume.spacing_um, origin, observed, volume.name, volume.simulated), False
