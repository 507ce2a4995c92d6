"""`segment_ct` for volumes larger than memory: the same labels, block by block."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import SurfaceLevel, Triple, Volume, index_to_um
from nmcstudio.imaging.blockwise import passes
from nmcstudio.imaging.blockwise.grid import Grid, OnDisk
from nmcstudio.imaging.blockwise.joining import Ways, join_pores, join_surveys
from nmcstudio.imaging.blockwise.passes import Job
from nmcstudio.imaging.blockwise.schedule import Workers, workers
from nmcstudio.imaging.faces import take_faces
from nmcstudio.imaging.field_of_view import Observed, find_region
from nmcstudio.imaging.foreground import level_of, sensitivity
from nmcstudio.imaging.merging import merge_order
from nmcstudio.imaging.segment_ct import minimum_voxels
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.slabs import slabs
from nmcstudio.imaging.smoothed import Smoothed, ground_within, sigma_of
from nmcstudio.imaging.split import SplitHierarchy
from nmcstudio.imaging.threshold import histogram_of_counts
from nmcstudio.io.volumes.sources import Source


@dataclass(frozen=True)
class BlockSegmentation:
    """What came of a segmentation in blocks; the labels are in the file.

    Attributes
    ----------
    sizes
        int64 ``(n,)``, voxels of particles 1, 2, ….
    centroids_um
        float64 ``(n, 3)``, (x, y, z).
    touches_border
        bool ``(n,)``.
    surface
        Smoothing and grey level, or None for a phase image.
    notes
        What was found, in words.
    """

    sizes: NDArray[np.int64]
    centroids_um: NDArray[np.float64]
    touches_border: NDArray[np.bool_]
    surface: SurfaceLevel | None
    notes: tuple[str, ...]


def segment_blocks(
    source: Source,
    spacing_um: Triple,
    output: Path,
    settings: SegmentSettings | None = None,
    *,
    origin_um: Triple = (0.0, 0.0, 0.0),
    stored_observed: Source | None = None,
    block_voxels: int | tuple[int, int, int] = 256,
    scheduler: str = "threads",
    blocks_at_once: int = 2,
    simulated: bool = False,
    monitor: Monitor | None = None,
) -> BlockSegmentation:
    """Label the particles of a CT volume on disk: the labels of `segment_ct`, number for number.

    Parameters
    ----------
    source
        Grey values or phases, read by blocks.
    spacing_um, origin_um
        Voxel edges and centre of the first voxel, (z, y, x).
    output
        An OME-Zarr for the labels; work in progress stands in a folder beside it, up to 9 bytes per voxel before compression.
    settings
        As for `segment_ct`.
    stored_observed
        Not 0 where the sample was imaged; None if everything was.
    block_voxels
        Edge of a block, or edges (z, y, x).
    scheduler
        "threads", "processes", or the address of dask's scheduler.
    blocks_at_once
        Blocks that are in memory at the same time, each with what it needs around it.
    simulated
        The grey values were made by a program.

    Raises
    ------
    NmcError
        If dask is missing, the output cannot be written, or the settings do not fit the volume.
    ComputationError
        If no particle remains.

    Notes
    -----
    Passes over the blocks: smoothing with a halo of four sigma and a histogram that is summed; threshold and background regions,
    which are joined across the blocks' faces to find the closed pores; distances with a halo that is widened until nothing
    beyond it can be nearer; the ways uphill with a halo of one, and of those that leave a block where they end; necks with a
    halo of one, of which each pair takes the largest. One order of merges is made of all, and the labels are written.
    """
    monitor, chosen = monitor or Monitor(), settings or SegmentSettings()
    edges = (block_voxels,) * 3 if isinstance(block_voxels, int) else block_voxels
    if chosen.method != "hierarchy":
        raise NmcError("markers flood the whole volume at once", "split by the hierarchy of merges", "method")
    if min(edges) < 8:
        raise NmcError(f"blocks of {min(edges)} voxels are too small", "take 64 to 512", "block_voxels")
    grid = Grid(source.shape, (edges[0], edges[1], edges[2]))
    mean = float(np.cbrt(np.prod(spacing_um)))
    values = OnDisk(source, band=min(edges[0], 64))
    # Settings that depend on the voxels' size look at nothing else of the volume.
    like = Volume(np.zeros((1, 1, 1), np.uint8), spacing_um)
    with workers(scheduler, blocks_at_once) as team, tempfile.TemporaryDirectory(dir=output.parent, prefix=".blocks-") as folder:
        observed = _observed(values, stored_observed, chosen, monitor.sub(0.0, 0.02))
        limited = observed.stored is not None or observed.numbers is not None or not observed.region.everything
        ground = ground_within(
            values,  # type: ignore[arg-type]
            observed if limited else None,
            observed.region.words,
            sigma_of(like, chosen),
            chosen,
            monitor.sub(0.02, 0.05),
        )
        if ground.fitted is not None and ground.fitted.rings is not None:
            ground.fitted.rings.profiles(np.arange(source.shape[0]), monitor.sub(0.05, 0.1))
        scaled = (spacing_um[0] / mean, spacing_um[1] / mean, spacing_um[2] / mean)
        job = Job(values, grid, scaled, chosen, replace(ground, observed=None), observed, Path(folder))
        job, surface, notes = _material(job, team, monitor.sub(0.1, 0.5))
        hierarchy, sums = _hierarchy(job, team, monitor.sub(0.5, 0.9))
        minimum = minimum_voxels(like, surface, chosen.minimum_diameter_um)
        found = hierarchy.sort_out(chosen.split, minimum, chosen.keep_cut)
        if not len(found.sizes):
            raise ComputationError(
                f"no particle is left (dropped {found.removed.cut} at the border and {found.removed.small} small ones)",
                "check threshold and field of view, lower the smallest size, raise split, or keep particles at the border",
            )
        facts = {"kind": "particles", "point_group": "", "simulated": simulated, "name": output.name.split(".")[0]}
        _write(job, found.lookup, output, spacing_um, origin_um, facts, limited, monitor.sub(0.9, 1.0))
    places, touching = np.zeros((len(found.sizes) + 1, 3)), np.zeros(len(found.sizes) + 1, bool)
    np.add.at(places, found.lookup, sums)
    np.logical_or.at(touching, found.lookup, hierarchy.cut)
    centroids = index_to_um(places[1:] / found.sizes[:, None], spacing_um, origin_um)
    notes = (*notes, found.removed.words(minimum))
    return BlockSegmentation(found.sizes, centroids, touching[1:], surface, notes)


def _observed(values: OnDisk, stored: Source | None, settings: SegmentSettings, monitor: Monitor) -> Observed:
    region = find_region(values, settings.field_of_view_kind, settings.cylinder, settings.box)  # type: ignore[arg-type]
    numbers = None
    if values.dtype.kind == "f":
        for part in slabs(values.shape, monitor, "Looking for values that are no numbers"):
            if not np.isfinite(values[part]).all():
                numbers = values
                break
    return Observed(region, None if stored is None else OnDisk(stored, band=64), numbers)


def _material(job: Job, team: Workers, monitor: Monitor) -> tuple[Job, SurfaceLevel | None, tuple[str, ...]]:
    """Smoothed codes, the threshold, and the mask without closed pores."""
    blocks = job.grid.blocks()
    narrow = job.settings.phase_value is not None or job.values.dtype == np.uint8
    job.create("codes", np.uint8 if narrow and job.ground.sigma_voxels <= 0 else np.uint16)
    counts = np.zeros(65536, np.int64)
    for found in team.each(passes.smooth_block, blocks, job, monitor.sub(0.0, 0.5), "Smoothing"):
        counts[: len(found)] += found
    notes = list(job.ground.notes)
    histogram, surface = None, None
    if job.settings.phase_value is None:
        histogram = histogram_of_counts(counts, job.ground.scale.offset, job.ground.scale.scale)
    elif not counts[1:].any():
        raise NmcError(
            f"no voxel has the value {job.settings.phase_value}", "choose another value, or none for grey values", "phase_value"
        )
    smoothed = Smoothed(
        np.empty((0, 0, 0), np.uint16), job.ground.scale, job.ground.sigma_voxels, None, histogram, job.ground.notes
    )
    level = level_of(smoothed, job.settings)
    if histogram is not None:
        how = "Otsu" if job.settings.threshold is None else "given"
        notes.append(f"{how} threshold {level:.6g}: {sensitivity(histogram, level)}")
        surface = SurfaceLevel(job.ground.sigma_voxels, level)
    below = job.ground.scale.last_below(level)
    smoothing = job
    faces = take_faces(job.grid.shape, lambda starts, stops: passes.smooth_box(smoothing, starts, stops)[0])
    job = replace(job, below=below, faces=tuple(face > below for face in faces))
    job.create("mask", bool)
    closed: list[NDArray[np.bool_]] = [np.zeros(1, bool)] * len(blocks)
    if job.settings.fill_closed_pores:
        found_pores = team.each(passes.find_pores, blocks, job, monitor.sub(0.5, 0.75), "Looking for closed pores")
        closed, pores, voxels = join_pores(job.grid, found_pores)
    items = list(zip(blocks, closed))
    material = sum(team.each(passes.cut_block, items, job, monitor.sub(0.75, 1.0), "Applying the threshold"))
    if job.settings.fill_closed_pores and pores:
        notes.append(f"{pores} closed pores filled ({100 * voxels / max(1, material):.2g} % of the material)")
    return job, surface, tuple(notes)


def _hierarchy(job: Job, team: Workers, monitor: Monitor) -> tuple[SplitHierarchy, NDArray[np.float64]]:
    """Basins and the order of their merges, with sums of the voxels' places for each basin."""
    blocks = job.grid.blocks()
    job.create("heights", np.uint16)
    words = "Measuring distances to the surface"
    depth = max(team.each(passes.measure_heights, blocks, job, monitor.sub(0.0, 0.4), words))
    if depth > 65535 * job.step:
        # Wider than 500 voxels: heights need a coarser step.
        job = replace(job, step=depth / 65535)
        for _ in team.each(passes.measure_heights, blocks, job, monitor.sub(0.3, 0.4), words):
            pass
    job.create("basins", np.uint32)
    words = "Finding the middles of particles"
    ways = Ways(job.grid, team.each(passes.point_block, blocks, job, monitor.sub(0.4, 0.6), words))
    asked = ways.questions()
    items = [(blocks[number], voxels) for number, _, voxels in asked]
    answers = team.each(passes.look_up, items, job, monitor.sub(0.6, 0.65), words)
    ways.resolve((number, goals, numbers) for (number, goals, _), numbers in zip(asked, answers))
    named = [(block, ways.lookup(block.number)) for block in blocks]
    for _ in team.each(passes.number_block, named, job, monitor.sub(0.65, 0.75), words):
        pass
    job = replace(job, count=len(ways.tops))
    surveys = team.each(passes.survey_one, blocks, job, monitor.sub(0.75, 0.95), "Finding necks between particles")
    sizes, sums, cut, pairs, necks = join_surveys(len(ways.tops), surveys)
    peaks = job.step * np.concatenate(([0.0], ways.peaks.astype(np.float64)))
    merged, ratios = merge_order(peaks, pairs, job.step * necks, job.settings.depth_voxels, monitor.sub(0.95, 1.0))
    return SplitHierarchy(np.empty((0, 0, 0), np.int32), merged, ratios, peaks, sizes, cut), sums


def _write(
    job: Job,
    lookup: NDArray[np.uint32],
    output: Path,
    spacing_um: Triple,
    origin_um: Triple,
    facts: dict[str, Any],
    limited: bool,
    monitor: Monitor,
) -> None:
    """The labels into an OME-Zarr, with what was observed."""
    from nmcstudio.io.volumes.omezarr_write import writing_zarr

    dtype = np.uint16 if lookup.max(initial=0) < 65536 else np.uint32
    final = lookup.astype(dtype)
    array = job.array("basins")

    def pieces(part: Monitor) -> Iterator[Any]:
        return part.track(job.grid.blocks(), "Writing labels")

    with writing_zarr(
        output, job.grid.shape, dtype, spacing_um, origin_um, monitor.sub(0.7, 1.0), labels=True, facts=facts
    ) as to:
        for block in pieces(monitor.sub(0.0, 0.5)):
            to.base[block.box] = final[array[block.box]]
        if limited:
            with to.observed(monitor) as seen:
                for block in pieces(monitor.sub(0.5, 0.7)):
                    known = job.observed.block(block.starts, block.stops)
                    seen[block.box] = 1 if known is None else known.view(np.uint8)
