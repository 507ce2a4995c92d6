"""Steps fit-grains and import-grain-model: parameters, preflight, and that a step adds nothing to the library."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.resources import resource
from nmcstudio.core.rng import stream
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.registry import step


def tessellation(count=150):
    rng = np.random.default_rng(1)
    window = np.array([[0.0, 3.5]] * 3)
    return Tessellation(
        "laguerre",
        np.arange(1, count + 1),
        rng.uniform(0, 3.5, (count, 3)),
        rng.gamma(4.0, 0.02, count),
        window,
        gauge="centroid",
    )


def test_step_is_the_library():
    from nmcstudio.grains.model import fit_grains

    data = tessellation()
    by_step = run("fit-grains", {"tessellation": data}, seed=5, seeds="poisson", correct_empty_cells=False)
    by_library = fit_grains(data, rng=stream(5, "fit-grains"), seeds="poisson", correct_empty_cells=False)
    assert by_step.seeds == by_library.seeds
    assert by_step.weights == by_library.weights
    assert by_step.copula == by_library.copula


def test_preflight_of_fit_grains():
    chosen = step("fit-grains")
    params = chosen.params()
    few = chosen.preflight({"tessellation": {"count": 12}}, params)
    assert "too few" in few.problems[0].message
    some = chosen.preflight({"tessellation": {"count": 60}}, params)
    assert not some.problems
    assert "wide standard errors" in some.notes[0]
    facts = {"tessellation": {"count": 800}}
    ways = ({"correct_empty_cells": False}, {}, {"bootstrap": 100}, {"bootstrap": 100, "fit_error": True})
    seconds = [chosen.preflight(facts, chosen.params(**values)).seconds for values in ways]
    assert sorted(seconds) == seconds
    assert seconds[2] > 3 * seconds[1]
    assert not chosen.preflight({}, params).problems


def test_a_single_section_is_told_to_be_one():
    from nmcstudio.pipeline.steps.fit_grains import is_flat

    data = tessellation()
    assert not is_flat(data)
    for thickness, flat in ((0.02, True), (0.1, True), (0.4, False)):
        window = np.array([[0.0, 3.5], [0.0, 3.5], [0.0, thickness]])
        assert is_flat(replace(data, window_um=window)) is flat
    monitor = Monitor()
    thin = replace(data, window_um=np.array([[0.0, 3.5], [0.0, 3.5], [0.0, 0.02]]), seeds_um=data.seeds_um * (1, 1, 0.02 / 3.5))
    run("fit-grains", {"tessellation": thin}, monitor=monitor, seeds="poisson", correct_empty_cells=False, envelopes=0)
    assert any("thinner than half a grain" in words for words in monitor.warnings)


def test_options_of_the_interface():
    fields = step("fit-grains").params.model_fields
    assert {"seeds", "correct_empty_cells"} <= set(fields)
    with pytest.raises(NmcError, match="not usable"):
        run("fit-grains", {"tessellation": tessellation()}, seeds="cox")


def test_import_of_the_published_model():
    path = str(resource("samples/published-grain-model.json"))
    model = run("import-grain-model", files=(path,))
    assert model.seeds["parent_intensity"] == pytest.approx(8.64)
    chosen = step("import-grain-model")
    assert not chosen.preflight({}, chosen.params(files=(path,))).problems
    assert chosen.preflight({}, chosen.params()).problems[0].field == "files"
    assert "no file" in chosen.preflight({}, chosen.params(files=("/nowhere.json",))).problems[0].message
    with pytest.raises(NmcError, match="no file"):
        run("import-grain-model")


def test_steps_import_nothing_heavy():
    code = (
        "import sys; import nmcstudio.pipeline.steps.fit_grains, nmcstudio.pipeline.steps.import_grain_model; "
        "print([m for m in ('scipy', 'numba', 'orix', 'matplotlib') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
