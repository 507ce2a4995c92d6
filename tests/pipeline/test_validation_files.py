"""Export of a validation: a folder of figures, a table of distances, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.comparison import Comparison, Curve, Validation
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.exporting import export_node
from nmcstudio.pipeline.registry import step


@pytest.fixture
def validation() -> Validation:
    curve = Curve("data", "data (n = 3)", np.arange(5.0), np.ones(5), 2.0)
    return Validation((Comparison("one", "One", "particles", "x [µm]", "y", (), (curve,), (), {"wasserstein": 0.5}, "µm"),))


def test_a_folder_gets_every_figure_with_its_numbers(validation: Validation, tmp_path: Path) -> None:
    folder = tmp_path / "Größe" / "figures"
    for _ in range(2):  # a second time over the first
        written = export_node("validation", validation, folder, Monitor())
        names = {path.name for path in written.paths}
        assert names == {"one.svg", "one.pdf", "one.png", "one.csv", "distances.csv"} == {path.name for path in folder.iterdir()}
    assert (folder / "distances.csv").read_text().splitlines()[1] == "one,particles,wasserstein,0.5,µm"
    export_node("validation", validation, tmp_path / "alone.csv", Monitor())
    assert (tmp_path / "alone.csv").read_bytes() == (folder / "distances.csv").read_bytes()
    with pytest.raises(NmcError, match=r"cannot be written as '\.docx': use one of \.csv, or a folder"):
        export_node("validation", validation, tmp_path / "a.docx", Monitor())
    (tmp_path / "file").write_text("")
    with pytest.raises(NmcError, match="cannot be made"):
        export_node("validation", validation, tmp_path / "file" / "below", Monitor())


def test_the_form_takes_a_folder_and_refuses_an_unknown_ending() -> None:
    chosen = step("export")
    facts = {"validation": {}}
    assert not chosen.preflight(facts, chosen.params(node="validation", to="figures")).problems
    assert chosen.preflight(facts, chosen.params(node="validation", to="figures.docx")).problems


def test_what_is_compared_can_be_chosen_by_diameter() -> None:
    from tests.report.shells import measured, shell_model

    radii = measured(shell_model(), 30, np.random.default_rng(1))
    made = run("validate", {"radii": radii, "shell-model": shell_model()}, shells=60, replicates=0, at_diameter_um=8.1)
    assert "8.1 µm" in made["particle-sphericity-given-size"].title
    again = run("validate", {"radii": radii, "shell-model": shell_model()}, shells=60, replicates=0, at_diameter_um=8.1)
    assert made["particle-joint"].distances == again["particle-joint"].distances
