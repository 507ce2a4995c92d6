"""Voxel labels of tessellations: Laguerre against scipy's kd-tree in four dimensions, GBPD against numpy's brute force.

Rounds are interleaved in one process; labels are compared on every voxel. Memory is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from typing import Any

import numpy as np
from common import interleaved, measure, table


def generators(count: int, edge: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Uniform seeds in a cube and weights that leave few cells empty."""
    rng = np.random.default_rng(seed)
    radii = 0.5 * edge / count ** (1 / 3) * np.exp(rng.normal(0, 0.33, count))
    return rng.random((count, 3)) * edge, radii**2


def matrices(count: int, seed: int = 2) -> np.ndarray:
    """Positive definite matrices of determinant 1 whose axes differ by some ten per cent, ``(count, 3, 3)``."""
    rng = np.random.default_rng(seed)
    turned = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    axes = np.exp(rng.normal(0, 0.35, (count, 3)))
    axes /= np.cbrt(axes.prod(axis=1))[:, None]
    return np.einsum("nij,nj,nkj->nik", turned, axes**-2, turned)


def ours(kind: str, count: int, n: int) -> np.ndarray:
    from nmcstudio.grains.labelling import label_grid

    seeds, weights = generators(count, float(n))
    weights = np.sqrt(weights) if kind == "gbpd-sqrt" else weights
    forms = None if kind == "laguerre" else matrices(count)
    return label_grid(kind, seeds, weights, forms, (n, n, n), (1.0,) * 3, (0.5,) * 3)


def kd_tree(kind: str, count: int, n: int) -> np.ndarray:
    from scipy.spatial import cKDTree

    seeds, weights = generators(count, float(n))
    tree = cKDTree(np.c_[seeds, np.sqrt(weights.max() - weights)])
    centres = np.arange(n) + 0.5
    y, x = np.meshgrid(centres, centres, indexing="ij")
    labels = np.empty((n, n, n), np.int32)
    for k in range(n):
        points = np.c_[x.ravel(), y.ravel(), np.full(n * n, k + 0.5), np.zeros(n * n)]
        labels[k] = tree.query(points, workers=2)[1].reshape(n, n)
    return labels


def brute(kind: str, count: int, n: int) -> np.ndarray:
    """All distances as one product of matrices a plane: the monomials of a voxel times the coefficients of a generator."""
    seeds, weights = generators(count, float(n))
    forms = np.broadcast_to(np.eye(3), (count, 3, 3)) if kind == "laguerre" else matrices(count)
    linear = -2 * np.einsum("nij,nj->ni", forms, seeds)
    constant = np.einsum("ni,nij,nj->n", seeds, forms, seeds)
    upper = forms[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]] * [1, 1, 1, 2, 2, 2]
    table = np.c_[upper, linear, constant - (0 if kind == "gbpd-sqrt" else weights)].T
    centres = np.arange(n) + 0.5
    y, x = (a.ravel() for a in np.meshgrid(centres, centres, indexing="ij"))
    labels = np.empty((n, n * n), np.int32)
    for k, z in enumerate(centres):
        one = np.ones(n * n)
        monomials = np.c_[x * x, y * y, z * z * one, x * y, x * z, y * z, x, y, z * one, one]
        for start in range(0, n * n, 8192):
            distances = monomials[start : start + 8192] @ table
            if kind == "gbpd-sqrt":
                distances = np.sqrt(np.maximum(distances, 0.0)) - np.sqrt(weights)
            labels[k, start : start + 8192] = distances.argmin(axis=1)
    return labels


def checksum(labels: np.ndarray) -> int:
    """Of every voxel; its time does not count."""
    return zlib.crc32(np.ascontiguousarray(labels, dtype=np.int32))


def nothing(kind: str, count: int, n: int) -> np.ndarray:
    """What the process of a measurement needs without labels: imports, and an array of the labels' size."""
    import scipy.spatial  # noqa: F401

    from nmcstudio.grains.labelling import label_grid

    label_grid("laguerre", *generators(4, 8.0), None, (8, 8, 8), (1.0,) * 3)
    return np.ones((n, n, n), np.int32)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 512^3 voxels: minutes for the peer")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    tree: tuple[str, Any] = ("scipy kd-tree, 4-D, 2 workers", kd_tree)
    slow: tuple[str, Any] = ("numpy brute force", brute)
    cases = [
        ("laguerre", 2000, 256, tree), ("gbpd-quadratic", 800, 128, slow), ("gbpd-sqrt", 800, 128, slow),
        ("laguerre", 800, 128, slow),
    ]  # fmt: skip
    if given.large:
        cases.insert(1, ("laguerre", 5000, 512, tree))
    nothing("laguerre", 4, 8)  # compiled code is loaded, imports are made
    good = True
    for kind, count, n, (name, peer) in cases:
        ways = {"nmcstudio": ours, name: peer}
        rows = interleaved(ways, (kind, count, n), rounds=given.rounds, warm_up=n <= 128, digest=checksum)
        checks = {row.check for row in rows.values() if not isinstance(row, str)}
        used, bare = (measure(each, kind, count, n, repeats=1, digest=checksum).peak_mib for each in (ours, nothing))
        table(f"{kind}: {n}^3 voxels, {count} cells", rows)
        print("  equal on every voxel" if len(checks) == 1 else f"  DIFFERENT: {checks}")
        print(f"  peak of a process of its own: {used:.0f} MiB; with the labels alone: {bare:.0f} MiB")
        good &= len(checks) == 1
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
