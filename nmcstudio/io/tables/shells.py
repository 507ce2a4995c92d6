"""Many shells in one HDF5 file: radii on common directions, the triangles between them, and the harmonics they come from."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.io.files import replacing_hdf5

FORMAT = "nmcstudio/shells"
VERSION = 1


def write_shells(
    path: Path,
    batches: Iterator[NDArray[np.float32]],
    coefficients: NDArray[np.float64],
    components: NDArray[np.int64],
    directions: NDArray[np.float64],
    triangles: NDArray[np.int64],
    monitor: Monitor,
    **facts: Any,
) -> None:
    """Write shells; point i of shell k is ``radii[k, i] * directions[i]``, in um.

    Parameters
    ----------
    batches
        The radii, float32 ``(k, m)`` each, n rows in all; the next batch is computed while the last are written
        (`nmcstudio.shell.synthesis.synthesise`).
    coefficients
        ``(n, (L + 1)^2)``, orthonormal real harmonics at index l^2 + l + m, um.
    components
        ``(n,)``, index of the mixture component of each.
    directions, triangles
        ``(m, 3)`` unit vectors and ``(t, 3)`` indices of them, counter-clockwise from outside.
    facts
        Attributes of the file: seed, size, and what else makes the shells again.

    Raises
    ------
    NmcError
        If the file cannot be written.
    """
    count = len(components)
    with replacing_hdf5(path) as file, ThreadPoolExecutor(1) as writer:
        file.attrs.update({"format": FORMAT, "version": VERSION, "unit": "um", "simulated": True} | facts)
        file["directions"] = directions
        file["triangles"] = triangles.astype(np.int32)
        file["component"] = components
        file["coefficients"] = coefficients
        radii = file.create_dataset("radii", (count, len(directions)), np.float32)
        waiting: list[Future[None]] = []
        first = 0
        for batch in batches:
            monitor.report(first / count, f"writing {count} shells")
            waiting.append(writer.submit(_put, radii, first, batch))
            first += len(batch)
            # Three in hand at most: the memory of a batch is used again for the fourth one after it.
            if len(waiting) > 2:
                waiting.pop(0).result()
        for future in waiting:
            future.result()


def _put(radii: Any, first: int, batch: NDArray[np.float32]) -> None:
    radii.write_direct(batch, dest_sel=np.s_[first : first + len(batch)])
