"""Finish now and cancel on a real fit, through the buttons of its panel."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from nmcstudio.core.resources import resource
from nmcstudio.gui import jobs as states
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.step_panel import StepPanel


@pytest.fixture
def controller(qtbot):
    """A controller whose project holds the grains of the bundled map."""
    made = Controller()
    for key, values in (("import-ebsd", {"files": [str(resource("samples/simulated-ebsd.h5"))]}), ("segment-ebsd", {})):
        job = made.run_step(key, values)
        qtbot.waitUntil(lambda job=job: not job.is_open, timeout=60_000)
        assert job.state == states.DONE, job.details
    yield made
    made.close()


def test_finish_now_keeps_the_best_of_a_real_fit_and_cancel_nothing(qtbot, controller):
    panel = StepPanel(controller, "fit-tessellation")
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(panel.foot.run_button.isEnabled, timeout=20_000)

    def start() -> states.Job:
        QTest.mouseClick(panel.foot.run_button, Qt.MouseButton.LeftButton)
        with qtbot.waitSignal(controller.partial, timeout=60_000):
            pass
        return controller.jobs.current

    job, begun = start(), time.monotonic()
    QTest.mouseClick(panel.foot.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not job.is_open, timeout=20_000)
    assert time.monotonic() - begun < 1
    assert job.state == states.CANCELLED
    assert "tessellation" not in controller.project.keys
    assert panel.foot.run_button.isEnabled()

    job = start()
    QTest.mouseClick(panel.foot.finish_button, Qt.MouseButton.LeftButton)
    assert job.stopping == "Finishing"
    assert not panel.foot.finish_button.isEnabled()
    qtbot.waitUntil(lambda: not job.is_open, timeout=60_000)
    assert job.state == states.DONE
    assert controller.project.state("tessellation") == "ready"
    early = controller.project.value("tessellation")
    grains = controller.project.value("grains")
    assert len(early.weights) == len(set(grains.labels[grains.labels > 0]))
    # Equal weights would be a start and no fit.
    assert early.weights.std() > 0
