"""Many shells as binary PLY files, one a shell, whose triangles are the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.files import replacing

_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def check_shell_folder(folder: Path, count: int) -> None:
    """Raise an NmcError if shells of an earlier, larger run would be left among the `count` new ones."""
    new = set(_names(count))
    left = [file.name for file in folder.glob("shell-*.ply") if file.name not in new]
    if left:
        raise NmcError(
            f"{folder} holds {len(left)} shells of another run that would stay among the new ones ({min(left)} …)",
            "choose an empty folder, or move them away",
            "to",
        )


def _names(count: int) -> list[str]:
    digits = max(5, len(str(count - 1)))
    return [f"shell-{number:0{digits}d}.ply" for number in range(count)]


def write_shell_folder(
    folder: Path,
    batches: Iterator[NDArray[np.float32]],
    count: int,
    directions: NDArray[np.float64],
    triangles: NDArray[np.int64],
    monitor: Monitor,
) -> None:
    """Write ``shell-00000.ply`` and so on: points in um, single precision.

    Parameters
    ----------
    batches
        The radii, float32 ``(k, m)`` each, `count` rows in all.
    directions, triangles
        ``(m, 3)`` unit vectors and ``(t, 3)`` indices of them.

    Raises
    ------
    NmcError
        If the folder cannot be made or a file not be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NmcError(f"the folder {folder} cannot be made ({error.strerror or error})", "choose another place", "to") from error
    faces = np.empty(len(triangles), _FACE)
    faces["count"], faces["corners"] = 3, triangles
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment nmcstudio, unit um\n"
        f"element vertex {len(directions)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode("ascii")
    ending, units = faces.tobytes(), directions.astype("<f4")
    names = iter(_names(count))
    number = 0
    for batch in batches:
        for radii in batch:
            monitor.report(number / count, f"writing {count} shells")
            with replacing(folder / next(names)) as part:
                part.write_bytes(header + (units * radii[:, None]).tobytes() + ending)
            number += 1
