"""Radii and shell models as files: what is written reads back, and what is wrong is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.resources import resource
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.io.tables.radii import read_radii, write_radii
from nmcstudio.io.tables.shell_model import read_shell_model, write_shell_model

AXES = np.concatenate([np.eye(3), -np.eye(3)])


def some_radii() -> RadiusFunctions:
    rng = np.random.default_rng(1)
    return RadiusFunctions(
        ids=np.array([3, 8]),
        directions=AXES,
        radii_um=rng.uniform(2, 5, (2, 6)),
        centres_um=rng.uniform(0, 50, (2, 3)),
        weights=np.array([0.8, 1.2]),
        star_errors=np.array([0.0, 0.05]),
        flags=("", "not star-shaped: µ 5 %"),
        volumes_um3=np.array([100.0, 200.0]),
        voxel_um=0.128,
        smoothing_um=0.512,
        simulated=True,
    )


def some_model() -> ShellModel:
    parts = (
        ShellComponent(0.25, 3.5, np.array([1.0, 0.01, 0.3]), 0.01, 0.1, np.array([0.1, 0.001, 0.02])),
        ShellComponent(0.75, 5.5, np.array([2.0, 0.0, 0.6])),
    )
    return ShellModel(2, parts, log_likelihood=-12.5, bic=40.0, nugget_um=0.05, method="em", sample_size=77, smoothing_um=0.5)


def test_hdf5_keeps_everything(tmp_path: Path) -> None:
    radii = some_radii()
    assert write_radii(tmp_path / "Größe µm.h5", radii) == [tmp_path / "Größe µm.h5"]
    back = read_radii(tmp_path / "Größe µm.h5")
    for name in ("ids", "directions", "radii_um", "centres_um", "weights", "star_errors", "volumes_um3"):
        np.testing.assert_array_equal(getattr(back, name), getattr(radii, name))
    assert (back.flags, back.voxel_um, back.smoothing_um, back.simulated) == (radii.flags, 0.128, 0.512, True)


def test_csv_keeps_ids_radii_and_directions(tmp_path: Path) -> None:
    radii = some_radii()
    files = write_radii(tmp_path / "r.csv", radii)
    assert [file.name for file in files] == ["r.csv", "r.directions.csv"]
    back = read_radii(tmp_path / "r.csv")
    np.testing.assert_array_equal(back.radii_um, radii.radii_um)
    np.testing.assert_array_equal(back.directions, radii.directions)
    assert back.ids.tolist() == [3, 8]
    assert back.simulated
    assert back.weights.tolist() == [1, 1]
    assert np.isnan(back.volumes_um3).all()
    moved = files[1].rename(tmp_path / "elsewhere.csv")
    np.testing.assert_array_equal(read_radii([moved, files[0]]).radii_um, radii.radii_um)


def test_other_units_become_micrometres(tmp_path: Path) -> None:
    radii = some_radii()
    write_radii(tmp_path / "r.csv", radii)
    text = (tmp_path / "r.csv").read_text().replace("# unit um", "# unit nm")
    (tmp_path / "r.csv").write_text(text)
    np.testing.assert_allclose(read_radii(tmp_path / "r.csv").radii_um, radii.radii_um / 1000)
    content = json.loads(_model_text(tmp_path))
    content["unit"] = "nm"
    (tmp_path / "m.json").write_text(json.dumps(content))
    model = read_shell_model(tmp_path / "m.json")
    assert model.components[0].mean_um == pytest.approx(3.5e-3)
    np.testing.assert_allclose(model.components[0].power_spectrum, np.array([1.0, 0.01, 0.3]) * 1e-6)


def _model_text(folder: Path) -> str:
    write_shell_model(folder / "model.json", some_model())
    return (folder / "model.json").read_text()


CSV_ERRORS = [
    ("# unit um\n", "", "no unit"),
    ("# unit um", "# unit voxel", "not a length"),
    ("id,r0", "name,r0", "no header"),
    ("# voxel 0.128", "# voxel big", "no number"),
    ("\n8,", "\n8,1.0,", "line 8: 8 values instead of 7"),
    ("\n8,", "\n8,abc", "line 8"),
    ("\n8,", "\n8,-", "has radius"),
]


@pytest.mark.parametrize(("old", "new", "message"), CSV_ERRORS)
def test_a_wrong_csv_file_says_what_to_do(tmp_path: Path, old: str, new: str, message: str) -> None:
    write_radii(tmp_path / "r.csv", some_radii())
    text = (tmp_path / "r.csv").read_text()
    assert old in text
    (tmp_path / "r.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(NmcError, match=message) as caught:
        read_radii(tmp_path / "r.csv")
    assert caught.value.hint


def test_missing_or_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(NmcError, match="no file"):
        read_radii(tmp_path / "none.csv")
    with pytest.raises(NmcError, match="cannot be written as"):
        write_radii(tmp_path / "r.xlsx", some_radii())
    files = write_radii(tmp_path / "r.csv", some_radii())
    files[1].unlink()
    with pytest.raises(NmcError, match="directions of"):
        read_radii(tmp_path / "r.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(NmcError, match="not a readable"):
        read_radii(tmp_path / "b.csv")
    (tmp_path / "b.h5").write_text("this is no HDF5")
    with pytest.raises(NmcError, match="not a readable HDF5"):
        read_radii(tmp_path / "b.h5")


@pytest.mark.parametrize(
    ("change", "message"), [("unit", "no unit"), ("radii", "no dataset"), ("directions", "directions of shape")]
)
def test_a_wrong_hdf5_file_says_what_to_do(tmp_path: Path, change: str, message: str) -> None:
    write_radii(tmp_path / "r.h5", some_radii())
    with h5py.File(tmp_path / "r.h5", "a") as file:
        if change == "unit":
            del file.attrs["unit"]
        else:
            del file[change]
            if change == "directions":
                file["directions"] = AXES[:4]
    with pytest.raises(NmcError, match=message) as caught:
        read_radii(tmp_path / "r.h5")
    assert caught.value.hint


def test_a_model_reads_back(tmp_path: Path) -> None:
    model = some_model()
    methods = {"em": {"log_likelihood": -3.0, "nugget_um": 0.1}}
    write_shell_model(
        tmp_path / "m.json",
        replace(some_model(), bic_by_components={"1": 50.0}, held_out_by_degree={"2": -3.5}, methods=methods, truncated=True),
    )
    back = read_shell_model(tmp_path / "m.json")
    for one, other in zip(model.components, back.components):
        np.testing.assert_array_equal(one.power_spectrum, other.power_spectrum)
        assert (one.probability, one.mean_um) == (other.probability, other.mean_um)
    np.testing.assert_array_equal(back.components[0].power_spectrum_se, model.components[0].power_spectrum_se)
    assert np.isnan(back.components[1].mean_se_um)
    assert (back.log_likelihood, back.nugget_um, back.sample_size, back.method) == (-12.5, 0.05, 77, "em")
    assert (back.bic_by_components, back.held_out_by_degree) == ({"1": 50.0}, {"2": -3.5})
    assert (back.methods, back.truncated) == (methods, True)
    content = json.loads((tmp_path / "m.json").read_text())
    assert (content["format"], content["version"], content["unit"], content["degree"]) == ("nmcstudio/shell-model", 1, "um", 2)


def test_a_typed_model_needs_no_more_than_the_interface_says(tmp_path: Path) -> None:
    text = (
        '{"format": "nmcstudio/shell-model", "version": 1, "unit": "um", "degree": 1, "components": '
        '[{"probability": 1, "mean": 4, "power_spectrum": [1, 0]}]}'
    )
    (tmp_path / "m.json").write_text(text)
    model = read_shell_model(tmp_path / "m.json")
    assert model.method == "given"
    assert np.isnan(model.log_likelihood)


MODEL_ERRORS = [
    ({"format": "other"}, "not a shell model"),
    ({"version": 2}, "version"),
    ({"unit": None}, "no unit"),
    ({"unit": "voxel"}, "not a length"),
    ({"degree": 3}, "3 values"),
    ({"degree": "two"}, "no usable degree"),
    ({"components": []}, "no components"),
    ({"components": [3]}, "not an object"),
    ({"components": [{"mean": 4, "power_spectrum": [1, 0, 0]}]}, "probability"),
    ({"components": [{"probability": 0.5, "mean": 4, "power_spectrum": [1, 0, 0]}]}, "sum to 0.5"),
    ({"components": [{"probability": 1, "mean": -4, "power_spectrum": [1, 0, 0]}]}, "mean radius"),
    ({"components": [{"probability": 1, "mean": 4, "power_spectrum": [1, -1, 0]}]}, "degree 1"),
    ({"version": 0}, "version 0"),
    ({"version": True}, "version True"),
    ({"sample_size": "many"}, "sample_size"),
    ({"sample_size": -3}, "sample_size"),
    ({"smoothing": "fine"}, "smoothing"),
    ({"methods": [1]}, '"methods".*not an object'),
    ({"methods": {"em": {}}}, "method em.*log_likelihood"),
    ({"methods": {"em": 3}}, "method em.*log_likelihood"),
    ({"bic_by_components": [1, 2]}, '"bic_by_components".*not an object'),
    ({"bic_by_degree": {"3": "x"}}, "bic_by_degree"),
    ({"held_out_by_components": {"three": 1.0}}, "'three'"),
    ({"rejection_probability": 7}, "between 0 and 1"),
]


@pytest.mark.parametrize(("change", "message"), MODEL_ERRORS)
def test_a_wrong_model_says_what_to_do(tmp_path: Path, change: dict, message: str) -> None:
    content = json.loads(_model_text(tmp_path)) | change
    content = {key: value for key, value in content.items() if value is not None}
    (tmp_path / "m.json").write_text(json.dumps(content))
    with pytest.raises(NmcError, match=message) as caught:
        read_shell_model(tmp_path / "m.json")
    assert caught.value.hint


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\x00"])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(NmcError):
        read_shell_model(tmp_path / "m.json")
    with pytest.raises(NmcError, match="could not be read"):
        read_shell_model(tmp_path / "none.json")


def test_the_bundled_model_is_said_to_be_simulated() -> None:
    path = resource("samples/simulated-shell-model.json")
    model = read_shell_model(path)
    assert model.simulated
    assert "Simulated" in json.loads(path.read_text())["note"]
    assert (model.degree, len(model.components)) == (15, 3)
