"""Which generator is nearest: exact labels of voxel grids and of points, for Laguerre tessellations and GBPDs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import KINDS
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple, check_spacing
from nmcstudio.core.workers import in_threads

_PIECE = (256, 64, 64)  # voxels (x, y, z) of one piece of work
_EDGES = (64, 32, 16)  # voxels of the edges of the parts that a piece is cut into before the smallest ones
_PAIRS = 20_000_000  # point-generator pairs between two reports


def label_grid(
    kind: str,
    seeds_um: NDArray[np.float64],
    weights: NDArray[np.float64],
    matrices: NDArray[np.float64] | None,
    shape_zyx: tuple[int, int, int],
    spacing_um: Triple,
    origin_um: Triple = (0.0, 0.0, 0.0),
    monitor: Monitor | None = None,
) -> NDArray[np.int32]:
    """Index of the nearest generator at each voxel centre; the lowest index on ties.

    Exact: a generator is left out of a block of voxels only where another one is nearer at all of them. For Laguerre the
    difference of two distances is affine, so that its worst corner decides; for the generalized balanced power diagrams a
    second-order bound does.

    Parameters
    ----------
    kind
        "laguerre", "gbpd-quadratic" or "gbpd-sqrt" (models.md 6.1, 6.2).
    seeds_um
        float64 ``(n, 3)``, (x, y, z) in um.
    weights
        float64 ``(n,)``, um^2 (um for "gbpd-sqrt").
    matrices
        float64 ``(n, 3, 3)``, symmetric positive definite, or None for "laguerre".
    shape_zyx, spacing_um, origin_um
        The grid: voxels, their edges (z, y, x) in um, centre of voxel (0, 0, 0) as (z, y, x) in um.
    monitor
        Progress and cancel.

    Returns
    -------
    int32 ``[z, y, x]``, 0 to n - 1.

    Raises
    ------
    NmcError
        If there is no generator, a value is missing or the matrices do not fit the kind.
    """
    from nmcstudio.grains.labelling_kernels import CODES, EDGE, label_block

    s, w, m = packed(kind, seeds_um, weights, matrices)
    spacing = np.array(check_spacing(spacing_um)[::-1])
    origin = np.array(tuple(origin_um)[::-1], dtype=np.float64)
    out = np.empty(tuple(int(v) for v in shape_zyx), dtype=np.int32)
    monitor = monitor or Monitor()
    size = np.array(out.shape[::-1])
    lows = [
        (x, y, z)
        for z in range(0, size[2], _PIECE[2])
        for y in range(0, size[1], _PIECE[1])
        for x in range(0, size[0], _PIECE[0])
    ]
    edges = np.array([(edge,) * 3 for edge in (*_EDGES, EDGE)], dtype=np.int64)

    def work(low: tuple[int, int, int]) -> None:
        block = np.array([low, np.minimum(np.array(low) + _PIECE, size)], dtype=np.int64)
        # own copies: threads that count references to the same array wait for each other
        label_block(CODES[kind], s.copy(), w.copy(), m.copy(), edges, block, spacing.copy(), origin.copy(), out)

    in_threads(work, lows, monitor, "Labelling voxels")
    return out


def label_points(
    kind: str,
    seeds_um: NDArray[np.float64],
    weights: NDArray[np.float64],
    matrices: NDArray[np.float64] | None,
    points_um: NDArray[np.float64],
    monitor: Monitor | None = None,
) -> NDArray[np.int32]:
    """Index of the nearest generator of each point ``(k, 3)``, (x, y, z) in um; otherwise as `label_grid`."""
    from nmcstudio.grains.labelling_kernels import CODES, label_some

    s, w, m = packed(kind, seeds_um, weights, matrices)
    points = np.ascontiguousarray(points_um, dtype=np.float64).reshape(-1, 3)
    out = np.empty(len(points), dtype=np.int32)
    monitor = monitor or Monitor()
    piece = max(1, _PAIRS // len(w))
    for start in monitor.track(range(0, len(points), piece), "Labelling points"):
        label_some(CODES[kind], s, w, m, points[start : start + piece], out[start : start + piece])
    return out


def packed(
    kind: str, seeds_um: Any, weights: Any, matrices: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Generators as the kernels want them: seeds ``(n, 3)``, weights ``(n,)``, matrices ``(n, 6)`` (xx, xy, xz, yy, yz, zz).

    Raises
    ------
    NmcError
        As `label_grid`.
    """
    if kind not in KINDS:
        raise NmcError(f"unknown kind of tessellation {kind!r}", f"use one of {', '.join(KINDS)}", "kind")
    s = np.array(seeds_um, dtype=np.float64, order="C").reshape(-1, 3)
    w = np.array(weights, dtype=np.float64, order="C").reshape(-1)
    if len(w) == 0 or len(w) != len(s):
        raise NmcError(f"{len(s)} seeds with {len(w)} weights", "give at least one generator, each with a seed and a weight")
    if (kind == "laguerre") != (matrices is None):
        raise NmcError(f"a {kind} tessellation with{'out' if matrices is None else ''} matrices", "give matrices for GBPD only")
    m = np.zeros((1, 6))
    if matrices is not None:
        full = np.asarray(matrices, dtype=np.float64).reshape(-1, 3, 3)
        if len(full) != len(w):
            raise NmcError(f"{len(w)} generators with {len(full)} matrices", "give one matrix for each generator")
        m = np.ascontiguousarray(full[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]])
    if not (np.isfinite(s).all() and np.isfinite(w).all() and np.isfinite(m).all()):
        raise NmcError("a generator has a missing or infinite value", "check seeds, weights and matrices")
    return s, w, m
