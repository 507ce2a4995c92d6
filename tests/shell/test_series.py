"""Series of shells: sphericities of the data, and radii of many shells in files."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.stats import ks_2samp

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import stream
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.pipeline import direct
from nmcstudio.shell.coefficients import estimate_coefficients
from nmcstudio.shell.directions import gauss_legendre_grid
from nmcstudio.shell.harmonics import evaluate, mesh_area, mesh_volume, shell_diameter
from nmcstudio.shell.measures import measure_shells
from nmcstudio.shell.sample import draw_shells
from nmcstudio.shell.sphericity_match import draw_series, estimate_match
from nmcstudio.shell.synthesis import MESHES, mesh_by_name, synthesise
from tests.shell.shell_data import mixture, simulate, spectrum

MODEL = mixture(8)
GRID = gauss_legendre_grid(16, 32).directions


def smoother(share: float) -> ShellModel:
    """One component whose shells are rounder than those of the mixture on average, with spread in size."""
    return ShellModel(8, (ShellComponent(1.0, 36.0, spectrum(60.0, share * 14.0, 0.4, 8)),))


def test_matched_shells_have_the_sphericities_of_the_data() -> None:
    radii, _ = simulate(smoother(0.4), 300, GRID, 3, error=0.3)
    data = measure_shells(estimate_coefficients(radii, 8).values).sphericities
    match = estimate_match(radii, MODEL, stream(1, "match"))
    assert match.bound > 1.2
    shells = draw_series(MODEL, 250, stream(2), match=match, recentre=False)
    plain = draw_series(MODEL, 250, stream(2), recentre=False)
    noise = np.repeat(np.sqrt(match.noise_um2), 2 * np.arange(9) + 1) * np.random.default_rng(5).standard_normal((250, 81))
    seen, unmatched = (measure_shells(one.coefficients + noise).sphericities for one in (shells, plain))
    assert ks_2samp(seen, data).pvalue > 0.01
    assert ks_2samp(unmatched, data).pvalue < 1e-4
    some = draw_series(MODEL, 7, stream(2), match=match, recentre=False)
    np.testing.assert_allclose(some.coefficients, shells.coefficients[:7], atol=1e-9)


def test_a_match_at_a_size_keeps_the_size_and_asks_for_particles_of_it() -> None:
    radii, _ = simulate(MODEL, 200, GRID, 4)
    match = estimate_match(radii, MODEL, stream(1), diameter_um=68.0)
    shells = draw_series(MODEL, 30, stream(2), match=match, diameter_um=68.0, tolerance=0.02)
    np.testing.assert_allclose(shell_diameter(shells.coefficients), 68, rtol=0.021)
    with pytest.raises(NmcError, match="of this size"):
        estimate_match(radii, MODEL, stream(1), diameter_um=140.0)


def test_a_model_far_from_the_data_is_said_to_be() -> None:
    far, _ = simulate(smoother(0.02), 100, GRID, 4, error=0.05)
    with pytest.raises(NmcError, match="hardly makes"):
        estimate_match(far, MODEL, stream(1))
    monitor = Monitor()
    radii, _ = simulate(smoother(0.3), 300, GRID, 4, error=0.05)
    assert estimate_match(radii, MODEL, stream(1), monitor=monitor).bound > 20
    assert any("only one shell in" in warning for warning in monitor.warnings)


@pytest.mark.parametrize("name", MESHES)
def test_synthesis_is_the_sum_of_the_harmonics(name: str) -> None:
    mesh = mesh_by_name(name)
    assert len(mesh.directions) == int(name.rpartition("-")[2])
    shells = draw_shells(MODEL, 3, stream(1), recentre=False)
    found = np.concatenate([batch.copy() for batch in synthesise(shells.coefficients, mesh.directions)])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, evaluate(shells.coefficients, mesh.directions), rtol=1e-5)


def test_a_file_of_shells_holds_them_whole(tmp_path: Path) -> None:
    to = tmp_path / "Größe µm.h5"
    figures = direct.run(
        "sample-shells", {"shell-model": MODEL}, seed=5, to=str(to), count=12, diameter_um=70.0, directions="octasphere-1026"
    )  # fmt: skip
    assert figures["count"] == 12
    with h5py.File(to) as file:
        assert file.attrs["unit"] == "um"
        radii, directions, triangles = (file[name][()] for name in ("radii", "directions", "triangles"))
        np.testing.assert_allclose(radii, evaluate(file["coefficients"][()], directions), rtol=1e-5)
        np.testing.assert_allclose(shell_diameter(file["coefficients"][()]), 70, rtol=0.021)
    mesh = mesh_by_name("octasphere-1026")
    np.testing.assert_array_equal(triangles, mesh.triangles)
    assert np.all(mesh_volume(radii, mesh) < np.pi / 6 * (1.021 * 70) ** 3)


def test_many_batches_are_written_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmcstudio.shell.synthesis._BATCH", 258 * 3)
    to = tmp_path / "shells.h5"
    direct.run("sample-shells", {"shell-model": MODEL}, seed=5, to=str(to), count=40, directions="octasphere-258", recentre=False)
    with h5py.File(to) as file:
        radii, directions, coefficients = (file[name][()] for name in ("radii", "directions", "coefficients"))
    np.testing.assert_allclose(radii, evaluate(coefficients, directions), rtol=1e-5)


def test_a_folder_of_shells_holds_a_mesh_each(tmp_path: Path) -> None:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOPLY import vtkPLYReader

    to = tmp_path / "shells"
    direct.run("sample-shells", {"shell-model": MODEL}, seed=5, to=str(to), count=3, directions="octasphere-258")
    files = sorted(to.iterdir())
    assert [file.name for file in files] == [f"shell-0000{number}.ply" for number in range(3)]
    reader = vtkPLYReader()
    reader.SetFileName(str(files[1]))
    reader.Update()
    points = vtk_to_numpy(reader.GetOutput().GetPoints().GetData())
    mesh = mesh_by_name("octasphere-258")
    radii = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(points / radii[:, None], mesh.directions, atol=1e-6)
    assert reader.GetOutput().GetNumberOfCells() == 512
    assert mesh_area(radii.astype(float), mesh) > 0


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NmcError, match=r"cannot be written as \.txt"):
        direct.run("sample-shells", {"shell-model": MODEL}, to=str(tmp_path / "shells.txt"), count=2)


def test_shells_of_a_larger_run_are_not_left_among_new_ones(tmp_path: Path) -> None:
    to = tmp_path / "shells"
    direct.run("sample-shells", {"shell-model": MODEL}, seed=5, to=str(to), count=3, directions="octasphere-258")
    with pytest.raises(NmcError, match="holds 1 shells of another run"):
        direct.run("sample-shells", {"shell-model": MODEL}, seed=5, to=str(to), count=2, directions="octasphere-258")
    direct.run("sample-shells", {"shell-model": MODEL}, seed=6, to=str(to), count=3, directions="octasphere-258")
    assert len(list(to.iterdir())) == 3
