"""Which writer belongs to which extension."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.io.files import replacing


def _stl(path: Path, mesh: Any) -> None:
    from nmcstudio.io.meshes.stl import write_stl

    write_stl(path, mesh)


def _ply(path: Path, mesh: Any) -> None:
    from nmcstudio.io.meshes.ply import write_ply

    write_ply(path, mesh)


def _vtu(path: Path, mesh: Any) -> None:
    from nmcstudio.io.meshes.vtu import write_vtu

    write_vtu(path, mesh)


_WRITERS: dict[str, Callable[[Path, Any], None]] = {".stl": _stl, ".ply": _ply, ".vtu": _vtu}
EXTENSIONS = tuple(_WRITERS)


def write_mesh(mesh: SurfaceMesh | VolumeMesh, path: str | os.PathLike[str]) -> None:
    """Write a mesh; the extension says the format. The file appears whole or not at all.

    STL holds the outer skin only, PLY the surface with the labels on both sides, VTU everything. Volume meshes go to STL and PLY
    as the faces of their cells that separate labels.

    Raises
    ------
    NmcError
        If the extension is not known, or the file cannot be written.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise NmcError(f"a mesh cannot be written as {path.suffix or path.name!r}", f"use one of {', '.join(EXTENSIONS)}", "to")
    with replacing(path) as part:
        writer(part, mesh)
