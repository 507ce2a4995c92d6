"""Voxel labels of a Laguerre tessellation: ours against scipy's kd-tree in four dimensions and numpy's brute force."""

from __future__ import annotations

import sys

import numpy as np
from common import measure, table


def generators(count: int, edge: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Uniform seeds in a cube and weights that leave few cells empty."""
    rng = np.random.default_rng(seed)
    radii = 0.5 * edge / count ** (1 / 3) * np.exp(rng.normal(0, 0.33, count))
    return rng.random((count, 3)) * edge, radii**2


def ours(count: int, n: int) -> int:
    from nmcstudio.grains.labelling import label_grid

    seeds, weights = generators(count, float(n))
    return checksum(label_grid("laguerre", seeds, weights, None, (n, n, n), (1.0,) * 3, (0.5,) * 3))


def kd_tree(count: int, n: int) -> int:
    from scipy.spatial import cKDTree

    seeds, weights = generators(count, float(n))
    tree = cKDTree(np.c_[seeds, np.sqrt(weights.max() - weights)])
    centres = np.arange(n) + 0.5
    y, x = np.meshgrid(centres, centres, indexing="ij")
    labels = np.empty((n, n, n), np.int32)
    for k in range(n):
        points = np.c_[x.ravel(), y.ravel(), np.full(n * n, k + 0.5), np.zeros(n * n)]
        labels[k] = tree.query(points, workers=-1)[1].reshape(n, n)
    return checksum(labels)


def brute(count: int, n: int) -> int:
    seeds, weights = generators(count, float(n))
    constant = (seeds**2).sum(1) - weights
    centres = np.arange(n) + 0.5
    labels = np.empty((n, n, n), np.int32)
    for k in range(n):
        for j in range(n):
            points = np.c_[centres, np.full(n, j + 0.5), np.full(n, k + 0.5)]
            labels[k, j] = np.argmin(constant - 2 * points @ seeds.T, axis=1)
    return checksum(labels)


def checksum(labels: np.ndarray) -> int:
    import zlib

    return zlib.crc32(np.ascontiguousarray(labels, dtype=np.int32))


def main() -> int:
    cases = [(800, 128), (2000, 256)]
    for count, n in cases:
        rows = {"nmcstudio": measure(ours, count, n), "scipy kd-tree, 4-D, all cores": measure(kd_tree, count, n, repeats=1)}
        if n <= 128:
            rows["numpy brute force"] = measure(brute, count, n, repeats=1)
        table(f"{n}^3 voxels, {count} cells", rows)
        checks = {row.check for row in rows.values()}
        print("  equal on every voxel" if len(checks) == 1 else f"  DIFFERENT: {checks}")
        if len(checks) > 1:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
