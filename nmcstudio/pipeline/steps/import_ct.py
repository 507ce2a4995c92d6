"""Step import-ct: a grey-scale volume with its voxel size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import Volume, check_spacing
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ImportVolumeParams(Params):
    """What every import of voxels can be told."""

    files: tuple[str, ...] = param(
        (),
        "Files",
        widget="files",
        help="A TIFF stack, a folder of TIFF or DICOM slices, TXM, HDF5, VTI, NRRD, MetaImage, VGI, OME-Zarr or RAW.",
    )
    spacing_um: tuple[float, ...] | None = param(
        None,
        "Voxel size",
        unit="um",
        symbol="h",
        optional_text="from the file",
        help="One value, or three (z y x) where they differ. Needed where the file does not say it.",
        min_length=1,
        max_length=3,
    )
    crop: tuple[int, int, int, int, int, int] | None = param(
        None,
        "Crop",
        unit="voxel",
        optional_text="whole volume",
        help="First voxel and the one behind the last along z, y and x (z0 z1 y0 y1 x0 x1). Only this part is read.",
    )
    dataset: str | None = param(
        None,
        "Dataset",
        optional_text="the only one",
        help="Which volume of an HDF5, VTI or OME-Zarr file, or which series of a DICOM folder.",
        advanced=True,
    )
    channel: int | None = param(
        None,
        "Channel",
        optional_text="the only one",
        help="Which channel of a file that has several, from 0.",
        advanced=True,
        ge=0,
    )
    time: int | None = param(
        None, "Time", optional_text="the only one", help="Which time of a file that has several, from 0.", advanced=True, ge=0
    )
    level: int | None = param(
        None,
        "Resolution level",
        optional_text="finest",
        help="Level of an OME-Zarr pyramid; 0 is the finest.",
        advanced=True,
        ge=0,
    )
    axis_order: Literal["zyx", "zxy", "yzx", "yxz", "xzy", "xyz"] = param(
        "zyx",
        "Axis order",
        help="What the file's axes, slowest first, really are. zyx believes the file; change it where the file is wrong.",
        advanced=True,
    )
    flip: tuple[Literal["z", "y", "x"], ...] = param(
        (), "Flip", help="Axes that run the wrong way in the file. An odd number of them mirrors the sample.", advanced=True
    )
    raw_shape: tuple[int, int, int] | None = param(
        None, "RAW: shape", unit="voxel", optional_text="from the file beside it", help="Voxels along z, y and x."
    )
    raw_dtype: Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"] | None = (
        param(None, "RAW: type", optional_text="from the size", help="Type of the values in a file without header.")
    )
    raw_byte_order: Literal["little", "big"] | None = param(
        None,
        "RAW: byte order",
        optional_text="little",
        help="Big for files of older workstations and some microscopes.",
    )
    raw_offset: int | None = param(
        None, "RAW: offset", unit="bytes", optional_text="0", help="Bytes before the first voxel.", ge=0
    )
    raw_axis_order: Literal["zyx", "zxy", "yzx", "yxz", "xzy", "xyz"] | None = param(
        None,
        "RAW: axes on disk",
        optional_text="zyx",
        help="Axes on disk, slowest first: zyx means that x runs fastest.",
    )
    raw_row_padding: int | None = param(
        None,
        "RAW: row padding",
        unit="bytes",
        optional_text="0",
        help="Bytes behind each row that hold no voxels.",
        ge=0,
    )
    raw_slice_padding: int | None = param(
        None,
        "RAW: slice padding",
        unit="bytes",
        optional_text="0",
        help="Bytes behind each slice that hold no voxels.",
        ge=0,
    )


class ImportCtParams(ImportVolumeParams):
    """A grey-scale volume."""


def run(inputs: Mapping[str, Any], params: ImportCtParams, monitor: Monitor, rng: np.random.Generator) -> Volume:
    from nmcstudio.io.volumes.options import options_from
    from nmcstudio.io.volumes.registry import read_volume, remember_layout

    options = options_from(params)
    volume = read_volume(params.files, params.spacing_um, options, monitor)
    remember_layout(params.files, options, volume.spacing_um, monitor)
    return volume


def preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportVolumeParams) -> Preflight:
    """What a look at the files' headers says about importing them."""
    if not params.files:
        return Preflight(problems=(Problem("files", "no file is chosen", "choose a stack, a folder of slices or a volume file"),))
    from nmcstudio.io.volumes.options import options_from
    from nmcstudio.io.volumes.registry import probe

    problems = []
    try:
        info = probe(params.files, options_from(params))
    except NmcError as error:
        return Preflight(problems=(Problem(error.field or "files", error.message, error.hint),))
    if params.spacing_um is not None:
        try:
            check_spacing(params.spacing_um)
        except NmcError as error:
            problems.append(Problem("spacing_um", error.message, error.hint))
    for one in info.missing:
        if one.field != "spacing_um" or params.spacing_um is None:
            problems.append(Problem(one.field, one.message, one.hint))
    shape = " × ".join(map(str, info.shape))
    size = " × ".join(f"{value:.4g}" for value in info.spacing_um or ())
    said = f"; voxel {size} um ({info.unit})" if info.spacing_um else ""
    note = f"{info.format}, {shape} voxels (z y x), {info.dtype}{said}" if min(info.shape) else f"{info.format}, {info.unit}"
    likely = tuple(f"likely layout: {guess.describe()}" for guess in info.guesses[:3]) if info.layout is None else ()
    return Preflight(
        seconds=0.1 + info.nbytes / 2e8,
        memory_mib=1.1 * info.nbytes / 2**20,
        problems=tuple(problems),
        notes=(note, *likely, *info.warnings),
    )


STEP = Step(
    key="import-ct",
    title="Import CT volume",
    lane="particles",
    params=ImportCtParams,
    run=run,
    writes="ct",
    preflight=preflight,
    about="Reads a grey-scale volume, or one that is segmented into phases, together with its voxel size.",
)
