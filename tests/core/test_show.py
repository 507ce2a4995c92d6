"""Objects in a notebook: a line with units, a table, and never their numbers."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import numpy as np

import nmcstudio.core
from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.show import Shown
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.project.project import Project


def tessellation() -> Tessellation:
    n = 40
    rng = np.random.default_rng(1)
    window = np.array([[0.0, 5.0], [0.0, 4.0], [0.0, 3.0]])
    return Tessellation("laguerre", np.arange(1, n + 1), rng.random((n, 3)), rng.random(n), window, agreement=0.924)


def test_no_data_type_with_arrays_prints_them() -> None:
    found = 0
    for module in pkgutil.iter_modules(nmcstudio.core.__path__, "nmcstudio.core."):
        for kind in vars(importlib.import_module(module.name)).values():
            if not dataclasses.is_dataclass(kind) or kind.__module__ != module.name:  # type: ignore[union-attr]
                continue
            if any("NDArray" in str(field.type) for field in dataclasses.fields(kind)):
                found += 1
                assert issubclass(kind, Shown), kind  # type: ignore[arg-type]
                assert kind.__repr__ is Shown.__repr__, kind
    assert found > 12


def test_a_line_says_what_it_is_with_units() -> None:
    volume = Volume(np.zeros((3, 4, 5), np.uint8), (0.5, 0.5, 0.5))
    assert repr(volume) == "<Volume: 3 × 4 × 5 voxels of 0.5 µm, uint8>"
    labels = LabelVolume(np.ones((3, 4, 5), np.uint16), (1.0, 0.5, 0.5), kind="grains", simulated=True)
    assert repr(labels) == "<LabelVolume: simulated grains on 3 × 4 × 5 voxels of 1 × 0.5 × 0.5 µm, uint16>"
    assert repr(tessellation()) == "<Tessellation: laguerre, 40 cells in 5 × 4 × 3 µm, 92.4 % of the voxels agree>"
    shape = (2, 3, 4)
    flat = np.zeros(shape, np.float32)
    stack = EbsdStack(
        np.zeros((*shape, 4), np.float32), np.ones(shape, np.uint8), (Phase("Nickel", "m-3m"),), flat, flat, np.ones(shape, bool),
        (2.0, 2.0, 2.0),
    )  # fmt: skip
    assert repr(stack) == "<EbsdStack: 2 × 3 × 4 points of 2 µm; Nickel (m-3m)>"
    model = GrainModel(Law("poisson", {"intensity": 0.7}, {"intensity": 0.1}), Law("normal", {"mean": 1.0}), Law("independence"))
    assert "seeds: poisson, intensity 0.7 ± 0.1; weights: normal, mean 1;" in repr(model)


def test_the_table_has_the_fields_that_say_something() -> None:
    html = tessellation()._repr_html_()
    assert "<b>Tessellation</b>: laguerre, 40 cells" in html
    assert '<td style="text-align: left">seeds_um</td><td style="text-align: left">40 × 3 float64</td>' in html
    assert "matrices" not in html
    assert "neighbour_precision" not in html
    assert len(html) < 2000
    assert "&lt;i&gt;" in Law("<i>")._repr_html_()


def test_a_project_lists_its_nodes() -> None:
    assert repr(Project(seed=4)) == "<Project: without a file, seed 4; empty>"
    assert "<b>Project</b>: without a file, seed 4" in Project(seed=4)._repr_html_()
