"""The segmentation of a file larger than memory: from an OME-Zarr, or any volume read by boxes, to labels and a table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import param
from nmcstudio.pipeline.step import Step
from nmcstudio.pipeline.steps.segment_ct import SegmentCtParams, settings_of

if TYPE_CHECKING:
    from nmcstudio.io.volumes.info import VolumeInfo


class SegmentBlocksParams(SegmentCtParams):
    """Those of the segmentation in memory, and how the work is cut up."""

    files: tuple[str, ...] = param((), "Files", widget="files", help="The volume, best an OME-Zarr; then the OME-Zarr to write.")
    spacing_um: tuple[float, ...] | None = param(
        None,
        "Voxel size",
        unit="um",
        optional_text="from the file",
        help="One value, or three (z y x) where they differ.",
        min_length=1,
        max_length=3,
    )
    dataset: str | None = param(None, "Dataset", optional_text="the only one", help="Which volume of a file with several.")
    block_voxels: int = param(
        256, "Block", unit="voxel", help="Edge of the blocks. Larger ones waste less on their surroundings.", ge=16, le=4096
    )
    blocks_at_once: int = param(
        2, "Blocks at once", help="Blocks that are in work, and in memory, at the same time.", ge=1, le=4096
    )
    scheduler: str = param(
        "threads",
        "Scheduler",
        help="threads or processes of this computer, or the address of a running dask scheduler (tcp://node:8786) whose workers "
        "see the same files.",
    )


def segment_file(values: Mapping[str, Any], monitor: Monitor) -> dict[str, Any]:
    """Segment a file in blocks and write an OME-Zarr of labels with ``….descriptors.csv`` beside it.

    Parameters
    ----------
    values
        Parameters by name, as for `SegmentBlocksParams`.

    Returns
    -------
    figures
        As a step's: `step`, `seconds`, `peak_rss_mib`, `seed` and its own.

    Raises
    ------
    NmcError
        If the parameters or the files are not usable, or dask is missing.
    ComputationError
        If no particle remains.
    """
    from nmcstudio.core.volume import check_spacing
    from nmcstudio.imaging.blockwise.segment import segment_blocks
    from nmcstudio.io.files import replacing
    from nmcstudio.io.tables.descriptors import write_descriptors
    from nmcstudio.io.volumes.options import ReadOptions
    from nmcstudio.io.volumes.registry import open_volume
    from nmcstudio.pipeline.runner import peak_rss_mib
    from nmcstudio.pipeline.validation import params_of

    begun = time.monotonic()
    params: Any = params_of(STEP, values)
    if len(params.files) != 2:
        raise NmcError("two names are needed: the volume, and the OME-Zarr to write", "nmcstudio segment-blocks IN.zarr OUT.zarr")
    source, target = Path(params.files[0]), Path(params.files[1])
    if target.suffix != ".zarr":
        raise NmcError(f"{target.name} is no OME-Zarr", "give the labels a name that ends in .zarr", "files")
    if target.exists() and source.samefile(target):
        raise NmcError("the labels would take the place of the volume", "give them another name", "files")
    opened, _ = open_volume((str(source),), ReadOptions(dataset=params.dataset))
    info: VolumeInfo = opened.info
    if opened.source is None:
        raise NmcError(f"{source.name} holds no volume to read", "choose another file", "files")
    if params.spacing_um is None and info.spacing_um is None:
        raise NmcError(f"the voxel size is not known ({info.unit})", "give it in um with --spacing-um", "spacing_um")
    spacing = check_spacing(info.spacing_um if params.spacing_um is None else params.spacing_um)
    found = segment_blocks(
        opened.source,
        spacing,
        target,
        settings_of(params, replace(info, spacing_um=spacing)),
        origin_um=info.origin_um,
        stored_observed=opened.observed,
        block_voxels=params.block_voxels,
        scheduler=params.scheduler,
        blocks_at_once=params.blocks_at_once,
        simulated=info.simulated,
        monitor=monitor,
    )
    volumes = found.sizes * float(np.prod(spacing))
    table = target.with_name(f"{target.name.removesuffix('.zarr')}.descriptors.csv")
    columns: dict[str, Any] = {
        "label": np.arange(1, len(found.sizes) + 1),
        "volume_um3": volumes,
        "diameter_um": np.cbrt(6 / np.pi * volumes),
        "touches_border": found.touches_border,
    }
    columns |= {name: found.centroids_um[:, k] for k, name in enumerate(("x_um", "y_um", "z_um"))}
    with replacing(table) as part:
        write_descriptors(part, columns)
    return {
        "step": STEP.key,
        "seconds": round(time.monotonic() - begun, 3),
        "peak_rss_mib": round(peak_rss_mib(), 1),
        "seed": None,
        "particles": len(found.sizes),
        "labels": str(target),
        "table": str(table),
        "notes": list(found.notes),
        "headline": f"{len(found.sizes)} particles in {target}, table in {table.name}",
    }


def _run(inputs: Mapping[str, Any], params: Any, monitor: Monitor, rng: np.random.Generator) -> dict[str, Any]:
    return segment_file(params.model_dump(), monitor)


STEP = Step(
    key="segment-blocks",
    title="Segment in blocks",
    lane="particles",
    params=SegmentBlocksParams,
    run=_run,
    about="Segments a volume larger than memory block by block, with the labels that segment-ct would give, into an OME-Zarr; "
    "import-labels --as particles reads it.",
)
