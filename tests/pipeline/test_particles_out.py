"""Particles on disk: export of nodes, folders of particles, series that can be stopped and started again."""

from __future__ import annotations

import csv
import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest

from nmcstudio.core.comparison import Comparison, Validation
from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import stream
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.core.volume import Volume
from nmcstudio.io.volumes.registry import read_labels, read_volume
from nmcstudio.pipeline import direct
from nmcstudio.pipeline.exporting import endings, export_node
from nmcstudio.pipeline.particle_files import write_particle_folder

SHELLS = ShellModel(2, (ShellComponent(1.0, 1.2, np.array([0.02, 1e-5, 0.01])),))
GRAINS = GrainModel(
    Law("poisson", {"intensity": 3.6}),
    Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}),
    Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)
MODELS = {"shell-model": SHELLS, "grain-model": GRAINS}
QUICK: dict[str, Any] = {"diameter_um": 2.4, "voxel_um": 0.15}


@pytest.fixture(scope="module")
def particles() -> Any:
    return direct.run("compose", MODELS, count=2, **QUICK)


def export(node: str, value: Any, to: Path, **params: Any) -> dict[str, Any]:
    figures: dict[str, Any] = direct.run("export", {node: value}, node=node, to=str(to), **params)
    return figures


def test_compose_step_draws_from_its_own_stream(particles: Any) -> None:
    from nmcstudio.particle.compose import compose_particle

    direct = compose_particle(SHELLS, GRAINS, stream(1, "compose"), 1, **QUICK)
    assert np.array_equal(particles.particles[1].grains.labels, direct.grains.labels)


def test_mesh_step_and_its_files(particles: Any, tmp_path: Path) -> None:
    mesh = direct.run("mesh", {"particle": particles}, kind="tetrahedra", particle=1, edge_um=0.3)
    export("mesh", mesh, tmp_path / "mesh.vtu")
    back = meshio.read(tmp_path / "mesh.vtu")
    assert len(back.cells_dict["tetra"]) == len(mesh.cells)
    assert set(back.cell_data) == {"grain_id", "quaternion", "c_axis"}
    with pytest.raises(NmcError, match="no particle 5"):
        direct.run("mesh", {"particle": particles}, particle=5)


@pytest.mark.parametrize("ending", [".vti", ".tif", ".nrrd", ".h5"])
def test_particle_labels_read_back(particles: Any, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"Größe µm{ending}"
    figures = export("particle", particles, file, particle=0)
    back = read_labels(file)
    assert np.array_equal(back.labels, particles.particles[0].grains.labels)
    assert back.spacing_um == pytest.approx((0.15, 0.15, 0.15))
    assert figures["bytes"] == file.stat().st_size


def test_particle_shell_table_and_recipe(particles: Any, tmp_path: Path) -> None:
    export("particle", particles, tmp_path / "shell.stl", particle=0)
    points = meshio.read(tmp_path / "shell.stl").points
    assert 2 * np.linalg.norm(points, axis=1).mean() == pytest.approx(particles.particles[0].shell_diameter_um, rel=0.02)
    export("particle", particles, tmp_path / "grains.csv", particle=0)
    with (tmp_path / "grains.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == list(range(1, particles.particles[0].grain_count + 1))
    assert {"x_um", "volume_um3", "q_w", "phi1_deg", "Phi_deg", "phi2_deg", "c_z"} <= rows[0].keys()
    export("particle", particles, tmp_path / "particle.json", particle=1)
    data = json.loads((tmp_path / "particle.json").read_text())
    assert (data["format"], data["unit"], data["seed"], data["index"]) == ("nmcstudio/particle", "um", 1, 1)


def test_several_particles_go_into_a_folder(particles: Any, tmp_path: Path) -> None:
    figures = export("particle", particles, tmp_path / "out" / "deep")
    names = {"grains.vti", "grains.tif", "grains.csv", "shell.stl", "shell.ply", "particle.json"}
    for name in ("particle-00000", "particle-00001"):
        assert {file.name for file in (tmp_path / "out" / "deep" / name).iterdir()} == names
    assert len(figures["files"]) == 2
    with pytest.raises(NmcError, match="do not go into one file"):
        export("particle", particles, tmp_path / "one.vti")
    assert not (tmp_path / "one.vti").exists()


def test_folder_of_a_particle_appears_whole_or_not_at_all(particles: Any, tmp_path: Path) -> None:
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        write_particle_folder(tmp_path, particles.particles[0], {}, monitor)
    assert list(tmp_path.iterdir()) == []
    write_particle_folder(tmp_path, particles.particles[0], {}, Monitor(), ("stl",))
    with pytest.raises(Cancelled):
        write_particle_folder(tmp_path, particles.particles[0], {}, monitor)
    assert {file.name for file in (tmp_path / "particle-00000").iterdir()} == {"shell.stl", "particle.json"}
    write_particle_folder(tmp_path, particles.particles[0], {}, Monitor(), ("csv",))
    assert {file.name for file in (tmp_path / "particle-00000").iterdir()} == {"grains.csv", "particle.json"}


def test_a_replacement_that_stopped_half_way_is_undone(particles: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = write_particle_folder(tmp_path, particles.particles[0], {}, Monitor(), ("stl",))
    rename = Path.rename

    def refuse(source: Path, to: Path) -> Path:
        if source.name.endswith(".part") and to.name == target.name:
            raise OSError(28, "No space left on device")
        return rename(source, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(NmcError, match="No space left"):
        write_particle_folder(tmp_path, particles.particles[0], {}, Monitor(), ("csv",))
    assert [file.name for file in tmp_path.iterdir()] == [target.name]
    assert {file.name for file in target.iterdir()} == {"shell.stl", "particle.json"}


def test_other_nodes(particles: Any, tmp_path: Path) -> None:
    ct = Volume(np.arange(60, dtype=np.uint16).reshape(3, 4, 5), (0.3, 0.2, 0.1))
    for ending in (".tif", ".vti"):
        export("ct", ct, tmp_path / f"ct{ending}")
        assert np.array_equal(read_volume(tmp_path / f"ct{ending}").values, ct.values)
    export("grains", particles.particles[0].grains, tmp_path / "descriptors.csv")
    with (tmp_path / "descriptors.csv").open(newline="") as file:
        header = next(csv.reader(file))
    assert header[:6] == ["label", "volume_um3", "diameter_um", "surface_um2", "sphericity", "neighbours"]
    export("shell-model", SHELLS, tmp_path / "shell-model.json")
    assert json.loads((tmp_path / "shell-model.json").read_text())["format"] == "nmcstudio/shell-model"
    export("grain-model", GRAINS, tmp_path / "grain-model.json")
    assert json.loads((tmp_path / "grain-model.json").read_text())["seeds"]["kind"] == "poisson"
    tessellation = Tessellation(
        "laguerre", np.array([1, 2]), np.zeros((2, 3)), np.array([0.1, 0.2]), np.array([[0.0, 1.0]] * 3)
    )  # fmt: skip
    export("tessellation", tessellation, tmp_path / "tessellation.csv")
    assert (tmp_path / "tessellation.csv").read_text().startswith("# laguerre")
    radii = RadiusFunctions(
        ids=np.array([4]), directions=np.eye(3), radii_um=np.ones((1, 3)), centres_um=np.zeros((1, 3)), weights=np.ones(1),
        star_errors=np.zeros(1), flags=("",), volumes_um3=np.ones(1), voxel_um=0.1,
    )  # fmt: skip
    figures = export("radii", radii, tmp_path / "radii.csv")
    assert [Path(file).name for file in figures["files"]] == ["radii.csv", "radii.directions.csv"]
    one = Comparison("k", "t", "grains", "x", "y", distances={"ks": 0.1, "wasserstein": 0.2}, distance_unit="um")
    export("validation", Validation((one,)), tmp_path / "distances.csv")
    assert "k,grains,wasserstein,0.2,um" in (tmp_path / "distances.csv").read_text()


@pytest.mark.parametrize("node", ["ct", "radii", "shell-model", "tessellation", "grain-model", "particle", "mesh", "validation"])
def test_unknown_ending_lists_the_known_ones(node: str, particles: Any, tmp_path: Path) -> None:
    # The ending is looked at before the value is.
    value, number = (particles, 0) if node == "particle" else (None, None)
    with pytest.raises(NmcError, match=endings(node)[0].replace(".", r"\.")) as caught:
        export_node(node, value, tmp_path / "file.xyz", Monitor(), particle=number)
    assert caught.value.field == "to"


def test_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(NmcError, match="no folder"):
        export("shell-model", SHELLS, tmp_path / "none" / "shell-model.json")


def generate(to: Path, monitor: Monitor | None = None, models: dict[str, Any] = MODELS, **params: Any) -> dict[str, Any]:
    options = {**QUICK, "workers": 1, "formats": ("tif",), **params}
    figures: dict[str, Any] = direct.run("generate", models, monitor=monitor, to=str(to), **options)
    return figures


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_series_is_the_same_on_any_number_of_processes(tmp_path: Path) -> None:
    generate(tmp_path / "one", count=3)
    generate(tmp_path / "two", count=3, workers=2)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one.keys() == two.keys()
    assert one == two
    assert "particles.csv" in one


def test_series_goes_on_where_it_stopped(tmp_path: Path) -> None:
    generate(tmp_path, count=2)
    before = (tmp_path / "particle-00001" / "grains.tif").stat().st_mtime_ns
    (tmp_path / "particle-00000" / "grains.tif").unlink()
    figures = generate(tmp_path, count=3)
    assert (figures["made"], figures["kept"]) == (2, 1)
    assert (tmp_path / "particle-00001" / "grains.tif").stat().st_mtime_ns == before
    assert (tmp_path / "particle-00000" / "grains.tif").exists()


def test_another_series_in_the_folder_is_refused(tmp_path: Path) -> None:
    generate(tmp_path, count=1)
    with pytest.raises(NmcError, match="another series") as caught:
        generate(tmp_path, count=2, diameter_um=2.6)
    assert caught.value.field == "to"
    other = replace(GRAINS, seeds=Law("poisson", {"intensity": 3.0}))
    before = (tmp_path / "grain-model.json").read_bytes()
    with pytest.raises(NmcError, match="another series"):
        generate(tmp_path, count=2, models={**MODELS, "grain-model": other})
    assert (tmp_path / "grain-model.json").read_bytes() == before


def test_asking_for_fewer_keeps_the_others_in_the_list(tmp_path: Path) -> None:
    generate(tmp_path, count=2)
    before = (tmp_path / "particles.csv").read_bytes()
    figures = generate(tmp_path, count=1)
    assert (figures["count"], figures["made"], figures["kept"]) == (1, 0, 1)
    assert (tmp_path / "particles.csv").read_bytes() == before


def test_series_with_meshes(tmp_path: Path) -> None:
    generate(tmp_path, count=1, formats=("vti",), mesh="tetrahedra", mesh_edge_um=0.4)
    assert {file.name for file in (tmp_path / "particle-00000").iterdir()} == {"grains.vti", "mesh.vtu", "particle.json"}


@pytest.mark.parametrize("workers", [1, 2])
def test_cancelled_series_keeps_what_is_finished(tmp_path: Path, workers: int) -> None:
    ended: list[float] = []
    monitor = Monitor()

    def work() -> None:
        with pytest.raises(Cancelled):
            generate(tmp_path, monitor, count=1000, workers=workers)
        ended.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    limit = time.monotonic() + 60
    while not list(tmp_path.glob("particle-*/particle.json")) and time.monotonic() < limit:
        time.sleep(0.02)
    asked = time.monotonic()
    monitor.cancel()
    thread.join()
    assert ended[0] - asked < 1.0
    assert not list(tmp_path.glob(".particle-*"))
    for folder in tmp_path.glob("particle-*"):
        assert {file.name for file in folder.iterdir()} == {"grains.tif", "particle.json"}


class _FinishAfterFirst(Monitor):
    """Asks to finish as soon as a part of the work is done."""

    def report(self, fraction: float | None, message: str = "", partial: Any = None) -> None:
        super().report(fraction, message, partial)
        if fraction is not None and fraction > 0.3:
            self.finish()


def test_finishing_early_keeps_what_is_there(tmp_path: Path) -> None:
    monitor = _FinishAfterFirst()
    figures = generate(tmp_path, monitor, count=3)
    assert 1 <= figures["count"] < 3
    assert len(list(tmp_path.glob("particle-*"))) == figures["count"]
    assert any("finished early" in warning for warning in monitor.warnings)
    monitor = _FinishAfterFirst()
    few = direct.run("compose", MODELS, monitor=monitor, count=3, **QUICK)
    assert 1 <= len(few) < 3
