"""What can be said on import, from the parameters of the steps to the values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.pipeline.registry import step
from nmcstudio.pipeline.validation import params_of

VALUES = np.random.default_rng(6).integers(0, 60000, (6, 7, 8)).astype(np.uint16)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    place = tmp_path / "Größe µm"
    place.mkdir()
    (place / "scan 8x7x6.raw").write_bytes(VALUES.astype(">u2").tobytes())
    return place / "scan 8x7x6.raw"


def _run(key: str, monitor: Monitor | None = None, **values: Any) -> Any:
    return step(key).run({}, params_of(step(key), values), monitor or Monitor(), np.random.default_rng(0))


def test_a_raw_file_is_explained_once(raw: Path) -> None:
    before = step("import-ct").preflight({}, params_of(step("import-ct"), {"files": [str(raw)]}))
    assert [problem.field for problem in before.problems] == ["raw_shape", "spacing_um"]
    assert any("likely layout" in note for note in before.notes)
    said = {"raw_shape": (6, 7, 8), "raw_dtype": "uint16", "raw_byte_order": "big", "spacing_um": (0.3, 0.2, 0.1)}
    first = _run("import-ct", files=(str(raw),), **said)
    assert np.array_equal(first.values, VALUES)
    after = step("import-ct").preflight({}, params_of(step("import-ct"), {"files": [str(raw)]}))
    assert after.problems == ()
    again = _run("import-ct", files=(str(raw),), crop=(1, 5, 0, 7, 2, 4))
    assert np.array_equal(again.values, VALUES[1:5, :, 2:4])
    assert again.spacing_um == (0.3, 0.2, 0.1)
    assert again.origin_um == pytest.approx((0.3, 0.0, 0.2))
    labels = _run("import-labels", files=(str(raw),), flip=("z",), axis_order="xyz")
    assert np.array_equal(labels.labels, VALUES.transpose(2, 1, 0)[::-1])
    assert labels.spacing_um == (0.1, 0.2, 0.3)
    # A crop or an axis order is this import's own and changes nothing about the file.
    assert json.loads((raw.parent / "scan 8x7x6.raw.json").read_text())["shape"] == [6, 7, 8]


def test_a_layout_that_cannot_be_kept_is_said(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise NmcError("the folder is read-only", "choose another place")

    monkeypatch.setattr("nmcstudio.io.volumes.registry.write_sidecar", refuse)
    monitor = Monitor()
    _run("import-ct", monitor, files=(str(raw),), raw_shape=(6, 7, 8), raw_dtype="int16", spacing_um=1)
    assert any("not kept in scan 8x7x6.raw.json" in one for one in monitor.warnings)


def test_a_channel_is_a_problem_until_it_is_chosen(tmp_path: Path) -> None:
    stack = np.stack([VALUES, VALUES + 1], axis=1)
    tifffile.imwrite(
        tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZCYX", "spacing": 1, "unit": "um"}, resolution=(1, 1)
    )
    known = step("import-ct")
    wrong = known.preflight({}, params_of(known, {"files": [str(tmp_path / "a.tif")]})).problems
    assert [problem.field for problem in wrong] == ["channel"]
    assert known.preflight({}, params_of(known, {"files": [str(tmp_path / "a.tif")], "channel": 1})).problems == ()
    assert np.array_equal(_run("import-ct", files=(str(tmp_path / "a.tif"),), channel=1).values, VALUES + 1)
    wrong = known.preflight({}, params_of(known, {"files": [str(tmp_path / "a.tif")], "channel": 2})).problems
    assert [problem.field for problem in wrong] == ["channel"]
