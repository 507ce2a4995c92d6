"""Grains tried out while the parameters are edited: boundaries on view at once, the grains of the whole map beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import psutil
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor, Progress
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.grain_preview import (
    AngleStore,
    GrainColours,
    Histograms,
    boundary_layer,
    find_histograms,
    grain_words,
    plane_of,
)
from nmcstudio.gui.views.contents import Layer
from nmcstudio.pipeline.steps.segment_ebsd import read_boundary, settings_of

# What the slices show: nothing of the preview, boundaries, grains.
MODES = ("off", "boundaries", "grains")
# A hand that turns a knob is waited for before the whole map is worked on.
_REST_MS = 300
# Pieces are joined up to this angle (radians), or to the one in use if that is smaller: the slider goes down to it.
_LEAST = float(np.deg2rad(1.0))
_BYTES_A_VOXEL = 60


class LiveGrains(QObject):
    """Holds the stages of the segmentation of one orientation map, and asks workers for what is missing.

    ``changed`` says that layers, words or figures are other than before; ``working`` carries the `Progress` of the work on the
    whole map, None when there is none.

    Attributes
    ----------
    stack
        The map, or None.
    mode
        One of `MODES`.
    histograms
        Of the map, or None before they are there.
    found
        The grains for the parameters as they stand, or None.
    trouble
        What went wrong, in words.
    """

    changed = Signal()
    working = Signal(object)

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_REST_MS)
        self._soon.timeout.connect(self._ask)
        self.mode = "off"
        self.set_stack(None)

    def set_stack(self, stack: EbsdStack | None) -> None:
        """Begin with another map, or with none."""
        self.stop()
        self.stack = stack
        self.params: Any = None
        self.settings: Any = None
        self.histograms: Histograms | None = None
        self.found: Any = None
        self.trouble = ""
        self._store: AngleStore | None = None
        self._store_of: Any = None
        self._hierarchy: GrainColours | None = None
        self._hierarchy_of: Any = None
        self._asked: Any = None
        self._seen = 0
        self._wished: dict[int, int] = {}
        self._fetching = False

    # What is asked for

    def set_params(self, params: Any) -> None:
        """Follow the form: what can be shown at once is, the rest is asked for."""
        if self.stack is None:
            return
        self.trouble = ""
        try:
            settings = settings_of(params)
        except NmcError as error:
            self._failed(error)
            return
        self.params, self.settings = params, settings
        if self._points_key() != self._store_of or (self.mode == "grains" and not self._fits()):
            self._soon.start()
        self._show()

    def set_mode(self, mode: str) -> None:
        """Choose what the slices show."""
        if mode not in MODES:
            raise ValueError(f"there is no view {mode!r}")
        if mode != self.mode:
            self.mode = mode
            if mode == "grains" and self.settings is not None and not self._fits():
                self._soon.start()
            self._show()

    def stop(self) -> None:
        """Cancel the work on the whole map."""
        self._soon.stop()
        self._controller.trials.drop("grains-whole")
        self._asked = None
        self.working.emit(None)

    def release(self) -> None:
        """Give back the memory of all stages; they are computed anew when they are wanted again."""
        stack, mode = self.stack, self.mode
        self.set_stack(stack)
        self.mode = mode

    @property
    def by_orientation(self) -> bool:
        """True if boundaries are disorientations above an angle."""
        return self.stack is not None and self.settings is not None and self.settings.by_orientation(self.stack)

    @property
    def is_ready(self) -> bool:
        """True if the grains follow the parameters at once."""
        return self._fits()

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
            return grain_words(self.found, self._hierarchy.hierarchy, self.settings.min_voxels, self._seen)
        if self.mode == "grains":
            return "Joining points to grains …"
        if self.histograms is None:
            return "Looking at the map …"
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

    def _show(self) -> None:
        """Work out what follows from what is there, in milliseconds, and say so."""
        self.found = None
        if self.settings is not None and self._hierarchy is not None and self._fits():
            s = self.settings
            self.found = self._hierarchy.hierarchy.grains(s.angle, s.split, s.min_voxels, s.spare_border)
        self.changed.emit()

    # The work on the whole map

    @Slot()
    def _ask(self) -> None:
        if self.stack is None or self.settings is None:
            return
        wants_grains = self.mode == "grains" and not self._fits()
        asked = (self._hierarchy_key() if wants_grains else self._points_key(), wants_grains)
        if asked == self._asked or (not wants_grains and self._points_key() == self._store_of):
            return
        if wants_grains and (lacking := self._lacks_memory()):
            self.trouble = lacking
            self.changed.emit()
            return
        self._asked = asked
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

        self._controller.trials.ask("grains-whole", work, self._there, self._whole_failed, self._report)
        self.working.emit(Progress(None, "Looking at the map", None, 0.0, None))

    def _report(self, progress: Progress) -> None:
        self.working.emit(progress)

    def _there(self, answer: tuple[Any, Any, Histograms, GrainColours | None]) -> None:
        (points_of, hierarchy_of), points, self.histograms, colours = answer
        self._asked = None
        if self._store is None or self._store.points is not points:
            self._store = AngleStore(points, self._wish)
        self._store_of = points_of
        self._seen = int(np.count_nonzero(points.observed))
        if colours is not None:
            self._hierarchy, self._hierarchy_of = colours, hierarchy_of
        self.working.emit(None)
        self._show()
        self._ask()

    def _whole_failed(self, error: Exception) -> None:
        self._asked = None
        self.working.emit(None)
        self._failed(error)

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self.found = None
        self.trouble = str(error)
        self.changed.emit()

    def _lacks_memory(self) -> str:
        """Words where the work would not fit into what is free."""
        assert self.stack is not None
        needed, free = self.stack.phase.size * _BYTES_A_VOXEL, psutil.virtual_memory().available
        if needed < 0.9 * free:
            return ""
        return (
            f"The grains of the whole map need about {needed / 2**30:.1f} GB and {free / 2**30:.1f} GB are free: only boundaries "
            "are shown. Close other programs, or cut the map when it is imported."
        )

    # Planes of disorientations, as the slices ask for them

    def _wish(self, axis: int, index: int) -> None:
        self._wished[axis] = index
        if not self._fetching:
            # Asked from within a paint: the answer must not come in it.
            self._fetching = True
            QTimer.singleShot(0, self._fetch)

    @Slot()
    def _fetch(self) -> None:
        if not self._wished or self._store is None:
            self._fetching = False
            return
        axis, index = self._wished.popitem()
        store = self._store
        self._controller.previews.ask(
            "grain-plane", lambda monitor: (store, axis, index, plane_of(store.points, axis, index)),
            self._plane_there, self._plane_failed,
        )  # fmt: skip

    def _plane_there(self, answer: tuple[AngleStore, int, int, Any]) -> None:
        store, axis, index, plane = answer
        store.put(axis, index, plane)
        if store is self._store:
            self.changed.emit()
        self._fetch()

    def _plane_failed(self, error: Exception) -> None:
        self._fetching = False
        self._wished.clear()
        self._failed(error)
