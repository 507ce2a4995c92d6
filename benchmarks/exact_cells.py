"""Exact Laguerre cells of 50,000 generators, empty ones among them: ours against pyvoro2 (Voro++), in the same process.

Both give polyhedra with volumes, faces and neighbours. Volumes and faces are compared; where a peer fails, that is printed.
"""

from __future__ import annotations

import argparse
import sys
from functools import lru_cache

import numpy as np
from common import Measured, interleaved, table

SIDE = 100.0


@lru_cache(maxsize=1)
def generators(count: int, spread: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Uniform seeds in a cube of edge 100 with weights whose `spread`, as part of the squared spacing, empties cells."""
    rng = np.random.default_rng(seed)
    spacing = SIDE / count ** (1 / 3)
    return rng.uniform(0, SIDE, (count, 3)), rng.normal(0, spread * spacing**2, count)


def ours(count: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    from nmcstudio.grains.cells import laguerre_cells

    cells = laguerre_cells(*generators(count, spread), np.array([[0.0, SIDE]] * 3))
    return cells.volumes_um3, np.bincount(cells.faces[:, 0], minlength=count)


def pyvoro2(count: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    import pyvoro2

    seeds, weights = generators(count, spread)
    box = pyvoro2.Box(bounds=((0.0, SIDE),) * 3)
    cells = pyvoro2.compute(seeds, domain=box, mode="power", weights=weights, include_empty=True, output="cells")
    volumes, faces = np.zeros(count), np.zeros(count, np.int64)
    for cell in cells:
        volumes[cell["id"]], faces[cell["id"]] = cell["volume"], len(cell.get("faces", ()))
    return volumes, faces


def compare(count: int, spread: float, rounds: int) -> bool:
    rows = interleaved({"nmcstudio": ours, "pyvoro2": pyvoro2}, (count, spread), rounds=rounds)
    table(f"{count} generators, weights of sd {spread:g} spacing^2", rows)
    row = rows["nmcstudio"]
    assert isinstance(row, Measured)
    volumes, faces = row.check
    off = abs(volumes.sum() / SIDE**3 - 1)
    print(f"  empty cells: {np.count_nonzero(volumes == 0)}; sum of volumes off by {off:.1e}; faces {faces.sum()}")
    good = off < 1e-9
    if isinstance(peer := rows["pyvoro2"], Measured):
        other, sides = peer.check
        apart = np.abs(volumes - other).max() / (SIDE**3 / count)
        same = np.count_nonzero(faces == sides)
        print(
            f"  pyvoro2: empty cells {np.count_nonzero(other == 0)}, sum of volumes off by {abs(other.sum() / SIDE**3 - 1):.1e}; "
            f"largest difference of volumes {apart:.1e} of the mean; number of faces equal for {same} of {count} cells"
        )
        good &= apart < 1e-6
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    good = [compare(given.count, spread, given.rounds) for spread in (0.15, 0.6)]
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
