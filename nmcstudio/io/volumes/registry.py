"""The one door to volume files: chooses the format by content, asks for what is missing, hands over checked values."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Triple, Volume, check_spacing
from nmcstudio.io.volumes import formats, hdf5, nrrd, omezarr_write, tiff, vti
from nmcstudio.io.volumes.formats import FORMATS, SUFFIXES, Paths
from nmcstudio.io.volumes.info import Missing, Opened, VolumeInfo
from nmcstudio.io.volumes.labels_in import read_whole
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.placing import as_stored, cropped, odd_spacing, origin_with, turned
from nmcstudio.io.volumes.raw_layout import Sidecar, read_sidecar, sidecar_path, write_sidecar
from nmcstudio.io.volumes.sources import Box, Mapped, Source, whole

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "open_volume",
    "probe",
    "read_labels",
    "read_plane",
    "read_volume",
    "remember_layout",
    "write_labels",
    "write_volume",
]

WRITERS: dict[str, Any] = {
    **{suffix: module.write for module in (vti, nrrd, hdf5) for suffix in module.SUFFIXES}, ".zarr": omezarr_write.write
}  # fmt: skip
_MAP_ABOVE = 2 << 30  # bytes: larger plain volumes stay in their file and are mapped
_DEFAULT = ReadOptions()


def probe(paths: Paths, options: ReadOptions = _DEFAULT) -> VolumeInfo:
    """What can be said of a file, a folder, or a choice of slices without reading the data; repeated calls cost nothing.

    Parameters
    ----------
    paths
        One file, one folder (TIFF slices, DICOM, OME-Zarr), or several files of one slice each.
    options
        What the user says about them.

    Raises
    ------
    NmcError
        If it is not a volume, with what to do; `field` is "files" or the option that is wrong. What the user has not said
        yet is no error here, but stands in `VolumeInfo.missing`.
    """
    return _placed(paths, options)[0].info


def open_volume(paths: Paths, options: ReadOptions = _DEFAULT) -> tuple[Opened, Box]:
    """A volume to read by boxes, for work that never holds it whole, and the box that the options' crop leaves of it.

    Raises
    ------
    NmcError
        As `probe`, and for what the user has not said yet (except the voxel size).
    """
    opened, box = _placed(paths, options)
    for one in opened.info.missing:
        if one.field != "spacing_um":
            raise NmcError(one.message, one.hint, one.field)
    return opened, box


def read_volume(
    paths: Paths,
    spacing_um: float | Sequence[float] | None = None,
    options: ReadOptions = _DEFAULT,
    monitor: Monitor | None = None,
) -> Volume:
    """Read a grey-scale volume, or the part of it that `options` crop.

    Parameters
    ----------
    paths, options
        As for `probe`.
    spacing_um
        Voxel edge or edges (z, y, x) in um; None takes the file's.

    Raises
    ------
    NmcError
        If the file cannot be read, or something that it does not say is not given; `field` names the option.
    """
    monitor = monitor or Monitor()
    opened, box, spacing = _checked(paths, spacing_um, options, monitor)
    info = opened.info
    with _failing_to_read(info.name):
        values = _load(opened.source, box, monitor)  # type: ignore[arg-type]
        observed = None if opened.observed is None else opened.observed.read(box) != 0
    if values.dtype.kind == "f":
        observed = _finite(values, observed, monitor)
    monitor.report(1.0)
    return Volume(values, spacing, origin_with(info, spacing), observed, info.name, info.simulated)


def read_labels(
    paths: Paths,
    spacing_um: float | Sequence[float] | None = None,
    options: ReadOptions = _DEFAULT,
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
    opened, box, spacing = _checked(paths, spacing_um, options, monitor)
    info = opened.info
    with _failing_to_read(info.name):
        labels = read_whole(opened.source, box, info.name, monitor)  # type: ignore[arg-type]
        observed = None if opened.observed is None else opened.observed.read(box) != 0
        extras = opened.extras()
    if extras.get("kind") not in (None, "", kind):
        monitor.warn(f"the file says that its labels are {extras['kind']}; they are read as {kind}")
    monitor.report(1.0)
    return LabelVolume(
        labels,
        spacing,
        origin_with(info, spacing),
        observed,
        kind,
        extras.get("quaternions"),
        extras.get("point_group", ""),
        name=info.name,
        simulated=info.simulated,
    )


def read_plane(
    paths: Paths,
    axis: Literal["z", "y", "x"],
    index: int,
    options: ReadOptions = _DEFAULT,
    monitor: Monitor | None = None,
) -> NDArray[Any]:
    """One plane of the whole volume (before the crop), for a preview. Needs no voxel size and no choice of channel or time.

    Returns
    -------
    numpy.ndarray
        ``[y, x]``, ``[z, x]`` or ``[z, y]`` for `axis` "z", "y" or "x", in the file's type.

    Raises
    ------
    NmcError
        As `probe`; if there is no such plane; or if it is not known yet which dataset or what layout is meant.
    """
    opened, _ = _placed(paths, replace(options, crop=None))
    if opened.source is None:
        one = opened.info.missing[0]
        raise NmcError(one.message, one.hint, one.field)
    k = "zyx".index(axis)
    if not 0 <= index < opened.source.shape[k]:
        raise NmcError(f"{opened.info.name} has no plane {index} along {axis}", f"it has 0 to {opened.source.shape[k] - 1}")
    box = [*whole(opened.source.shape)]
    box[k] = (index, index + 1)
    with _failing_to_read(opened.info.name):
        return np.take(opened.source.read((box[0], box[1], box[2]), monitor), 0, axis=k)


def remember_layout(paths: Paths, options: ReadOptions, spacing_um: Triple, monitor: Monitor) -> None:
    """Write the layout of a RAW file that was read beside it, with its voxel size; for other formats nothing."""
    opened, _ = _placed(paths, replace(options, crop=None))
    info, path = opened.info, formats.listed(paths)[0]
    if info.layout is None:
        return
    said = Sidecar(info.layout, as_stored(spacing_um, options), as_stored(info.origin_um, options))
    if said == read_sidecar(path):
        return
    try:
        write_sidecar(path, said)
    except NmcError as error:
        monitor.warn(f"the layout is not kept in {sidecar_path(path).name}: {error.message}")


def write_volume(volume: Volume, path: str | os.PathLike[str], monitor: Monitor | None = None) -> None:
    """Write a grey-scale volume; the suffix chooses TIFF, VTI, NRRD, HDF5 or OME-Zarr. It appears whole or not at all."""
    _write(volume, volume.values, Path(path), monitor or Monitor())


def write_labels(labels: LabelVolume, path: str | os.PathLike[str], monitor: Monitor | None = None) -> None:
    """Write a label volume; as `write_volume`. VTI, HDF5 and OME-Zarr keep the observed region, the last two orientations too."""
    _write(labels, labels.labels, Path(path), monitor or Monitor())


def _write(data: Volume | LabelVolume, values: NDArray[Any], path: Path, monitor: Monitor) -> None:
    suffix = path.suffix.lower()
    if suffix in tiff.SUFFIXES:
        words = ("simulated " if data.simulated else "") + data.name
        grey = isinstance(data, Volume)
        tiff.write(path, values, data.spacing_um, monitor, description=words.strip(), differences=grey)
    elif suffix in WRITERS:
        WRITERS[suffix](path, data, monitor)
    else:
        raise NmcError(
            f"there is no volume format {path.suffix or path.name!r}", "end the name with .tif, .vti, .nrrd, .h5 or .zarr"
        )


@contextmanager
def _failing_to_read(name: str) -> Iterator[None]:
    """What goes wrong with the files themselves becomes an error at the field "files"."""
    try:
        yield
    except NmcError as error:
        error.field = error.field or "files"
        raise
    except OSError as error:
        # One slice of many may be the one that is closed.
        which = Path(error.filename).name if isinstance(error.filename, str | os.PathLike) else name
        raise NmcError(
            f"{which} cannot be read ({error.strerror or error})", "check the file and its permissions", "files"
        ) from error


def _placed(paths: Paths, options: ReadOptions) -> tuple[Opened, Box]:
    """A file as the user's options turn and crop it."""
    chosen = formats.listed(paths)
    with _failing_to_read(chosen[0].name):
        opened = formats.opened(chosen, replace(options, axis_order="zyx", flip=(), crop=None))
    if opened.source is not None and min(opened.info.shape) < 1:
        said = "×".join(map(str, opened.info.shape))
        raise NmcError(f"{opened.info.name} holds no voxels ({said})", "export it again, or choose another volume", "files")
    opened = turned(opened, options)
    info, box = cropped(opened.info, options)
    if info.spacing_um is None:
        text = f"the voxel size is not known ({info.unit})"
        lost = Missing("spacing_um", text, "give it in um, one value or three (z y x)")
        info = replace(info, missing=(*info.missing, lost))
    else:
        info = replace(info, warnings=(*info.warnings, *odd_spacing(info.spacing_um)))
    return replace(opened, info=info), box


def _checked(paths: Paths, spacing_um: Any, options: ReadOptions, monitor: Monitor) -> tuple[Opened, Box, Triple]:
    """A volume that nothing is missing of, and the voxel size to use."""
    opened, box = open_volume(paths, options)
    info = opened.info
    if spacing_um is None and info.missing:
        raise NmcError(info.missing[0].message, info.missing[0].hint, info.missing[0].field)
    spacing = check_spacing(info.spacing_um if spacing_um is None else spacing_um)
    if spacing_um is None:
        said = info.warnings
    else:
        about_size = odd_spacing(info.spacing_um) if info.spacing_um else ()
        said = tuple(one for one in info.warnings if "distance of the slices" not in one and one not in about_size)
        said += odd_spacing(spacing)
    for warning in said:
        monitor.warn(warning)
    if spacing_um is not None and info.spacing_um is not None and not np.allclose(spacing, info.spacing_um, rtol=1e-3):
        size = " × ".join(f"{value:.6g}" for value in info.spacing_um)
        monitor.warn(f"the given voxel size differs from the file's, {size} um (z, y, x; {info.unit})")
    return opened, box, spacing


def _load(source: Source, box: Box, monitor: Monitor) -> NDArray[Any]:
    """Values in memory, or mapped where a large plain file holds them just as memory would."""
    if isinstance(source, Mapped) and source.is_packed and box[1:] == whole(source.shape)[1:]:
        mapped = source.mapped(box)
        if mapped.nbytes > _MAP_ABOVE:
            return mapped
    return source.read(box, monitor)


def _finite(values: NDArray[Any], observed: NDArray[np.bool_] | None, monitor: Monitor) -> NDArray[np.bool_] | None:
    """Observed region without the voxels that are not numbers; None if everything is observed."""
    for index in monitor.track(range(len(values)), "Looking for missing values"):
        finite = np.isfinite(values[index])
        if not finite.all():
            observed = np.ones(values.shape, bool) if observed is None else observed
            observed[index] &= finite
    return None if observed is None or observed.all() else observed
