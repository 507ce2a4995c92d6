"""The window: opens, asks before it forgets anything, recovers, takes dropped files, lists its keys."""

from __future__ import annotations

import gc
import json
import threading
from collections import Counter
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from nmcstudio.core.errors import NmcError
from nmcstudio.core.resources import resource
from nmcstudio.gui import settings
from nmcstudio.gui.actions import ENTRIES
from nmcstudio.gui.app import BugReporter, Collector
from nmcstudio.gui.drops import guess
from nmcstudio.gui.help_window import HelpWindow, keys_page
from nmcstudio.gui.icons import pixmap
from nmcstudio.gui.main_window import MainWindow
from nmcstudio.gui.theme import DARK, LIGHT
from nmcstudio.pipeline.registry import KEYS
from nmcstudio.project import recovery
from nmcstudio.project.nodes import NODES
from nmcstudio.project.project import Project
from nmcstudio.project.snapshots import snapshot
from nmcstudio.project.store import open_project, save_project


@pytest.fixture
def window(qtbot, quick_steps, monkeypatch):
    # A modal question anywhere would hang the test, and the user.
    for name in ("question", "warning", "critical", "information"):
        monkeypatch.setattr(QMessageBox, name, lambda *a, **k: pytest.fail("a modal dialog"))
    made = MainWindow()
    qtbot.addWidget(made, before_close_func=lambda w: w._close_now())
    made.show()
    return made


def edited(window: MainWindow) -> None:
    window.controller.edit_params("import-ct", {"level": 2})


def save(qtbot, window: MainWindow, path: Path) -> None:
    window.controller.project.path = path
    with qtbot.waitSignal(window.documents.saved, timeout=20_000):
        window.documents.save()


def test_an_empty_window_welcomes_and_closes_without_asking(qtbot, window):
    assert window.centre.currentWidget() is window.welcome
    assert window.windowTitle().startswith("Untitled")
    assert set(window.docks) == {"workflow", "step", "scenario", "plots", "table", "jobs", "log"}
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)


def test_new_asks_in_a_bar_before_changes_are_lost(qtbot, window):
    edited(window)
    window.documents.new()
    bar = window.bars.bars()["unsaved"]
    assert list(bar.buttons) == ["Save", "Do not save", "Stay"]
    bar.buttons["Stay"].click()
    assert window.controller.project.params("import-ct")
    window.documents.new()
    window.bars.bars()["unsaved"].buttons["Do not save"].click()
    assert not window.controller.project.params("import-ct")


def test_close_with_changes_stays_until_answered_and_saves(qtbot, window, tmp_path, monkeypatch):
    edited(window)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(tmp_path / "Größe µm"), ""))
    window.close()
    assert window.isVisible()
    window.bars.bars()["unsaved"].buttons["Save"].click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    saved = open_project(tmp_path / "Größe µm.nmc")
    assert saved.params("import-ct") == {"level": 2}
    assert saved.view["window"]
    assert settings.recent_projects() == [tmp_path / "Größe µm.nmc"]


class SlowSave:
    """A save that takes until it is let go."""

    def __init__(self, monkeypatch) -> None:
        self.go = threading.Event()
        monkeypatch.setattr("nmcstudio.gui.project_files.save_project", self.write)

    def write(self, project, path, monitor):
        assert self.go.wait(20)
        return save_project(project, path, monitor=monitor)


def test_a_save_can_be_cancelled_and_leaves_the_old_file(qtbot, window, tmp_path, monkeypatch):
    file = tmp_path / "large.nmc"
    edited(window)
    save(qtbot, window, file)
    slow = SlowSave(monkeypatch)
    window.controller.run_step("import-ct", {"level": 3})
    qtbot.waitUntil(lambda: not window.controller.jobs.busy and "ct" in window.controller.project.keys, timeout=20_000)
    window.documents.save()
    qtbot.waitUntil(window.status._give_up.isVisible, timeout=5000)
    window.status._give_up.click()
    slow.go.set()
    qtbot.waitUntil(lambda: window.controller.files.saving is None, timeout=20_000)
    assert "document" in window.bars.bars()
    assert window.controller.project.changed
    assert not open_project(file).keys
    assert list(tmp_path.glob(".*.part")) == []


def test_the_window_is_usable_while_it_saves_and_closing_waits(qtbot, window, tmp_path, monkeypatch):
    slow = SlowSave(monkeypatch)
    file = tmp_path / "large.nmc"
    edited(window)
    window.controller.project.path = file
    window.documents.save()
    assert not file.exists()
    qtbot.waitUntil(window.status._work.isVisible, timeout=5000)
    window.controller.edit_params("import-ct", {"level": 4})
    window.close()
    assert "is being saved" in window.bars.bars()["unsaved"].text
    slow.go.set()
    # What was edited meanwhile is not in the file, so closing asks about it.
    qtbot.waitUntil(lambda: "Save" in window.bars.bars()["unsaved"].buttons, timeout=20_000)
    assert window.isVisible()
    assert not window.status._work.isVisible()
    assert window.controller.project.changed
    assert open_project(file).params("import-ct") == {"level": 2}
    window.bars.bars()["unsaved"].buttons["Save"].click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)
    assert open_project(file).params("import-ct") == {"level": 4}


def test_saved_again_while_it_saves_is_written_after_that(qtbot, window, tmp_path, monkeypatch):
    slow = SlowSave(monkeypatch)
    edited(window)
    window.controller.project.path = tmp_path / "twice.nmc"
    window.documents.save()
    window.controller.edit_params("import-ct", {"level": 4})
    window.documents.save()
    slow.go.set()
    qtbot.waitUntil(lambda: not window.controller.project.changed and not window.controller.files.saving, timeout=20_000)
    assert open_project(tmp_path / "twice.nmc").params("import-ct") == {"level": 4}


def test_a_save_that_fails_keeps_the_mark_and_says_what_to_do(qtbot, window, tmp_path):
    edited(window)
    window.controller.project.path = tmp_path / "no" / "such" / "folder.nmc"
    window.close()
    window.bars.bars()["unsaved"].buttons["Save"].click()
    qtbot.waitUntil(lambda: "document" in window.bars.bars(), timeout=20_000)
    assert "folder" in window.bars.bars()["document"].text
    assert window.controller.project.changed
    assert window.isVisible()


def test_the_status_line_names_a_file_and_the_mouse_finds_its_path(qtbot, window, tmp_path):
    edited(window)
    save(qtbot, window, tmp_path / "mine.nmc")
    assert window.status._message.text() == "Saved mine.nmc"
    assert window.status._message.toolTip() == str(tmp_path / "mine.nmc")
    with qtbot.waitSignal(window.documents.opened, timeout=20_000):
        window.documents.open(tmp_path / "mine.nmc")
    assert window.status._message.text() == "Opened mine.nmc"


def test_close_says_that_a_job_runs_and_cancels_it(qtbot, window):
    with qtbot.waitSignal(window.controller.jobs.progressed, timeout=20_000):
        window.controller.run_step("import-ct", {"seconds": 60})
    window.close()
    assert window.isVisible()
    bar = window.bars.bars()["unsaved"]
    assert "still running" in bar.text
    bar.buttons["Cancel it and go on"].click()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=20_000)


def test_a_file_that_is_no_project_is_an_error_in_a_bar_and_the_project_stays(qtbot, window, tmp_path):
    bad = tmp_path / "bad.nmc"
    bad.write_text("this is text")
    edited(window)
    window.controller.project.changed = False
    window.documents.open(bad)
    qtbot.waitUntil(lambda: "document" in window.bars.bars(), timeout=20_000)
    assert "bad.nmc" in window.bars.bars()["document"].text
    assert window.controller.project.params("import-ct") == {"level": 2}


def test_autosave_leaves_a_recovery_that_the_next_start_offers(qtbot, window, tmp_path):
    with qtbot.waitSignal(window.controller.committed, timeout=20_000):
        window.controller.run_step("import-ct", {"level": 3})
    assert window.controller.project.changed
    window.documents._autosave()
    folder = recovery.recovery_folder()
    qtbot.waitUntil(lambda: not window.controller.loader.busy, timeout=20_000)
    (note,) = folder.glob("*.json")
    facts = json.loads(note.read_text())
    assert window.controller.project.changed
    # Another program's autosave that it did not come back for.
    dead = folder / "999999999.nmc"
    note.with_suffix(".nmc").rename(dead)
    note.unlink()
    dead.with_suffix(".json").write_text(json.dumps(facts | {"pid": 999999999, "original": str(tmp_path / "mine.nmc")}))
    window.controller.project.changed = False
    window.controller.new()
    window.documents.offer_recovery()
    window.bars.bars()["recovery"].buttons["Open the autosave"].click()
    qtbot.waitUntil(lambda: "ct" in window.controller.project.keys, timeout=20_000)
    assert window.controller.project.path == tmp_path / "mine.nmc"
    assert window.controller.project.changed
    qtbot.waitUntil(lambda: not dead.exists(), timeout=20_000)


def test_a_snapshot_has_everything_and_leaves_the_project_alone(tmp_path):
    project = Project(seed=9)
    project.set_params("import-ct", {"level": 2})
    project.set_scenario("rough", {"roughness": 2.0})
    project.view = {"step": "import-ct"}
    project.changed = False
    copy = snapshot(project)
    save_project(copy, tmp_path / "copy.nmc")
    again = open_project(tmp_path / "copy.nmc")
    assert (again.seed, again.params("import-ct"), again.scenarios) == (9, {"level": 2}, {"rough": {"roughness": 2.0}})
    assert not project.changed
    assert project.path is None


def test_an_outdated_result_is_asked_about_in_a_bar(qtbot, window):
    window.controller.run_step("import-ct")
    qtbot.waitUntil(lambda: not window.controller.jobs.busy, timeout=20_000)
    job = window.controller.run_step("segment-ct")
    window.controller.project.put("ct", None)
    with qtbot.waitSignal(window.controller.set_apart, timeout=20_000):
        pass
    bar = window.bars.bars()[f"apart-{id(job)}"]
    bar.buttons["Throw it away"].click()
    assert "particles" not in window.controller.project.keys


def test_a_failure_elsewhere_is_announced_and_its_panel_tells_more(qtbot, window):
    window.controller.run_step("import-ct", {"trouble": True})
    qtbot.waitUntil(lambda: "announce" in window.bars.bars(), timeout=20_000)
    window.bars.bars()["announce"].buttons["Show"].click()
    panel = window.panels.current_panel()
    assert panel.key == "import-ct"
    assert "nothing in the file" in panel.bars.bars()["error"].text


def test_undo_works_inside_a_field_and_digits_are_typed_there(qtbot, window):
    window.controller.show_step("import-ct")
    box = window.panels.current_panel().form.editors["level"].box
    box.setFocus()
    window.activateWindow()
    QTest.keyClick(box, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(box, "3")
    assert window.controller.project.params("import-ct") == {"level": 3.0}
    assert window.controller.step == "import-ct"
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    override.ignore()
    QApplication.sendEvent(box, override)
    assert not override.isAccepted()
    window.actions_["undo"].trigger()
    assert box.value() == 1.0


def drop(window: MainWindow, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(300, 300), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)


def test_a_dropped_project_opens(qtbot, window, tmp_path):
    project = Project(seed=5)
    save_project(project, tmp_path / "five.nmc")
    drop(window, tmp_path / "five.nmc")
    qtbot.waitUntil(lambda: window.controller.project.seed == 5, timeout=20_000)


def test_a_dropped_file_that_nobody_knows_is_an_error_that_says_what_can_be_dropped(qtbot, window, tmp_path):
    text = tmp_path / "notes.tif"
    text.write_text("not an image")
    drop(window, text)
    qtbot.waitUntil(lambda: "drop" in window.bars.bars(), timeout=20_000)
    assert "named like TIFF but holds text" in window.bars.bars()["drop"].text
    unknown = tmp_path / "notes.docx"
    unknown.write_text("no image either")
    drop(window, unknown)
    qtbot.waitUntil(lambda: "drop" in window.bars.bars(), timeout=20_000)
    assert ".ang" in window.bars.bars()["drop"].text


def test_real_files_are_guessed_right(shared_data):
    names = {
        "ct_snow/snow.tif": "import-ct",
        "dct_al1050_crispy/lab_dct_Al1050.h5": "import-ebsd",
        "ebsd3d_iron_mtex/ang": "import-ebsd",
    }
    for name, step in names.items():
        found = guess([shared_data / name])
        assert (found.what, found.values) == (step, {"files": [str(shared_data / name)]})


def test_models_are_guessed_by_their_format(tmp_path):
    model = tmp_path / "m.json"
    model.write_text(json.dumps({"format": "nmcstudio/shell-model"}))
    assert guess([model]).what == "import-shell-model"
    model.write_text("{")
    with pytest.raises(NmcError, match="not JSON"):
        guess([model])


def test_keys_are_unique_and_listed():
    keys = Counter(key for entry in ENTRIES for key in entry.keys)
    assert max(keys.values()) == 1
    page = keys_page()
    assert all(key in page for key in keys)


def test_every_step_has_a_page_of_the_manual_that_opens(qtbot):
    shown = HelpWindow()
    qtbot.addWidget(shown)
    for name in (*KEYS, "keys", "about", "index"):
        shown.show_page(name)
        assert len(shown.browser.toPlainText()) > 40, name
        assert "{{" not in shown.browser.toPlainText(), name


def test_every_icon_draws_in_the_colour_that_is_asked_for(qtbot):
    names = {entry.icon for entry in ENTRIES if entry.icon}
    there = {file.stem for file in resource("icons").glob("*.svg")}
    assert names <= there
    for name in there - {"app"}:
        image = pixmap(name, "#ff0000", 32).toImage().convertToFormat(QImage.Format.Format_ARGB32)
        colours = {image.pixelColor(x, y).name() for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() == 255}
        assert colours == {"#ff0000"}, name


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_its_ground(theme):
    pairs = [
        (theme.text, ground) for ground in (theme.window, theme.base, theme.warning_ground, theme.error_ground, theme.note_ground)
    ]
    pairs += [(theme.muted, theme.window), (theme.muted, theme.base), (theme.failed, theme.window), (theme.stale, theme.base)]
    pairs += [(theme.ready, theme.base), (theme.accent_text, theme.accent), (theme.muted, theme.note_ground)]
    for text, ground in pairs:
        high, low = sorted((luminance(text), luminance(ground)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_a_fault_of_the_program_is_shown_with_its_traceback(qtbot):
    reporter = BugReporter()
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError as error:
        reporter._hook(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: reporter._dialog is not None, timeout=20_000)
    assert "ZeroDivisionError: by nothing" in reporter._dialog.text.toPlainText()
    reporter._dialog.accept()
    assert reporter._dialog is None


def test_garbage_is_collected_by_the_timer_only(qtbot):
    collector = Collector()
    assert not gc.isenabled()
    collector._collect()
    collector.stop()
    assert gc.isenabled()
    gc.disable()


@pytest.mark.viewport
def test_a_filled_project_opens_with_its_view(qtbot, window, tmp_path):
    with qtbot.waitSignal(window.controller.committed, timeout=10_000):
        window.controller.run_step("import-ct", {"level": 3})
    assert window.centre.currentWidget() is not window.welcome
    window.actions_["slices"].trigger()
    window.controller.show_step("fit-grains")
    save(qtbot, window, tmp_path / "p.nmc")
    window.documents.new()
    assert window.centre.currentWidget() is window.welcome
    with qtbot.waitSignal(window.documents.opened, timeout=60_000):
        window.documents.open(tmp_path / "p.nmc")
    assert window.centre.currentWidget() is not window.welcome
    assert (window.controller.node, window.controller.step) == ("ct", "fit-grains")
    qtbot.waitUntil(lambda: window.middle.is_made, timeout=60_000)
    assert window.views.state()["layout"] == "slices"
    window.views.layout_changed.emit("compare")
    assert window.actions_["compare"].isChecked()
    assert window.controller.project.view["layout"] == "compare"


def test_the_cards_of_the_welcome_are_whole_in_a_narrow_window(qtbot, window):
    page = window.welcome
    page.setParent(None)
    qtbot.addWidget(page)
    page.show()

    def whole() -> bool:
        rights = [card.mapTo(page, card.rect().topRight()).x() for card in page.cards]
        return max(rights) < page.viewport().width()

    for width in (900, 480):
        page.resize(width, 700)
        qtbot.waitUntil(whole, timeout=5000)
    assert len({card.y() for card in page.cards}) == 3


def test_number_keys_choose_nodes(qtbot, window):
    assert [shortcut.key().toString() for shortcut in window.node_keys.values()] == list("123456789")
    for node, shortcut in window.node_keys.items():
        shortcut.activated.emit()
        assert window.controller.step in NODES[node].steps
