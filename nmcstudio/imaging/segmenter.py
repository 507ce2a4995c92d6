"""Segmentation of one volume by somebody who tries settings: each stage is kept until a setting that it depends on changes."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.imaging.foreground import Foreground, cut_at_threshold, level_of
from nmcstudio.imaging.segment_ct import minimum_voxels, particles_of
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.smoothed import Codes, Ground, Smoothed, lay_ground, smooth_plane, smooth_volume
from nmcstudio.imaging.split import SplitHierarchy, split_hierarchy

T = TypeVar("T")
STAGES = ("smoothed", "foreground", "hierarchy")

_live: weakref.WeakValueDictionary[Any, Segmenter] = weakref.WeakValueDictionary()


class Segmenter:
    """The stages of `segment_ct` on one volume.

    Every method takes the whole settings and returns what `segment_ct` has at that stage; a stage that is there for settings
    that agree in all it depends on costs nothing. One result of each stage is kept: about 2 bytes per voxel smoothed, 1 the
    material, 4 the basins. The methods may be called from several threads; the second one waits.

    While a segmenter lives, `segment_ct` of the same grey values works through it; nothing is kept once nobody holds it.

    Parameters
    ----------
    volume
        Grey values or phases.

    Examples
    --------
    A view that follows a slider paints planes of the basins, without a pass over the volume:

    >>> hierarchy = segmenter.hierarchy(settings)  # doctest: +SKIP
    >>> minimum = segmenter.minimum_voxels(settings)  # doctest: +SKIP
    >>> lookup = hierarchy.lookup(0.8, minimum, settings.keep_cut)  # doctest: +SKIP
    >>> plane = lookup[hierarchy.basins[:, 17]]  # doctest: +SKIP
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._lock = threading.RLock()
        self._kept: dict[str, tuple[Any, Any]] = {}
        self._ground: tuple[Any, Ground] | None = None
        _live[_identity(volume)] = self

    def has(self, stage: str, settings: SegmentSettings) -> bool:
        """Whether a stage ("smoothed", "foreground", "hierarchy") is there for these settings."""
        return self._kept.get(stage, (None,))[0] == _key(stage, settings)

    def forget(self) -> None:
        """Give back the memory of all stages."""
        with self._lock:
            self._kept.clear()

    def smoothed(self, settings: SegmentSettings, monitor: Monitor | None = None) -> Smoothed:
        """The smoothed volume as codes with a scale, and its histogram."""

        def work(part: Monitor) -> Smoothed:
            return smooth_volume(self.volume, settings, part.sub(0.05, 1.0), self.ground(settings, part.sub(0.0, 0.05)))

        return self._stage("smoothed", settings, monitor, work)

    def smoothed_slice(self, axis: int, index: int, settings: SegmentSettings) -> tuple[NDArray[Any], Codes]:
        """One plane (axis 0 for z, 1 for y, 2 for x) of `smoothed`, equal to it, and what its codes mean.

        Taken from the whole smoothed volume if that is there, else computed from a slab around the plane.
        """
        kept = self._kept.get("smoothed")
        if kept is not None and kept[0] == _key("smoothed", settings):
            return kept[1].codes.take(index, axis=axis), kept[1].scale
        ground = self.ground(settings)
        return smooth_plane(self.volume, settings, ground, axis, index), ground.scale

    def ground(self, settings: SegmentSettings, monitor: Monitor | None = None) -> Ground:
        """Field of view, fitted corrections and codes; one pass over the volume at most."""
        held = self._ground
        if held is None or held[0] != settings.smoothing:
            held = self._ground = (settings.smoothing, lay_ground(self.volume, settings, monitor))
        return held[1]

    def scale(self, settings: SegmentSettings) -> Codes:
        """What the codes of `smoothed` mean; one pass over the volume at most."""
        return self.ground(settings).scale

    def level(self, settings: SegmentSettings, monitor: Monitor | None = None) -> float:
        """The grey level of the surface: the given one, or Otsu's of the smoothed volume."""
        return level_of(self.smoothed(settings, monitor), settings)

    def foreground(self, settings: SegmentSettings, monitor: Monitor | None = None) -> Foreground:
        """The material."""
        monitor = monitor or Monitor()

        def work(part: Monitor) -> Foreground:
            return cut_at_threshold(self.smoothed(settings, part.sub(0.0, 0.75)), settings, part.sub(0.75, 1.0))

        return self._stage("foreground", settings, monitor, work)

    def hierarchy(self, settings: SegmentSettings, monitor: Monitor | None = None) -> SplitHierarchy:
        """Basins and the order of their merges, good for every `split`, smallest size and treatment of cut particles."""

        def work(part: Monitor) -> SplitHierarchy:
            material = self.foreground(settings, part.sub(0.0, 0.5))
            return split_hierarchy(
                material.mask,
                self.volume.spacing_um,
                material.observed,
                settings.depth_voxels,
                method=settings.method,
                monitor=part.sub(0.5, 1.0),
                faces=material.faces,
            )

        return self._stage("hierarchy", settings, monitor, work)

    def labels(self, settings: SegmentSettings, monitor: Monitor | None = None) -> LabelVolume:
        """The particles, as `segment_ct` gives them; not kept.

        Raises
        ------
        ComputationError
            If no particle remains.
        """
        monitor = monitor or Monitor()
        with self._locked(monitor):
            hierarchy = self.hierarchy(settings, monitor.sub(0.0, 0.95))
            return particles_of(self.volume, self.foreground(settings, monitor), hierarchy, settings, monitor.sub(0.95, 1.0))

    def minimum_voxels(self, settings: SegmentSettings) -> int:
        """Size of the smallest particle that is kept."""
        return minimum_voxels(self.volume, self.foreground(settings).surface, settings.minimum_diameter_um)

    def _stage(self, name: str, settings: SegmentSettings, monitor: Monitor | None, work: Callable[[Monitor], T]) -> T:
        monitor = monitor or Monitor()
        with self._locked(monitor):
            key = _key(name, settings)
            if not self.has(name, settings):
                # What came of other settings goes first, so that two results never stand side by side.
                for later in STAGES[STAGES.index(name) :]:
                    self._kept.pop(later, None)
                self._kept[name] = (key, work(monitor))
            result: T = self._kept[name][1]
            return result

    @contextmanager
    def _locked(self, monitor: Monitor) -> Iterator[None]:
        while not self._lock.acquire(timeout=0.1):
            monitor.check()
        try:
            yield
        finally:
            self._lock.release()


def live_segmenter(volume: Volume) -> Segmenter | None:
    """The segmenter that somebody holds for the grey values of a volume, if there is one."""
    found = _live.get(_identity(volume))
    if found is None or found.volume.spacing_um != volume.spacing_um or found.volume.observed is not volume.observed:
        return None
    return found


def _identity(volume: Volume) -> tuple[Any, ...]:
    values = volume.values
    return (values.__array_interface__["data"][0], values.shape, values.strides, values.dtype.str)


def _key(stage: str, settings: SegmentSettings) -> tuple[Any, ...]:
    return {"smoothed": settings.smoothing, "foreground": settings.material, "hierarchy": settings.basins}[stage]
