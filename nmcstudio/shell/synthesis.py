"""Radii of many shells at many directions: the basis once, in single precision, times coefficients in batches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nmcstudio.shell.directions import SphereMesh, icosphere, octasphere
from nmcstudio.shell.harmonics import compute_harmonics, degree_of_count

#: Radii of a batch: 16 MiB of single precision. At the end of each product its threads wait for each other.
_BATCH = 4_000_000
#: Batches in memory: as many as a caller may still be writing while the next is computed.
_RING = 4
#: Meshes by the name of their directions.
MESHES = ("octasphere-258", "octasphere-1026", "octasphere-4098", "octasphere-16386", "icosphere-2562", "icosphere-10242")


def mesh_by_name(name: str) -> SphereMesh:
    """The mesh that a name of `MESHES` says."""
    kind, _, count = name.partition("-")
    if kind == "octasphere":
        return octasphere({"258": 3, "1026": 4, "4098": 5, "16386": 6}[count])
    return icosphere({"2562": 4, "10242": 5}[count])


def synthesise(coefficients: NDArray[np.float64], directions: NDArray[np.float64]) -> Iterator[NDArray[np.float32]]:
    """Radii, um, of shells batch by batch: float32 ``(k, m)``, the shells in their order.

    The memory of a batch is used again for the fourth one after it; who keeps batches copies them.
    Single precision is relative 1e-6 here, a nanometre in a millimetre.

    Parameters
    ----------
    coefficients
        ``(n, (L + 1)^2)``, um.
    directions
        float64 ``(m, 3)``, unit vectors.
    """
    basis = _basis32(np.ascontiguousarray(directions).tobytes(), degree_of_count(coefficients.shape[1]))
    batch = max(1, _BATCH // len(directions))
    # Fresh memory for every batch would cost as much as the product: the system clears each page.
    ring = np.empty((_RING, min(batch, len(coefficients)), len(directions)), np.float32)
    for number, start in enumerate(range(0, len(coefficients), batch)):
        part = np.asarray(coefficients[start : start + batch], dtype=np.float32)
        yield np.matmul(part, basis, out=ring[number % _RING, : len(part)])


@lru_cache(maxsize=4)
def _basis32(raw: bytes, degree: int) -> NDArray[np.float32]:
    """The basis, float32 ``((L + 1)^2, m)``."""
    basis = compute_harmonics(np.frombuffer(raw).reshape(-1, 3), degree)
    return np.ascontiguousarray(basis.T, dtype=np.float32)
