"""Volumes of DREAM.3D and DREAM3D-NX (.dream3d), read; see `dream3d_layout` for the format."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_bunge, normalise
from nmcstudio.io.ebsd.dream3d_layout import CONTAINERS, CRYSTAL_STRUCTURES, GEOMETRY, OWN_NOTES, STRUCTURE
from nmcstudio.io.ebsd.hdf5 import as_text, children, opened
from nmcstudio.io.ebsd.points import WORST_MAD_DEG
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase

_NAMES = {
    "euler": ("eulerangles", "eulers"), "quats": ("quats", "quaternions"), "phases": ("phases",), "observed": ("observed",),
    "quality": ("imagequality", "iq", "bandcontrast", "bc"), "confidence": ("confidenceindex", "ci", "confidence"),
    "mad": ("meanangulardeviation", "mad"), "mask": ("mask", "goodvoxels"), "grains": ("featureids", "grainids"),
}  # fmt: skip


@dataclass(frozen=True)
class _Image:
    """One image geometry: (x, y, z) of its voxels, and the groups of arrays that may be its cells and its phases."""

    name: str
    size: tuple[int, int, int]
    spacing_um: tuple[float, float, float]
    origin_um: tuple[float, float, float]
    cells: dict[str, Any]
    others: tuple[Any, ...]


def _plain(name: str) -> str:
    return re.sub(r"[\s_]", "", name).lower()


def _images(file: Any) -> dict[str, _Image]:
    """Image geometries with orientations, by name."""
    found: dict[str, _Image] = {}
    if STRUCTURE in file:
        groups = [(group, group.attrs, "_") for group in _geometries(file[STRUCTURE])]
    else:
        containers = children(file[CONTAINERS]) if CONTAINERS in file else []
        groups = [(group, group[GEOMETRY], "") for group in containers if GEOMETRY in group]
    for group, holder, mark in groups:
        if any(f"{mark}{name}" not in holder for name in ("DIMENSIONS", "SPACING", "ORIGIN")):
            continue
        size = tuple(int(value) for value in np.ravel(holder[f"{mark}DIMENSIONS"][()]))
        spacing, origin = _decimals(holder[f"{mark}SPACING"]), _decimals(holder[f"{mark}ORIGIN"])
        if not len(size) == len(spacing) == len(origin) == 3:
            continue
        for matrix in children(group):
            arrays = {_plain(name): matrix[name] for name in matrix if hasattr(matrix[name], "shape")}
            cells = {
                quantity: arrays[name]
                for quantity, names in _NAMES.items()
                for name in names[::-1]
                if name in arrays and arrays[name].shape[:3] == size[::-1]
            }
            if "euler" in cells or "quats" in cells:
                name = group.name.rsplit("/", 1)[-1]
                found[name] = _Image(name, size, spacing, origin, cells, tuple(children(group)))  # type: ignore[arg-type]
    return found


def _decimals(values: Any) -> tuple[float, ...]:
    """Numbers as they were meant: 0.3 in single precision is 0.3."""
    return tuple(float(str(value)) for value in np.ravel(np.asarray(values[()])))


def _geometries(group: Any) -> list[Any]:
    """Image geometries of a DREAM3D-NX file, which may stand in groups."""
    out = []
    for child in children(group):
        kind = as_text(child.attrs.get("ObjectType", ""))
        if kind == "ImageGeom":
            out.append(child)
        elif "Group" in kind:
            out += _geometries(child)
    return out


def _chosen(file: Any, path: Path, scan: str) -> tuple[_Image, tuple[str, ...]]:
    found = _images(file)
    if not found:
        raise NmcError(
            f"{path.name} has no image geometry with EulerAngles or Quats in its cells",
            "write it again from DREAM.3D with the cell data; a surface mesh alone is not enough",
            "files",
        )
    if scan and scan not in found:
        raise NmcError(f"{path.name} has no image {scan!r}", f"choose one of {', '.join(found)}", "scan")
    return found[scan] if scan else next(iter(found.values())), tuple(found)


def _notes(file: Any) -> dict[str, Any]:
    """What this program wrote for itself; empty for files of others."""
    try:
        notes = json.loads(as_text(file.attrs.get(OWN_NOTES, "{}")))
    except ValueError:
        return {}
    return notes if isinstance(notes, dict) else {}


def _phases(file: Any, image: _Image, count: int) -> tuple[tuple[Phase, ...], tuple[str, ...]]:
    """Phases 1 to `count` of the ensemble arrays, those of the image's own container first."""
    groups = list(image.others)
    if CONTAINERS in file:
        groups += [matrix for container in children(file[CONTAINERS]) for matrix in children(container)]
    ensembles: Any = next((group for group in groups if "CrystalStructures" in group), {})
    structures = (
        np.ravel(ensembles["CrystalStructures"][()]).astype(np.int64) if "CrystalStructures" in ensembles else np.empty(0)
    )
    names = [as_text(value) for value in np.ravel(ensembles["MaterialName"][()])] if "MaterialName" in ensembles else []
    lattices = ensembles["LatticeConstants"][()] if "LatticeConstants" in ensembles else np.empty((0, 6))
    groups_known = _notes(file).get("point_groups", [])
    phases: list[Phase] = []
    warnings: list[str] = []
    for number in range(1, max(count, len(structures) - 1) + 1):
        known = number < len(structures) and 0 <= structures[number] < len(CRYSTAL_STRUCTURES)
        group = CRYSTAL_STRUCTURES[int(structures[number])] if known else None
        if len(groups_known) >= number:
            group = str(groups_known[number - 1])
        lattice = _decimals(lattices[number]) if number < len(lattices) else ()
        phase, said = make_phase(names[number] if number < len(names) else "", group, lattice)
        phases.append(phase)
        warnings += said
    return tuple(phases), tuple(warnings)


def _describe(file: Any, path: Path, scan: str) -> tuple[RawInfo, _Image]:
    image, names = _chosen(file, path, scan)
    phases, warnings = _phases(file, image, 1)
    simulated = bool(_notes(file).get("simulated", "synthetic" in image.name.lower()))
    info = RawInfo(
        image.size[::-1], image.spacing_um[::-1], phases, tuple(image.cells), "none", warnings, simulated, names, image.name
    )  # fmt: skip
    return info, image


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header of an image."""
    with opened(path) as file:
        return _describe(file, path, scan)[0]


def scan_names(path: Path) -> tuple[str, ...]:
    """Names of the images with orientations."""
    with opened(path) as file:
        return tuple(_images(file))


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One image: orientations, phases, quality, confidence and labels; what the mask leaves out is not indexed."""
    with opened(path) as file:
        info, image = _describe(file, path, scan)
        shape = info.grid
        quaternions, said = _orientations(image, shape, monitor)

        def cell(name: str) -> NDArray[Any] | None:
            monitor.check()
            values = image.cells[name][()].reshape(shape) if name in image.cells else None
            return values if values is None or values.dtype.kind != "f" else np.nan_to_num(values)

        oriented = np.isfinite(quaternions).all(axis=-1)
        phases = cell("phases")
        phase = np.where(oriented, 1 if phases is None else np.clip(phases, 0, 255), 0).astype(np.uint8)
        mask, observed, grains = cell("mask"), cell("observed"), cell("grains")
        warnings = [*info.warnings, *said]
        if mask is not None and not np.all(mask):
            warnings.append(f"the mask leaves out {int(np.count_nonzero(mask == 0))} voxels: they are taken as not indexed")
            phase[mask == 0] = 0
        known, more = _phases(file, image, int(phase.max(initial=0)))
        notes = _notes(file)

        def real(name: str) -> NDArray[np.float32]:
            values = image.cells[name][()].reshape(shape) if name in image.cells else None
            return np.full(shape, np.nan, np.float32) if values is None else values.astype(np.float32)

        quality, confidence = real("quality"), real("confidence")
        if "confidence" not in image.cells and "mad" in image.cells:
            confidence = np.clip(1 - real("mad") / WORST_MAD_DEG, 0, 1)
    if observed is None:
        observed = np.ones(shape, bool)
    elif "mask" in image.cells and notes:
        warnings = [words for words in warnings if not words.startswith("the mask")]
    quaternions[phase == 0] = np.nan
    corner = image.origin_um[::-1]
    return RawMap(
        RawInfo(
            shape,
            info.step_um,
            known,
            info.columns,
            "none",
            (*warnings, *more[len(info.warnings) :]),
            info.simulated,
            info.scans,
            info.scan,
        ),
        quaternions,
        phase,
        quality,
        confidence,
        observed.astype(bool),
        None if grains is None else np.maximum(grains, 0).astype(np.uint32),
        tuple(float(f"{place + 0.5 * step:.9g}") for place, step in zip(corner, image.spacing_um[::-1])),  # type: ignore[arg-type]
        None,
        str(notes.get("frame", "")),
    )


def _orientations(image: _Image, shape: tuple[int, int, int], monitor: Monitor) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """From the quaternions where they agree with the Euler angles, which DREAM.3D's filters for frames change alone."""
    out = np.full((*shape, 4), np.nan, np.float32)
    euler, quats = image.cells.get("euler"), image.cells.get("quats")
    differ = False
    degrees = _largest_angle(euler, monitor) > 4 * np.pi + 0.01
    said = ("Euler angles above 4 pi cannot be radians and are read as degrees",) if degrees else ()

    def turned(k: int) -> NDArray[np.float64]:
        angles = np.asarray(euler[k], np.float64).reshape(*shape[1:], 3)  # type: ignore[index]
        return from_bunge(np.deg2rad(angles) if degrees else angles)

    for k in range(shape[0]):
        monitor.report(k / shape[0])
        if quats is not None and not differ:
            stored = np.asarray(quats[k], np.float64).reshape(*shape[1:], 4)[..., [3, 0, 1, 2]]
            unit = np.abs(np.linalg.norm(stored, axis=-1, keepdims=True) - 1) < 1e-6
            out[k] = np.where(unit, stored, normalise(stored))
        if euler is not None:
            angles = turned(k).astype(np.float32)
            dots = np.abs(np.sum(angles * out[k], axis=-1))
            if quats is None or differ:
                out[k] = angles
            elif np.nanmin(dots, initial=1.0) < 0.999:
                differ = True
                for j in range(k + 1):
                    out[j] = turned(j)
    return out, (*said, *(("Quats and EulerAngles differ; the Euler angles are taken",) if differ else ()))


def _largest_angle(euler: Any, monitor: Monitor) -> float:
    """Of the Euler angles, whatever their unit: the conversion to radians is an option of DREAM.3D's readers."""
    largest = 0.0
    for k in range(0 if euler is None else euler.shape[0]):
        monitor.check()
        values = np.abs(euler[k])
        largest = max(largest, float(np.max(values, initial=0.0, where=np.isfinite(values))))
    return largest


FORMAT = Format("dream3d", "DREAM.3D volume (.dream3d)", (".dream3d",), False, lambda path: True, probe, read, scan_names)
