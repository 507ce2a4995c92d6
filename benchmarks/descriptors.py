"""Descriptors of labels: ours against connected-components-3d and DIPlib, and areas against balls and exact polyhedra.

Volume, centroid, second moments, 13-direction area and neighbours of 2,000 cells in 256^3 voxels. The peer's statistics have no
moments, and its contacts no area but that of voxel faces. Rounds are interleaved in one process; the ratio is that of medians.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

import numpy as np
from common import interleaved, measure, table
from labelling import generators


@lru_cache(maxsize=1)
def labels(count: int, n: int) -> np.ndarray:
    """Labels 1 to `count` of a Laguerre tessellation."""
    from nmcstudio.grains.labelling import label_grid

    seeds, weights = generators(count, float(n))
    return (label_grid("laguerre", seeds, weights, None, (n, n, n), (1.0,) * 3, (0.5,) * 3) + 1).astype(np.uint32)


def ours(count: int, n: int) -> int:
    from nmcstudio.core.volume import LabelVolume
    from nmcstudio.stats.descriptors import describe_labels

    return len(describe_labels(LabelVolume(labels(count, n), (1.0,) * 3)).pairs)


def cc3d(count: int, n: int) -> int:
    import cc3d

    volume = labels(count, n)
    cc3d.statistics(volume)
    return sum(1 for a, b in cc3d.contacts(volume, connectivity=6) if a and b)


def diplib(count: int, n: int) -> int:
    import diplib

    measured = diplib.MeasurementTool.Measure(labels(count, n), None, ["Size", "Center", "Mu", "SurfaceArea"])
    return int(measured.NumberOfObjects())


def check_areas(count: int, n: int) -> bool:
    """Print area over exact area of whole cells, and of balls; whether both means are within 1 %."""
    from nmcstudio.core.volume import LabelVolume
    from nmcstudio.grains.cells import laguerre_cells
    from nmcstudio.stats.descriptors import describe_labels

    seeds, weights = generators(count, float(n))
    cells = laguerre_cells(seeds, weights, np.array([[0.0, n]] * 3))
    found = describe_labels(LabelVolume(labels(count, n), (1.0,) * 3))
    ratio = found.surfaces_um2 / cells.surfaces_um2[found.labels - 1]
    good = True
    for name, chosen in (("whole", ~found.touches_border), ("cut by the window", found.touches_border)):
        some = ratio[chosen & (found.voxels >= 100)]
        good &= abs(some.mean() - 1) < 0.01
        print(f"  area / exact area, {len(some)} cells of 100 voxels or more, {name}: {some.mean():.4f}, sd {some.std():.4f}")
    for radius in (3, 4, 6, 12, 20):
        mean = ball_ratio(radius)
        good &= abs(mean - 1) < 0.01
        print(f"  area / exact area, ball of radius {radius} voxels, 20 places: {mean:.4f}")
    return good


def ball_ratio(radius: int) -> float:
    from nmcstudio.core.volume import LabelVolume
    from nmcstudio.stats.descriptors import describe_labels

    z, y, x = np.meshgrid(*[np.arange(-radius - 2, radius + 3)] * 3, indexing="ij")
    found = []
    for centre in np.random.default_rng(radius).uniform(-0.5, 0.5, (20, 3)):
        ball = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 <= radius**2
        found.append(describe_labels(LabelVolume(ball.astype(np.uint8), (1.0,) * 3)).surfaces_um2[0])
    return float(np.mean(found) / (4 * np.pi * radius**2))


def main() -> int:
    count, n = 2000, 256
    ways: dict[str, Any] = {
        "nmcstudio": ours,
        "cc3d: statistics and contacts": cc3d,
        "DIPlib: size, centre, moments, area": diplib,
    }
    rows = interleaved(ways, (count, n), rounds=7)
    for name in [name for name, row in rows.items() if not isinstance(row, str)]:
        rows[name] = rows[name].with_peak(measure(ways[name], count, n, repeats=1).peak_mib)
    table(f"{n}^3 voxels, {count} labels", rows)
    pairs = {rows[name].check for name in list(ways)[:2] if not isinstance(rows[name], str)}
    print("  the same number of touching pairs" if len(pairs) == 1 else f"  DIFFERENT numbers of pairs: {pairs}")
    return int(not check_areas(count, n) or len(pairs) > 1)


if __name__ == "__main__":
    sys.exit(main())
