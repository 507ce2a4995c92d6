"""A panel with a preview beside the slices that it draws on, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nmcstudio.gui.background import Background
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.views.area import ViewArea
from nmcstudio.pipeline import registry
from nmcstudio.project.record import Held, Record


def put(controller: Controller, node: str, value: Any) -> None:
    """Give a node a value as if it had been imported."""
    from nmcstudio.project.codec import digest
    from nmcstudio.project.nodes import summarise

    record = Record(
        digest=digest(value), step=f"import-{node}", params={}, inputs={}, seed=1, seconds=0.0, peak_rss_mib=0.0, version="0",
        created="2026-01-01T00:00:00+00:00", summary=summarise(value), load=Held(value),
    )  # fmt: skip
    controller.project.put(node, record)


@contextmanager
def tried_out(qtbot: Any, step: str, node: str, value: Any, params: dict[str, Any]) -> Iterator[Any]:
    """The shown panel of a step whose input is there; its slices are `panel.area`."""
    from nmcstudio.gui.panels.stack import make_panel

    registry.step.cache_clear()
    controller = Controller()
    area = ViewArea(controller)
    controller.preview.connect(area.show_preview)
    controller.current_node_changed.connect(area.show_node)
    panel = make_panel(controller, step)
    panel.area = area
    panel.live.rest_ms = 1
    for widget in (area, panel):
        qtbot.addWidget(widget)
    area.resize(900, 700)
    area.set_layout("slices")
    area.show()
    controller.edit_params(step, params)
    put(controller, node, value)
    controller.show_node(node)
    panel.show()
    yield panel
    controller.close()
    area.close_views()


def rest(panel: Any, qtbot: Any) -> None:
    """Wait until nothing runs beside the window, and planes that the picture asks for are there."""
    controller = panel.controller
    workers = [*controller.findChildren(Background), *panel.area.findChildren(Background)]

    def is_idle() -> bool:
        busy = any(each.busy for each in workers) or controller.jobs.busy
        return not busy and not panel.live.planes.busy and not panel.live.is_working

    qtbot.waitUntil(is_idle, timeout=60_000)
    panel.area.grab()
    qtbot.waitUntil(is_idle, timeout=60_000)
