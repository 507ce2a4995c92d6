"""Grain maps of laboratory diffraction contrast tomography, as GrainMapper3D writes them.

``LabDCT/Data`` holds volumes ``[z, y, x]``: GrainId, orientations, Completeness (0 to 1, how many of a grain's reflections were
seen), PhaseId and Mask; ``LabDCT/Spacing`` is (x, y, z) in mm, ``PhaseInfo/Phase01`` … the phases, with x along a for hexagonal
lattices. Facts from a file of version 3.2.5 and from the reader of MTEX (loadEBSD_xnovo.m).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.units import um_per
from nmcstudio.crystal.quaternions import conjugate, from_bunge, from_rodrigues, normalise
from nmcstudio.crystal.symmetry import point_group_of_space_group
from nmcstudio.io.ebsd.hdf5 import dataset, number, opened, text
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase, unknown_phase

# How orientations may be stored, and how they become ours. Rodrigues vectors and quaternions turn from crystal to sample (checked
# on a real file: its own IPF colours agree with their inverse), Euler angles (radians) are Bunge's.
_ORIENTATIONS = {
    "Rodrigues": lambda values: conjugate(from_rodrigues(values)),
    "Quaternion": lambda values: conjugate(normalise(values)),
    "EulerZXZ": from_bunge,
}


def _recognises(path: Path) -> bool:
    with opened(path) as file:
        return "LabDCT/Data" in file


def _describe(file: Any, path: Path) -> RawInfo:
    data = file["LabDCT/Data"]
    shape = dataset(data, "GrainId", path).shape
    stored = _stored(data, path)
    if len(shape) != 3 or data[stored].shape[:3] != shape:
        raise NmcError(
            f"{path.name} has grains of shape {shape} and orientations of {data[stored].shape}", "export it again", "files"
        )
    warnings: list[str] = []
    spacing = dataset(file["LabDCT"], "Spacing", path)
    unit = next((str(np.asarray(value).ravel()[0]) for key, value in spacing.attrs.items() if "unit" in key.lower()), "")
    scale = um_per(unit.strip("b'\""))
    # Spacing is (x, y, z), as Center and Extent are; the arrays are [z, y, x].
    values = np.asarray(spacing[()], np.float64).ravel()
    if len(values) != 3:
        raise NmcError(f"{path.name} has {len(values)} voxel edges, not 3", "give the voxel size", "spacing_um")
    if scale is None:
        scale = 1000.0
        shown = " x ".join(f"{value * scale:g}" for value in values)
        warnings.append(f"the voxel size has no unit; it is read in mm, as GrainMapper3D does: {shown} um")
    phases: list[Phase] = []
    for key in sorted(file.get("PhaseInfo", {})):
        entry = file["PhaseInfo"][key]
        if not key.startswith("Phase") or "UnitCell" not in entry:
            continue
        lattice = tuple(float(v) for v in np.ravel(entry["UnitCell"][()]))
        group = point_group_of_space_group(int(number(entry, "SpaceGroup")))
        phase, said = make_phase(text(entry, "Name"), group, lattice)
        phases.append(phase)
        warnings += said
    if not phases:
        phase, said = unknown_phase()
        phases.append(phase)
        warnings += said
    step = tuple(float(v) * scale for v in values[::-1])
    return RawInfo(shape, step, tuple(phases), tuple(data), "none", tuple(warnings))  # type: ignore[arg-type]


def _stored(data: Any, path: Path) -> str:
    for name in _ORIENTATIONS:
        if name in data:
            return name
    raise NmcError(
        f"{path.name} has no orientations ({', '.join(_ORIENTATIONS)})", "export the grain map with orientations", "files"
    )


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header of a grain map."""
    with opened(path) as file:
        return _describe(file, path)


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """A grain map: labels, orientations, completeness as quality and confidence.

    Voxels outside the mask are empty, not unobserved.
    """
    with opened(path) as file:
        info = _describe(file, path)
        data = file["LabDCT/Data"]
        shape = info.grid
        stored = _stored(data, path)
        turn = _ORIENTATIONS[stored]
        quaternions = np.empty((*shape, 4), np.float32)
        for k in range(shape[0]):
            monitor.report(k / shape[0])
            quaternions[k] = turn(data[stored][k])
        grain_ids = np.maximum(data["GrainId"][()], 0).astype(np.uint32)
        monitor.check()
        phase = data["PhaseId"][()].astype(np.uint8) if "PhaseId" in data else (grain_ids > 0).astype(np.uint8)
        if "Mask" in data:
            phase[data["Mask"][()] == 0] = 0
        quality = data["Completeness"][()].astype(np.float32) if "Completeness" in data else np.full(shape, np.nan, np.float32)
        for name, values in (("PhaseId", phase), ("Completeness", quality)):
            if values.shape != shape:
                raise NmcError(f"{path.name} has a {name} of shape {values.shape}, not {shape}", "export it again", "files")
    phase[(grain_ids == 0) | (phase > len(info.phases)) | ~np.isfinite(quaternions).all(axis=-1)] = 0
    quaternions[phase == 0] = np.nan
    grain_ids[phase == 0] = 0
    return RawMap(info, quaternions, phase, quality, quality, np.ones(shape, bool), grain_ids)


FORMAT = Format("labdct", "LabDCT grain map (GrainMapper3D HDF5)", (".h5", ".hdf5"), False, _recognises, probe, read)
