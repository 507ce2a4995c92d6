"""Step import-ebsd: an orientation map, a stack of sections or a grain map in three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import check_spacing
from nmcstudio.pipeline.step import Preflight, Problem, Step

_BYTES_A_POINT = 60


class ImportEbsdParams(Params):
    files: tuple[str, ...] = param(
        (),
        "Files",
        widget="files",
        help="One map, the sections of a stack or their folder: .ang, .ctf, .cpr with .crc, .h5oina, .dream3d, EDAX, Bruker or "
        "LabDCT HDF5, or a table with column names.",
    )
    slice_spacing_um: float | None = param(
        None,
        "Slice distance",
        unit="um",
        optional_text="from the file",
        help="Thickness of material between two sections. No section knows it: a stack of sections needs it.",
        gt=0,
        decimals=4,
    )
    point_group: Literal[
        "auto", "-1", "2/m", "112/m", "2/m11", "mmm", "4/m", "4/mmm", "-3", "-3m", "-31m", "6/m", "6/mmm", "m-3", "m-3m"
    ] = param(
        "auto",
        "Point group",
        help="Symmetry of the crystal. Automatic takes what the file says; R-3m of layered oxides is -3m. Monoclinic crystals "
        "have their axis along b in 2/m, along c in 112/m, along a in 2/m11.",
    )
    frame: Literal["auto", "none", "edax-1", "edax-2", "edax-3", "edax-4", "oxford", "oxford-y", "bruker", "bruker-y"] = param(
        "auto",
        "Reference frame",
        help="How the vendor's Euler angles refer to the map; turned once and recorded. Automatic follows the format.",
    )
    spacing_um: tuple[float, ...] | None = param(
        None,
        "Voxel size",
        unit="um",
        optional_text="from the file",
        help="Replaces the steps of the files: one value, or three (z y x).",
        min_length=1,
        max_length=3,
        advanced=True,
    )
    scan: str | None = param(
        None,
        "Scan",
        optional_text="the first one",
        help="Name of the scan, where a file holds several; all stacks them. Left open, the first one is read, and every slice "
        "of a file of slices.",
        advanced=True,
    )
    gaps: Literal["blank", "close"] = param(
        "blank",
        "Missing numbers",
        help="What becomes of numbers that are missing in a series of sections: blank leaves their places empty and unobserved, "
        "close moves the sections together.",
        advanced=True,
    )
    phase_name: str | None = param(
        None, "Phase name", optional_text="from the file", help="Another name for the phase of the file.", advanced=True
    )


def run(inputs: Mapping[str, Any], params: ImportEbsdParams, monitor: Monitor, rng: np.random.Generator) -> EbsdStack:
    from nmcstudio.io.ebsd.registry import read_ebsd

    return read_ebsd(
        params.files,
        point_group=None if params.point_group == "auto" else params.point_group,
        phase_name=params.phase_name,
        frame=params.frame,
        slice_spacing_um=params.slice_spacing_um,
        spacing_um=None if params.spacing_um is None else check_spacing(params.spacing_um),
        scan=params.scan or None,
        gaps=params.gaps,
        monitor=monitor,
    )


def preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportEbsdParams) -> Preflight:
    if not params.files:
        return Preflight(problems=(Problem("files", "no file is chosen", "choose a map, the maps of a stack or their folder"),))
    from nmcstudio.io.ebsd.registry import probe

    try:
        info = probe(params.files, scan=params.scan or None, gaps=params.gaps)
    except NmcError as error:
        return Preflight(problems=(Problem(error.field or "files", error.message, error.hint),))
    problems = []
    if params.spacing_um is not None:
        try:
            check_spacing(params.spacing_um)
        except NmcError as error:
            problems.append(Problem("spacing_um", error.message, error.hint))
    elif info.needs_slice_spacing and params.slice_spacing_um is None:
        problems.append(Problem("slice_spacing_um", f"the distance of the {info.slices} sections is not known", "give it in um"))
    if params.point_group == "auto" and not all(info.point_groups):
        problems.append(Problem("point_group", "the file does not say which point group the crystal has", "choose it"))
    points = int(np.prod(info.grid))
    step = " × ".join(f"{value:.4g}" for value in info.step_um[::-1] if value is not None)
    sections = f"{info.slices} sections" if info.slices > 1 else "one section"
    phases = ", ".join(f"{phase.name} ({phase.point_group or 'point group unknown'})" for phase in info.phases)
    from nmcstudio.crystal.frames import FRAMES

    frame = FRAMES[info.frame if params.frame == "auto" else params.frame].words
    notes = [f"{info.title}: {sections} of {info.grid[2]} × {info.grid[1]} points, step {step} um; {phases}. {frame}"]
    if info.simulated:
        notes.append("simulated data")
    return Preflight(
        seconds=0.2 + points * 4e-6,
        memory_mib=points * _BYTES_A_POINT / 2**20,
        problems=tuple(problems),
        notes=(*notes, *info.warnings),
    )


STEP = Step(
    key="import-ebsd",
    title="Import EBSD map",
    lane="grains",
    params=ImportEbsdParams,
    run=run,
    writes="ebsd",
    preflight=preflight,
    about="Reads an orientation map, a stack of sections or a grain map, and turns the vendor's reference frame to ours.",
)
