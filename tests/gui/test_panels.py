"""A step's panel: preflight, errors, warnings, buttons, and the way to what is missing."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPlainTextEdit

from nmcstudio.gui import jobs as states
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.widgets.elided import ElidedLabel
from nmcstudio.gui.widgets.marks import state_of, why_stale
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.gui.workflow import WorkflowPanel


@pytest.fixture
def panel(qtbot, controller) -> StepPanel:
    made = StepPanel(controller, "import-ct")
    qtbot.addWidget(made)
    made.show()
    return made


def finish(qtbot, controller) -> None:
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=10_000)


def checked(qtbot, panel: StepPanel) -> None:
    qtbot.waitUntil(lambda: not panel._preflight.isActive(), timeout=20_000)


def test_the_foot_says_what_a_run_costs(panel):
    assert panel.foot.words.text() == "About 40 s, 3.4 GB\nA note"
    assert panel.foot.run_button.isEnabled()


def test_an_error_of_preflight_stands_at_its_field_and_run_waits(qtbot, panel, controller):
    panel.form.editors["level"].box.setValue(7)
    checked(qtbot, panel)
    label = panel.form._errors["level"]
    assert label.isVisible()
    assert label.text() == "Level 7 is unlucky: take 6 or 8."
    assert not panel.foot.run_button.isEnabled()
    panel.form.editors["level"].box.setValue(8)
    checked(qtbot, panel)
    assert not label.isVisible()
    assert panel.foot.run_button.isEnabled()


def test_a_value_out_of_its_limits_is_an_error_at_the_field(qtbot, panel, controller):
    controller.edit_params("import-ct", {"level": 11})
    checked(qtbot, panel)
    said = panel.form._errors["level"].text()
    assert said.startswith("Level = ")
    assert said.endswith("10.")
    assert not panel.foot.run_button.isEnabled()


def test_the_form_follows_undo(qtbot, panel, controller):
    panel.form.editors["level"].box.setValue(3)
    assert controller.project.params("import-ct") == {"level": 3}
    controller.undo()
    assert panel.form.editors["level"].value() == 1.0


def test_an_error_says_what_happened_and_what_to_do(qtbot, panel, controller):
    panel.form.editors["trouble"].set_value(True)
    controller.edit_params("import-ct", {"trouble": True})
    panel.run()
    finish(qtbot, controller)
    bar = panel.bars.bars()["error"]
    assert bar.text == "there is nothing in the file choose another file"
    assert "Traceback" in bar.findChild(QPlainTextEdit).toPlainText()
    assert state_of(controller, "ct", ("import-ct",)) == "failed"
    bar.dismiss()
    assert state_of(controller, "ct", ("import-ct",)) == "empty"
    controller.edit_params("import-ct", {"trouble": False})
    panel.run()
    finish(qtbot, controller)
    assert "error" not in panel.bars.bars()


def test_warnings_stay_until_they_are_read(qtbot, panel, controller):
    panel.run()
    finish(qtbot, controller)
    bar = panel.bars.bars()["warning"]
    assert bar.objectName() == "warningBar"
    controller.edit_params("import-ct", {"level": 2})
    controller.undo()
    assert "warning" in panel.bars.bars()
    panel.bars.bars()["warning"].dismiss()
    controller.node_changed.emit("ct")
    assert "warning" not in panel.bars.bars()


def test_cancel_and_finish_buttons(qtbot, panel, controller):
    controller.edit_params("import-ct", {"seconds": 30})
    assert not panel.foot.cancel_button.isEnabled()
    panel.foot.run_button.click()
    qtbot.waitSignal(controller.jobs.progressed, timeout=20_000).wait()
    assert not panel.foot.run_button.isEnabled()
    assert panel.foot.stack.currentWidget() is panel.foot.job_bar
    panel.foot.job_bar.show_progress("many words " * 30, None)
    line = panel.foot.job_bar.findChild(ElidedLabel)
    qtbot.waitUntil(lambda: line.text().endswith("…"), timeout=5_000)
    panel.foot.cancel_button.click()
    finish(qtbot, controller)
    assert controller.project.keys == ()
    assert panel.foot.run_button.isEnabled()
    panel.foot.run_button.click()
    qtbot.waitSignal(controller.jobs.progressed, timeout=20_000).wait()
    panel.foot.finish_button.click()
    finish(qtbot, controller)
    assert controller.project.keys == ("ct",)


def test_a_step_that_cannot_run_offers_the_way_to_what_is_missing(qtbot, controller):
    panel = StepPanel(controller, "segment-ct")
    qtbot.addWidget(panel)
    panel.show()
    assert panel.foot.words.text() == "Needs CT volume first."
    assert not panel.foot.run_button.isEnabled()
    with qtbot.waitSignal(controller.current_step_changed) as shown:
        panel.foot.go.click()
    assert shown.args == ["import-ct"]


def test_the_next_step_is_offered_when_a_result_is_there(qtbot, panel, controller):
    assert not panel.foot.next_button.isVisible()
    panel.run()
    finish(qtbot, controller)
    assert panel.foot.next_button.text() == "Next: Split a volume"
    panel.foot.next_button.click()
    assert controller.step == "segment-ct"


def test_workflow_shows_states_in_words_and_why_something_is_stale(qtbot, controller):
    workflow = WorkflowPanel(controller)
    qtbot.addWidget(workflow)
    row = workflow.rows["ct"]
    assert row._word.text() == ""
    controller.run_step("import-ct", {"seconds": 0.2})
    assert row._word.text() == "running"
    assert workflow.rows["particles"]._word.text() == ""
    finish(qtbot, controller)
    assert row._word.text() == "ready"
    assert "4 × 5 × 6 voxels" in row._full
    controller.edit_params("import-ct", {"level": 2})
    assert row._word.text() == "stale"
    assert "Parameters of “Make a volume” were changed." in row.toolTip()


def test_a_panel_says_why_its_result_is_stale_and_that_its_input_is(qtbot, panel, controller):
    controller.run_step("import-ct")
    controller.run_step("segment-ct")
    finish(qtbot, controller)
    below = StepPanel(controller, "segment-ct")
    qtbot.addWidget(below)
    below.show()
    assert not below.why.isVisible()
    below.hide()
    controller.edit_params("import-ct", {"level": 2})
    below.show()
    assert below.why.text() == "The CT volume is stale."
    assert panel.why.text() == "Parameters of “Make a volume” were changed. Run makes it anew."
    qtbot.waitUntil(lambda: "CT volume is stale." in below.foot.words.text(), timeout=5000)
    controller.undo()
    assert not below.why.isVisible()


@pytest.mark.parametrize(
    ("because", "said"),
    [
        ("the grains is stale", "The grains are stale"),
        ("the virtual particles was made anew", "The virtual particles were made anew"),
        ("the grains it was made from is gone", "The grains it was made from are gone"),
        ("the tessellation was made anew", "The tessellation was made anew"),
        ("the ebsd map is stale", "The EBSD map is stale"),
        ("parameters of fit-grains were changed", "Parameters of “Fit grain model” were changed"),
    ],
)
def test_reasons_are_sentences(controller, monkeypatch, because, said):
    monkeypatch.setattr(controller.project, "stale_because", lambda key: because)
    assert why_stale(controller, "mesh") == said


def test_a_file_without_a_folder_goes_beside_the_project(controller, tmp_path, monkeypatch):
    monkeypatch.setattr(controller.jobs, "submit", lambda job: job)
    controller.project.path = tmp_path / "p.nmc"
    assert controller.run_step("report").values["to"] == str(tmp_path / "report.html")
    assert controller.run_step("report", {"to": "/elsewhere/r.html"}).values["to"] == "/elsewhere/r.html"
    assert "to" not in controller.run_step("import-ct").values


def test_sentences_begin_with_a_capital_but_names_of_files_stay():
    assert as_sentence("the filter of 0.16 um is wide") == "The filter of 0.16 µm is wide"
    assert as_sentence("snow.tif holds text") == "snow.tif holds text"
    assert as_sentence("simulated. Or not") == "Simulated. Or not"


def test_the_row_that_has_the_keyboard_is_seen(qtbot, controller):
    panel = WorkflowPanel(controller)
    qtbot.addWidget(panel)
    panel.show()
    row = panel.rows["particles"]
    panel.rows["ct"].setFocus()
    panel.activateWindow()
    qtbot.waitUntil(panel.rows["ct"].hasFocus, timeout=5_000)
    before = row.grab().toImage()
    row.setFocus()
    qtbot.waitUntil(row.hasFocus, timeout=5_000)
    assert row.grab().toImage() != before


def test_a_click_shows_the_node_and_the_panel_of_the_step_that_made_it(qtbot, controller):
    workflow = WorkflowPanel(controller)
    qtbot.addWidget(workflow)
    workflow.choose("ct")
    assert (controller.node, controller.step) == ("", "import-ct")
    controller.run_step("import-ct")
    finish(qtbot, controller)
    workflow.choose("ct")
    assert (controller.node, controller.step) == ("ct", "import-ct")


def test_a_job_knows_its_time(qtbot, controller):
    job = controller.run_step("import-ct", {"seconds": 0.2})
    finish(qtbot, controller)
    assert job.state == states.DONE
    assert 0.15 < job.seconds < 5


def test_finish_now_is_offered_by_the_steps_that_can_end_early():
    """Those whose room looks at `Monitor.finish_requested`; the real ones, not the doubles."""
    from importlib import import_module

    from nmcstudio.pipeline.registry import KEYS

    steps = [import_module(f"nmcstudio.pipeline.steps.{key.replace('-', '_')}").STEP for key in KEYS]
    early = {"fit-shell", "fit-tessellation", "fit-grains", "compose", "mesh", "generate", "validate"}
    assert {each.key for each in steps if each.can_finish} == early


def test_the_worst_grains_stand_first_and_a_click_asks_for_one(qtbot, controller):
    import numpy as np

    from nmcstudio.gui.panels.fit_tessellation import WorstGrains
    from nmcstudio.gui.views.selection import Selection

    worst = WorstGrains(controller)
    qtbot.addWidget(worst)
    height = worst.sizeHint().height()
    labels, shares = np.arange(1, 13), np.r_[np.linspace(0.95, 0.5, 9), 0.0, 0.0, np.nan]
    worst.show_shares(labels, shares, np.linspace(0.01, 0.12, 12), "Worst grains")
    rows = [worst.list.topLevelItem(i).text(0) for i in range(worst.list.topLevelItemCount())]
    assert rows == ["11", "10", "9", "8", "7", "6", "5", "4"]  # the larger of two equals first, one without a figure not at all
    assert worst.sizeHint().height() == height
    asked = []
    Selection.of(controller).centre_asked.connect(asked.append)
    worst.list.itemClicked.emit(worst.list.topLevelItem(1), 0)
    assert asked == [10]
    assert Selection.of(controller).ids == (10,)


def test_the_fitted_tessellation_is_read_beside_the_window(qtbot, controller):
    import threading
    from dataclasses import replace

    import numpy as np
    from live_window import put

    from nmcstudio.core.grains import Tessellation
    from nmcstudio.gui.panels.stack import make_panel

    fitted = Tessellation(
        kind="laguerre", seeds_um=np.array([[1.0, 1, 1], [3.0, 3, 3]]), weights=np.zeros(2),
        window_um=np.array([[0.0, 4]] * 3), labels=np.array([4, 7]),
        agreements=np.array([0.9, 0.3]), volumes_um3=np.array([30.0, 34.0]),
    )  # fmt: skip
    put(controller, "tessellation", fitted)
    readers = []

    def load():
        readers.append(threading.current_thread() is threading.main_thread())
        return fitted

    controller.project.put("tessellation", replace(controller.project.record("tessellation"), load=load))
    panel = make_panel(controller, "fit-tessellation")
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.worst.list.topLevelItemCount() == 2, timeout=20_000)
    assert panel.worst.list.topLevelItem(0).text(0) == "7"
    assert readers == [False]
