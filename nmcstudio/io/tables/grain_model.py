"""``grain-model.json``: the random grain model with its units and standard errors (interface.md, Open files)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.laws import LAWS, LawParameter
from nmcstudio.core.units import um_per
from nmcstudio.io.files import replacing
from nmcstudio.io.tables.fit_record import fit_from_json, fit_to_json, joint_from_json, joint_to_json

FORMAT = "nmcstudio/grain-model"
VERSION = 1

_ARRAYS = {
    "distances_um": "nearest_neighbour_distances",
    "orientations": "orientations",
    "orientation_weights": "orientation_weights",
    "neighbour_angles": "neighbour_disorientations_deg",
}
_FIX = f'see the manual page of import-grain-model for the format "{FORMAT}"'


def write_grain_model(path: str | os.PathLike[str], model: GrainModel) -> None:
    """Write a grain model in um; the standard error of ``name`` stands beside it as ``name_se``.

    Raises
    ------
    NmcError
        If the file cannot be written.
    """
    data: dict[str, Any] = {"format": FORMAT, "version": VERSION, "unit": "um"}
    for part in ("seeds", "weights", "copula"):
        data[part] = _law_to_json(getattr(model, part))
    data["gauge"] = model.gauge
    data["texture"] = _law_to_json(model.texture)
    if model.matrices is not None:
        data["matrices"] = _law_to_json(model.matrices)
    if model.matrix_joint is not None:
        data["matrix_joint"] = joint_to_json(model.matrix_joint)
    if model.as_published:
        data["as_published"] = {part: _law_to_json(law) for part, law in model.as_published.items()}
    data["point_group"] = model.point_group
    data["distance_law"] = model.distance_law
    data["minimum_cell_voxels"] = model.minimum_cell_voxels
    data["sample_size"] = model.sample_size
    data["notes"] = list(model.notes)
    for field, key in _ARRAYS.items():
        values = getattr(model, field)
        if values is not None:
            data[key] = (np.degrees(values) if key.endswith("_deg") else values).tolist()
    record = fit_to_json(model)
    if record:
        data["fit"] = record
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(Path(path)) as part_path:
        part_path.write_text(text, encoding="utf-8")


def read_grain_model(path: str | os.PathLike[str]) -> GrainModel:
    """Read a grain model; lengths in another unit than um are converted.

    Raises
    ------
    NmcError
        If the file is missing or no grain model, its unit is missing or unknown, or a value is missing or impossible: the
        message names it.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NmcError(f"{path} cannot be read ({error.strerror})", "check the path", "files") from error
    except ValueError as error:
        raise NmcError(f"{path.name} is not JSON ({error})", _FIX, "files") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise NmcError(f"{path.name} is not a grain model", f'its first entry must be "format": "{FORMAT}"', "files")
    if data.get("version") != VERSION:
        raise NmcError(f"{path.name} has version {data.get('version')!r}", f"this program reads version {VERSION}", "files")
    if "unit" not in data:
        raise NmcError(f"{path.name} does not say its unit of length", 'add "unit": "um" after converting every value', "files")
    scale = um_per(data["unit"]) if isinstance(data["unit"], str) else None
    if scale is None:
        raise NmcError(
            f"{path.name} has lengths in {data['unit']!r}, which is not a known unit",
            "convert the values to um: lengths times the voxel edge, intensities divided by its cube, weights times its square",
            "files",
        )
    matrices = _law(data, "matrices", scale, path.name, 2) if "matrices" in data else None
    power = 1 if matrices is not None and matrices.kind == "gbpd-sqrt" else 2
    published = data.get("as_published", {})
    if not isinstance(published, dict):
        raise NmcError(f"{path.name}: as_published is not an object", "write it like the model itself, or leave it out", "files")
    arrays: dict[str, Any] = {field: _array(data, key, path.name) for field, key in _ARRAYS.items()}
    if arrays["distances_um"] is not None:
        arrays["distances_um"] = arrays["distances_um"] * scale
    if arrays["orientation_weights"] is not None:
        arrays["orientation_weights"] = arrays["orientation_weights"] * scale**3
    if arrays["neighbour_angles"] is not None:
        arrays["neighbour_angles"] = np.sort(np.radians(arrays["neighbour_angles"]))
    independent = {**data, "copula": data.get("copula", {"kind": "independence"})}
    laws = {part: _law(independent, part, scale, path.name, power) for part in ("seeds", "weights", "copula")}
    try:
        return GrainModel(
            seeds=laws["seeds"],
            weights=laws["weights"],
            copula=laws["copula"],
            **fit_from_json(data.get("fit", {}), {part: law.kind for part, law in laws.items()}, scale, power, path.name),
            texture=_law(data, "texture", scale, path.name, power) if "texture" in data else Law("uniform"),
            as_published={
                name: _law(published, name, scale, path.name, power)
                for name in ("seeds", "weights", "copula")
                if name in published
            },
            gauge=str(data.get("gauge", "")),
            distance_law=_choice(data, "distance_law", ("theory", "empirical"), path.name),
            point_group=str(data.get("point_group", "-3m")),
            minimum_cell_voxels=int(data.get("minimum_cell_voxels", 1)),
            sample_size=int(data.get("sample_size", 0)),
            notes=tuple(str(note) for note in data.get("notes", ())),
            matrices=matrices,
            matrix_joint=joint_from_json(data["matrix_joint"], path.name) if "matrix_joint" in data else None,
            **arrays,
        )
    except (TypeError, ValueError) as error:
        raise NmcError(f"{path.name} holds a value of the wrong type ({error})", _FIX, "files") from error


def _law_to_json(law: Law) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": law.kind}
    for name, value in law.parameters.items():
        entry[name] = float(value)
        if name in law.errors and np.isfinite(law.errors[name]):
            entry[f"{name}_se"] = float(law.errors[name])
    return entry


def _law(data: Mapping[str, Any], part: str, scale: float, file: str, weight_power: int) -> Law:
    """One law of the file, in um."""
    entry = data.get(part)
    kinds = LAWS[part]
    if not isinstance(entry, dict) or entry.get("kind") not in kinds:
        said = f" of kind {entry.get('kind')!r}" if isinstance(entry, dict) else ""
        raise NmcError(f"{file}: no usable {part!r}{said}", f'give "{part}": {{"kind": {" or ".join(kinds)}, …}}', "files")
    parameters, errors = {}, {}
    for parameter in kinds[entry["kind"]].parameters:
        name = parameter.name
        factor = scale ** (weight_power if parameter.power is None else parameter.power)
        default = parameter.default if np.isfinite(parameter.default) else None
        parameters[name] = _in_range(_number(entry.get(name, default), part, name, file), parameter, part, file) * factor
        if f"{name}_se" in entry:
            errors[name] = _number(entry[f"{name}_se"], part, f"{name}_se", file) * factor
    return Law(entry["kind"], parameters, errors)


def _number(value: Any, part: str, name: str, file: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        what = "is missing" if value is None else f"is {value!r}"
        raise NmcError(f"{file}: {name} of {part!r} {what}", "give it as a number", "files")
    return float(value)


def _in_range(value: float, parameter: LawParameter, part: str, file: str) -> float:
    """The value; limits outside which a law does not exist are refused."""
    if not parameter.low <= value <= parameter.high or (parameter.open_low and value == parameter.low):
        raise NmcError(f"{file}: {parameter.name} of {part!r} is {value:g}", f"it must be {parameter.words}", "files")
    return value


def _choice(data: Mapping[str, Any], key: str, choices: tuple[str, ...], file: str) -> str:
    value = data.get(key, choices[0])
    if value not in choices:
        raise NmcError(f"{file}: {key} is {value!r}", f"use {' or '.join(choices)}", "files")
    return str(value)


def _array(data: Mapping[str, Any], key: str, file: str) -> NDArray[np.float64] | None:
    if data.get(key) is None:
        return None
    try:
        values = np.array(data[key], dtype=float)
    except (TypeError, ValueError) as error:
        raise NmcError(f"{file}: {key} is not a list of numbers", _FIX, "files") from error
    wanted = 2 if key == "orientations" else 1
    if values.ndim != wanted or (wanted == 2 and values.shape[1] != 4):
        raise NmcError(
            f"{file}: {key} has shape {values.shape}", "give quaternions as rows of four, others as a plain list", "files"
        )
    return values
