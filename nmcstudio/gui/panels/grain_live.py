"""Grains tried out while the parameters are edited: boundaries on view at once, the grains of the whole map beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.grain_preview import (
    AngleStore,
    GrainColours,
    Histograms,
    boundary_layer,
    find_histograms,
    grain_words,
)
from nmcstudio.gui.panels.live_preview import LivePreview
from nmcstudio.gui.views.contents import Layer
from nmcstudio.pipeline.steps.segment_ebsd import read_boundary, settings_of

# Pieces are joined up to this angle (radians), or to the one in use if that is smaller: the slider goes down to it.
_LEAST = float(np.deg2rad(1.0))
_BYTES_A_VOXEL = 60


class LiveGrains(LivePreview):
    """The grains of one orientation map: boundaries on view at once, all grains beside them.

    Attributes
    ----------
    stack
        The map, or None.
    histograms
        Of the map, or None before they are there.
    found
        The grains for the parameters as they stand, or None.
    """

    key = "segment-ebsd"
    # Nothing of the preview, boundaries, grains.
    modes = ("off", "boundaries", "grains")

    def _begin(self, stack: EbsdStack | None) -> None:
        self.stack = stack
        self.params: Any = None
        self.settings: Any = None
        self.histograms: Histograms | None = None
        self.found: Any = None
        self._store: AngleStore | None = None
        self._store_of: Any = None
        self._hierarchy: GrainColours | None = None
        self._hierarchy_of: Any = None
        self._seen = 0

    # What is asked for

    def _follow(self, params: Any) -> None:
        self.settings = settings_of(params)
        self.params = params
        if self._points_key() != self._store_of or (self.mode == "grains" and not self._fits()):
            self._rest()

    def _mode_chosen(self) -> None:
        if self.mode == "grains" and self.settings is not None and not self._fits():
            self._rest()

    def release(self) -> None:
        self.begin(self.stack)

    @property
    def by_orientation(self) -> bool:
        """True if boundaries are disorientations above an angle."""
        return self.stack is not None and self.settings is not None and self.settings.by_orientation(self.stack)

    # What is there

    def layers(self) -> tuple[Layer, ...]:
        """What lies over the slices now."""
        if self.stack is None or self.settings is None or self.mode == "off":
            return ()
        if self.mode == "grains" and self.found is not None and self._hierarchy is not None:
            return (self._hierarchy.layer(self.found),)
        if self._store is not None and self.by_orientation:
            return (boundary_layer(self._store, self.settings.angle, self.stack),)
        return ()

    def words(self) -> str:
        """The figures in a sentence."""
        if self.trouble:
            return self.trouble
        if self.found is not None and self._hierarchy is not None:
            words = grain_words(self.found, self._hierarchy.hierarchy, self.settings.min_voxels, self._seen)
            return f"As the file numbers them: {words}" if self.settings.by_file(self.stack) else words
        if self.mode == "grains":
            return "Joining points to grains …"
        if self.histograms is None:
            return "Looking at the map …"
        if self.settings.by_file(self.stack):
            return "The file numbers its grains; these are taken as they are."
        return self.histograms.words(self.settings.angle) if self.by_orientation and self.mode == "boundaries" else ""

    # Keys of the stages

    def _points_key(self) -> Any:
        s = self.settings
        return (
            s.by_file(self.stack), s.phase, s.min_confidence, s.blank, s.replace_passes, s.angle if s.replace_passes else None,
        )  # fmt: skip

    def _hierarchy_key(self) -> Any:
        s, p = self.settings, self.params
        seams = (s.boundary_map, s.boundaries_are, s.sigma_voxels, p.boundary_file) if s.uses_map else None
        return self._points_key(), s.by_orientation(self.stack), seams

    def _fits(self) -> bool:
        held = self._hierarchy
        return (
            held is not None
            and self._hierarchy_of == self._hierarchy_key()
            and (not self.by_orientation or self.settings.angle >= held.hierarchy.least_angle)
        )

    def _work_out(self) -> None:
        self.found = None
        if self.settings is not None and self._hierarchy is not None and self._fits():
            s = self.settings
            self.found = self._hierarchy.hierarchy.grains(s.angle, s.split, s.min_voxels, s.spare_border)

    # The work on the whole map

    def _ask(self) -> None:
        if self.stack is None or self.settings is None:
            return
        wants_grains = self.mode == "grains" and not self._fits()
        asked = (self._hierarchy_key() if wants_grains else self._points_key(), wants_grains)
        if asked == self._asked or (not wants_grains and self._points_key() == self._store_of):
            return
        needed = self.stack.phase.size * _BYTES_A_VOXEL
        if wants_grains and self._lacks_memory(needed, "The grains of the whole map need", "only boundaries are shown"):
            return
        stack, settings, params = self.stack, self.settings, self.params
        held = self._store.points if self._store is not None and self._store_of == self._points_key() else None
        histograms = self.histograms if held is not None else None
        keys = self._points_key(), self._hierarchy_key()

        def work(monitor: Monitor) -> Any:
            from nmcstudio.imaging.grain_hierarchy import grain_hierarchy
            from nmcstudio.imaging.grain_points import find_points

            points = held if held is not None else find_points(stack, settings, monitor.sub(0.0, 0.2))
            figures = histograms if histograms is not None else find_histograms(stack, points, monitor.sub(0.2, 0.4))
            colours = None
            if wants_grains:
                boundary = read_boundary(params)
                least = min(_LEAST, settings.angle)
                colours = GrainColours(grain_hierarchy(stack, points, settings, least, boundary, monitor.sub(0.4, 1.0)), stack)
                # The first choice builds what later ones only look up.
                colours.hierarchy.grains(settings.angle, settings.split, settings.min_voxels, settings.spare_border)
            return keys, points, figures, colours

        self._work_beside(asked, work, "Looking at the map")

    def _take(self, answer: tuple[Any, Any, Histograms, GrainColours | None]) -> None:
        (points_of, hierarchy_of), points, self.histograms, colours = answer
        if self._store is None or self._store.points is not points:
            self._store = AngleStore(points, self.planes.add)
            self.planes.serve(self._store)
        self._store_of = points_of
        self._seen = int(np.count_nonzero(points.observed))
        if colours is not None:
            self._hierarchy, self._hierarchy_of = colours, hierarchy_of
        self._show()
        self._ask()

    def _failed(self, error: Exception) -> None:
        self.found = None
        super()._failed(error)
