"""Results in the making over the slices: previews and the tessellation during its fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.gui.views.content_images import grey_layer
from nmcstudio.gui.views.contents import Layer
from nmcstudio.gui.views.layer_model import PREVIEW, LayerModel, is_preview
from nmcstudio.gui.views.lazy_planes import LazyPlanes
from nmcstudio.gui.views.slice_pane import Crosshair
from nmcstudio.gui.views.slicing import index_at, slice_of
from nmcstudio.gui.views.store import ContentStore

_LIVE = "live"
_LIVE_COLOUR = (255, 230, 60)
_POINT_US = 0.1  # to find the cell of one voxel of a plane


class LiveLayers(QObject):
    """Adds and removes the layers of previews and "live"; `marks` are the words that the views wear meanwhile.

    ``ask_plane`` works out a plane of lazy layers beside the window.
    """

    marked = Signal()

    def __init__(
        self,
        controller: Any,
        model: LayerModel,
        cross: Crosshair,
        ask_plane: Callable[[LazyPlanes, int, int], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller, self._model = controller, model
        self._cross, self._ask_plane = cross, ask_plane
        self._background = ContentStore.of(controller).worker()
        self._busy = False
        self._next: Any = None
        controller.node_changed.connect(self._node_changed)
        controller.jobs.finished.connect(self._job_finished)

    @property
    def marks(self) -> list[str]:
        words = []
        if any(is_preview(layer) and self._model.look(layer.key).visible for layer in self._model.layers):
            words.append("preview")
        if self._model.layer(_LIVE) is not None:
            words.append("fit in progress")
        return words

    def preview(self, step_key: str, value: Any) -> None:
        """Put the preview of a step on view, or take it away (None)."""
        self._model.replace_those(is_preview, preview_layers(value))
        self.marked.emit()

    def partial(self, step_key: str, partial: Any, node: str) -> None:
        """Draw the state of a running tessellation fit over the grains."""
        if not is_tessellation(partial) or node not in ("grains", "tessellation"):
            return
        self._next = partial
        self._start()

    def _start(self) -> None:
        # One picture after the other: a fit reports faster than a large map can be labelled.
        layer = self._model.layer("labels")
        if self._busy or self._next is None or layer is None:
            return
        fitted, self._next = self._next, None
        self._busy = True
        at = self._cross.position
        self._background.ask("live", lambda monitor: live_layer(fitted, layer, at, monitor), self._deliver, self._fail)

    def _deliver(self, layer: Layer) -> None:
        self._busy = False
        if self._model.layer("labels") is not None:
            layer.values.ask = self._ask_plane
            self._model.put(layer)
            self.marked.emit()
        self._start()

    def _fail(self, error: Exception) -> None:
        self._busy = False
        self._controller.message.emit(str(error))

    def forget(self) -> None:
        """Other layers come on view: nothing live belongs to them."""
        self._background.drop("live")
        self._busy = False
        self._next = None

    @Slot(str)
    def _node_changed(self, key: str) -> None:
        self._model.replace_those(is_preview, ())
        self.marked.emit()

    @Slot(object)
    def _job_finished(self, job: Any) -> None:
        if job.step == "fit-tessellation":
            self.forget()
            self._model.remove(_LIVE)
            self.marked.emit()


def preview_layers(value: Any) -> tuple[Layer, ...]:
    """The layers of a preview: labels, a grey volume or a mask, or layers that a panel has made itself; none for None."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, LabelVolume):
        return (Layer(PREVIEW, "Preview", "labels", value.labels, value.spacing_um, value.origin_um, opacity=0.5),)
    if isinstance(value, Volume):
        if value.values.dtype == np.bool_:
            grid = {"spacing_um": value.spacing_um, "origin_um": value.origin_um}
            return (Layer(PREVIEW, "Preview", "mask", value.values, opacity=0.45, colour=(255, 170, 40), **grid),)
        return (grey_layer(value, key=PREVIEW, title="Preview"),)
    return ()


def is_tessellation(partial: Any) -> bool:
    """True for a partial result with the generators of a tessellation (`grains.fit_progress.FitProgress`)."""
    return all(hasattr(partial, name) for name in ("kind", "seeds_um", "weights", "matrices"))


def live_layer(fitted: Any, over: Layer, position_um: NDArray[np.float64], monitor: Monitor) -> Layer:
    """Outlines of the cells on the grid of a label layer, worked out plane by plane: at once those through the position.

    Parameters
    ----------
    fitted
        `FitProgress`.
    over
        Labels; where they are 0 nothing is drawn.
    position_um
        Position (z, y, x) that the slices on view pass through.
    """
    from nmcstudio.grains.labelling import label_grid

    t = fitted

    def cells(axis: int, index: int) -> NDArray[np.int32]:
        shape = tuple(1 if i == axis else n for i, n in enumerate(over.values.shape))
        at = over.origin_um[axis] + index * over.spacing_um[axis]
        origin = tuple(at if i == axis else start for i, start in enumerate(over.origin_um))
        plane = label_grid(t.kind, t.seeds_um, t.weights, t.matrices, shape, over.spacing_um, origin, monitor)
        return np.where(slice_of(over, axis, index) > 0, plane.squeeze(axis) + 1, 0)

    planes = LazyPlanes(over.values.shape, np.int32, cells, _POINT_US)
    for axis in range(3):
        index = index_at(over, axis, position_um[axis])
        if 0 <= index < over.values.shape[axis]:
            planes.put(axis, index, planes.work_out(axis, index))
    return Layer(_LIVE, "Fit in progress", "outline", planes, over.spacing_um, over.origin_um, colour=_LIVE_COLOUR)
