"""VTK image data (.vti): own reader and writer of the XML format, without VTK.

Written are appended raw data in zlib blocks with 64-bit headers. Lengths are um; a field array ``length_unit_um`` says so,
because the format itself has no unit.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Triple, Volume
from nmcstudio.io.files import replacing
from nmcstudio.io.volumes.headed import lengths_um
from nmcstudio.io.volumes.info import Dataset, Opened, VolumeInfo, several
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Source, oriented
from nmcstudio.io.volumes.vti_xml import DTYPES, VtiFile, opened

SUFFIXES = (".vti",)
OPTIONS = ("dataset",)
_TYPES = {dtype: word for word, dtype in DTYPES.items()}
_BLOCK = 1 << 20  # bytes of one compressed block


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return b"<VTKFile" in head


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Arrays, voxel size and values. Raises `NmcError` for other VTK files and for arrays that are not there."""
    file = opened(path)
    info = _describe(file, options.dataset)
    if not info.dataset:
        return Opened(info, None)

    def source(name: str) -> Source:
        return oriented(file.source(name), file.lying.axes, file.lying.flips)

    observed = source("observed") if "observed" in file.arrays and info.dataset != "observed" else None
    return Opened(info, source(info.dataset), observed)


def write(path: Path, data: Volume | LabelVolume, monitor: Monitor) -> None:
    """Write a volume as point data "values" or a label volume as cell data "labels", with "observed" where it is known."""
    labels = isinstance(data, LabelVolume)
    arrays: dict[str, NDArray[Any]] = {"labels": data.labels} if isinstance(data, LabelVolume) else {"values": data.values}
    if data.observed is not None:
        arrays["observed"] = data.observed.view(np.uint8)
    write_arrays(path, arrays, data.spacing_um, data.origin_um, monitor, cells=labels, simulated=data.simulated)


def write_arrays(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    spacing_um: Triple,
    origin_um: Triple,
    monitor: Monitor,
    *,
    cells: bool = True,
    simulated: bool = False,
) -> None:
    """Write several arrays on one grid, for example grain ids, quaternions and the c-axis of a particle.

    Parameters
    ----------
    arrays
        Name to ``[z, y, x]`` (scalars) or ``[z, y, x, components]``; vectors in the order (x, y, z).
    spacing_um, origin_um
        Voxel edges and centre of the first voxel, (z, y, x) in um.
    cells
        A value a voxel as cell data (labels); False writes point data at the voxel centres.
    """
    arrays = {name: _storable(array) for name, array in arrays.items()}
    nz, ny, nx = next(iter(arrays.values())).shape[:3]
    extent = f"0 {nx} 0 {ny} 0 {nz}" if cells else f"0 {nx - 1} 0 {ny - 1} 0 {nz - 1}"
    shift = 0.5 if cells else 0.0
    corner = " ".join(repr(o - shift * s) for o, s in zip(reversed(origin_um), reversed(spacing_um)))
    spacing = " ".join(repr(s) for s in reversed(spacing_um))
    place = "CellData" if cells else "PointData"
    lines = [
        '<?xml version="1.0"?>',
        '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64"'
        ' compressor="vtkZLibDataCompressor">',
        f'<ImageData WholeExtent="{extent}" Origin="{corner}" Spacing="{spacing}">',
        '<FieldData><DataArray type="Float64" Name="length_unit_um" NumberOfTuples="1" format="ascii">1.0</DataArray>'
        f'<DataArray type="Int8" Name="simulated" NumberOfTuples="1" format="ascii">{int(simulated)}</DataArray></FieldData>',
        f'<Piece Extent="{extent}"><{place} Scalars="{next(iter(arrays))}">',
    ]
    total = sum(array.nbytes for array in arrays.values())
    with replacing(path) as part, part.open("w+b") as file:
        file.write("\n".join(lines).encode() + b"\n")
        marks = {}
        for name, array in arrays.items():
            components = array.shape[3] if array.ndim == 4 else 1
            head = f'<DataArray type="{_TYPES[array.dtype.name]}" Name="{name}" NumberOfComponents="{components}"'
            file.write(f'{head} format="appended" offset="'.encode())
            marks[name] = file.tell()
            file.write(b'00000000000000000000"/>\n')
        file.write(f'</{place}></Piece></ImageData>\n<AppendedData encoding="raw">\n_'.encode())
        start, done = file.tell(), 0
        for name, array in arrays.items():
            offset = file.tell() - start
            for size in _write_blocks(file, array):
                done += size
                monitor.report(done / total, f"Writing {path.name}")
            end = file.tell()
            file.seek(marks[name])
            file.write(b"%020d" % offset)
            file.seek(end)
        file.write(b"\n</AppendedData></VTKFile>\n")


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == bool:
        return array.view(np.uint8)
    return array if array.dtype.name in _TYPES else array.astype(np.float32)


def _write_blocks(file: IO[bytes], array: NDArray[Any]) -> Iterator[int]:
    """Write one array behind its table of block sizes; yields the bytes done after each block."""
    count = math.ceil(array.nbytes / _BLOCK)
    last = array.nbytes % _BLOCK
    place = file.tell()
    file.write(bytes(8 * (3 + count)))
    sizes = []
    flat = np.ascontiguousarray(array).reshape(-1)
    step = _BLOCK // array.dtype.itemsize
    little = array.dtype.newbyteorder("<")
    for start in range(0, flat.size, step):
        packed = zlib.compress(flat[start : start + step].astype(little, copy=False).tobytes(), 4)
        sizes.append(len(packed))
        file.write(packed)
        yield min(step, flat.size - start) * array.dtype.itemsize
    end = file.tell()
    file.seek(place)
    file.write(struct.pack(f"<{3 + count}Q", count, _BLOCK, last, *sizes))
    file.seek(end)


def _describe(file: VtiFile, dataset: str | None) -> VolumeInfo:
    z, y, x = (file.shape[axis] for axis in file.lying.axes)
    found = tuple(Dataset(name, (z, y, x), array.dtype) for name, array in file.arrays.items() if array.components == 1)
    if not found:
        raise NmcError(f"{file.path.name} holds no array with one value a voxel", "choose a file with grey values or labels")
    names = [one.name for one in found]
    wanted = dataset or (
        "labels" if "labels" in names else "values" if "values" in names else names[0] if len(names) == 1 else ""
    )
    if wanted and wanted not in names:
        raise NmcError(f"{file.path.name} has no array {wanted!r}", f"choose one of {', '.join(names)}", "dataset")
    chosen = next((one for one in found if one.name == wanted), found[0])
    said = file.facts.get("length_unit_um")
    spacing, origin, origin_voxels, unit = lengths_um(file.lying.spacing, file.origin, ())
    if said:
        spacing, origin, origin_voxels, unit = _times(file.lying.spacing, said), _times(file.origin, said), (0.0, 0.0, 0.0), "um"
    return VolumeInfo(
        format="VTI",
        shape=(z, y, x),
        dtype=chosen.dtype,
        spacing_um=spacing,
        origin_um=origin,
        origin_voxels=origin_voxels,
        unit=unit,
        datasets=found,
        dataset=chosen.name if wanted else "",
        axis_order=file.lying.words,
        name=file.path.stem,
        simulated=bool(file.facts.get("simulated", 0)),
        missing=() if wanted else (several(file.path.name, found),),
    )


def _times(values: Triple, factor: float) -> Triple:
    return values[0] * factor, values[1] * factor, values[2] * factor
