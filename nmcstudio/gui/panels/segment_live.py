"""The segmentation tried out while its parameters are edited: what is visible at once, the whole volume beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import SurfaceLevel, Volume
from nmcstudio.gui.panels.live_preview import LivePreview
from nmcstudio.gui.panels.segment_preview import (
    Pieces,
    SmoothedStore,
    Sorted,
    grey_preview,
    material_preview,
    material_words,
    middle_piece,
    particle_words,
)
from nmcstudio.gui.views.content_images import grey_limits
from nmcstudio.gui.views.contents import Layer
from nmcstudio.pipeline.steps.segment_ct import settings_of


class LiveSegmentation(LivePreview):
    """The segmentation of one volume: of its middle in a second, of the whole beside it.

    Attributes
    ----------
    volume
        What is segmented, or None.
    show_dropped
        Show particles that are dropped, in grey.
    histogram, level
        Of the smoothed volume (of its middle piece until the whole one is there), and the threshold in use; None before.
    found
        The particles for the slider as it stands, or None.
    is_small
        The volume is as small as its middle piece.
    """

    key = "segment-ct"
    # Nothing of the preview, the smoothed grey values, the material, the particles.
    modes = ("off", "smoothed", "material", "particles")
    rest_ms = 400
    show_dropped = True

    def _begin(self, volume: Volume | None) -> None:
        self.volume = volume
        self.settings: Any = None
        self.histogram: Any = None
        self.level = float("nan")
        self.found: Sorted | None = None
        self.is_whole = False
        self.is_small = False
        self.wants_split = False
        self._smoothing: Any = None
        self._limits = (0.0, 1.0)
        self._pieces: dict[bool, Pieces | None] = {True: None, False: None}
        self._segmenter = self._piece = self._store = None
        if volume is None:
            return
        from nmcstudio.imaging.segmenter import Segmenter

        piece, self.is_small = middle_piece(volume)
        self._segmenter = Segmenter(volume)
        self._piece = self._segmenter if self.is_small else Segmenter(piece)
        self._store = SmoothedStore(self._segmenter, self.planes.add)
        self.planes.serve(self._store)

    # What is asked for

    def _follow(self, params: Any) -> None:
        before, self.settings = self.settings, settings_of(params, self.volume)
        self._store.settings = self.settings
        if before is None or before.smoothing != self.settings.smoothing:
            self._ask_piece()
            self._rest()
        elif before.basins != self.settings.basins and self.mode == "particles":
            self._ask_pieces()

    def _mode_chosen(self) -> None:
        if self.mode == "particles" and self.settings is not None and self._best() is None:
            self._ask_pieces()

    def _ask_pieces(self) -> None:
        self._ask_piece()
        if self.wants_split:
            self._rest()

    def set_dropped(self, shown: bool) -> None:
        """Show particles that are dropped, or leave them out."""
        self.show_dropped = shown
        self._show()

    def split_whole(self) -> None:
        """Find the pieces of the whole volume, unless they are there or on their way."""
        self.wants_split = True
        if self.settings is not None and not self.splits_whole and not self.is_splitting:
            self._ask()

    @property
    def splits_whole(self) -> bool:
        """True if the pieces of the whole volume are there for the settings in use."""
        pieces = self._pieces[True]
        return pieces is not None and pieces.settings.basins == self.settings.basins

    @property
    def is_splitting(self) -> bool:
        """True while the pieces of the whole volume are being found for the settings in use."""
        return self._asked == ("hierarchy", self.settings.basins if self.settings is not None else None)

    def release(self) -> None:
        self.stop()
        self._controller.previews.drop("segment-piece")
        for segmenter in (self._segmenter, self._piece):
            if segmenter is not None:
                segmenter.forget()
        self._pieces = {True: None, False: None}
        self.settings = self._smoothing = self.found = None
        self.wants_split = False

    # What is there

    def layers(self) -> tuple[Layer, ...]:
        """What lies over the slices now."""
        if self._store is None or (self.histogram is None and not self._is_phase) or self.mode == "off":
            return ()
        if self.mode == "smoothed":
            return (grey_preview(self._store, (0.0, 1.0) if self._is_phase else self._limits),)
        pieces = self._best()
        if self.mode == "particles" and pieces is not None and self.found is not None:
            return (pieces.layer(self.found, self.show_dropped),)
        return material_preview(self._store, self.level)

    def words(self) -> str:
        """The figures in a sentence."""
        if self.trouble:
            return self.trouble
        pieces = self._best()
        if self.mode == "particles" and pieces is not None and self.found is not None:
            return particle_words(self.found, self.show_dropped, self._where(pieces is self._pieces[True]))
        if self.histogram is not None and self.settings is not None:
            return material_words(self.histogram, self.level, self.settings.threshold is not None, self._where(self.is_whole))
        return "" if self._is_phase else "Looking at the volume …"

    @property
    def _is_phase(self) -> bool:
        return self.settings is not None and self.settings.phase_value is not None

    def _where(self, is_whole: bool) -> str:
        if is_whole or self.is_small:
            return ""
        return f" in the middle {' × '.join(map(str, self._piece.volume.shape))} voxels"

    def _best(self) -> Pieces | None:
        """Pieces for the settings in use: of the whole volume, else of its middle."""
        for is_whole in (True, False):
            pieces = self._pieces[is_whole]
            if pieces is not None and self.settings is not None:
                same = pieces.settings.basins == (self.settings if is_whole else self._piece_settings(self.settings)).basins
                if same:
                    return pieces
        return None

    def _work_out(self) -> None:
        from nmcstudio.imaging.segment_ct import minimum_voxels
        from nmcstudio.imaging.smoothed import sigma_of
        from nmcstudio.imaging.threshold import otsu

        settings = self.settings
        if settings is None:
            return
        if self._is_phase:
            self.level = 0.5
        elif self.histogram is not None:
            self.level = otsu(self.histogram) if settings.threshold is None else settings.threshold
        pieces = self._best() if self.mode == "particles" else None
        if pieces is None:
            self.found = None
            return
        surface = None if self._is_phase else SurfaceLevel(sigma_of(self.volume, settings), self.level)
        minimum = minimum_voxels(self.volume, surface, settings.minimum_diameter_um)
        # At the border of the middle piece nothing can be said of what is cut.
        keep_cut = settings.keep_cut or (pieces is self._pieces[False] and not self.is_small)
        self.found = pieces.sort_out(settings.split, minimum, keep_cut, self.show_dropped)

    # The middle piece, for an answer in a second

    def _piece_settings(self, settings: Any) -> Any:
        # Corners outside of a cylinder are not in the middle; a field of view is looked for only where all is on view.
        return settings if self.is_small else replace(settings, field_of_view_kind="all", cylinder=None, box=None)

    def _ask_piece(self) -> None:
        segmenter, settings = self._piece, self._piece_settings(self.settings)
        asked, split, volume = self.settings, self.mode == "particles", self.volume

        def work(monitor: Monitor) -> Any:
            smoothed = segmenter.smoothed(settings, monitor)
            limits = grey_limits(volume.values, volume.observed)
            pieces = Pieces(segmenter.hierarchy(settings, monitor), segmenter.volume, settings) if split else None
            return asked, smoothed, limits, pieces

        self._controller.previews.ask("segment-piece", work, self._piece_there, self._failed)

    def _piece_there(self, answer: tuple[Any, Any, Any, Pieces | None]) -> None:
        asked, smoothed, self._limits, pieces = answer
        self._take_smoothed(asked, smoothed, self.is_small)
        if pieces is not None:
            self._pieces[False] = pieces
            if self.is_small:
                self._pieces[True] = pieces
        self._show()

    def _take_smoothed(self, asked: Any, smoothed: Any, is_whole: bool) -> None:
        # The middle's histogram must not stand in the place of the whole one's.
        if is_whole or not (self.is_whole and self._smoothing == asked.smoothing):
            self.histogram, self.is_whole, self._smoothing = smoothed.histogram, is_whole, asked.smoothing

    # The whole volume

    def _ask(self) -> None:
        if self.is_small or self.settings is None:
            return
        split = self.wants_split and self.mode == "particles"
        asked = ("hierarchy", self.settings.basins) if split else ("smoothed", self.settings.smoothing)
        if asked == self._asked or (split and self.splits_whole):
            return
        if split and self._asked == ("smoothed", self.settings.smoothing):
            # What is being smoothed is needed for it: it goes on from there.
            return
        if not split and self.is_whole and self._smoothing == self.settings.smoothing:
            return
        needed = (self._controller.preflight(self.key).memory_mib or 0.0) * 2**20
        if self._lacks_memory(needed, "The whole volume needs", "only its middle is looked at"):
            return
        segmenter, settings = self._segmenter, self.settings

        def work(monitor: Monitor) -> Any:
            smoothed = segmenter.smoothed(settings, monitor.sub(0.0, 0.4 if split else 1.0))
            if not split:
                return settings, smoothed, None
            return settings, smoothed, Pieces(segmenter.hierarchy(settings, monitor), segmenter.volume, settings)

        self._work_beside(asked, work, "Splitting the whole volume" if split else "Smoothing the whole volume")

    def _take(self, answer: tuple[Any, Any, Pieces | None]) -> None:
        asked, smoothed, pieces = answer
        self._take_smoothed(asked, smoothed, True)
        if pieces is not None:
            self._pieces[True] = pieces
        self._show()
        if self.wants_split and self.mode == "particles":
            self._ask()
