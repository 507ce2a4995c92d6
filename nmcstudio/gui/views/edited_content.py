"""What a node shows while its labels are edited by hand: its pictures are the session's own array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.content_images import label_layers, label_surfaces, object_plots, thin_labels, thinning_of
from nmcstudio.gui.views.content_orientations import grain_plots
from nmcstudio.gui.views.contents import Content, Layer, SceneItem
from nmcstudio.gui.views.object_table import crop_of, describe_crops, renewed
from nmcstudio.gui.views.orientation_layers import boundary_words
from nmcstudio.project.project import Project

if TYPE_CHECKING:
    from nmcstudio.imaging.label_index import Box
    from nmcstudio.pipeline.label_session import LabelSession

_NEIGHBOURHOOD = 4_000_000  # voxels of a changed box up to which the neighbours in it are described anew as well


class EditedContent:
    """Keeps a content in step with a session.

    Attributes
    ----------
    session
        Whose labels are on view.
    """

    def __init__(self, session: LabelSession, project: Project) -> None:
        self.session = session
        self._project = project
        self._since_made: set[int] = set()
        self._pending: set[int] = set()
        self._thinning = 0
        self._coloured: Any = session.root_quaternions

    def follow(self, content: Content | None) -> tuple[Content | None, list[Box]]:
        """The content on the session's array, and the boxes that have changed."""
        boxes, touched = self.session.take_changes()
        volume = self.session.volume
        touched |= {int(label) for box in boxes for label in self._near(box)}
        self._since_made |= touched
        self._pending |= touched
        if content is None:
            return None, boxes
        on_labels = [layer for layer in content.layers if layer.kind in ("labels", "outline")]
        if any(layer.values is not volume.labels for layer in on_labels):
            layers = tuple(replace(layer, values=volume.labels) if layer in on_labels else layer for layer in content.layers)
            content = replace(content, layers=layers)
        if volume.quaternions is not self._coloured:
            content = replace(content, layers=self._recoloured(content))
            self._coloured = volume.quaternions
        return content, boxes

    def _recoloured(self, content: Content) -> tuple[Layer, ...]:
        """Layers whose colours come from the orientations of the objects, which an act has changed."""
        new = {layer.key: layer for layer in label_layers(self.session.volume, content.subject, False)}
        volume = self.session.volume
        layers = []
        for layer in content.layers:
            if layer.table is not None and layer.key in new:
                layer = replace(layer, table=new[layer.key].table)
            elif layer.pair_words is not None and volume.quaternions is not None:
                layer = replace(layer, pair_words=boundary_words(volume.quaternions, volume.point_group))
            layers.append(layer)
        return tuple(layers)

    def _near(self, box: Box) -> set[int]:
        """Objects in a changed box: their neighbours may be others now."""
        around = self.session.editor.wider(box)
        here = self.session.volume.labels[around]
        return {int(v) for v in np.unique(here)} - {0} if here.size <= _NEIGHBOURHOOD else set()

    def forget_rows(self) -> None:
        """The table was made from the labels before the edits: describe all that was touched since."""
        self._pending |= self._since_made

    def work(self, content: Content) -> Callable[[Monitor], Content]:
        """Work for a thread that makes table, plots and surfaces anew; it has copies of all that it looks at."""
        session, volume = self.session, self.session.volume
        self._thinning = self._thinning or thinning_of(volume)
        thin = thin_labels(volume, self._thinning)
        touched = sorted(self._pending) if content.table is not None else []
        there = [label for label in touched if session.editor.index.has(label)]
        crops = [(label, crop_of(volume, session.editor.index.box(label))) for label in there]
        grid = replace(volume, labels=volume.labels[:1, :1, :1], observed=None)
        record = self._project.record("radii") if "radii" in self._project.keys and session.node == "particles" else None
        if content.table is not None:
            self._pending.clear()

        # The maker of surfaces outlives this content and must not keep it: it holds the labels before the edits.
        subject = content.subject

        def build(monitor: Monitor) -> Any:
            return label_surfaces(thin, subject, monitor)

        def make(monitor: Monitor) -> Content:
            scene = tuple(
                SceneItem(item.key, item.title, build, item.visible, item.subject) if item.key == content.key else item
                for item in content.scene
            )
            if content.table is None:
                return replace(content, scene=scene)
            rows = describe_crops(crops, len(crops), monitor)
            table = renewed(content.table, touched, rows, grid, record.load() if record is not None else None)
            oriented = grain_plots(thin, monitor) if subject == "grains" else ()
            return replace(content, scene=scene, table=table, plots=(*object_plots(table, "data"), *oriented))

        return make
