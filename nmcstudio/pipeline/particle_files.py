"""The files of one particle: single files by their ending, and the folder that holds the usual ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.particles import Particle

#: Files of a particle's folder by the name of the format.
FOLDER_FILES = {
    "vti": "grains.vti",
    "tif": "grains.tif",
    "csv": "grains.csv",
    "stl": "shell.stl",
    "ply": "shell.ply",
    "json": "particle.json",
}


def write_particle_file(path: Path, particle: Particle, made: Mapping[str, Any], monitor: Monitor) -> None:
    """Write one file: labels (.vti, .tif, .tiff, .nrrd, .h5), shell (.stl, .ply), grains (.csv) or recipe (.json).

    Raises
    ------
    NmcError
        If the ending is not known or the file cannot be written.
    """
    writer = particle_writers().get(path.suffix.lower())
    if writer is None:
        raise NmcError(
            f"a particle cannot be written as {path.suffix or path.name!r}",
            f"use one of {', '.join(particle_writers())}, or a folder",
            "to",
        )
    writer(path, particle, made, monitor)


def particle_writers() -> dict[str, Callable[[Path, Particle, Mapping[str, Any], Monitor], None]]:
    """Writer of each file ending."""
    return {
        **dict.fromkeys((".vti", ".tif", ".tiff", ".nrrd", ".h5"), _labels),
        ".stl": _shell,
        ".ply": _shell,
        ".csv": _table,
        ".json": _recipe,
    }


def folder_name(index: int) -> str:
    """Name of the folder of particle number `index`."""
    return f"particle-{index:05d}"


def write_particle_folder(
    folder: Path,
    particle: Particle,
    made: Mapping[str, Any],
    monitor: Monitor,
    formats: tuple[str, ...] = tuple(FOLDER_FILES),
    mesh: Any = None,
) -> Path:
    """Write the folder of one particle into `folder`; it appears whole or not at all, and replaces one that is there.

    Parameters
    ----------
    folder
        Where the particle's own folder goes.
    made
        See `nmcstudio.io.tables.particle.write_particle`.
    formats
        Keys of `FOLDER_FILES`; "json" is always written.
    mesh
        Mesh that is written as ``mesh.vtu``, or None.
    """
    target = folder / folder_name(particle.index)
    part = folder / f".{target.name}.part"
    old = folder / f".{target.name}.old"
    shutil.rmtree(part, ignore_errors=True)
    try:
        _put_back(old, target)
        part.mkdir(parents=True)
        for name, file in FOLDER_FILES.items():
            if name in formats or name == "json":
                write_particle_file(part / file, particle, made, monitor)
        if mesh is not None:
            from nmcstudio.io.meshes import write_mesh

            monitor.check()
            write_mesh(mesh, part / "mesh.vtu")
        if target.exists():
            target.rename(old)
        part.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise NmcError(
            f"{target} could not be written ({error.strerror or error})", "check free space and permissions there"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _put_back(old, target)
    return target


def _put_back(old: Path, target: Path) -> None:
    """Undo a replacement that stopped half way."""
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _labels(path: Path, particle: Particle, made: Mapping[str, Any], monitor: Monitor) -> None:
    from nmcstudio.io.volumes.registry import write_labels

    write_labels(particle.grains, path, monitor)


def _shell(path: Path, particle: Particle, made: Mapping[str, Any], monitor: Monitor) -> None:
    from nmcstudio.io.meshes import write_mesh
    from nmcstudio.particle.surfaces import shell_surface

    write_mesh(shell_surface(particle.shell_coefficients), path)


def _table(path: Path, particle: Particle, made: Mapping[str, Any], monitor: Monitor) -> None:
    from nmcstudio.io.files import replacing
    from nmcstudio.io.tables.descriptors import write_descriptors
    from nmcstudio.particle.table import grain_columns

    with replacing(path) as part:
        write_descriptors(part, grain_columns(particle))


def _recipe(path: Path, particle: Particle, made: Mapping[str, Any], monitor: Monitor) -> None:
    from nmcstudio.io.tables.particle import write_particle

    write_particle(path, particle, made)
