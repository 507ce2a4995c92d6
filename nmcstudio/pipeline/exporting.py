"""Which files a node can become: one table of node, ending and writer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.files import check_place
from nmcstudio.pipeline.particle_files import particle_writers, write_particle_file, write_particle_folder

# writes one file, or says which ones it wrote
Writer = Callable[[Path, Any, Monitor], tuple[Path, ...] | None]


@dataclass(frozen=True)
class Written:
    """Files or folders that an export made."""

    paths: tuple[Path, ...]

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        files = [file for path in self.paths for file in (path.rglob("*") if path.is_dir() else [path])]
        return sum(file.stat().st_size for file in files if file.is_file())


def endings(node: str) -> tuple[str, ...]:
    """File endings that a node can be written with."""
    return tuple(particle_writers()) if node == "particle" else tuple(_writers()[node])


def export_node(
    node: str,
    value: Any,
    to: Path,
    monitor: Monitor,
    *,
    particle: int | None = None,
    mesh: str | None = None,
    made: Mapping[str, Any] | None = None,
) -> Written:
    """Write a node's value as an open file; particles also as a folder with all their files, a validation with all its figures.

    Parameters
    ----------
    node, value
        Key and value of the node.
    to
        File whose ending says the format, or for particles and the validation a folder (a name without ending).
    particle
        Number of the particle, None for all.
    mesh
        Kind of the mesh that goes into each particle's folder as VTU (`nmcstudio.mesh.make.KINDS`), None for none.
    made
        How the particles were made, for ``particle.json``.

    Raises
    ------
    NmcError
        If the ending does not fit the node, several particles are to go into one file, or nothing can be written there.
    """
    if node == "particle":
        return _export_particles(value.particles, to, monitor, particle, mesh, made or {})
    if node == "validation" and (not to.suffix or to.is_dir()):
        from nmcstudio.report.figures import write_figures

        return Written(write_figures(_folder(to), value, monitor))
    writer = _writers()[node].get(to.suffix.lower())
    if writer is None:
        folder = ", or a folder" if node == "validation" else ""
        raise NmcError(
            f"{node} cannot be written as {to.suffix or to.name!r}", f"use one of {', '.join(endings(node))}{folder}", "to"
        )
    if to.suffix.lower() != ".zarr":  # an OME-Zarr is a folder
        check_place(to)
    return Written(writer(to, value, monitor) or (to,))


def _export_particles(
    particles: tuple[Any, ...], to: Path, monitor: Monitor, number: int | None, mesh: str | None, made: Mapping[str, Any]
) -> Written:
    from nmcstudio.mesh.make import make_mesh

    if number is not None and number >= len(particles):
        raise NmcError(f"there is no particle {number}", f"the project has 0 to {len(particles) - 1}", "particle")
    chosen = particles if number is None else (particles[number],)
    if to.suffix and not to.is_dir():
        if len(chosen) > 1:
            raise NmcError(
                f"{len(chosen)} particles do not go into one file", "give a folder, or choose one particle by its number", "to"
            )
        write_particle_file(to, chosen[0], made, monitor)
        return Written((to,))
    _folder(to)
    paths = []
    for index, one in enumerate(chosen):
        part = monitor.sub(index / len(chosen), (index + 1) / len(chosen))
        part.report(0.0, f"writing particle {one.index}")
        meshed = make_mesh(one.grains, mesh, monitor=part.sub(0.0, 0.9)) if mesh is not None else None
        paths.append(write_particle_folder(to, one, made, part.sub(0.9 if mesh else 0.0, 1.0), mesh=meshed))
    return Written(tuple(paths))


def _folder(to: Path) -> Path:
    """Make the folder `to`, if it is not there."""
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NmcError(f"the folder {to} cannot be made ({error.strerror or error})", "choose another place", "to") from error
    return to


def _writers() -> dict[str, dict[str, Writer]]:
    volumes = dict.fromkeys((".tif", ".tiff", ".vti", ".nrrd", ".h5", ".zarr"), _volume)
    labels: dict[str, Writer] = {**dict.fromkeys(volumes, _labels), ".csv": _descriptors}
    return {
        "ct": dict(volumes),
        "particles": labels,
        "radii": {".h5": _radii, ".csv": _radii},
        "shell-model": {".json": _shell_model},
        "ebsd": {".vti": _ebsd, ".h5": _ebsd_again, ".dream3d": _ebsd_dream3d, ".ang": _ebsd_text, ".ctf": _ebsd_text},
        "grains": {**labels, ".dream3d": _grains_dream3d},
        "tessellation": {".csv": _tessellation, ".vtu": _cells, ".ply": _cells},
        "grain-model": {".json": _grain_model},
        "mesh": dict.fromkeys((".vtu", ".stl", ".ply"), _mesh),
        "validation": {".csv": _validation},
    }


def _volume(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.volumes.registry import write_volume

    write_volume(value, path, monitor)
    _warn_of_lost_place(path, value, monitor)


def _labels(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.volumes.registry import write_labels

    write_labels(value, path, monitor)
    _warn_of_lost_place(path, value, monitor)


def _warn_of_lost_place(path: Path, value: Any, monitor: Monitor) -> None:
    if path.suffix.lower() in (".tif", ".tiff") and any(value.origin_um):
        place = " ".join(f"{number:.6g}" for number in value.origin_um)
        monitor.warn(f"TIFF keeps no place of the first voxel ({place} um, z y x); VTI, NRRD, HDF5 and OME-Zarr do")


def _descriptors(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.files import replacing
    from nmcstudio.io.tables.descriptors import write_descriptors
    from nmcstudio.stats.descriptors import describe_labels

    columns = describe_labels(value, monitor=monitor).columns()
    with replacing(path) as part:
        write_descriptors(part, columns)


def _radii(path: Path, value: Any, monitor: Monitor) -> tuple[Path, ...]:
    from nmcstudio.io.tables.radii import write_radii

    return tuple(write_radii(path, value))


def _shell_model(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.tables.shell_model import write_shell_model

    write_shell_model(path, value)


def _grain_model(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.tables.grain_model import write_grain_model

    write_grain_model(path, value)


def _tessellation(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.tables.tessellation import write_tessellation

    write_tessellation(path, value)


def _cells(path: Path, value: Any, monitor: Monitor) -> None:
    """The exact cells of a Laguerre tessellation."""
    from nmcstudio.grains.cells import laguerre_cells
    from nmcstudio.io.meshes.polyhedra import write_cells

    if value.kind != "laguerre":
        raise NmcError(
            f"the cells of a {value.kind} tessellation have curved walls and are no polyhedra",
            "write the tessellation as .csv, or mesh a particle",
            "to",
        )
    cells = laguerre_cells(value.seeds_um, value.weights, value.window_um, monitor.sub(0.0, 0.7))
    monitor.report(0.7, f"writing {path.name}")
    write_cells(path, cells, value.labels)


def _ebsd(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.volumes.vti import write_arrays

    arrays = {"phase": value.phase, "quality": value.quality, "confidence": value.confidence, "quaternion": value.quaternions}
    write_arrays(path, arrays, value.spacing_um, value.origin_um, monitor, simulated=value.simulated)


def _ebsd_again(path: Path, value: Any, monitor: Monitor) -> None:
    """The stack as a file that import-ebsd reads again, with what alignment did to it."""
    from nmcstudio.io.ebsd.nmcstudio_h5 import write_ebsd

    write_ebsd(path, value, monitor)


def _ebsd_dream3d(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.ebsd.dream3d_write import write_stack_dream3d

    write_stack_dream3d(path, value, monitor)


def _grains_dream3d(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.ebsd.dream3d_write import write_grains_dream3d

    write_grains_dream3d(path, value, monitor)


def _ebsd_text(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.ebsd.text_write import write_ang, write_ctf

    (write_ang if path.suffix.lower() == ".ang" else write_ctf)(path, value, monitor)


def _mesh(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.meshes import write_mesh

    monitor.report(0.0, f"writing {path.name}")
    write_mesh(value, path)


def _validation(path: Path, value: Any, monitor: Monitor) -> None:
    from nmcstudio.io.files import replacing
    from nmcstudio.report.figures import distances_csv

    with replacing(path) as part:
        part.write_text(distances_csv(value), encoding="utf-8", newline="")
