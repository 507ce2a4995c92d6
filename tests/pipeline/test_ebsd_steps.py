"""Steps of the grain lane: what preflight says before anybody presses Run."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.resources import resource
from nmcstudio.crystal.frames import FRAMES
from nmcstudio.crystal.symmetry import LAUE_CLASSES
from nmcstudio.imaging.grain_settings import METHODS, GrainSettings
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.registry import step


def test_steps_start_without_heavy_modules() -> None:
    code = (
        "import sys; from nmcstudio.pipeline.registry import step\n"
        "for key in ('import-ebsd', 'align-ebsd', 'segment-ebsd'): step(key)\n"
        "heavy = [name for name in ('numba', 'scipy', 'h5py', 'orix', 'skimage') if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_choices_are_those_of_the_rooms() -> None:
    fields = step("import-ebsd").params.model_fields
    assert set(fields["frame"].annotation.__args__) == {"auto", *FRAMES}
    assert set(fields["point_group"].annotation.__args__) == {"auto", *LAUE_CLASSES}
    assert step("segment-ebsd").params.model_fields["method"].annotation.__args__ == METHODS


def test_preflight_of_a_stack(shared_data: Path) -> None:
    chosen = step("import-ebsd")
    folder = str(shared_data / "ebsd3d_iron_mtex" / "ang")
    missing = chosen.preflight({}, chosen.params(files=(folder,)))
    assert [problem.field for problem in missing.problems] == ["slice_spacing_um"]
    started = time.perf_counter()
    ready = chosen.preflight({}, chosen.params(files=(folder,), slice_spacing_um=0.12))
    assert time.perf_counter() - started < 0.5
    assert ready.problems == ()
    assert "59 sections of 35 × 40 points" in ready.notes[0]
    assert any("step 0.1" in note and "step 0.4" in note for note in ready.notes)
    with pytest.raises(NmcError) as caught:
        run("import-ebsd", files=(folder,))
    assert caught.value.field == "slice_spacing_um"


def test_preflight_of_nothing_and_of_garbage(tmp_path: Path) -> None:
    chosen = step("import-ebsd")
    assert chosen.preflight({}, chosen.params()).problems[0].field == "files"
    bad = tmp_path / "bad.ang"
    bad.write_text("rubbish")
    assert chosen.preflight({}, chosen.params(files=(str(bad),))).problems[0].field == "files"
    sample = str(resource("samples/simulated-ebsd.h5"))
    good = chosen.preflight({}, chosen.params(files=(sample,)))
    assert good.problems == ()
    assert "simulated data" in good.notes


def test_preflight_of_the_followers() -> None:
    single = {"ebsd": {"shape": [1, 40, 40]}}
    align, segment = step("align-ebsd"), step("segment-ebsd")
    assert align.preflight(single, align.params()).problems
    assert not align.preflight({"ebsd": {"shape": [5, 40, 40]}}, align.params()).problems
    assert segment.preflight(single, segment.params()).seconds > 0


def test_same_bytes_again() -> None:
    sample = str(resource("samples/simulated-ebsd.h5"))
    stack = run("import-ebsd", files=(sample,), monitor=Monitor())
    first = run("segment-ebsd", {"ebsd": stack})
    second = run("segment-ebsd", {"ebsd": stack}, seed=99)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.quaternions, second.quaternions)


def test_exported_stack_comes_back(tmp_path: Path) -> None:
    from nmcstudio.pipeline.exporting import export_node

    stack = run("import-ebsd", files=(str(resource("samples/simulated-ebsd.h5")),))
    export_node("ebsd", stack, tmp_path / "again.h5", Monitor())
    back = run("import-ebsd", files=(str(tmp_path / "again.h5"),))
    np.testing.assert_array_equal(back.phase, stack.phase)
    assert back.simulated
    assert back.frame == stack.frame
    first, second = (run("segment-ebsd", {"ebsd": each}).labels for each in (stack, back))
    assert np.mean(first == second) > 0.999


def test_defaults_of_the_step_are_those_of_the_settings() -> None:
    chosen = step("segment-ebsd")
    module = importlib.import_module(chosen.run.__module__)
    assert module.settings_of(chosen.params()) == GrainSettings()


def test_a_volume_of_boundaries_is_read_and_asked_for(tmp_path: Path) -> None:
    chosen = step("segment-ebsd")
    asked = {"method": "map", "boundary_map": "volume"}
    assert chosen.preflight({}, chosen.params(**asked)).problems[0].field == "boundary_file"
    gone = chosen.params(**asked, boundary_file=str(tmp_path / "gone.tif"))
    assert chosen.preflight({}, gone).problems[0].field == "boundary_file"
    stack = run("import-ebsd", files=(str(resource("samples/simulated-ebsd.h5")),))
    walls = np.zeros(stack.shape, np.float32)
    walls[:, stack.shape[1] // 2] = 1
    tifffile.imwrite(tmp_path / "walls.tif", walls)
    grains = run("segment-ebsd", {"ebsd": stack}, **asked, boundary_file=str(tmp_path / "walls.tif"), fill_um=0)
    assert len(np.unique(grains.labels)) - 1 == 2
    tifffile.imwrite(tmp_path / "small.tif", walls[1:])
    with pytest.raises(NmcError, match="boundary map has") as caught:
        run("segment-ebsd", {"ebsd": stack}, **asked, boundary_file=str(tmp_path / "small.tif"))
    assert caught.value.field == "boundary_file"
