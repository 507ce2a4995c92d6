"""HDF5: a chosen 3-D dataset with its voxel size from attributes; and the program's own label and volume files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.units import um_per
from nmcstudio.core.volume import LabelVolume, Triple, Volume
from nmcstudio.io.files import replacing_hdf5
from nmcstudio.io.volumes.dream3d_grid import LABELS, cell_grid, is_dream3d, is_simulated
from nmcstudio.io.volumes.info import Dataset, Opened, VolumeInfo, several
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Box, Source, slices_of

SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5", ".nxs")
OPTIONS = ("dataset",)
_FORMAT = "nmcstudio/volume"
_SIZES = ("element_size_um", "voxel_size_um", "spacing_um", "voxel_size", "voxelsize", "spacing", "pixel_size", "resolution")
_UNITS = ("unit", "units", "voxel_size_unit", "spacing_unit", "element_size_unit")
_SLAB = 4 << 20  # voxels that are read or written between two reports


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return head.startswith(b"\x89HDF\r\n\x1a\n")


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Datasets, shape, voxel size and values.

    Raises
    ------
    NmcError
        If the file has no 3-D dataset, or none of the chosen name.
    """
    with _opened(path) as file:
        try:
            info = _describe(path, file, options.dataset)
        except (RuntimeError, KeyError, OSError, ValueError, TypeError) as error:
            raise NmcError(f"{path.name} is damaged ({error})", "copy or export it again") from error
        own = file.attrs.get("format") == _FORMAT
        observed = (
            _InHdf5(path, "observed", file["observed"]) if own and "observed" in file and info.dataset != "observed" else None
        )
        source = _InHdf5(path, info.dataset, file[info.dataset]) if info.dataset else None
    return Opened(info, source, observed, (lambda: _extras(path)) if own else _nothing)


def _nothing() -> dict[str, Any]:
    return {}


def _extras(path: Path) -> dict[str, Any]:
    with _opened(path) as file:
        found = {"point_group": str(file.attrs.get("point_group", "")), "kind": str(file.attrs.get("kind", ""))}
        return found | ({"quaternions": file["quaternions"][()]} if "quaternions" in file else {})


class _InHdf5(Source):
    """A dataset; the file is open only while it is read."""

    def __init__(self, path: Path, name: str, node: h5py.Dataset) -> None:
        self.path, self.name = path, name
        self.kept = [k for k, n in enumerate(node.shape) if n > 1]
        for k in reversed(range(node.ndim)):  # as many lengths of one as three dimensions need
            if len(self.kept) < 3 and k not in self.kept:
                self.kept.append(k)
        self.kept.sort()
        self.ndim = node.ndim
        self.shape = tuple(node.shape[k] for k in self.kept)  # type: ignore[assignment]
        self.dtype = np.dtype(np.uint8) if node.dtype.kind == "b" else node.dtype.newbyteorder("=")
        chunk = node.chunks[self.kept[0]] if node.chunks else 1
        self.step = max(1, _SLAB // max(1, self.shape[1] * self.shape[2]) // chunk) * chunk

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        low, high = box[0]
        with _opened(self.path) as file:
            node = file[self.name]
            # Slabs that end where chunks end: no chunk is unpacked twice.
            starts = [low, *range(low // self.step * self.step + self.step, high, self.step)]
            for start, stop in zip(monitor.track(starts, f"Reading {self.path.name}"), [*starts[1:], high]):
                part = slices_of(((start, stop), box[1], box[2]))
                index: list[Any] = [0] * self.ndim
                for k, one in zip(self.kept, part):
                    index[k] = one
                try:
                    out[start - low : stop - low] = node[tuple(index)]
                except OSError as error:
                    raise NmcError(
                        f"{self.name} in {self.path.name} cannot be read ({error})", "copy or export the file again"
                    ) from error


def write(path: Path, data: Volume | LabelVolume, monitor: Monitor) -> None:
    """Write a volume as dataset "values" or a label volume as "labels", with the voxel size as ``element_size_um``.

    Beside it stand "observed" (uint8) and "quaternions" where there are such.
    """
    labels = isinstance(data, LabelVolume)
    values = data.labels if isinstance(data, LabelVolume) else data.values
    with replacing_hdf5(path) as file:
        file.attrs.update({"format": _FORMAT, "version": 1, "simulated": data.simulated, "name": data.name})
        node = _dataset(file, "labels" if labels else "values", values, data.spacing_um)
        node.attrs["origin_um"] = data.origin_um
        arrays = [(node, values)]
        if data.observed is not None:
            arrays.append(
                (_dataset(file, "observed", data.observed.view(np.uint8), data.spacing_um), data.observed.view(np.uint8))
            )
        if isinstance(data, LabelVolume):
            file.attrs.update({"kind": data.kind, "point_group": data.point_group})
            if data.quaternions is not None:
                file["quaternions"] = data.quaternions
        step = max(1, _SLAB * len(values) // max(1, values.size))
        starts = [(target, source, start) for target, source in arrays for start in range(0, len(values), step)]
        for target, source, start in monitor.track(starts, f"Writing {path.name}"):
            target[start : start + step] = source[start : start + step]


def _dataset(file: h5py.File, name: str, values: NDArray[Any], spacing_um: Triple) -> h5py.Dataset:
    chunks = tuple(min(n, 64) for n in values.shape)
    node = file.create_dataset(
        name, values.shape, values.dtype, chunks=chunks, compression="gzip", compression_opts=4, shuffle=True
    )
    node.attrs["element_size_um"] = spacing_um
    return node


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        text = str(error).lower()
        if "truncated" in text:
            raise NmcError(
                f"{path.name} is incomplete: the file is shorter than its header says", "copy or export it again"
            ) from error
        raise NmcError(
            f"{path.name} cannot be opened as HDF5 ({error})", "close other programs that write to it, or copy it again"
        ) from error


def _lengths(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its dimensions of one, as far as three remain."""
    lengths = list(shape)
    while len(lengths) > 3 and 1 in lengths:
        lengths.remove(1)
    return tuple(lengths)


def _describe(path: Path, file: h5py.File, dataset: str | None) -> VolumeInfo:
    found: list[Dataset] = []

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.dtype.kind in "uifb" and len(_lengths(node.shape)) == 3 and node.size:
            dtype = np.dtype(np.uint8) if node.dtype.kind == "b" else node.dtype.newbyteorder("=")
            if min(sorted(_lengths(node.shape))[1:]) > 1:  # tables of numbers are not volumes
                found.append(Dataset(name, _lengths(node.shape), dtype.name))  # type: ignore[arg-type]

    file.visititems(visit)
    if not found:
        raise NmcError(
            f"{path.name} holds no 3-D dataset", "choose an HDF5 file with a volume [z, y, x] of grey values or labels"
        )
    wanted = (dataset or "").strip("/")
    if not wanted and file.attrs.get("format") == _FORMAT:
        wanted = "labels" if "labels" in file else "values"
    of_dream3d = is_dream3d(file)
    if not wanted and of_dream3d:
        labels = [one.name for one in found if one.name.endswith(f"/{LABELS}")]
        wanted = labels[0] if len(labels) == 1 else ""
    if not wanted and len(found) == 1:
        wanted = found[0].name
    chosen = next((one for one in found if one.name == wanted), None)
    if wanted and chosen is None:
        names = ", ".join(one.name for one in found)
        raise NmcError(f"{path.name} has no 3-D dataset {wanted!r}", f"choose one of {names}", "dataset")
    shown = chosen or found[0]
    spacing, unit = _spacing(file, shown.name)
    origin = tuple(map(float, file[shown.name].attrs.get("origin_um", (0, 0, 0))))
    if spacing is None and of_dream3d and (grid := cell_grid(file, shown.name)) is not None:
        spacing, origin = grid
        unit = "image geometry of DREAM.3D, taken as um"
    return VolumeInfo(
        format="HDF5",
        shape=shown.shape,
        dtype=shown.dtype,
        spacing_um=spacing,
        origin_um=origin,  # type: ignore[arg-type]
        unit=unit,
        datasets=tuple(found),
        dataset=chosen.name if chosen else "",
        axis_order="as stored, taken as z, y, x",
        name=path.stem if shown.name in ("labels", "values") else f"{path.stem} {shown.name}",
        simulated=is_simulated(file) if of_dream3d else bool(file.attrs.get("simulated", False)),
        missing=() if chosen else (several(path.name, tuple(found)),),
    )


def _spacing(file: h5py.File, name: str) -> tuple[Triple | None, str]:
    """Voxel size from the attributes of the dataset, of the groups around it, of the file; and where it was, in words."""
    nodes = [file[name]]
    while nodes[-1].name != "/":
        nodes.append(nodes[-1].parent)
    remark = "no voxel size in the file"
    for node in nodes:
        attributes = {key.lower(): value for key, value in node.attrs.items()}
        for key in (one for one in _SIZES if one in attributes):
            try:
                numbers = np.asarray(attributes[key], dtype=float).ravel()
            except (TypeError, ValueError):
                continue
            unit_text = next((_text(attributes[u]) for u in _UNITS if u in attributes), "um" if key.endswith("_um") else "")
            unit = um_per(unit_text)
            if len(numbers) not in (1, 3) or not np.all(np.isfinite(numbers) & (numbers > 0)):
                continue
            if unit is None:
                said = " ".join(f"{value:g}" for value in numbers)
                remark = f"{key} = {said} without a unit of length" + (f" (unit {unit_text!r})" if unit_text else "")
                continue
            numbers = np.broadcast_to(numbers, 3) * unit
            return (float(numbers[0]), float(numbers[1]), float(numbers[2])), f"attribute {key}, {unit_text}"
    return None, remark


def _text(value: Any) -> str:
    first = np.asarray(value).ravel()[0] if np.size(value) else ""
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first)
