"""Many particles into a folder, on several processes: can be stopped at any moment and started again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import ShellModel
from nmcstudio.pipeline.particle_files import FOLDER_FILES, folder_name, write_particle_folder

_MOST_WORKERS = 8


@dataclass(frozen=True)
class Job:
    """What every worker needs to make one particle of a series.

    Attributes
    ----------
    shell_model, grain_model
        The fitted models.
    stream
        Seed sequence of the series.
    folder
        Where the particles' folders go.
    options
        Keyword arguments of `compose_particle`.
    formats
        Files of each folder.
    mesh
        Kind of the mesh, None for none; and its edge in um or None.
    mesh_edge_um
        See `make_mesh`.
    made
        What ``particle.json`` says about the series.
    """

    shell_model: ShellModel
    grain_model: GrainModel
    stream: np.random.SeedSequence
    folder: Path
    options: dict[str, Any]
    formats: tuple[str, ...]
    mesh: str | None
    mesh_edge_um: float | None
    made: dict[str, Any]


@dataclass(frozen=True)
class Made:
    """Figures of one particle that stands in the folder."""

    index: int
    grains: int
    diameter_um: float
    shell_diameter_um: float


def generate(
    shell_model: ShellModel,
    grain_model: GrainModel,
    rng: np.random.Generator,
    folder: Path,
    *,
    count: int,
    options: Mapping[str, Any],
    formats: tuple[str, ...] = tuple(FOLDER_FILES),
    mesh: str | None = None,
    mesh_edge_um: float | None = None,
    workers: int | None = None,
    monitor: Monitor | None = None,
) -> tuple[list[Made], int]:
    """Make the particles 0 to count - 1 that the folder does not hold yet.

    Parameters
    ----------
    rng
        Its stream, the models and the options decide about the particles; `workers` and `count` do not.
    folder
        Gets one folder a particle, the two models and ``particles.csv``; made if it is not there.
    options
        Keyword arguments of `nmcstudio.particle.compose.compose_particle`.
    workers
        Processes; None for half of the processors, 1 works in this process.

    Returns
    -------
    Figures of all particles by number (fewer than `count` after "finish now"), and how many of them were there before.

    Raises
    ------
    NmcError
        If the folder holds particles of other models, parameters or seed, or nothing can be written there.
    Cancelled
        If asked to; finished particles stay.
    """
    monitor = monitor or Monitor()
    made: dict[str, Any] = {
        "step": "generate",
        "series": _fingerprint(shell_model, grain_model, rng, options, mesh, mesh_edge_um),
    }
    made["params"] = dict(options) | {"formats": list(formats), "mesh": mesh, "mesh_edge_um": mesh_edge_um}
    sequence: Any = rng.bit_generator.seed_seq  # type: ignore[attr-defined]
    job = Job(
        shell_model, grain_model, sequence, folder, dict(options), formats, mesh, mesh_edge_um, made
    )  # fmt: skip
    _make_folder(folder)
    done = _finished(job, monitor)
    _write_models(job)
    missing = [index for index in range(count) if index not in done]
    before = count - len(missing)
    for one in _work(job, missing, _processes(workers, len(missing)), count, monitor):
        done[one.index] = one
    ordered = [done[index] for index in sorted(done)]
    _write_list(folder, ordered, sequence)
    asked = [one for one in ordered if one.index < count]
    if len(asked) < count:
        monitor.warn(f"finished early: {len(asked)} of {count} particles")
    return asked, before


def make_one(job: Job, index: int, monitor: Monitor | None = None) -> Made:
    """Compose one particle of the series and write its folder."""
    from nmcstudio.mesh.make import make_mesh
    from nmcstudio.particle.compose import compose_particle

    monitor = monitor or Monitor()
    rng = np.random.default_rng(job.stream)
    composing = monitor.sub(0.0, 0.5 if job.mesh else 0.9)
    one = compose_particle(job.shell_model, job.grain_model, rng, index, monitor=composing, **job.options)
    mesh = None
    if job.mesh is not None:
        mesh = make_mesh(one.grains, job.mesh, edge_um=job.mesh_edge_um, monitor=monitor.sub(0.5, 0.9))
    write_particle_folder(job.folder, one, job.made, monitor.sub(0.9, 1.0), job.formats, mesh)
    return Made(index, one.grain_count, one.diameter_um, one.shell_diameter_um)


def _work(job: Job, missing: list[int], processes: int, count: int, monitor: Monitor) -> Iterator[Made]:
    ready = count - len(missing)
    if processes <= 1:
        for index in missing:
            if ready and monitor.finish_requested:
                return
            monitor.report(ready / count, f"particle {index} of {count}")
            yield make_one(job, index, monitor.sub(ready / count, (ready + 1) / count))
            ready += 1
        return
    with _workers(job, processes) as pool:
        waiting: set[Future[Made]] = {pool.submit(make_one, job, index) for index in missing}
        while waiting:
            monitor.report(ready / count, f"{ready} of {count} particles, {processes} processes")
            if ready and monitor.finish_requested:
                waiting = {future for future in waiting if not future.cancel()}
            finished, waiting = wait(waiting, timeout=0.1, return_when="FIRST_COMPLETED")
            for future in finished:
                yield future.result()
                ready += 1


@contextmanager
def _workers(job: Job, processes: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes that are ended at once when anything is raised, Cancelled too; their unfinished folders go."""
    import multiprocessing

    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker)
    try:
        yield pool
        pool.shutdown()
    except BaseException as error:
        children = list((pool._processes or {}).values())
        for child in children:
            child.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.join(timeout=5)
        for left in job.folder.glob(".particle-*"):
            shutil.rmtree(left, ignore_errors=True)
        if isinstance(error, BrokenProcessPool):
            raise ComputationError(
                "a process that made particles ended without a word", "use fewer processes or larger voxels: memory may be short"
            ) from error
        raise


def _begin_worker() -> None:
    """Ctrl+C goes to every process of a terminal; the one that started the others ends them, or they end after it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _processes(wanted: int | None, missing: int) -> int:
    if wanted is None:
        wanted = max(1, min((os.cpu_count() or 2) // 2, _MOST_WORKERS))
    return min(wanted, missing)


def _fingerprint(
    shell_model: ShellModel, grain_model: GrainModel, rng: np.random.Generator, options: Mapping[str, Any], *more: Any
) -> str:
    from nmcstudio.project.codec import digest

    sequence: Any = rng.bit_generator.seed_seq  # type: ignore[attr-defined]
    parts = [digest(shell_model), digest(grain_model), str(sequence.entropy), str(sequence.spawn_key)]
    text = json.dumps([*parts, dict(options), *more], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NmcError(f"the folder {folder} cannot be made ({error.strerror or error})", "choose another place", "to") from error


def _finished(job: Job, monitor: Monitor) -> dict[int, Made]:
    """All particles of this series that the folder holds, by number."""
    found = {}
    for place in sorted(job.folder.glob("particle-*")):
        monitor.report(0.0, "looking for finished particles")
        number = place.name.rpartition("-")[2]
        one = _find(job, int(number)) if number.isdigit() else None
        if one is not None:
            found[one.index] = one
    return found


def _write_models(job: Job) -> None:
    """Only once it is clear that the particles in the folder are of these models."""
    from nmcstudio.pipeline.exporting import export_node

    silent = Monitor()
    export_node("shell-model", job.shell_model, job.folder / "shell-model.json", silent)
    export_node("grain-model", job.grain_model, job.folder / "grain-model.json", silent)


def _find(job: Job, index: int) -> Made | None:
    """Figures of a finished particle of this series, None if it is not there."""
    file = job.folder / folder_name(index) / FOLDER_FILES["json"]
    if not file.exists():
        return None
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        series = data["made"]["series"]
        found = Made(int(data["index"]), int(data["grains"]), float(data["diameter"]), float(data["shell_diameter"]))
    except (OSError, ValueError, KeyError, TypeError):
        # not written by a finished run, so it is made again
        return None
    if series != job.made["series"]:
        raise NmcError(
            f"{job.folder} holds particles of another series (other models, parameters or seed)",
            "choose an empty folder, or remove the old particles first",
            "to",
        )
    complete = all((file.parent / FOLDER_FILES[name]).exists() for name in job.formats)
    return found if complete and (job.mesh is None or (file.parent / "mesh.vtu").exists()) else None


def _write_list(folder: Path, particles: list[Made], sequence: Any) -> None:
    from nmcstudio.io.files import replacing
    from nmcstudio.io.tables.descriptors import write_descriptors

    columns = {
        "index": np.array([one.index for one in particles]),
        "grains": np.array([one.grains for one in particles]),
        "diameter_um": np.array([one.diameter_um for one in particles]),
        "shell_diameter_um": np.array([one.shell_diameter_um for one in particles]),
        "seed": np.full(len(particles), int(sequence.entropy)),
    }
    with replacing(folder / "particles.csv") as part:
        write_descriptors(part, columns)
