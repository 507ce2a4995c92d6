"""Grains that a fit has lost come back with a cell of their own, where that serves the grains more than it costs voxels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, index_to_um, um_to_index
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.local_models import Array, Generators
from nmcstudio.grains.quality import agreements_of

_LOST = 0.1  # agreement below which a grain counts as lost
_LEAST_GAIN = 0.2  # of the sum of all grains' agreements
_DEAREST = 0.5  # voxels given up on balance, relative to those of the grain
_SCALES = (1.0, 3.0, 9.0)  # of the start matrix: a cell inside another one needs the steeper metric
_WINDOW = 1.5  # mean diameters around the grain


def bring_back(
    generators: Generators, start: Generators, rows: NDArray[np.int32], grains: LabelVolume, mean_um: float, monitor: Monitor
) -> Generators:
    """The generators with new ones for lost grains, each chosen from a few places with the exactly best weight.

    The weight of one cell decides voxel by voxel, in the order of its distances, what it takes from others. Taken is the weight
    that raises the sum of the grains' agreements most, as long as at most half the grain's voxels are given up on balance. A
    cell that takes more outside the window where it was chosen goes back to what it was.

    Parameters
    ----------
    generators
        Of the fit, um.
    start
        Start values of the same grains: centroids and matrices, um.
    rows
        int32 ``[z, y, x]``: generator of each voxel, -1 elsewhere.
    grains
        Gives spacing and origin.
    mean_um
        Mean diameter of the grains.
    """
    g = generators
    n = len(g.weights)
    index = _label(g, grains, monitor)
    right, every = agreements_of(index, rows, n)
    lost = np.flatnonzero((right < _LOST * every) & (every > 0))
    if len(lost) == 0:
        return g
    seeds, weights = g.seeds.copy(), g.weights.copy()
    matrices = None if g.matrices is None else g.matrices.copy()
    flat = tuple(length == 1 for length in reversed(rows.shape))
    entered = []
    for i in lost[np.argsort(-every[lost], kind="stable")]:
        monitor.check()
        box = _window(rows, start.seeds[i], grains, _WINDOW * mean_um)
        near, truth = index[box], rows[box]
        corner = np.array([part.start for part in box])
        place = index_to_um(np.argwhere(truth >= 0) + corner, grains.spacing_um, grains.origin_um)
        owner, own = near[truth >= 0], truth[truth >= 0]
        others = Generators(g.kind, seeds, weights, matrices)
        found = _best_entry(int(i), others, start, place, owner, own, every, flat)
        if found is None:
            continue
        seeds[i], weights[i] = found[0], found[1]
        if matrices is not None:
            matrices[i] = found[2]
        near[truth >= 0] = np.where(found[3], i, owner)
        entered.append(int(i))
    new = Generators(g.kind, seeds, weights, matrices)
    return _without_dear_ones(g, new, np.array(entered, np.int64), rows, every, grains, monitor) if entered else g


def _best_entry(
    i: int,
    others: Generators,
    start: Generators,
    place: Array,
    owner: NDArray[np.int32],
    own: NDArray[np.int32],
    every: NDArray[np.int64],
    flat: tuple[bool, ...],
) -> tuple[Array, float, Array | None, NDArray[np.bool_]] | None:
    """Seed, weight, matrix and the voxels won of the best cell for grain i, or None."""
    nearest = _distances(others.kind, place, others.seeds[owner], None if others.matrices is None else others.matrices[owner])
    nearest -= others.weights[owner]
    gain_voxels = np.where(own == i, 1.0, np.where(owner == own, -1.0, 0.0))
    gain = gain_voxels / every[own]
    best, least = None, _LEAST_GAIN
    for seed, matrix in _candidates(i, others, start, flat):
        # the cell owns what lies below its weight
        level = _distances(others.kind, place, seed[None], None if matrix is None else matrix[None]) - nearest
        order = np.argsort(level, kind="stable")
        grown, paid = np.cumsum(gain[order]), np.cumsum(gain_voxels[order])
        grown[paid < -_DEAREST * every[i]] = -np.inf
        last = int(np.argmax(grown))
        if grown[last] > least:
            after = level[order[last + 1]] if last + 1 < len(level) else level[order[last]] + 1.0
            weight = float(level[order[last]] + after) / 2.0
            best, least = (seed, weight, matrix, level < weight), float(grown[last])
    return best


def _candidates(i: int, others: Generators, start: Generators, flat: tuple[bool, ...]) -> Iterator[tuple[Array, Array | None]]:
    """Seeds and matrices to try: as they are, the centroid, and beside it (Laguerre) or in steeper metrics (GBPD)."""
    yield others.seeds[i].copy(), None if others.matrices is None else others.matrices[i].copy()
    if start.matrices is not None:
        for scale in _SCALES:
            yield start.seeds[i], scale * start.matrices[i]
        return
    yield start.seeds[i], None
    for axis in np.flatnonzero(~np.array(flat)):
        for side in (-1.0, 1.0):
            seed = start.seeds[i].copy()
            seed[axis] += side * np.sqrt(start.weights[i])
            yield seed, None


def _without_dear_ones(
    old: Generators,
    new: Generators,
    entered: NDArray[np.int64],
    rows: NDArray[np.int32],
    every: NDArray[np.int64],
    grains: LabelVolume,
    monitor: Monitor,
) -> Generators:
    """The new generators; the old ones for cells that do not hold what they promised on the whole volume."""
    n = len(every)
    before, after = _label(old, grains, monitor), _label(new, grains, monitor)
    paid, paid_shares, kept = np.zeros(n), np.zeros(n), np.zeros(n)
    for was, now, truth in zip(before, after, rows):
        taken = (was == truth) & (now != truth) & (truth >= 0)
        paid += np.bincount(now[taken], minlength=n)
        paid_shares += np.bincount(now[taken], weights=1.0 / every[truth[taken]], minlength=n)
        kept += np.bincount(truth[(now == truth) & (truth >= 0)], minlength=n)
    e = entered
    good = (kept[e] / every[e] - paid_shares[e] >= _LEAST_GAIN) & (paid[e] - kept[e] <= _DEAREST * every[e])
    back = e[~good]
    seeds, weights = new.seeds.copy(), new.weights.copy()
    seeds[back], weights[back] = old.seeds[back], old.weights[back]
    matrices = None if new.matrices is None else new.matrices.copy()
    if matrices is not None and old.matrices is not None:
        matrices[back] = old.matrices[back]
    return Generators(new.kind, seeds, weights, matrices)


def _label(g: Generators, grains: LabelVolume, monitor: Monitor) -> NDArray[np.int32]:
    monitor.check()
    return label_grid(g.kind, g.seeds, g.weights, g.matrices, grains.shape, grains.spacing_um, grains.origin_um)


def _window(rows: NDArray[np.int32], centre_um: Array, grains: LabelVolume, reach_um: float) -> tuple[slice, slice, slice]:
    """Box of voxels within a distance of a point along each axis."""
    middle = um_to_index(centre_um, grains.spacing_um, grains.origin_um)
    reach = reach_um / np.array(grains.spacing_um)
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach) + 1, rows.shape).astype(int)
    z, y, x = (slice(int(a), max(int(b), int(a) + 1)) for a, b in zip(low, high))
    return z, y, x


def _distances(kind: str, place: Array, seeds: Array, matrices: Array | None) -> Array:
    """Distances of points ``(k, 3)`` from seeds of their own or a common one, without weights."""
    shift = place - seeds
    turned = shift if matrices is None else np.einsum("nij,nj->ni", np.broadcast_to(matrices, (len(place), 3, 3)), shift)
    squares: Array = np.einsum("ni,ni->n", shift, turned)
    return np.sqrt(np.maximum(squares, 0.0)) if kind == "gbpd-sqrt" else squares
