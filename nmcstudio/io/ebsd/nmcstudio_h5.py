"""This program's own file of an orientation map or stack, read and written.

Layout: attributes ``format`` = "nmcstudio/ebsd", ``version`` = 1, ``simulated``, ``frame``; datasets ``euler_1e4rad`` uint16
``[z, y, x, 3]`` (Bunge angles in 1e-4 radian, sample to crystal, our frame), ``phase`` uint8, ``quality`` and ``confidence``
uint8 with attributes ``scale`` and ``offset`` (255 is missing), ``observed`` uint8, ``spacing_um`` and ``origin_um`` (z, y, x),
``shifts_um`` (slices, 2) and ``grain_ids`` where known, ``phases`` and, after aligning, ``alignment`` as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Alignment, EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_bunge, to_bunge
from nmcstudio.io.ebsd.hdf5 import dataset, opened
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap
from nmcstudio.io.files import replacing_hdf5

FORMAT_NAME = "nmcstudio/ebsd"
_VERSION = 1
_ANGLE_UNIT = 1e-4
_MISSING = 255


def _recognises(path: Path) -> bool:
    with opened(path) as file:
        return file.attrs.get("format") == FORMAT_NAME


def _describe(file: Any, path: Path) -> RawInfo:
    version = int(file.attrs.get("version", 0))
    if version > _VERSION:
        raise NmcError(f"{path.name} was written by a newer version of this program", "update nmcstudio", "files")
    phases = tuple(
        Phase(entry["name"], entry["point_group"], tuple(entry["lattice"]))
        for entry in json.loads(dataset(file, "phases", path)[()])
    )
    spacing = tuple(float(v) for v in dataset(file, "spacing_um", path)[()])
    grid = dataset(file, "phase", path).shape
    return RawInfo(grid, spacing, phases, tuple(file), "none", (), bool(file.attrs.get("simulated", False)))  # type: ignore[arg-type]


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header of a file of this program."""
    with opened(path) as file:
        return _describe(file, path)


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """A file of this program."""
    with opened(path) as file:
        info = _describe(file, path)
        phase = dataset(file, "phase", path)[()]
        angles = dataset(file, "euler_1e4rad", path)
        quaternions = np.empty((*info.grid, 4), np.float32)
        for k in range(info.grid[0]):
            monitor.report(k / info.grid[0])
            quaternions[k] = from_bunge(angles[k] * _ANGLE_UNIT)
        quaternions[phase == 0] = np.nan
        return RawMap(
            info,
            quaternions,
            phase,
            _unpack(file, "quality", path),
            _unpack(file, "confidence", path),
            dataset(file, "observed", path)[()].astype(bool),
            file["grain_ids"][()] if "grain_ids" in file else None,
            tuple(float(v) for v in dataset(file, "origin_um", path)[()]),  # type: ignore[arg-type]
            file["shifts_um"][()] if "shifts_um" in file else None,
            str(file.attrs.get("frame", "")),
            _alignment(file),
        )


def _alignment(file: Any) -> Alignment | None:
    """What aligning did, where the file says so."""
    if "alignment" not in file:
        return None
    told: dict[str, Any] = json.loads(file["alignment"][()])
    arrays = ("drift_um", "applied_um", "agreement")
    fields: dict[str, Any] = {name: np.array(value) if name in arrays else tuple(value) for name, value in told.items()}
    return Alignment(**fields)


def _unpack(file: Any, name: str, path: Path) -> NDArray[np.float32]:
    packed = dataset(file, name, path)
    values = packed[()]
    out = values * np.float32(packed.attrs["scale"]) + np.float32(packed.attrs["offset"])
    out[values == _MISSING] = np.nan
    return out.astype(np.float32)


def write_ebsd(path: Path, stack: EbsdStack, monitor: Monitor | None = None) -> None:
    """Write a stack; angles are rounded to 1e-4 radian, quality and confidence to 254 levels.

    Raises
    ------
    NmcError
        If nothing can be written there.
    """
    monitor = monitor or Monitor()
    packed: dict[str, Any] = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
    with replacing_hdf5(Path(path)) as file:
        file.attrs["format"] = FORMAT_NAME
        file.attrs["version"] = _VERSION
        file.attrs["simulated"] = stack.simulated
        file.attrs["frame"] = stack.frame
        file["spacing_um"] = stack.spacing_um
        file["origin_um"] = stack.origin_um
        phases = [{"name": p.name, "point_group": p.point_group, "lattice": list(p.lattice)} for p in stack.phases]
        file["phases"] = json.dumps(phases, ensure_ascii=False)
        chunk = (min(8, stack.shape[0]), *stack.shape[1:])
        angles = file.create_dataset("euler_1e4rad", (*stack.shape, 3), np.uint16, chunks=(*chunk, 1), **packed)
        for k in range(stack.shape[0]):
            monitor.report(k / stack.shape[0], "writing")
            rounded = np.rint(to_bunge(stack.quaternions[k]) / _ANGLE_UNIT)
            angles[k] = np.where(stack.phase[k][..., None] > 0, rounded, 0).astype(np.uint16)
        file.create_dataset("phase", data=stack.phase, chunks=chunk, **packed)
        file.create_dataset("observed", data=stack.observed.astype(np.uint8), chunks=chunk, **packed)
        for name in ("quality", "confidence"):
            values = getattr(stack, name)
            finite = np.isfinite(values)
            low = float(values[finite].min()) if finite.any() else 0.0
            scale = (float(values[finite].max()) - low) / (_MISSING - 1) if finite.any() else 1.0
            scale = scale or 1.0
            levels = np.where(finite, np.rint((np.where(finite, values, low) - low) / scale), _MISSING).astype(np.uint8)
            stored = file.create_dataset(name, data=levels, chunks=chunk, **packed)
            stored.attrs["scale"], stored.attrs["offset"] = scale, low
        if stack.shifts_um is not None:
            file["shifts_um"] = stack.shifts_um
        if stack.alignment is not None:
            done = {name: np.asarray(value).tolist() for name, value in vars(stack.alignment).items()}
            file["alignment"] = json.dumps(done, ensure_ascii=False)
        if stack.grain_ids is not None:
            file.create_dataset("grain_ids", data=stack.grain_ids, chunks=chunk, **packed)


FORMAT = Format("nmcstudio", "nmcstudio EBSD stack (.h5)", (".h5", ".hdf5"), False, _recognises, probe, read)
