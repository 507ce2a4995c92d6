"""Pictures for the manual: small, true in colour, without paths of the machine."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from nmcstudio.gui.screens import hide_places, write_small


def test_a_small_picture_keeps_its_colours(tmp_path):
    y, x = np.mgrid[0:200, 0:301]
    pixels = np.stack([x * 255 // 300, y * 255 // 199, 255 - x * 255 // 300], axis=2).astype(np.uint8)
    pixels[:, :150] = (34, 38, 43)
    pixels = np.ascontiguousarray(pixels)
    image = QImage(pixels.data, 301, 200, 3 * 301, QImage.Format.Format_RGB888)
    write_small(image, tmp_path / "few.png")
    image.save(str(tmp_path / "all.png"))
    few = np.asarray(Image.open(tmp_path / "few.png").convert("RGB")).astype(int)
    assert few.shape == pixels.shape
    # A flat ground stays flat, and a gradient is right on average over a few pixels.
    assert len(np.unique(few[:, :140].reshape(-1, 3), axis=0)) == 1
    assert np.abs(few[:, :140] - pixels[:, :140]).max() <= 8
    blocks = [a[:200, 160:300].reshape(20, 10, 14, 10, 3).mean(axis=(1, 3)) for a in (few, pixels)]
    assert np.abs(blocks[0] - blocks[1]).max() < 16


def test_fields_show_names_of_files_only(qtbot, tmp_path):
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    lines = [QLineEdit(text) for text in (str(tmp_path / "snow.tif"), "0.04", "name")]
    edited = []
    for line in lines:
        layout.addWidget(line)
        line.textEdited.connect(edited.append)
    hide_places(window)
    assert [line.text() for line in lines] == ["snow.tif", "0.04", "name"]
    assert not edited
