"""What an exported volume loses is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.io.volumes.registry import read_volume
from nmcstudio.pipeline.exporting import export_node

SPACING, ORIGIN = (0.3, 0.2, 0.1), (3.0, 0.5, -2.0)


@pytest.mark.parametrize("suffix", [".tif", ".vti", ".nrrd", ".h5", ".zarr"])
@pytest.mark.parametrize("node", ["ct", "particles"])
def test_the_place_survives_or_its_loss_is_said(tmp_path: Path, suffix: str, node: str) -> None:
    values = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    made = {"ct": Volume(values, SPACING, ORIGIN), "particles": LabelVolume(values, SPACING, ORIGIN)}[node]
    monitor = Monitor()
    export_node(node, made, tmp_path / f"Größe µm{suffix}", monitor)
    if suffix == ".tif":
        assert "3 0.5 -2 um" in "".join(monitor.warnings)
    else:
        assert monitor.warnings == []
        assert read_volume(tmp_path / f"Größe µm{suffix}").origin_um == pytest.approx(ORIGIN)


def test_a_volume_at_the_origin_loses_nothing(tmp_path: Path) -> None:
    monitor = Monitor()
    export_node("ct", Volume(np.zeros((3, 4, 5), np.uint8), SPACING), tmp_path / "a.tif", monitor)
    assert monitor.warnings == []
