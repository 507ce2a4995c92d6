"""Controller and jobs without any window: runs, cancel, finish now, undo, results kept apart."""

from __future__ import annotations

import time

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.gui import jobs as states
from nmcstudio.gui.controller import Controller
from nmcstudio.project.store import open_project


def run(qtbot, controller: Controller, key: str, **values) -> states.Job:
    with qtbot.waitSignal(controller.jobs.finished, timeout=10_000):
        job = controller.run_step(key, values)
    return job


def test_a_run_is_committed_and_shown(qtbot, controller):
    with qtbot.waitSignals([controller.node_changed, controller.committed, controller.current_node_changed], timeout=20_000):
        job = controller.run_step("import-ct", {"level": 3})
    assert job.state == states.DONE
    assert controller.project.value("ct").values.max() == 3
    assert controller.project.state("ct") == "ready"
    assert controller.node == "ct"
    assert controller.project.record("ct").warnings == ("this is simulated",)


def test_cancel_leaves_the_project_as_it_was_within_a_second(qtbot, controller):
    run(qtbot, controller, "import-ct", level=1)
    before = controller.project.record("ct"), controller.project.params("import-ct")
    with qtbot.waitSignal(controller.partial, timeout=20_000):
        job = controller.run_step("import-ct", {"level": 2, "seconds": 30})
    begun = time.monotonic()
    with qtbot.waitSignal(controller.jobs.finished, timeout=20_000):
        controller.jobs.cancel()
    assert time.monotonic() - begun < 1
    assert job.state == states.CANCELLED
    assert (controller.project.record("ct"), controller.project.params("import-ct")) == before
    assert not controller.jobs.busy


def test_finish_now_keeps_the_result(qtbot, controller):
    with qtbot.waitSignal(controller.partial, timeout=20_000):
        job = controller.run_step("import-ct", {"level": 2, "seconds": 30})
    with qtbot.waitSignal(controller.jobs.finished, timeout=20_000):
        controller.jobs.finish_now()
    assert job.state == states.DONE
    assert controller.project.value("ct").values.max() == 2


def test_jobs_wait_for_each_other_and_use_each_others_results(qtbot, controller):
    first = controller.run_step("import-ct", {"seconds": 0.2})
    second = controller.run_step("segment-ct")
    assert (first.state, second.state) == (states.RUNNING, states.QUEUED)
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=20_000)
    assert second.state == states.DONE
    assert controller.project.record("particles").inputs["ct"] == controller.project.record("ct").digest


def test_an_outdated_result_is_kept_apart_until_the_user_decides(qtbot, controller):
    run(qtbot, controller, "import-ct", level=1)
    old = controller.project.record("ct")
    job = controller.run_step("segment-ct")
    controller.project.put("ct", None)
    with qtbot.waitSignal(controller.set_apart, timeout=20_000):
        pass
    assert job.state == states.APART
    assert "particles" not in controller.project.keys
    controller.keep_apart(job)
    assert controller.project.state("particles") == "stale"
    assert controller.apart == []
    controller.project.put("ct", old)
    job = controller.run_step("segment-ct", {"threshold": 0.7})
    controller.project.put("ct", None)
    with qtbot.waitSignal(controller.set_apart, timeout=20_000):
        pass
    controller.drop_apart(job)
    assert controller.project.record("particles").params == {"threshold": 0.5}


def test_what_waits_for_a_failed_job_does_not_run_on_an_older_result(qtbot, controller):
    run(qtbot, controller, "import-ct", level=1)
    controller.run_step("import-ct", {"trouble": True})
    waiting = controller.run_step("segment-ct")
    qtbot.waitUntil(lambda: not controller.jobs.busy and not waiting.is_open, timeout=20_000)
    assert waiting.state == states.CANCELLED
    assert "particles" not in controller.project.keys


def test_an_error_stays_with_the_step_until_it_runs_again(qtbot, controller):
    job = run(qtbot, controller, "import-ct", trouble=True)
    assert job.state == states.FAILED
    assert isinstance(controller.errors["import-ct"].error, NmcError)
    assert "choose another file" in job.details
    run(qtbot, controller, "import-ct", trouble=False)
    assert "import-ct" not in controller.errors


def test_a_missing_input_fails_at_once(qtbot, controller):
    job = controller.run_step("segment-ct")
    assert job.state == states.FAILED
    assert "import-ct" in str(job.error)


def test_undo_brings_back_value_and_parameters(qtbot, controller):
    run(qtbot, controller, "import-ct", level=1)
    controller.edit_params("import-ct", {"level": 2.0})
    assert controller.project.state("ct") == "stale"
    run(qtbot, controller, "import-ct")
    assert controller.project.state("ct") == "ready"
    controller.undo()
    assert controller.project.state("ct") == "stale"
    assert controller.project.value("ct").values.max() == 1
    controller.undo()
    assert controller.project.state("ct") == "ready"
    controller.redo()
    controller.redo()
    assert controller.project.value("ct").values.max() == 2
    assert controller.project.state("ct") == "ready"


def test_a_parameter_edited_during_the_run_stays_edited(qtbot, controller):
    controller.run_step("import-ct", {"seconds": 0.2})
    controller.edit_params("import-ct", {"level": 5.0})
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=20_000)
    assert controller.project.params("import-ct")["level"] == 5.0
    assert controller.project.state("ct") == "stale"


def test_a_drag_is_one_entry_of_the_history(controller):
    for level in (1.5, 2.0, 2.5):
        controller.edit_params("import-ct", {"level": level}, drag="level-1")
    controller.undo()
    assert controller.project.params("import-ct") == {}


def save(qtbot, controller, file):
    written = []
    controller.files.save(controller.project, file, controller.records_of_history(), written.append, pytest.fail)
    qtbot.waitUntil(lambda: written == [file], timeout=20_000)


def test_a_save_elsewhere_leaves_nothing_to_be_read_from_the_old_file(qtbot, controller, tmp_path):
    run(qtbot, controller, "import-ct", level=3)
    save(qtbot, controller, tmp_path / "a.nmc")
    controller.adopt(open_project(tmp_path / "a.nmc"))
    save(qtbot, controller, tmp_path / "b.nmc")
    (tmp_path / "a.nmc").unlink()
    assert controller.project.path == tmp_path / "b.nmc"
    assert not controller.project.changed
    assert controller.project.value("ct").values.max() == 3


def test_undo_reaches_behind_a_save(qtbot, controller, tmp_path):
    run(qtbot, controller, "import-ct", level=1)
    file = tmp_path / "Größe µm.nmc"
    save(qtbot, controller, file)
    read = []
    controller.files.open(file, read.append, pytest.fail)
    qtbot.waitUntil(lambda: bool(read), timeout=60_000)
    controller.adopt(read[0])
    run(qtbot, controller, "import-ct", level=2)
    save(qtbot, controller, file)
    controller.undo()
    assert controller.project.value("ct").values.max() == 1


def test_opening_another_project_ends_its_jobs(qtbot, controller):
    job = controller.run_step("import-ct", {"seconds": 30})
    controller.new()
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=20_000)
    assert job.state == states.CANCELLED
    assert controller.project.keys == ()


def test_values_come_from_a_worker_and_late_ones_are_dropped(qtbot, controller):
    run(qtbot, controller, "import-ct", level=4)
    seen = []
    controller.load_value_async("ct", seen.append)
    assert seen == []
    qtbot.waitUntil(lambda: len(seen) == 1, timeout=20_000)
    assert np.all(seen[0].values == 4)
    controller.load_value_async("ct", seen.append)
    controller.new()
    qtbot.wait(100)
    assert len(seen) == 1


def test_an_answer_for_a_widget_that_is_gone_is_dropped(qtbot, controller):
    import shiboken6
    from PySide6.QtWidgets import QLabel

    run(qtbot, controller, "import-ct")
    gone = QLabel()
    controller.load_value_async("ct", gone.setText)
    shiboken6.delete(gone)
    qtbot.waitUntil(lambda: not controller.loader.busy, timeout=20_000)


def test_a_later_preview_replaces_an_earlier_one(qtbot, controller):
    seen = []

    def slow(monitor, value):
        for _ in range(20):
            monitor.report(None, "preview")
            time.sleep(0.01)
        return value

    for value in range(5):
        controller.previews.ask("threshold", lambda monitor, value=value: slow(monitor, value), seen.append)
    qtbot.waitUntil(lambda: bool(seen), timeout=20_000)
    qtbot.wait(100)
    assert seen == [4]


def test_who_has_gone_elsewhere_is_not_called_back_by_a_result(qtbot, controller):
    run(qtbot, controller, "import-ct", level=1)
    controller.run_step("segment-ct")
    controller.show_step("fit-grains")
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=20_000)
    assert (controller.node, controller.step) == ("ct", "fit-grains")
    run(qtbot, controller, "segment-ct")
    assert controller.node == "particles"


def test_a_queue_can_be_followed_until_one_looks_elsewhere(qtbot, controller):
    seen = []
    controller.current_step_changed.connect(seen.append)
    controller.follow = True
    controller.run_step("import-ct", {"seconds": 0.1})
    controller.run_step("segment-ct")
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=20_000)
    assert seen == ["import-ct", "segment-ct"]
    assert controller.node == "particles"
    assert not controller.follow
    controller.follow = True
    controller.run_step("import-ct", {"seconds": 0.1, "level": 2})
    controller.run_step("segment-ct", {"threshold": 0.6})
    controller.show_step("compose")
    qtbot.waitUntil(lambda: not controller.jobs.busy, timeout=20_000)
    assert controller.step == "compose"
