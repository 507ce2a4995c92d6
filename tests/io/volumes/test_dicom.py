"""DICOM: order, gaps, frames, rescaling, what does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_volume
from tests.io.volumes import samples
from tests.io.volumes.samples import ORIGIN, SPACING, VALUES


def test_dicom_slices_are_ordered_by_place_and_gaps_are_noticed(tmp_path: Path) -> None:
    folder = samples.dicom(tmp_path, VALUES, "<")
    (folder / "notes.txt").write_text("not a slice")
    assert np.array_equal(read_volume(folder).values, VALUES)
    files = sorted(folder.glob("IM*"))
    assert np.array_equal(read_volume(files[::-1]).values, VALUES)
    for file in files:  # the fourth slice
        if int(file.name[2:]) == (7 * 3) % 9:
            file.unlink()
    monitor = Monitor()
    assert read_volume(folder, monitor=monitor).shape == (8, 11, 13)
    assert any("missing or uneven between" in one for one in monitor.warnings)


def test_dicom_frames_rescaling_and_mirrored_slices(tmp_path: Path) -> None:
    place = tmp_path / "frames.dcm"
    samples.dicom_slice(place, VALUES, 0, ">", RescaleSlope=2, RescaleIntercept=-1000)
    volume = read_volume(place)
    assert volume.values.dtype == np.int32
    assert np.array_equal(volume.values, VALUES.astype(np.int32) * 2 - 1000)
    assert volume.spacing_um == pytest.approx(SPACING)
    samples.dicom_slice(place, VALUES, 0, RescaleSlope=0.5)
    assert read_volume(place).values.dtype == np.float32
    folder = samples.dicom(tmp_path, VALUES, "<", ImageOrientationPatient=[-1, 0, 0, 0, 1, 0])
    turned = read_volume(folder)  # x runs backwards, and so does the normal
    assert np.array_equal(turned.values, VALUES[:, :, ::-1])
    assert turned.origin_um[0] == pytest.approx(ORIGIN[0])
    assert turned.origin_um[2] == pytest.approx(ORIGIN[2] - 12 * SPACING[2])


def test_dicom_says_what_does_not_fit(tmp_path: Path) -> None:
    folder = samples.dicom(tmp_path, VALUES, "<")
    samples.dicom_slice(folder / "IM0100", VALUES[0], 3)
    with pytest.raises(NmcError, match="same place"):
        probe(folder)
    samples.dicom_slice(folder / "IM0100", VALUES[0, :5], 20)
    with pytest.raises(NmcError, match="IM0100 has 5×13"):
        probe(folder)
    samples.dicom_slice(folder / "IM0100", VALUES[0], 3, SeriesInstanceUID="1.2.9", SeriesNumber=2)
    with pytest.raises(NmcError, match="several volumes") as raised:
        read_volume(folder)
    assert raised.value.field == "dataset"
    assert np.array_equal(read_volume(folder, options=ReadOptions(dataset="1")).values, VALUES)
    (folder / "IM0100").write_bytes(b"")
    with pytest.raises(NmcError, match="IM0100 is empty"):
        probe(folder)
