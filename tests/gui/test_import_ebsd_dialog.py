"""The large window of an orientation import: files with their gaps, facts, and the frame chosen by its picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from nmcstudio.crystal.frames import FRAMES
from nmcstudio.crystal.quaternions import random_orientations, to_bunge
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.import_ebsd_dialog import EbsdImportDialog
from nmcstudio.gui.panels.map_preview import MapSection, alike, picture_of
from nmcstudio.pipeline import registry

HEADER = """# Phase 1
# MaterialName  \tNickel
# Formula     \tNi
# Symmetry              43
# LatticeConstants      3.520 3.520 3.520  90.000  90.000  90.000
# GRID: SqrGrid
# XSTEP: 0.500000
# YSTEP: 0.500000
# NCOLS_ODD: 6
# NCOLS_EVEN: 6
# NROWS: 5
#
"""


def write_ang(path: Path, seed: int, symmetry: str = "43") -> None:
    angles = to_bunge(random_orientations(30, np.random.default_rng(seed)))
    rows = [
        "{:9.5f} {:9.5f} {:9.5f} {:12.5f} {:12.5f} 100.0 0.900 1 1 1.000".format(*a, 0.5 * (k % 6), 0.5 * (k // 6))
        for k, a in enumerate(angles)
    ]
    path.write_text(HEADER.replace("43", symmetry) + "\n".join(rows) + "\n")


@pytest.fixture
def controller(qtbot: Any) -> Iterator[Controller]:
    registry.step.cache_clear()
    made = Controller()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _close_windows(qtbot: Any) -> Iterator[None]:
    yield
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, EbsdImportDialog):
            widget.close()


def opened(qtbot: Any, controller: Controller, *paths: Path) -> EbsdImportDialog:
    controller.edit_params("import-ebsd", {"files": [str(path) for path in paths]})
    dialog = EbsdImportDialog(controller)
    dialog.show()
    return dialog


def is_drawn(dialog: EbsdImportDialog) -> bool:
    return not dialog._background.busy and not dialog.views.picture._image.isNull()


def rows_of(dialog: EbsdImportDialog) -> list[str]:
    return [dialog.side.files.list.item(row).text() for row in range(dialog.side.files.list.count())]


def test_sections_are_listed_with_their_gaps_and_looked_at_one_by_one(qtbot: Any, controller: Controller, tmp_path: Path) -> None:
    for number in (1, 2, 5, 10):
        write_ang(tmp_path / f"s{number}.ang", number)
    for number in (3, 4, 6, 7):
        write_ang(tmp_path / f"s{number}.ang", number)
    dialog = opened(qtbot, controller, tmp_path)
    qtbot.waitUntil(lambda: is_drawn(dialog), timeout=30_000)
    assert rows_of(dialog)[-3:] == ["7   s7.ang", "      2 numbers are missing", "8   s10.ang"]
    assert "Numbers are missing in the series of sections (2 before s10.ang)" in dialog.side.files.warned.text()
    for theme in ("dark", "light"):
        controller.set_theme(theme)
        assert controller.theme.stale in dialog.side.files.warned.styleSheet()
    before = dialog.views.picture._image.copy()
    dialog.side.files.list.setCurrentRow(0)
    assert dialog.views.slider.value() == 0
    qtbot.waitUntil(lambda: is_drawn(dialog) and dialog.views.picture._image != before, timeout=30_000)
    assert dialog.views.number.text() == "1 of 8"
    dialog.close()


def test_the_frame_is_chosen_by_its_picture_and_read_so(qtbot: Any, controller: Controller, tmp_path: Path) -> None:
    write_ang(tmp_path / "map.ang", 1)
    dialog = opened(qtbot, controller, tmp_path / "map.ang")
    qtbot.waitUntil(lambda: is_drawn(dialog), timeout=30_000)
    assert list(dialog.views.frames.buttons) == list(FRAMES)
    assert dialog.views.frames.buttons["edax-2"].isChecked(), "what the format implies"
    assert "from the file" in dialog.views.frames.buttons["edax-2"].text()
    # Along x, turning by 180 degrees about x or y changes no colour.
    assert "= Nothing turned" in dialog.views.frames.buttons["edax-4"].text()
    before = dialog.views.picture._image.copy()
    dialog.views.frames.buttons["edax-4"].click()
    assert controller.params("import-ebsd")["frame"] == "edax-4"
    qtbot.waitUntil(lambda: "chosen by you" in dialog.views.said.text(), timeout=30_000)
    assert dialog.views.picture._image != before
    assert "about y" in dialog.views.said.text()
    dialog.views.direction.setCurrentText("Between the axes")
    qtbot.waitUntil(lambda: "=" not in dialog.views.frames.buttons["edax-4"].text(), timeout=30_000)
    with qtbot.waitSignal(controller.committed, timeout=60_000):
        dialog.side.run()
    assert "EDAX setting 4" in controller.project.record("ebsd").load().frame
    assert not dialog.isVisible()


def test_a_silent_file_asks_for_the_point_group(qtbot: Any, controller: Controller, tmp_path: Path) -> None:
    write_ang(tmp_path / "map.ang", 1, symmetry="0")
    dialog = opened(qtbot, controller, tmp_path / "map.ang")
    qtbot.waitUntil(lambda: "point group" in dialog.views.picture._words, timeout=30_000)
    controller.edit_params("import-ebsd", {"point_group": "m-3m"})
    qtbot.waitUntil(lambda: is_drawn(dialog), timeout=30_000)
    controller.edit_params("import-ebsd", {"files": [str(tmp_path / "none.ang")]})
    qtbot.waitUntil(lambda: "no file" in dialog.views.picture._words, timeout=30_000)
    buttons = dialog.views.frames.buttons.values()
    assert not any(button.isChecked() or "from the file" in button.text() for button in buttons), "nothing of the map before"
    dialog.close()


@pytest.mark.parametrize("group", ["m-3m", "-3m"])
def test_between_the_axes_all_frames_that_differ_look_different(group: str) -> None:
    rng = np.random.default_rng(3)
    section = MapSection(
        random_orientations(400, rng).reshape(20, 20, 4).astype(np.float32), np.ones((20, 20), np.uint8), np.ones((20, 20)),
        (group,), 1.0,
    )  # fmt: skip
    pictures = {key: picture_of(section, key, "Between the axes") for key in FRAMES}
    same = alike(pictures)
    if group == "m-3m":
        assert same == {"oxford": "edax-3", "bruker": "edax-3", "oxford-y": "edax-4", "bruker-y": "edax-4"}
    else:
        assert same == {"bruker": "oxford", "bruker-y": "oxford-y"}, "a* is 30 degrees from a"
