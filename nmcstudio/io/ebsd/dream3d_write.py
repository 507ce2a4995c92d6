"""Volumes as DREAM.3D 6.x files (.dream3d), which DREAM3D-NX imports too; see `dream3d_layout` for the format.

Cells: EulerAngles (Bunge, radians, sample to crystal, axes of the map), Quats (x, y, z, w), Phases, Image Quality and Confidence
Index where they are known, Mask (indexed), Observed, FeatureIds; x of hexagonal crystals along a. Lengths in um.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.version import VERSION
from nmcstudio.core.volume import LabelVolume, Triple
from nmcstudio.crystal.quaternions import to_bunge
from nmcstudio.crystal.symmetry import without_setting
from nmcstudio.io.ebsd.dream3d_layout import CONTAINERS, CRYSTAL_STRUCTURES, GEOMETRY, OWN_NOTES, UNKNOWN_STRUCTURE
from nmcstudio.io.files import replacing_hdf5

_IMAGE, _CELLS, _ENSEMBLES, _FEATURES = "ImageDataContainer", "CellData", "CellEnsembleData", "CellFeatureData"
_CELL_MATRIX, _FEATURE_MATRIX, _ENSEMBLE_MATRIX = 3, 7, 11
_TYPES = {"f4": "float", "i4": "int32_t", "u4": "uint32_t", "u1": "uint8_t"}
_ANGSTROM_UM = 1e-4
# Planes ``[y, x, …]`` of a cell array for one slice.
Plane = Callable[[int], NDArray[Any]]


def write_stack_dream3d(path: Path, stack: EbsdStack, monitor: Monitor | None = None) -> None:
    """Write a stack with all that a .dream3d file can hold; reading gives the same values.

    Raises
    ------
    NmcError
        If nothing can be written there.
    """
    quality, confidence = np.isfinite(stack.quality).any(), np.isfinite(stack.confidence).any()
    indexed = stack.phase > 0
    planes: dict[str, tuple[str, int, Plane]] = {
        "EulerAngles": ("f4", 3, lambda k: _angles(stack.quaternions[k])),
        "Quats": ("f4", 4, lambda k: _stored(stack.quaternions[k])),
        "Phases": ("i4", 1, lambda k: stack.phase[k]),
        "Mask": ("bool", 1, lambda k: indexed[k]),
        "Observed": ("bool", 1, lambda k: stack.observed[k]),
    }
    if quality:
        planes["Image Quality"] = ("f4", 1, lambda k: stack.quality[k])
    if confidence:
        planes["Confidence Index"] = ("f4", 1, lambda k: stack.confidence[k])
    if stack.grain_ids is not None:
        ids = stack.grain_ids
        planes["FeatureIds"] = ("i4", 1, lambda k: ids[k])
    notes = {"frame": stack.frame, "simulated": stack.simulated, "point_groups": [phase.point_group for phase in stack.phases]}
    _write(Path(path), stack.shape, stack.spacing_um, stack.origin_um, planes, stack.phases, None, notes, monitor or Monitor())


def write_grains_dream3d(path: Path, grains: LabelVolume, monitor: Monitor | None = None) -> None:
    """Write grain labels as FeatureIds, with the mean orientation of each grain in its cells and in the feature data.

    Raises
    ------
    NmcError
        If nothing can be written there, or there are more labels than DREAM.3D counts.
    """
    if int(grains.labels.max(initial=0)) >= 2**31:
        raise NmcError("a label is larger than 2147483647", "renumber the grains first")
    observed = grains.observed
    planes: dict[str, tuple[str, int, Plane]] = {
        "FeatureIds": ("i4", 1, lambda k: grains.labels[k]),
        "Phases": ("i4", 1, lambda k: grains.labels[k] > 0),
        "Mask": ("bool", 1, lambda k: grains.labels[k] > 0),
        "Observed": ("bool", 1, lambda k: np.ones(grains.labels.shape[1:], bool) if observed is None else observed[k]),
    }
    mean = grains.quaternions
    if mean is not None:
        known = mean.astype(np.float32)
        planes["EulerAngles"] = ("f4", 3, lambda k: _angles(known[grains.labels[k]]))
        planes["Quats"] = ("f4", 4, lambda k: _stored(known[grains.labels[k]]))
        planes["Phases"] = ("i4", 1, lambda k: np.isfinite(known[grains.labels[k]]).all(axis=-1) & (grains.labels[k] > 0))
    phases = (Phase(grains.name or "grains", grains.point_group),)
    notes = {"frame": "", "simulated": grains.simulated, "point_groups": [grains.point_group] if grains.point_group else []}
    _write(
        Path(path), grains.labels.shape, grains.spacing_um, grains.origin_um, planes, phases, mean, notes, monitor or Monitor()
    )  # fmt: skip


def _angles(quaternions: NDArray[Any]) -> NDArray[np.float64]:
    return np.nan_to_num(to_bunge(quaternions))


def _stored(quaternions: NDArray[Any]) -> NDArray[Any]:
    """(x, y, z, w), the identity where there is none: DREAM.3D knows no NaN."""
    there = np.isfinite(quaternions).all(axis=-1, keepdims=True)
    return np.where(there, quaternions[..., [1, 2, 3, 0]], np.array([0, 0, 0, 1], quaternions.dtype))


def _write(
    path: Path,
    shape: tuple[int, ...],
    spacing_um: Triple,
    origin_um: Triple,
    planes: dict[str, tuple[str, int, Plane]],
    phases: tuple[Phase, ...],
    mean: NDArray[np.float64] | None,
    notes: dict[str, Any],
    monitor: Monitor,
) -> None:
    with replacing_hdf5(path) as file:
        file.attrs["FileVersion"] = np.bytes_("7.0")
        file.attrs["DREAM3D Version"] = np.bytes_(f"nmcstudio {VERSION}")
        file.attrs[OWN_NOTES] = np.bytes_(json.dumps(notes))
        file.create_group("DataContainerBundles")
        image = file.create_group(f"{CONTAINERS}/{_IMAGE}")
        _geometry(image.create_group(GEOMETRY), shape, spacing_um, origin_um)
        cells = _matrix(image, _CELLS, _CELL_MATRIX, shape[::-1])
        for number, (name, (kind, components, plane)) in enumerate(planes.items()):
            stored = np.dtype("u1" if kind == "bool" else kind)
            whole = (*shape, components)
            data = cells.create_dataset(
                name, whole, stored, chunks=(1, *whole[1:]), compression="gzip", compression_opts=4, shuffle=True
            )
            _describe(data, "bool" if kind == "bool" else _TYPES[kind], shape[::-1], components)
            for k in range(shape[0]):
                monitor.report((number + k / shape[0]) / len(planes), f"writing {name}")
                data[k] = np.asarray(plane(k)).astype(stored).reshape(whole[1:])
        _ensembles(_matrix(image, _ENSEMBLES, _ENSEMBLE_MATRIX, (len(phases) + 1,)), phases)
        if mean is not None:
            features = _matrix(image, _FEATURES, _FEATURE_MATRIX, (len(mean),))
            _array(features, "AvgQuats", _stored(mean).astype("f4"))
            _array(features, "AvgEulerAngles", _angles(mean).astype("f4"))
            _array(features, "Active", (np.arange(len(mean)) > 0).astype("u1")[:, None], "bool")
            _array(features, "Phases", np.isfinite(mean).all(axis=1).astype("i4")[:, None])


def _geometry(group: Any, shape: tuple[int, ...], spacing_um: Triple, origin_um: Triple) -> None:
    group.attrs["GeometryName"] = group.attrs["GeometryTypeName"] = np.bytes_("ImageGeometry")
    group.attrs["GeometryType"] = np.array([0], np.uint32)
    group.attrs["SpatialDimensionality"] = group.attrs["UnitDimensionality"] = np.array([3], np.uint32)
    group["DIMENSIONS"] = np.array(shape[::-1], np.int64)
    group["SPACING"] = np.array(spacing_um[::-1], np.float32)
    group["ORIGIN"] = np.array([place - 0.5 * step for place, step in zip(origin_um[::-1], spacing_um[::-1])], np.float32)


def _matrix(parent: Any, name: str, kind: int, tuples: tuple[int, ...]) -> Any:
    group = parent.create_group(name)
    group.attrs["AttributeMatrixType"] = np.array([kind], np.uint32)
    group.attrs["TupleDimensions"] = np.array(tuples, np.uint64)
    return group


def _ensembles(group: Any, phases: tuple[Phase, ...]) -> None:
    structures = [UNKNOWN_STRUCTURE, *(_structure(phase) for phase in phases)]
    _array(group, "CrystalStructures", np.array(structures, "u4")[:, None])
    _array(group, "PhaseTypes", np.array([UNKNOWN_STRUCTURE] + [0] * len(phases), "u4")[:, None])
    lattices = np.zeros((len(phases) + 1, 6), "f4")
    for number, phase in enumerate(phases, 1):
        if len(phase.lattice) == 6:
            lattices[number] = (*(length / _ANGSTROM_UM for length in phase.lattice[:3]), *np.rad2deg(phase.lattice[3:]))
    _array(group, "LatticeConstants", lattices)
    names = group.create_dataset("MaterialName", data=["Invalid Phase", *(phase.name for phase in phases)])
    _describe(names, "", (len(phases) + 1,), 1)
    names.attrs["ObjectType"] = np.bytes_("StringDataArray")


def _structure(phase: Phase) -> int:
    """DREAM.3D's number of a phase's Laue class; it has one number for all settings of -3m and of 2/m."""
    laue = without_setting(phase.point_group) if phase.point_group else ""
    return CRYSTAL_STRUCTURES.index(laue) if laue in CRYSTAL_STRUCTURES else UNKNOWN_STRUCTURE


def _array(group: Any, name: str, values: NDArray[Any], kind: str = "") -> None:
    data = group.create_dataset(name, data=values)
    _describe(data, kind or _TYPES[values.dtype.str[1:]], values.shape[:1], values.shape[1])


def _describe(data: Any, kind: str, tuples: tuple[int, ...], components: int) -> None:
    data.attrs["ObjectType"] = np.bytes_(f"DataArray<{kind}>")
    data.attrs["DataArrayVersion"] = np.array([2], np.int32)
    data.attrs["ComponentDimensions"] = np.array([components], np.uint64)
    data.attrs["TupleDimensions"] = np.array(tuples, np.uint64)
    axes = ",".join(f"{axis}={count}" for axis, count in zip("xyz", tuples))
    data.attrs["Tuple Axis Dimensions"] = np.bytes_(axes)
