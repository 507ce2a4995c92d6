"""Step import-ct: a grey-scale volume with its voxel size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import Volume, check_spacing
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ImportCtParams(Params):
    files: tuple[str, ...] = param(
        (), "Files", widget="files", help="A TIFF stack, a folder of TIFF slices, several slices, HDF5, VTI or NRRD."
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
    dataset: str | None = param(
        None,
        "Dataset",
        optional_text="the only one",
        help="Which volume of an HDF5 or VTI file that holds several.",
        advanced=True,
    )


def run(inputs: Mapping[str, Any], params: ImportCtParams, monitor: Monitor, rng: np.random.Generator) -> Volume:
    from nmcstudio.io.volumes.registry import read_volume

    return read_volume(params.files, params.spacing_um, params.dataset, monitor)


def preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportCtParams) -> Preflight:
    return preflight_files(params.files, params.spacing_um, params.dataset)


def preflight_files(files: tuple[str, ...], spacing_um: tuple[float, ...] | None, dataset: str | None) -> Preflight:
    """What a look at the files' headers says about importing them."""
    if not files:
        return Preflight(problems=(Problem("files", "no file is chosen", "choose a stack, a folder of slices or a volume file"),))
    from nmcstudio.io.volumes.registry import probe

    problems = []
    try:
        info = probe(files, dataset)
    except NmcError as error:
        return Preflight(problems=(Problem(error.field or "files", error.message, error.hint),))
    if info.datasets and not info.dataset:
        names = ", ".join(one.name for one in info.datasets)
        problems.append(Problem("dataset", "the file holds several volumes", f"choose one of {names}"))
    if spacing_um is not None:
        try:
            check_spacing(spacing_um)
        except NmcError as error:
            problems.append(Problem("spacing_um", error.message, error.hint))
    elif info.spacing_um is None:
        problems.append(Problem("spacing_um", f"the voxel size is not known ({info.unit})", "give it in um"))
    shape = " × ".join(map(str, info.shape))
    size = " × ".join(f"{value:.4g}" for value in info.spacing_um or ())
    said = f"; voxel {size} um ({info.unit})" if info.spacing_um else ""
    return Preflight(
        seconds=0.1 + info.nbytes / 2e8,
        memory_mib=1.1 * info.nbytes / 2**20,
        problems=tuple(problems),
        notes=(f"{info.format}, {shape} voxels (z y x), {info.dtype}{said}", *info.warnings),
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
