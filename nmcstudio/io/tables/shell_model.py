"""``shell-model.json``: the mixture of Gaussian random fields as a file that people can type in (interface.md)."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.shells import ShellBootstrap, ShellComponent, ShellModel
from nmcstudio.core.units import um_per
from nmcstudio.io.files import replacing

_FORMAT = "nmcstudio/shell-model"
_VERSION = 1
_TABLES = ("bic_by_components", "held_out_by_components", "bic_by_degree", "held_out_by_degree")
_OPTIONAL = ("log_likelihood", "bic", "nugget", "rejection_probability")


def write_shell_model(path: str | os.PathLike[str], model: ShellModel) -> None:
    """Write the model in um; standard errors and likelihoods beside the values where they are known.

    Raises
    ------
    NmcError
        If the file cannot be written.
    """
    content: dict[str, Any] = {"format": _FORMAT, "version": _VERSION, "unit": "um", "degree": model.degree}
    content["components"] = [
        _component_out(component) | _bootstrap_out(model.bootstrap, number) for number, component in enumerate(model.components)
    ]
    figures = {
        "log_likelihood": model.log_likelihood,
        "bic": model.bic,
        "nugget": model.nugget_um,
        "rejection_probability": model.rejection_probability,
    }
    content |= {name: value for name, value in figures.items() if math.isfinite(value)}
    content["method"] = model.method
    if model.sample_size:
        content["sample_size"] = model.sample_size
    if model.smoothing_um:
        content["smoothing"] = model.smoothing_um
    if model.truncated:
        content["truncated"] = True
    content |= {name: getattr(model, name) for name in _TABLES if getattr(model, name)}
    if model.methods:
        content["methods"] = {
            method: {"log_likelihood": found["log_likelihood"], "nugget": found["nugget_um"]}
            for method, found in model.methods.items()
        }
    if model.bootstrap is not None:
        content["bootstrap"] = {"replicates": len(model.bootstrap), "asked": model.bootstrap.asked}
    if model.simulated:
        content["simulated"] = True
    with replacing(Path(path)) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _component_out(component: ShellComponent) -> dict[str, Any]:
    out: dict[str, Any] = {
        "probability": component.probability,
        "mean": component.mean_um,
        "power_spectrum": component.power_spectrum.tolist(),
    }
    if math.isfinite(component.probability_se):
        out["probability_se"] = component.probability_se
    if math.isfinite(component.mean_se_um):
        out["mean_se"] = component.mean_se_um
    if component.power_spectrum_se is not None:
        out["power_spectrum_se"] = component.power_spectrum_se.tolist()
    if math.isfinite(component.rejection_probability):
        out["rejection_probability"] = component.rejection_probability
    return out


def _bootstrap_out(bootstrap: ShellBootstrap | None, number: int) -> dict[str, Any]:
    """Standard errors and 95 % intervals of one component over the refits, beside its values."""
    if bootstrap is None or len(bootstrap) < 2:
        return {}
    out: dict[str, Any] = {}
    for name, values in (
        ("probability", bootstrap.probabilities[:, number]),
        ("mean", bootstrap.means_um[:, number]),
        ("power_spectrum", bootstrap.power_spectra[:, number]),
    ):
        out[f"{name}_bootstrap_se"] = bootstrap.standard_error(values).tolist()
        out[f"{name}_interval_95"] = bootstrap.interval(values).tolist()
    return out


def read_shell_model(path: str | os.PathLike[str]) -> ShellModel:
    """Read a model; lengths are converted to um from the file's unit.

    Raises
    ------
    NmcError
        If the file is no shell model, has no unit, or a value is missing or impossible; the message names the place.
    """
    content = _load(Path(path))
    if content.get("format") != _FORMAT:
        raise NmcError(f"{path} is not a shell model", f'its "format" must be "{_FORMAT}"')
    if content.get("version") != _VERSION or isinstance(content["version"], bool):
        raise NmcError(
            f"{path} has version {content.get('version')!r}, this program reads version {_VERSION}",
            f'write "version": {_VERSION}, or update the program',
        )
    scale = _scale(path, content)
    degree = content.get("degree")
    if not isinstance(degree, int) or isinstance(degree, bool) or degree < 0:
        raise NmcError(f"{path} has no usable degree", 'write "degree": 15, or the highest degree of your harmonics')
    given = content.get("components")
    if not isinstance(given, list) or not given:
        raise NmcError(f"{path} has no components", 'write "components": [{"probability": …, "mean": …, "power_spectrum": […]}]')
    components = [_component_in(path, number, entry, degree, scale) for number, entry in enumerate(given, start=1)]
    total = sum(component.probability for component in components)
    if abs(total - 1) > 1e-6:
        raise NmcError(f"the probabilities in {path} sum to {total:.6g}", "make them sum to 1")
    components.sort(key=lambda component: component.mean_um)
    figures = {name: _number(path, content, name, "the model") for name in _OPTIONAL if name in content}
    if not 0 <= figures.get("rejection_probability", 0.0) <= 1:
        raise NmcError(f'"rejection_probability" in {path} is no share', "give a number between 0 and 1, or remove it")
    return ShellModel(
        degree=degree,
        components=tuple(components),
        log_likelihood=figures.get("log_likelihood", math.nan),
        bic=figures.get("bic", math.nan),
        nugget_um=figures.get("nugget", math.nan) * scale,
        method=str(content.get("method", "given")),
        sample_size=int(_not_negative(path, content, "sample_size")),
        rejection_probability=figures.get("rejection_probability", math.nan),
        smoothing_um=_not_negative(path, content, "smoothing") * scale,
        simulated=bool(content.get("simulated", False)),
        truncated=bool(content.get("truncated", False)),
        methods={
            method: {
                "log_likelihood": _number(path, found, "log_likelihood", f"method {method}"),
                "nugget_um": _number(path, found, "nugget", f"method {method}") * scale,
            }
            for method, found in _object(path, content, "methods").items()
        },
        **{name: _table(path, content, name) for name in _TABLES},  # type: ignore[arg-type]
    )


def _object(path: str | os.PathLike[str], content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name, {})
    if not isinstance(found, dict):
        raise NmcError(f'"{name}" in {path} is not an object', f'remove "{name}": the model does not need it')
    return found


def _table(path: str | os.PathLike[str], content: dict[str, Any], name: str) -> dict[str, float]:
    """Numbers 1, 2, … (components or degrees, as text) and what was found for each."""
    table = _object(path, content, name)
    for key in table:
        if not key.isdecimal():
            raise NmcError(f'"{name}" in {path} has an entry {key!r}', f'its names are whole numbers; or remove "{name}"')
    return {key: _number(path, table, key, f'"{name}"') for key in table}


def _not_negative(path: str | os.PathLike[str], content: dict[str, Any], name: str) -> float:
    value = _number(path, content, name, "the model") if name in content else 0.0
    if value < 0:
        raise NmcError(f'the model in {path} has "{name}": {value:g}', "give a number, zero or larger")
    return value


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NmcError(f"{path} could not be read ({error.strerror or error})", "check the name and the permissions") from error
    except UnicodeDecodeError as error:
        raise NmcError(f"{path} is not a text file", "give a shell-model.json") from error
    except json.JSONDecodeError as error:
        raise NmcError(
            f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}", "correct that line, or export it again"
        ) from error
    if not isinstance(content, dict):
        raise NmcError(f"{path} is not a shell model", f'it must be one object with "format": "{_FORMAT}"')
    return content


def _scale(path: str | os.PathLike[str], content: dict[str, Any]) -> float:
    """Micrometres in one unit of the file."""
    unit = content.get("unit")
    if unit is None:
        raise NmcError(f"{path} says no unit", 'write "unit": "um" (or "nm"), and the values in it')
    scale = um_per(unit) if isinstance(unit, str) else None
    if scale is None:
        raise NmcError(
            f"{path} has the unit {unit!r}, which is not a length",
            'convert the values (voxels: times the voxel size, the power spectrum times its square) and write "unit": "um"',
        )
    return scale


def _component_in(path: str | os.PathLike[str], number: int, entry: Any, degree: int, scale: float) -> ShellComponent:
    place = f"component {number}"
    if not isinstance(entry, dict):
        raise NmcError(f"{place} in {path} is not an object", 'write {"probability": …, "mean": …, "power_spectrum": […]}')
    probability = _number(path, entry, "probability", place)
    if not 0 <= probability <= 1:
        raise NmcError(f"{place} in {path} has probability {probability}", "give a number between 0 and 1")
    mean = _number(path, entry, "mean", place)
    if mean <= 0:
        raise NmcError(f"{place} in {path} has the mean radius {mean}", "give a mean radius above 0")
    spectrum = _spectrum(path, entry, "power_spectrum", place, degree)
    errors = _spectrum(path, entry, "power_spectrum_se", place, degree) if "power_spectrum_se" in entry else None
    return ShellComponent(
        probability=probability,
        mean_um=mean * scale,
        power_spectrum=spectrum * scale**2,
        probability_se=_number(path, entry, "probability_se", place) if "probability_se" in entry else math.nan,
        mean_se_um=_number(path, entry, "mean_se", place) * scale if "mean_se" in entry else math.nan,
        power_spectrum_se=None if errors is None else errors * scale**2,
        rejection_probability=(
            _number(path, entry, "rejection_probability", place) if "rejection_probability" in entry else math.nan
        ),
    )


def _number(path: str | os.PathLike[str], entry: Any, name: str, place: str) -> float:
    value = entry.get(name) if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NmcError(f'{place} in {path} has no usable "{name}"', f'write "{name}": and a number')
    return float(value)


def _spectrum(path: str | os.PathLike[str], entry: dict[str, Any], name: str, place: str, degree: int) -> Any:
    values = entry.get(name)
    if not isinstance(values, list) or len(values) != degree + 1:
        found = f"{len(values)} values" if isinstance(values, list) else "no list"
        raise NmcError(f'"{name}" of {place} in {path} has {found}', f"give {degree + 1} values, a_0 to a_{degree}")
    for index, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value >= 0):
            raise NmcError(f'"{name}" of {place} in {path} has {value!r} for degree {index}', "give a number, zero or larger")
    return np.array(values, dtype=np.float64)
