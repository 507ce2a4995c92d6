"""grain-model.json: round trip, units, and errors that say what to do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import CorrectionTrace, Envelope, GrainModel, Law, MarkChoice, MatrixJoint
from nmcstudio.core.resources import resource
from nmcstudio.io.tables.grain_model import read_grain_model, write_grain_model

MODEL = GrainModel(
    seeds=Law(
        "matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129}, {"cluster_radius": 0.01}
    ),
    weights=Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}, {"alpha": 2.7}),
    copula=Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
    as_published={"seeds": Law("poisson", {"intensity": 3.5}), "copula": Law("independence")},
    gauge="stationarity",
    sample_size=700,
    notes=("all well",),
)


def same(a: GrainModel, b: GrainModel) -> None:
    for name in GrainModel.__dataclass_fields__:
        x, y = getattr(a, name), getattr(b, name)
        if name in ("envelopes", "correction", "matrix_joint"):
            for one, other in zip(x if name == "envelopes" else [x], y if name == "envelopes" else [y], strict=True):
                same_fields(one, other)
        elif isinstance(x, np.ndarray):
            np.testing.assert_array_equal(x, y)
        else:
            assert x == y, name


def same_fields(a, b) -> None:
    assert type(a) is type(b)
    for name in getattr(a, "__dataclass_fields__", ()):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_round_trip(tmp_path):
    rich = replace(
        MODEL,
        texture=Law("resampled"),
        orientations=np.eye(4)[:3],
        orientation_weights=np.array([1.0, 2.0, 3.0]),
        neighbour_angles=np.radians([5.0, 30.0, 60.0]),
        distance_law="empirical",
        distances_um=np.array([0.1, 0.2]),
        matrices=Law("gbpd-sqrt", {"trace_mean": 0.0, "trace_sd": 0.1, "deviator_sd": 0.2}),
        matrix_joint=MatrixJoint("vine", np.arange(6.0), np.ones(6), np.eye(7), '{"vine": 1}'),
    )
    r = np.array([0.1, 0.2, 0.4])
    told = replace(
        MODEL,
        weights=Law("log-normal", {"median": 0.1, "log_sd": 0.3, "theta": -0.1}),
        copula=Law("gumbel", {"theta": 1.4, "rotation": 180.0}),
        choices=(MarkChoice(Law("normal", {"mean": 0.0, "sd": 0.1}), Law("frank", {"theta": 1.4}), 10.5, -13.0),),
        envelopes=(Envelope("g", "poisson", r, r + 1, r, r + 2, r + 1, 0.03, 99),),
        goodness={"poisson": 0.03, "strauss": 0.5},
        intervals={"seeds": {"cluster_radius": (0.1, 0.2)}},
        replicates=50,
        correction=CorrectionTrace(
            ("a", "b"), np.ones((3, 2)), np.zeros((3, 2)), np.array([False, True, True]), np.array([0.1, np.nan]),
            np.array([0.2, np.nan]), np.full(3, 0.04), True, np.array([0.3, np.nan]), "Few seeds.",
        ),
    )  # fmt: skip
    for model in (
        MODEL,
        rich,
        told,
        replace(MODEL, seeds=Law("strauss", {"beta": 5.0, "gamma": 0.2, "interaction_radius": 0.4})),
    ):
        write_grain_model(tmp_path / "grain-model.json", model)
        same(read_grain_model(tmp_path / "grain-model.json"), model)


def test_standard_errors_stand_beside_the_values(tmp_path):
    write_grain_model(tmp_path / "m.json", MODEL)
    data = json.loads((tmp_path / "m.json").read_text())
    assert data["format"] == "nmcstudio/grain-model"
    assert data["unit"] == "um"
    assert data["seeds"]["cluster_radius_se"] == 0.01
    assert data["as_published"]["seeds"] == {"kind": "poisson", "intensity": 3.5}


def test_published_sample():
    model = read_grain_model(resource("samples/published-grain-model.json"))
    # models.md 1: 0.00108 voxel^-3, 2.58, 1247, -76.4 at 0.05 um.
    assert model.seeds["parent_intensity"] == pytest.approx(0.00108 / 0.05**3)
    assert model.seeds["cluster_radius"] == pytest.approx(2.58 * 0.05)
    assert model.weights["beta"] == pytest.approx(1247 * 0.05**2)
    assert model.weights["theta"] == pytest.approx(-76.4 * 0.05**2)


def published():
    return json.loads(resource("samples/published-grain-model.json").read_text())


def test_other_units_are_converted(tmp_path):
    data = published()
    data["unit"] = "nm"
    data["seeds"] = {"kind": "matern-cluster", "parent_intensity": 8.64e-9, "mean_offspring": 0.418, "cluster_radius": 129.0,
                     "cluster_radius_se": 5.0}  # fmt: skip
    data["weights"] = {"kind": "inverse-gamma", "alpha": 16.8, "beta": 3.1175e6, "theta": -0.191e6}
    (tmp_path / "nm.json").write_text(json.dumps(data))
    model = read_grain_model(tmp_path / "nm.json")
    assert model.seeds["parent_intensity"] == pytest.approx(8.64)
    assert model.seeds.errors["cluster_radius"] == pytest.approx(0.005)
    assert model.weights["beta"] == pytest.approx(3.1175)


def test_the_record_of_a_fit_is_converted_too(tmp_path):
    r = np.array([100.0, 200.0])
    nm = replace(
        MODEL,
        envelopes=(Envelope("F", "poisson", r, r, r, r, r, 0.5, 19),),
        intervals={"seeds": {"parent_intensity": (8e-9, 9e-9)}, "weights": {"beta": (3e6, 4e6)}},
    )
    write_grain_model(tmp_path / "nm.json", nm)
    data = json.loads((tmp_path / "nm.json").read_text())
    (tmp_path / "nm.json").write_text(json.dumps({**data, "unit": "nm"}))
    model = read_grain_model(tmp_path / "nm.json")
    np.testing.assert_allclose(model.envelopes[0].radii_um, [0.1, 0.2])
    np.testing.assert_allclose(model.intervals["seeds"]["parent_intensity"], [8.0, 9.0])
    np.testing.assert_allclose(model.intervals["weights"]["beta"], [3.0, 4.0])


def broken(change):
    data = published()
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("unit"), "does not say its unit"),
        (lambda d: d.update(unit="voxel"), "not a known unit"),
        (lambda d: d.update(unit=3), "not a known unit"),
        (lambda d: d.update(format="other"), "not a grain model"),
        (lambda d: d.update(version=7), "version 7"),
        (lambda d: d.pop("seeds"), "no usable 'seeds'"),
        (lambda d: d["seeds"].update(kind="cox"), "'cox'"),
        (lambda d: d["seeds"].pop("cluster_radius"), "cluster_radius of 'seeds' is missing"),
        (lambda d: d["seeds"].update(cluster_radius=-1), "cluster_radius of 'seeds' is -1"),
        (lambda d: d["seeds"].update(mean_offspring="many"), "'many'"),
        (lambda d: d["weights"].update(alpha=1.5), "alpha of 'weights' is 1.5"),
        (lambda d: d["copula"].update(psi2=1.5), "psi2 of 'copula' is 1.5"),
        (lambda d: d["copula"].update(kappa=0.5), "kappa of 'copula' is 0.5"),
        (lambda d: d.update(distance_law="guess"), "distance_law"),
        (lambda d: d.update(orientations=[[1, 2]]), "orientations has shape"),
        (lambda d: d.update(sample_size="ten"), "wrong type"),
        (lambda d: d.update(as_published=[1]), "as_published"),
        (lambda d: d.update(fit={"choices": [{"weights": "normal"}]}), "'fit'"),
        (lambda d: d.update(fit=[1]), "'fit'"),
        (lambda d: d.update(matrix_joint={"kind": "gaussian", "means": [1]}), "'matrix_joint'"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path, change, message):
    (tmp_path / "bad.json").write_text(json.dumps(broken(change)))
    with pytest.raises(NmcError, match=message) as caught:
        read_grain_model(tmp_path / "bad.json")
    assert caught.value.hint


def test_no_json_and_no_file(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(NmcError, match="not JSON"):
        read_grain_model(tmp_path / "bad.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NmcError, match="not JSON"):
        read_grain_model(tmp_path / "bytes.json")
    with pytest.raises(NmcError, match="cannot be read"):
        read_grain_model(tmp_path / "none.json")
    with pytest.raises(NmcError, match="no folder"):
        write_grain_model(tmp_path / "nowhere" / "m.json", MODEL)


def test_defaults_for_typed_models(tmp_path):
    data = published()
    for key in ("copula", "texture", "gauge", "notes", "point_group"):
        data.pop(key)
    (tmp_path / "short.json").write_text(json.dumps(data))
    model = read_grain_model(tmp_path / "short.json")
    assert model.copula.kind == "independence"
    assert model.texture.kind == "uniform"
