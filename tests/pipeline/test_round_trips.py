"""What a script holds on to: files written by export are as interface.md says, and importing them gives the same values."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import Cancelled
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.resources import resource
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.exporting import endings, export_node
from nmcstudio.pipeline.recipe import read_recipe, run_recipe
from nmcstudio.project.codec import digest
from nmcstudio.project.store import open_project, save_project

SPACING = (0.4, 0.12, 1 / 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "sp ace Größe µm"
    place.mkdir()
    return place


def written(node: str, value: Any, to: Path) -> str:
    export_node(node, value, to, Monitor())
    return str(to)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def quaternions_of(count: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
    drawn = rng.normal(size=(count, 4))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_volumes_in_every_format(folder: Path, rng: np.random.Generator) -> None:
    for dtype in (np.uint8, np.uint16, np.float32):
        volume = Volume(rng.integers(0, 200, (4, 5, 6)).astype(dtype), SPACING, (1.0, 2.0, 3.0))
        for ending in endings("ct"):
            again = run("import-ct", files=(written("ct", volume, folder / f"ct{ending}"),))
            assert again.values.dtype == dtype
            np.testing.assert_array_equal(again.values, volume.values)
            np.testing.assert_allclose(again.spacing_um, SPACING, rtol=1e-7)


@pytest.mark.parametrize("top", [9, 70_000])
def test_labels_in_every_format(top: int, folder: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 9, (4, 5, 6))
    values[values == 8] = top
    quaternions = np.full((top + 1, 4), np.nan)
    quaternions[np.unique(values)[1:]] = quaternions_of(len(np.unique(values)) - 1, rng)
    labels = LabelVolume(values, SPACING, (1.0, 2.0, 3.0), values != 3, "grains", quaternions, "-3m", simulated=True)
    for ending in (ending for ending in endings("grains") if ending != ".csv"):
        again = run("import-labels", files=(written("grains", labels, folder / f"l{ending}"),), as_="grains")
        assert again.labels.dtype == (np.uint16 if top < 65536 else np.uint32)
        assert again.simulated
        np.testing.assert_array_equal(again.labels, values)
        np.testing.assert_allclose(again.spacing_um, SPACING, rtol=1e-7)
        if ending == ".h5":
            assert digest(again.quaternions) == digest(labels.quaternions)
            assert (again.point_group, again.origin_um) == ("-3m", (1.0, 2.0, 3.0))
            np.testing.assert_array_equal(again.observed, values != 3)
    with tifffile.TiffFile(folder / "l.tif") as tif:
        told = tif.imagej_metadata or tif.ome_metadata
    assert told
    assert "PhysicalSize" in told if isinstance(told, str) else told["unit"] == "um"


def test_label_numbers_without_end_are_renumbered(folder: Path) -> None:
    values = np.zeros((3, 4, 5), np.uint32)
    values[0], values[2, 1:] = 3_000_000_000, 7
    tifffile.imwrite(folder / "l.tif", values, photometric="minisblack")
    monitor = Monitor()
    again = run("import-labels", files=(str(folder / "l.tif"),), spacing_um=1, monitor=monitor)
    np.testing.assert_array_equal(again.labels, np.select([values == 7, values > 7], [1, 2]))
    assert "numbered 1 to 2" in monitor.warnings[0]


def test_descriptors(folder: Path) -> None:
    labels = np.zeros((9, 9, 9), np.uint16)
    labels[2:5, 2:6, 1:6] = 4
    written("particles", LabelVolume(labels, (0.4, 0.2, 0.1)), folder / "d.csv")
    (row,) = rows_of(folder / "d.csv")
    first = "label,volume_um3,diameter_um,surface_um2,sphericity,neighbours,touches_border,x_um,y_um,z_um"
    assert list(row)[:10] == first.split(",")
    assert (row["label"], row["touches_border"], row["neighbours"]) == ("4", "0", "0")
    assert float(row["volume_um3"]) == pytest.approx(60 * 0.008)
    assert [float(row[name]) for name in ("x_um", "y_um", "z_um")] == pytest.approx([0.3, 0.7, 1.2])


def test_radii(folder: Path, rng: np.random.Generator) -> None:
    directions = rng.normal(size=(11, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    spread = rng.uniform(size=(3, 3))
    radii = RadiusFunctions(
        [3, 8, 70_000], directions, rng.uniform(1, 2, (3, 11)), spread, spread[0], spread[1], ("", "not star-shaped", ""),
        spread[2], 0.1, 0.4, True,
    )  # fmt: skip
    assert digest(run("import-radii", files=(written("radii", radii, folder / "r.h5"),))) == digest(radii)
    table = run("import-radii", files=(written("radii", radii, folder / "r.csv"),))
    for name in ("ids", "directions", "radii_um"):
        np.testing.assert_array_equal(getattr(table, name), getattr(radii, name))
    assert [float(row["z"]) for row in rows_of(folder / "r.directions.csv")] == directions[:, 2].tolist()


def test_shell_model(folder: Path) -> None:
    components = (
        ShellComponent(0.25, 3.0, np.array([0.5, 0.0, 0.1]), 0.01, 0.1, np.array([0.1, 0.0, 0.02])),
        ShellComponent(0.75, 4 + 1 / 3, np.array([0.7, 1e-9, 0.2])),
    )
    model = ShellModel(2, components, method="em", sample_size=12, smoothing_um=0.5, simulated=True)
    file = written("shell-model", model, folder / "m.json")
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    head = {"format": "nmcstudio/shell-model", "version": 1, "unit": "um", "degree": 2}
    assert {name: told[name] for name in head} == head
    assert told["components"][1]["mean"] == 4 + 1 / 3
    assert told["components"][1]["power_spectrum"] == [0.7, 1e-9, 0.2]
    again = run("import-shell-model", files=(file,))
    assert again.simulated
    assert again.sample_size == 12
    for one, other in zip(again.components, components):
        assert digest(one) == digest(other)


def test_grain_model(folder: Path) -> None:
    file = resource("samples/published-grain-model.json")
    published = run("import-grain-model", files=(str(file),))
    copied = written("grain-model", published, folder / "g.json")
    assert digest(run("import-grain-model", files=(copied,))) == digest(published)
    told = json.loads(Path(copied).read_text(encoding="utf-8"))
    assert (told["format"], told["version"], told["unit"]) == ("nmcstudio/grain-model", 1, "um")
    assert set(told["seeds"]) == {"kind", "parent_intensity", "mean_offspring", "cluster_radius"}
    assert set(told["weights"]) == {"kind", "alpha", "beta", "theta"}
    assert set(told["copula"]) == {"kind", "kappa", "psi1", "psi2"}
    assert told["texture"] == {"kind": "uniform"}
    assert "gauge" in told
    fitted = GrainModel(
        Law("poisson", {"intensity": 2.0}, {"intensity": 0.1}), Law("inverse-gamma", {"alpha": 3.0, "beta": 1.0, "theta": 0.0}),
        Law("independence"), as_published={"seeds": Law("poisson", {"intensity": 1.5})},
    )  # fmt: skip
    again = run("import-grain-model", files=(written("grain-model", fitted, folder / "g.json"),))
    assert again.seeds.errors == {"intensity": 0.1}
    assert again.as_published == fitted.as_published


@pytest.mark.parametrize("kind", ["laguerre", "gbpd-quadratic", "gbpd-sqrt"])
def test_tessellation(kind: str, folder: Path, rng: np.random.Generator) -> None:
    matrices = None
    if kind != "laguerre":
        roots = rng.normal(size=(4, 3, 3))
        matrices = roots @ roots.transpose(0, 2, 1) + np.eye(3)
        matrices = (matrices + matrices.transpose(0, 2, 1)) / 2
    window = np.array([[0, 1.5], [-1, 2], [0.1, 3]])
    cells = Tessellation(kind, [2, 5, 6, 70_000], rng.normal(size=(4, 3)), rng.normal(size=4), window, matrices)
    file = folder / "t.csv"
    written("tessellation", cells, file)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {kind}"
    assert lines[1].split()[:2] == ["#", "window_um"]
    assert [float(word) for word in lines[1].split()[2:]] == window.ravel().tolist()
    matrix = "" if kind == "laguerre" else ",m_xx,m_xy,m_xz,m_yy,m_yz,m_zz"
    assert lines[2] == f"label,x_um,y_um,z_um,{'weight_um' if kind == 'gbpd-sqrt' else 'weight_um2'}{matrix}"
    again = run("import-tessellation", files=(str(file),))
    for name in ("labels", "seeds_um", "weights", "window_um", "matrices"):
        assert digest(getattr(again, name)) == digest(getattr(cells, name)), name


def test_orientation_stack(folder: Path, rng: np.random.Generator) -> None:
    shape = (2, 4, 5)
    phase = rng.integers(0, 3, shape).astype(np.uint8)
    quaternions = quaternions_of(40, rng).reshape(*shape, 4).astype(np.float32)
    quaternions[phase == 0] = np.nan
    phases = (Phase("NMC", "-3m", (2.87, 2.87, 14.23, 90.0, 90.0, 120.0)), Phase("Größe", "m-3m"))
    share = rng.uniform(size=shape).astype(np.float32)
    stack = EbsdStack(
        quaternions, phase, phases, 100 * share, share, phase < 9, SPACING, (1.0, 2.0, 3.0), np.ones((2, 2)), simulated=True
    )  # fmt: skip
    again = run("import-ebsd", files=(written("ebsd", stack, folder / "e.h5"),))
    assert again.phases == phases
    assert again.simulated
    assert (again.spacing_um, again.origin_um) == (stack.spacing_um, stack.origin_um)
    np.testing.assert_array_equal(again.phase, phase)
    np.testing.assert_array_equal(again.shifts_um, stack.shifts_um)
    same = np.abs((again.quaternions * quaternions).sum(-1))[phase > 0]
    assert same.min() > 1 - 3e-7  # angles are written to 1e-4 radian
    np.testing.assert_allclose(again.confidence, share, atol=1 / 253)


def models() -> dict[str, Any]:
    names = {"shell-model": "simulated-shell-model", "grain-model": "published-grain-model"}
    return {key: run(f"import-{key}", files=(str(resource(f"samples/{name}.json")),)) for key, name in names.items()}


def test_a_particle_is_made_again_from_its_folder(folder: Path) -> None:
    """Nothing but the files of a series, and particle 1 comes out the same."""
    from nmcstudio.core.rng import stream
    from nmcstudio.particle.compose import compose_particle

    run("generate", models(), seed=5, to=str(folder / "many"), count=2, diameter_um=7, voxel_um=0.3, workers=1)
    place = folder / "many" / "particle-00001"
    assert {file.name for file in place.iterdir()} == {"grains.vti", "grains.tif", "grains.csv", "shell.stl", "particle.json"}
    facts = json.loads((place / "particle.json").read_text(encoding="utf-8"))
    options = {name: value for name, value in facts["made"]["params"].items() if name not in ("formats", "mesh", "mesh_edge_um")}
    shells, grains = (
        run(f"import-{key}", files=(str(folder / "many" / f"{key}.json"),)) for key in ("shell-model", "grain-model")
    )
    again = compose_particle(shells, grains, stream(facts["seed"], facts["made"]["step"]), facts["index"], **options)
    for name in ("grains.vti", "grains.tif"):
        labels = run("import-labels", files=(str(place / name),), as_="grains")
        np.testing.assert_array_equal(labels.labels, again.grains.labels)
        np.testing.assert_allclose(labels.spacing_um, again.grains.spacing_um, rtol=1e-7)
        assert labels.simulated
    table = rows_of(place / "grains.csv")
    ids = [int(row["id"]) for row in table]
    assert ids == sorted(set(np.unique(again.grains.labels)) - {0})
    stored = np.array([[float(row[f"q_{axis}"]) for axis in "wxyz"] for row in table])
    np.testing.assert_array_equal(stored, again.grains.quaternions[ids])
    volumes = np.bincount(again.grains.labels.ravel())[ids] * np.prod(again.grains.spacing_um)
    np.testing.assert_allclose([float(row["volume_um3"]) for row in table], volumes)
    assert {"phi1_deg", "Phi_deg", "phi2_deg", "c_x", "c_y", "c_z", "x_um", "y_um", "z_um"} <= set(table[0])


# Recipes that are interrupted

RECIPE = """
seed: 4
steps:
  - import-shell-model: {files: "resources:samples/simulated-shell-model.json"}
  - import-grain-model: {files: "resources:samples/published-grain-model.json"}
  - compose: {diameter_um: 7, voxel_um: 0.3}
"""


def interrupted_in_compose(recipe: Any, file: Path) -> None:
    class Impatient(Monitor):
        def report(self, fraction: float | None, message: str = "", partial: Any = None) -> None:
            if message.startswith("drawing"):
                self.cancel()
            super().report(fraction, message, partial)

    with pytest.raises(Cancelled):
        run_recipe(recipe, file, Impatient())


def test_an_interrupted_recipe_leaves_the_project_and_goes_on(folder: Path) -> None:
    (folder / "r.yaml").write_text(RECIPE)
    recipe, file = read_recipe(folder / "r.yaml"), folder / "p.nmc"
    interrupted_in_compose(recipe, file)
    assert {one.name for one in folder.iterdir()} == {"r.yaml", "p.unfinished.nmc"}
    figures = run_recipe(recipe, file, Monitor())
    assert [one["step"] for one in figures["steps"]] == ["compose"]
    assert {one.name for one in folder.iterdir()} == {"r.yaml", "p.nmc"}
    assert open_project(file).keys == ("shell-model", "grain-model", "particle")
    before = file.read_bytes()
    assert run_recipe(recipe, file, Monitor())["steps"] == []
    assert file.read_bytes() == before
    assert figures["peak_rss_mib"] > 1


def test_what_was_done_in_between_is_not_lost(folder: Path) -> None:
    (folder / "r.yaml").write_text(RECIPE)
    recipe, file = read_recipe(folder / "r.yaml"), folder / "p.nmc"
    run_recipe(recipe, file, Monitor())
    again = folder / "s.yaml"
    again.write_text(RECIPE.replace("diameter_um: 7", "diameter_um: 6.5").replace("seed: 4", "seed: 6"))
    before = file.read_bytes()
    interrupted_in_compose(read_recipe(again), file)
    assert file.read_bytes() == before
    assert (folder / "p.unfinished.nmc").exists()
    project = open_project(file)
    project.set_scenario("kept", {"size": 2.0})
    save_project(project)
    run_recipe(recipe, file, Monitor())
    assert open_project(file).scenarios == {"kept": {"size": 2.0}}
    assert not (folder / "p.unfinished.nmc").exists()


def test_a_file_that_was_replaced_is_read_again(folder: Path) -> None:
    model = resource("samples/simulated-shell-model.json").read_text(encoding="utf-8")
    (folder / "m.json").write_text(model, encoding="utf-8")
    (folder / "r.yaml").write_text("steps: [{import-shell-model: {files: m.json}}]")
    recipe = read_recipe(folder / "r.yaml")
    assert len(run_recipe(recipe, folder / "p.nmc", Monitor())["steps"]) == 1
    assert len(run_recipe(recipe, folder / "p.nmc", Monitor())["steps"]) == 0
    (folder / "m.json").write_text(model + "\n", encoding="utf-8")
    assert len(run_recipe(recipe, folder / "p.nmc", Monitor())["steps"]) == 1


def test_recipes_take_the_words_of_the_commands(folder: Path) -> None:
    """``as`` and ``on`` are names of parameters, whatever YAML thinks of them."""
    labels = np.zeros((3, 4, 5), np.uint16)
    labels[0], labels[2] = 1, 2
    tifffile.imwrite(folder / "l.tif", labels, photometric="minisblack")
    (folder / "r.yaml").write_text(
        "steps: [{import-labels: {files: l.tif, spacing_um: 1e-1, as: grains}}, {edit-labels: {on: grains, delete: [1]}}]"
    )
    run_recipe(read_recipe(folder / "r.yaml"), folder / "p.nmc", Monitor())
    grains = open_project(folder / "p.nmc").value("grains")
    assert grains.spacing_um == (0.1, 0.1, 0.1)
    assert set(np.unique(grains.labels)) == {0, 2}
