"""The steps from particles to shell model, on plain values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.resources import resource
from nmcstudio.core.volume import LabelVolume
from nmcstudio.io.tables.radii import write_radii
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.registry import step
from nmcstudio.pipeline.validation import params_of
from nmcstudio.project.codec import digest
from nmcstudio.project.nodes import summarise


@pytest.fixture(scope="module")
def particles() -> LabelVolume:
    """Twelve ellipsoids of different sizes."""
    rng = np.random.default_rng(1)
    labels = np.zeros((44, 88, 132), np.uint16)
    z, y, x = np.indices(labels.shape)
    for number in range(12):
        k, j, i = 22 * (number // 6 % 2) + 11, 29 * (number // 4) + 14, 33 * (number % 4) + 16
        a, b, c = rng.uniform(6, 10, 3)
        labels[((z - k) / a) ** 2 + ((y - j) / b) ** 2 + ((x - i) / c) ** 2 < 1] = number + 1
    return LabelVolume(labels, 0.4, simulated=True)


def test_from_particles_to_model_and_back_from_files(particles: LabelVolume, tmp_path: Path) -> None:
    radii = run("extract-radii", {"particles": particles}, degree=6)
    assert radii.simulated
    assert radii.radii_um.shape == (12, 8 * 49)
    assert np.all((radii.radii_um > 0.8 * 6 * 0.4) & (radii.radii_um < 1.1 * 10 * 0.4))
    model = run("fit-shell", {"radii": radii}, degree=6, components=1)
    assert model.sample_size == 12
    assert model.simulated
    assert digest(model) == digest(run("fit-shell", {"radii": radii}, degree=6, components="1"))
    write_radii(tmp_path / "radii.h5", radii)
    again = run("import-radii", files=(str(tmp_path / "radii.h5"),))
    assert digest(run("fit-shell", {"radii": again}, degree=6, components=1)) == digest(model)
    write_radii(tmp_path / "radii.csv", radii)
    plain = run("import-radii", files=(str(tmp_path / "radii.csv"),))
    np.testing.assert_allclose(plain.volumes_um3, radii.volumes_um3, rtol=0.05)


def test_published_mesh(particles: LabelVolume) -> None:
    radii = run("extract-radii", {"particles": particles}, directions="octasphere-258", surface="voxel")
    assert radii.radii_um.shape == (12, 258)


def test_a_typed_model_comes_in() -> None:
    model = run("import-shell-model", files=(str(resource("samples/simulated-shell-model.json")),))
    assert model.rejection_probability < 0.01
    assert model.simulated


def test_preflight_says_what_is_missing() -> None:
    fit = step("fit-shell")
    facts = {"radii": {"count": 20, "directions": 258, "flagged": 3}}
    fine = fit.preflight(facts, params_of(fit, {"components": 4}))
    assert not fine.problems
    assert fine.seconds
    few = fit.preflight(facts, params_of(fit, {"components": 5, "leave_out_flagged": True}))
    assert [problem.field for problem in few.problems] == ["components"]
    rough = fit.preflight(facts, params_of(fit, {"degree": 40}))
    assert [problem.field for problem in rough.problems] == ["degree"]

    extract = step("extract-radii")
    grey = extract.preflight({"particles": {"count": 5, "spacing_um": [1, 1, 1]}}, params_of(extract, {"surface": "grey"}))
    assert [problem.field for problem in grey.problems] == ["surface"]
    none = extract.preflight({"particles": {"count": 0}}, params_of(extract, {}))
    assert none.problems


def test_preflight_takes_the_summaries_as_they_are(particles: LabelVolume) -> None:
    extract = step("extract-radii")
    found = extract.preflight({"particles": summarise(particles)}, params_of(extract, {}))
    assert 0 < found.seconds < 60
    radii = run("extract-radii", {"particles": particles}, directions="octasphere-258")
    fit = step("fit-shell")
    assert not fit.preflight({"radii": summarise(radii)}, params_of(fit, {})).problems


def test_files_that_are_not_there() -> None:
    for key in ("import-radii", "import-shell-model"):
        chosen = step(key)
        assert chosen.preflight({}, params_of(chosen, {"files": ("/nowhere/file",)})).problems
        with pytest.raises(NmcError):
            run(key, files=("/nowhere/file",))


@pytest.mark.parametrize("wrong", ["many", 0, 21])
def test_components_are_a_number_or_auto(wrong: object) -> None:
    with pytest.raises(NmcError) as caught:
        params_of(step("fit-shell"), {"components": wrong})
    assert caught.value.field == "components"
