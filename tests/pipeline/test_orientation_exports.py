"""Maps and grains written for other programs by the step export, and read again by the step import-ebsd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import random_orientations
from nmcstudio.pipeline.exporting import export_node
from nmcstudio.pipeline.steps.import_ebsd import STEP, ImportEbsdParams


def make_stack(slices: int) -> EbsdStack:
    rng = np.random.default_rng(3)
    shape = (slices, 6, 7)
    return EbsdStack(
        quaternions=random_orientations(slices * 42, rng).reshape(*shape, 4),
        phase=np.ones(shape),
        phases=(Phase("NMC", "-3m", (2.87e-4, 2.87e-4, 14.2e-4, np.pi / 2, np.pi / 2, 2 * np.pi / 3)),),
        quality=rng.integers(0, 200, shape),
        confidence=np.full(shape, 0.5),
        observed=np.ones(shape, bool),
        spacing_um=(0.25, 0.25, 0.25),
    )


def imported(path: Path) -> EbsdStack:
    params = ImportEbsdParams(files=(str(path),))
    assert not STEP.preflight({}, params).problems
    return STEP.run({}, params, Monitor(), np.random.default_rng())


@pytest.mark.parametrize(("ending", "slices"), [("dream3d", 3), ("h5", 3), ("ang", 1), ("ctf", 1)])
def test_map_written_and_imported(tmp_path: Path, ending: str, slices: int) -> None:
    stack = make_stack(slices)
    written = export_node("ebsd", stack, tmp_path / f"a.{ending}", Monitor())
    assert written.size_bytes > 0
    back = imported(tmp_path / f"a.{ending}")
    dots = np.abs(np.sum(back.quaternions * stack.quaternions, axis=-1))
    np.testing.assert_allclose(dots, 1, atol=1e-6)
    np.testing.assert_allclose(back.quality, stack.quality, atol=0.5)
    np.testing.assert_allclose(back.confidence, 0.5, atol=1e-3)
    assert back.spacing_um == stack.spacing_um


def test_grains_written_and_imported(tmp_path: Path) -> None:
    labels = np.random.default_rng(1).integers(0, 4, (3, 4, 5))
    mean = np.vstack([np.full(4, np.nan), random_orientations(3, np.random.default_rng(2))])
    grains = LabelVolume(labels, (1, 1, 1), kind="grains", quaternions=mean, point_group="-3m")
    export_node("grains", grains, tmp_path / "g.dream3d", Monitor())
    np.testing.assert_array_equal(imported(tmp_path / "g.dream3d").grain_ids, labels)


def test_a_stack_does_not_go_into_text(tmp_path: Path) -> None:
    with pytest.raises(NmcError, match="holds one section"):
        export_node("ebsd", make_stack(2), tmp_path / "a.ang", Monitor())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["dream3d", "ang", "ctf"])
def test_cancelled_writing_leaves_nothing(tmp_path: Path, ending: str) -> None:
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        export_node("ebsd", make_stack(1), tmp_path / f"a.{ending}", monitor)
    assert list(tmp_path.iterdir()) == []
