"""The steps import-ct, segment-ct, import-labels and edit-labels as a notebook runs them, and what they know beforehand."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from skimage.metrics import adapted_rand_error

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.registry import step
from nmcstudio.pipeline.step import Preflight
from nmcstudio.pipeline.validation import params_of


def _preflight(key: str, facts: dict | None = None, **values: object) -> Preflight:
    return step(key).preflight(facts or {}, params_of(step(key), values))


@pytest.fixture
def two_balls(tmp_path: Path) -> Path:
    z, y, x = np.ogrid[:40, :40, :60]
    one = (z - 20) ** 2 + (y - 20) ** 2 + (x - 18) ** 2 < 12**2
    two = (z - 20) ** 2 + (y - 20) ** 2 + (x - 40) ** 2 < 12**2
    path = tmp_path / "zwei Kugeln µ.tif"
    tifffile.imwrite(path, np.where(one | two, 1, 2).astype(np.uint8), photometric="minisblack")
    return path


def test_from_a_file_to_edited_particles(two_balls: Path) -> None:
    ct = run("import-ct", files=(str(two_balls),), spacing_um=(0.5,))
    assert isinstance(ct, Volume)
    particles = run("segment-ct", {"ct": ct}, phase_value=1)
    assert isinstance(particles, LabelVolume)
    assert set(np.unique(particles.labels)) == {0, 1, 2}
    merged = run("edit-labels", {"particles": particles}, merge=((2, 1),))
    assert set(np.unique(merged.labels)) == {0, 2}
    assert run("edit-labels", {"particles": particles}, delete=(1,)).labels.sum() == 2 * np.count_nonzero(particles.labels == 2)
    assert set(np.unique(run("segment-ct", {"ct": ct}, phase_value=1, split=0).labels)) == {0, 1}


def test_labels_go_where_they_are_said_to(two_balls: Path) -> None:
    assert step("import-labels").writes_with(params_of(step("import-labels"), {"as_": "grains"})) == "grains"
    labels = run("import-labels", files=(str(two_balls),), as_="grains", spacing_um=(0.5, 0.4, 0.3))
    assert (labels.kind, labels.spacing_um) == ("grains", (0.5, 0.4, 0.3))
    edit = step("edit-labels")
    assert edit.in_place
    chosen = params_of(edit, {"on": "grains", "delete": (1,)})
    assert (edit.reads_with(chosen), edit.writes_with(chosen)) == (("grains",), "grains")


def test_preflight_of_imports(two_balls: Path, tmp_path: Path) -> None:
    asked = _preflight("import-ct", files=(str(two_balls),))
    assert [problem.field for problem in asked.problems] == ["spacing_um"]
    assert "40 × 40 × 60" in asked.notes[0]
    fine = _preflight("import-ct", files=(str(two_balls),), spacing_um=(0.5,))
    assert not fine.problems
    assert fine.seconds is not None
    assert fine.memory_mib == pytest.approx(1.1 * 96000 / 2**20)
    assert _preflight("import-ct").problems[0].field == "files"
    assert _preflight("import-ct", files=("/nowhere.tif",), spacing_um=(1,)).problems[0].field == "files"
    assert _preflight("import-ct", files=(str(two_balls),), spacing_um=(0.5, -1, 0.5)).problems[0].field == "spacing_um"
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = np.zeros((3, 4, 5)), np.zeros((3, 4, 5))
    problems = _preflight("import-labels", files=(str(tmp_path / "two.h5"),), spacing_um=(1,)).problems
    assert [problem.field for problem in problems] == ["dataset"]


def test_preflight_of_segmentation() -> None:
    facts = {"ct": {"shape": [499, 508, 1616]}}
    found = _preflight("segment-ct", facts)
    assert not found.problems
    assert found.memory_mib is not None
    assert 3000 < found.memory_mib < 20000
    assert found.seconds is not None
    # 16 s were measured on two processors.
    assert 8 < found.seconds < 60
    facts["ct"]["spacing_um"] = [0.128, 0.128, 0.128]  # type: ignore[assignment]
    assert _preflight("segment-ct", facts, sigma=4.0).notes == ("σ of 4 voxels is 0.512 um",)
    assert not _preflight("segment-ct", field_of_view="box").problems, "a box without numbers is looked for"
    assert _preflight("segment-ct", cylinder_centre_um=(1.0, 2.0)).problems[0].field == "cylinder_radius_um"
    assert _preflight("segment-ct", phase_value=1, threshold=0.5).problems[0].field == "threshold"
    assert _preflight("edit-labels").problems


def test_parameters_have_limits() -> None:
    with pytest.raises(NmcError) as raised:
        params_of(step("segment-ct"), {"split": 1.5})
    assert raised.value.field == "split"


def test_the_bundled_sample_is_what_it_says() -> None:
    samples = Path(__file__).resolve().parents[2] / "resources" / "samples"
    ct = run("import-ct", files=(str(samples / "simulated-ct.tif"),))
    truth = run("import-labels", files=(str(samples / "simulated-ct-truth.tif"),))
    assert ct.simulated
    assert truth.simulated
    assert ct.spacing_um == truth.spacing_um == pytest.approx((0.256,) * 3)
    found = run("segment-ct", {"ct": ct}, border="keep")
    assert found.simulated
    assert found.observed is not None
    both = (truth.labels > 0) & (found.labels > 0)
    assert both.sum() > 0.95 * np.count_nonzero(truth.labels)
    assert adapted_rand_error(truth.labels[both], found.labels[both])[0] < 0.05


def test_edits_that_change_nothing_or_hold_no_number_are_told() -> None:
    labels = np.zeros((6, 7, 8), np.uint16)
    labels[1:4, 1:4, 1:4] = 1
    particles = LabelVolume(labels, (1.0, 1.0, 1.0))
    monitor = Monitor()
    for far in (1e4, 1e300):
        run("edit-labels", {"particles": particles}, monitor=monitor, paint=((1, 2, far, 1, 1), (1, 0.5, 6, 5, 4)))
    assert monitor.warnings == ["edit 1 of 2 (paint) changed no voxel"]
    everything = run("edit-labels", {"particles": particles}, paint=((0, 1e6, 1, 1, 1),))
    assert not everything.labels.any()
    nan = float("nan")
    for field, value in [("paint", (nan, 2, 1, 1, 1)), ("split", (1, nan, 1, 1, 2, 2, 2)), ("split_necks", (nan, 0.5))]:
        assert _preflight("edit-labels", **{field: (value,)}).problems[0].field == field
