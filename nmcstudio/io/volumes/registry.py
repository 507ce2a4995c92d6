"""The one door to volume files: chooses the format by content, asks for what is missing, hands over checked values."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Triple, Volume, check_spacing
from nmcstudio.io.files import natural_key
from nmcstudio.io.volumes import hdf5, nrrd, tiff, tiff_folder, vti
from nmcstudio.io.volumes.info import Content, VolumeInfo

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
FORMATS: dict[str, ModuleType] = {"TIFF": tiff, "HDF5": hdf5, "VTI": vti, "NRRD": nrrd}
SUFFIXES = tuple(suffix for module in FORMATS.values() for suffix in module.SUFFIXES)
_KNOWN = "a TIFF stack, a folder of TIFF slices, HDF5, VTI or NRRD"


def probe(paths: Paths, dataset: str | None = None) -> VolumeInfo:
    """What can be said of a file, a folder, or a choice of slices without reading the data; repeated calls cost nothing.

    Parameters
    ----------
    paths
        One file, one folder of slices, or several files of one slice each.
    dataset
        For HDF5 and VTI: which of several arrays.

    Raises
    ------
    NmcError
        If it is not a volume, with what to do; `field` is "files" or "dataset".
    """
    chosen = _listed(paths)
    stamps = tuple((str(p), s.st_mtime_ns, s.st_size) for p in chosen for s in [p.stat()])
    return _probe(stamps, dataset)


def read_volume(
    paths: Paths,
    spacing_um: float | Sequence[float] | None = None,
    dataset: str | None = None,
    monitor: Monitor | None = None,
) -> Volume:
    """Read a grey-scale volume.

    Parameters
    ----------
    paths, dataset
        As for `probe`.
    spacing_um
        Voxel edge or edges (z, y, x) in um; None takes the file's.

    Raises
    ------
    NmcError
        If the file cannot be read, or says no voxel size and none is given (`field` "spacing_um").
    """
    monitor = monitor or Monitor()
    content, spacing = _read(paths, spacing_um, dataset, monitor)
    observed = content.extras.get("observed")
    if content.values.dtype.kind == "f":
        observed = _finite(content.values, observed, monitor)
    info = content.info
    return Volume(content.values, spacing, info.origin_um, observed, info.name, info.simulated)


def read_labels(
    paths: Paths,
    spacing_um: float | Sequence[float] | None = None,
    dataset: str | None = None,
    kind: str = "particles",
    monitor: Monitor | None = None,
) -> LabelVolume:
    """Read a label volume; as `read_volume`. Floating-point labels are accepted if they are whole numbers.

    Parameters
    ----------
    kind
        "particles" or "grains".
    """
    monitor = monitor or Monitor()
    content, spacing = _read(paths, spacing_um, dataset, monitor)
    info, extras = content.info, content.extras
    if extras.get("kind") not in (None, "", kind):
        monitor.warn(f"the file says that its labels are {extras['kind']}; they are read as {kind}")
    return LabelVolume(
        _whole(content.values, info, monitor),
        spacing,
        info.origin_um,
        extras.get("observed"),
        kind,
        extras.get("quaternions"),
        extras.get("point_group", ""),
        name=info.name,
        simulated=info.simulated,
    )


def write_volume(volume: Volume, path: str | os.PathLike[str], monitor: Monitor | None = None) -> None:
    """Write a grey-scale volume; the suffix chooses TIFF, VTI, NRRD or HDF5. The file appears whole or not at all."""
    _write(volume, volume.values, Path(path), monitor or Monitor())


def write_labels(labels: LabelVolume, path: str | os.PathLike[str], monitor: Monitor | None = None) -> None:
    """Write a label volume; as `write_volume`. VTI and HDF5 keep the observed region, HDF5 the orientations too."""
    _write(labels, labels.labels, Path(path), monitor or Monitor())


def _write(data: Volume | LabelVolume, values: NDArray[Any], path: Path, monitor: Monitor) -> None:
    module = next((one for one in FORMATS.values() if path.suffix.lower() in one.SUFFIXES), None)
    if module is None:
        raise NmcError(f"there is no volume format {path.suffix or path.name!r}", "end the name with .tif, .vti, .nrrd or .h5")
    if module is tiff:
        words = ("simulated " if data.simulated else "") + data.name
        grey = isinstance(data, Volume)
        tiff.write(path, values, data.spacing_um, monitor, description=words.strip(), differences=grey)
    else:
        module.write(path, data, monitor)


def _listed(paths: Paths) -> tuple[Path, ...]:
    given = (paths,) if isinstance(paths, (str, os.PathLike)) else tuple(paths)
    if not given:
        raise NmcError("no file is chosen", f"choose {_KNOWN}", "files")
    chosen = tuple(Path(p).expanduser() for p in given)
    for path in chosen:
        if not path.exists():
            raise NmcError(f"there is no file {path}", "check the name and the folder", "files")
        if len(chosen) > 1 and path.is_dir():
            raise NmcError(f"{path} is a folder among several files", "choose one folder, or the files themselves", "files")
    return chosen


@lru_cache(maxsize=64)
def _probe(stamps: tuple[tuple[str, int, int], ...], dataset: str | None) -> VolumeInfo:
    try:
        paths = [Path(name) for name, _, _ in stamps]
        slices = _slices(paths)
        return tiff_folder.probe(slices) if slices else _module(paths[0]).probe(paths[0], dataset)
    except NmcError as error:
        error.field = error.field or "files"
        raise
    except OSError as error:
        raise NmcError(
            f"{stamps[0][0]} cannot be read ({error.strerror or error})", "check the file and its permissions", "files"
        ) from error


def _slices(paths: list[Path]) -> list[Path]:
    """The slices of a folder or a choice of several files; empty for a single file."""
    if len(paths) > 1:
        return sorted(paths, key=lambda p: natural_key(p.name))
    return tiff_folder.slices_in(paths[0]) if paths[0].is_dir() else []


def _module(path: Path) -> ModuleType:
    with path.open("rb") as file:
        head = file.read(1024)
    if not head:
        raise NmcError(f"{path.name} is empty", "copy or export it again")
    for module in FORMATS.values():
        if module.recognizes(head):
            return module
    named = next((name for name, module in FORMATS.items() if path.suffix.lower() in module.SUFFIXES), "")
    text = b"\0" not in head
    what = (
        f"is named like {named} but holds {'text' if text else 'something else'}"
        if named
        else "is not a volume file that is known here"
    )
    raise NmcError(f"{path.name} {what}", f"choose {_KNOWN}")


def _read(paths: Paths, spacing_um: Any, dataset: str | None, monitor: Monitor) -> tuple[Content, Triple]:
    info = probe(paths, dataset)
    if spacing_um is None and info.spacing_um is None:
        raise NmcError(
            f"the voxel size of {info.name} is not known ({info.unit})", "give it in um, one value or three (z y x)", "spacing_um"
        )
    spacing = check_spacing(info.spacing_um if spacing_um is None else spacing_um)
    for warning in info.warnings:
        if spacing_um is None or "distance of the slices" not in warning:
            monitor.warn(warning)
    if spacing_um is not None and info.spacing_um is not None and not np.allclose(spacing, info.spacing_um, rtol=1e-3):
        said = " × ".join(f"{value:.6g}" for value in info.spacing_um)
        monitor.warn(f"the given voxel size differs from the file's, {said} um (z, y, x; {info.unit})")
    chosen = list(_listed(paths))
    try:
        slices = _slices(chosen)
        content = tiff_folder.read(slices, monitor) if slices else _module(chosen[0]).read(chosen[0], dataset, monitor)
    except NmcError as error:
        error.field = error.field or "files"
        raise
    except OSError as error:
        raise NmcError(
            f"{info.name} cannot be read ({error.strerror or error})", "check the file and its permissions", "files"
        ) from error
    monitor.report(1.0)
    return replace(content, info=info), spacing


def _finite(values: NDArray[Any], observed: NDArray[Any] | None, monitor: Monitor) -> NDArray[np.bool_] | None:
    """Observed region without the voxels that are not numbers; None if everything is observed."""
    mask = np.ones(values.shape, bool) if observed is None else observed.astype(bool)
    for index in monitor.track(range(len(values)), "Looking for missing values"):
        mask[index] &= np.isfinite(values[index])
    return None if mask.all() else mask


def _whole(values: NDArray[Any], info: VolumeInfo, monitor: Monitor) -> NDArray[Any]:
    """Values as unsigned labels of 16 or 32 bits."""
    top = 0
    for plane in monitor.track(values, "Checking labels"):
        if values.dtype.kind == "f" and not np.array_equal(plane, np.rint(plane)):
            raise NmcError(
                f"{info.name} holds values that are not whole numbers", "import it as a CT volume and segment it", "files"
            )
        if plane.min() < 0 or plane.max() > 2**32 - 1:
            raise NmcError(
                f"{info.name} holds labels outside 0 to 4294967295", "use 0 for the background and positive labels", "files"
            )
        top = max(top, int(plane.max()))
    dtype = np.uint16 if top < 65536 else np.uint32
    return values if values.dtype == dtype else values.astype(dtype)
