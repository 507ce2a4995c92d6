"""What a worker does for a 3D view: surfaces from values, and from them what can be drawn at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.contents import GreyBlock, SceneItem, Surfaces
from nmcstudio.gui.views.scene_actors import Drawn, draw_ready


@dataclass(frozen=True)
class Prepared:
    """A thing with all that a view needs to draw it without any work of its own.

    Attributes
    ----------
    thing
        As its item has built it.
    fine, quick
        The visible part of its mesh, and that of its coarser mesh; None where there is none.
    box_um
        ``[[x0, x1], [y0, y1], [z0, z1]]`` of the whole thing, None if it is empty.
    """

    thing: Surfaces | GreyBlock
    fine: Drawn | None = None
    quick: Drawn | None = None
    box_um: NDArray[np.float64] | None = None

    @property
    def hidden(self) -> frozenset[int]:
        """Labels that were left out."""
        return self.fine.hidden if self.fine is not None else frozenset()


def prepare(thing: Surfaces | GreyBlock, hidden: frozenset[int], box_um: NDArray[np.float64] | None = None) -> Prepared:
    """Make a thing ready without some of its labels; `box_um` where it is known from before."""
    box_um = box_of_thing(thing) if box_um is None else box_um
    if isinstance(thing, GreyBlock):
        return Prepared(thing, box_um=box_um)
    smooth = not thing.edges
    quick = None if thing.quick is None else draw_ready(thing.quick, hidden, smooth)
    return Prepared(thing, draw_ready(thing.mesh, hidden, smooth), quick, box_um)


def build(items: Sequence[SceneItem], hidden: Mapping[str, frozenset[int]], monitor: Monitor) -> dict[str, Prepared]:
    """Build items and prepare them, by key; `hidden` has the labels of each that are not shown."""
    made = {}
    for item in items:
        monitor.check()
        made[item.key] = prepare(item.build(monitor), hidden[item.key])
    return made


def prepare_again(things: Mapping[str, Prepared], hidden: frozenset[int], monitor: Monitor) -> dict[str, Prepared]:
    """The same things without other labels."""
    made = {}
    for key, old in things.items():
        monitor.check()
        made[key] = prepare(old.thing, hidden, old.box_um)
    return made


def box_of_thing(thing: Surfaces | GreyBlock) -> NDArray[np.float64] | None:
    """Box ``[[x0, x1], [y0, y1], [z0, z1]]`` in um of a thing; None if it is empty."""
    if isinstance(thing, GreyBlock):
        low = np.array(thing.origin_um) - np.array(thing.spacing_um) / 2
        return np.stack([low, low + np.array(thing.values.shape) * thing.spacing_um], axis=1)[::-1]
    points = thing.mesh.points_um
    return np.stack([points.min(axis=0), points.max(axis=0)], axis=1) if len(points) else None
