"""The large window of the import: planes as the file would be read, RAW layouts, and a crop by handles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPointF, Qt

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.import_dialog import ImportDialog
from nmcstudio.gui.panels.import_ct import ImportCtPanel

SHAPE = (12, 20, 30)


@pytest.fixture
def grey() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 60000, SHAPE).astype(np.uint16)


@pytest.fixture
def real_controller(qtbot: Any) -> Any:
    made = Controller()
    yield made
    made.close()


@pytest.fixture
def raw_file(tmp_path: Path, grey: np.ndarray) -> Path:
    path = tmp_path / "Größe µm.raw"
    path.write_bytes(b"h" * 7 + grey.astype(">u2").tobytes())
    return path


@pytest.fixture(autouse=True)
def _close_windows(qtbot: Any) -> Any:
    yield
    for dialog in open_dialogs():
        dialog.close()


def open_dialog(qtbot: Any, controller: Controller) -> ImportDialog:
    dialog = ImportDialog(controller)
    dialog.show()
    qtbot.waitExposed(dialog)
    return dialog


def drawn(dialog: ImportDialog) -> list[Any]:
    return [plane.image.image for plane in dialog.preview.planes]


def layout_of_the_file() -> dict[str, Any]:
    return {"raw_shape": list(SHAPE), "raw_dtype": "uint16", "raw_byte_order": "big", "raw_offset": 7}


def test_a_raw_file_shows_its_planes_once_its_layout_is_said(
    qtbot: Any, real_controller: Controller, raw_file: Path, grey: np.ndarray
) -> None:
    real_controller.edit_params("import-ct", {"files": [str(raw_file)]})
    dialog = open_dialog(qtbot, real_controller)
    qtbot.waitUntil(lambda: "shape" in dialog.preview.planes[0].words.text())
    assert dialog.side.form.editors["raw_shape"].isVisibleTo(dialog.side)
    real_controller.edit_params("import-ct", layout_of_the_file())
    qtbot.waitUntil(lambda: all(image is not None for image in drawn(dialog)))
    for axis, image in enumerate(drawn(dialog)):
        np.testing.assert_array_equal(image, np.take(grey, SHAPE[axis] // 2, axis))
    dialog.preview.planes[1].slider.setValue(3)
    qtbot.waitUntil(lambda: np.array_equal(drawn(dialog)[1], grey[:, 3]))
    dialog.close()


def test_a_likely_layout_fills_in_the_fields(qtbot: Any, real_controller: Controller, tmp_path: Path, grey: np.ndarray) -> None:
    path = tmp_path / "scan_12x20x30_uint16.raw"
    path.write_bytes(grey.tobytes())
    real_controller.edit_params("import-ct", {"files": [str(path)]})
    dialog = open_dialog(qtbot, real_controller)
    qtbot.waitUntil(lambda: dialog.side.guesses.count() > 0)
    wanted = next(n for n in range(dialog.side.guesses.count()) if "12 × 20 × 30" in dialog.side.guesses.itemText(n))
    dialog.side.guesses.activated.emit(wanted)
    said = real_controller.params("import-ct")
    assert tuple(said["raw_shape"]) == SHAPE
    assert said["raw_dtype"] == "uint16"
    dialog.close()


def test_handles_crop_what_is_read(qtbot: Any, real_controller: Controller, raw_file: Path, grey: np.ndarray) -> None:
    real_controller.edit_params("import-ct", {"files": [str(raw_file)], "spacing_um": [0.5], **layout_of_the_file()})
    dialog = open_dialog(qtbot, real_controller)
    qtbot.waitUntil(lambda: drawn(dialog)[0] is not None)
    assert real_controller.params("import-ct")["crop"] is None
    first, second = dialog.preview.planes[:2]
    first.box.setPos(QPointF(4, 5), finish=False)
    first.box.setSize(QPointF(20, 10), finish=False)
    assert tuple(real_controller.params("import-ct")["crop"]) == (0, 12, 5, 15, 4, 24)
    # The other planes show the same box.
    assert (second.box.pos().x(), second.box.size().x()) == (4, 20)
    second.box.setPos(QPointF(4, 2), finish=False)
    second.box.setSize(QPointF(20, 6))
    assert tuple(real_controller.params("import-ct")["crop"]) == (2, 8, 5, 15, 4, 24)
    real_controller.undo()
    assert real_controller.params("import-ct")["crop"] is None, "one gesture is one step of the history"
    real_controller.redo()
    with qtbot.waitSignal(real_controller.committed, timeout=20000):
        dialog.side.run()
    volume = real_controller.project.record("ct").load()
    np.testing.assert_array_equal(volume.values, grey[2:8, 5:15, 4:24])
    assert volume.origin_um == (1.0, 2.5, 2.0)
    assert not dialog.isVisible()


def test_the_panel_shows_what_the_file_has_a_use_for_and_offers_the_window(
    qtbot: Any, real_controller: Controller, raw_file: Path, tmp_path: Path, grey: np.ndarray
) -> None:
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, grey)
    panel = ImportCtPanel(real_controller, "import-ct")
    qtbot.addWidget(panel)
    panel.show()
    real_controller.edit_params("import-ct", {"files": [str(stack)]})
    assert not panel.form.editors["raw_shape"].isVisibleTo(panel)
    assert open_dialogs() == []
    real_controller.edit_params("import-ct", {"files": [str(raw_file)]})
    assert panel.form.editors["raw_shape"].isVisibleTo(panel)
    assert len(open_dialogs()) == 1
    open_dialogs()[0].close()
    qtbot.wait(10)
    panel._offer()
    assert open_dialogs() == [], "it opens by itself once"


def test_escape_ends_the_thread_that_reads_planes(qtbot: Any, real_controller: Controller, raw_file: Path) -> None:
    real_controller.edit_params("import-ct", {"files": [str(raw_file)]})
    dialog = open_dialog(qtbot, real_controller)
    lane = dialog._background._lane
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert open_dialogs() == []
    assert not lane.isRunning(), "a running thread without an owner ends the program"


def test_voxels_are_drawn_as_long_as_they_are_once_that_is_said(qtbot: Any, real_controller: Controller, raw_file: Path) -> None:
    real_controller.edit_params("import-ct", {"files": [str(raw_file)], **layout_of_the_file()})
    dialog = open_dialog(qtbot, real_controller)
    qtbot.waitUntil(lambda: drawn(dialog)[0] is not None)
    dialog.preview.planes[1].slider.setValue(3)
    real_controller.edit_params("import-ct", {"spacing_um": [0.5, 0.1, 0.2]})
    ratios = [0.2 / 0.1, 0.2 / 0.5, 0.1 / 0.5]
    qtbot.waitUntil(
        lambda: [plane.plot.getViewBox().state["aspectLocked"] for plane in dialog.preview.planes] == pytest.approx(ratios)
    )
    assert dialog.preview.planes[1].index == 3, "the plane on view stays"
    dialog.close()


def test_the_crop_stays_around_the_same_voxels_when_the_axes_are_named_anew(
    qtbot: Any, real_controller: Controller, tmp_path: Path, grey: np.ndarray
) -> None:
    from nmcstudio.gui.panels.import_ct import reading_options
    from nmcstudio.io.volumes.registry import read_volume

    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, grey, photometric="minisblack")
    real_controller.edit_params("import-ct", {"files": [str(path)], "crop": (2, 8, 5, 15, 4, 24)})
    dialog = open_dialog(qtbot, real_controller)
    wanted = grey[2:8, 5:15, 4:24]
    for name, value, seen in (
        ("axis_order", "xyz", wanted.transpose(2, 1, 0)),
        ("flip", ["z"], wanted.transpose(2, 1, 0)[::-1]),
        ("axis_order", "yxz", wanted.transpose(2, 0, 1)[::-1]),
    ):
        before = real_controller.params("import-ct")
        dialog.side.form.edited.emit(name, value, "")
        said = real_controller.params("import-ct")
        np.testing.assert_array_equal(read_volume(path, 1.0, reading_options(said)).values, seen)
        real_controller.undo()
        assert real_controller.params("import-ct") == before, "one edit is one step of the history"
        real_controller.redo()
    dialog.close()


def test_a_plane_without_numbers_says_so(qtbot: Any, real_controller: Controller, tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.full((8, 20, 30), np.nan, np.float32), photometric="minisblack")
    real_controller.edit_params("import-ct", {"files": [str(path)]})
    dialog = open_dialog(qtbot, real_controller)
    qtbot.waitUntil(lambda: "no numbers" in dialog.preview.planes[0].words.text())
    assert "no numbers" in ImportCtPanel.draw({"files": [str(path)]}, Monitor())
    dialog.close()


def open_dialogs() -> list[ImportDialog]:
    from PySide6.QtWidgets import QApplication

    return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, ImportDialog) and widget.isVisible()]
