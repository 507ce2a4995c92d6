"""Fit of a tessellation to 900 grains with curved faces in 150^3 voxels: ours against Adam on the softmin cross-entropy (torch).

Both begin at centroids and squared equivalent radii, and are judged alike: share of the voxels whose label comes back. Rounds
take turns, so that a neighbour on the machine hits all alike. The grains come from `shared/bench` beside the checkout where it
is there, else from a generator of the same kind. `--sizes` shows that time grows with the voxels near faces.

    .venv/bin/python benchmarks/tessellation_fit.py [--seed 1 2 3] [--sizes 100 150 200 300] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np
from common import Measured, measure, table

GRAINS, EDGE = 900, 150
KINDS = ("laguerre", "gbpd-quadratic", "gbpd-sqrt")
Found = tuple[np.ndarray, np.ndarray, np.ndarray | None]
_PEERS = Path(__file__).resolve().parents[2] / "shared" / "bench"
_maps: dict[tuple[int, int, int], np.ndarray] = {}


def grain_map(count: int, edge: int, seed: int) -> np.ndarray:
    """Labels of a Laguerre tessellation warped by a smooth displacement of 2 voxels."""
    key = (count, edge, seed)
    if key not in _maps:
        _maps[key] = _grain_map(*key)
    return _maps[key]


def _grain_map(count: int, edge: int, seed: int) -> np.ndarray:
    if (_PEERS / "gen.py").exists():
        sys.path.append(str(_PEERS))
        import gen

        return gen.grain_map(count, edge, seed)[0]
    from scipy.ndimage import gaussian_filter
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    points = np.stack(np.meshgrid(*[np.arange(edge) + 0.5] * 3, indexing="ij"), axis=-1)
    for axis in range(3):
        wave = gaussian_filter(rng.standard_normal((edge,) * 3), 8)
        points[..., axis] += 2.0 * wave / wave.std() / np.sqrt(3)
    radii = 0.5 * edge / count ** (1 / 3) * np.exp(rng.normal(0, 0.34, count))
    tree = cKDTree(np.column_stack([rng.uniform(0, edge, (count, 3)), np.sqrt(radii.max() ** 2 - radii**2)]))
    labels = tree.query(np.concatenate([points.reshape(-1, 3), np.zeros((edge**3, 1))], axis=1), workers=-1)[1]
    return (np.unique(labels, return_inverse=True)[1].reshape((edge,) * 3) + 1).astype(np.int32)


def ours(count: int, edge: int, seed: int, kind: str) -> Found:
    """From the labels to the generators, figures of quality included."""
    from nmcstudio.core.volume import LabelVolume
    from nmcstudio.grains.fit_tessellation import fit_tessellation

    grains = LabelVolume(grain_map(count, edge, seed).astype(np.uint16), (1, 1, 1))
    found = fit_tessellation(grains, kind)
    return found.seeds_um, found.weights, found.matrices


def agreement(count: int, edge: int, seed: int, kind: str, found: Found) -> float:
    from nmcstudio.grains.labelling import label_grid

    return float((label_grid(kind, *found, (edge,) * 3, (1, 1, 1)) + 1 == grain_map(count, edge, seed)).mean())


def together(rounds: list[Measured]) -> Measured:
    """One row of several rounds."""
    runs = tuple(second for each in rounds for second in each.runs)
    cpu = statistics.median(each.cpu_seconds for each in rounds)
    return Measured(statistics.median(runs), runs, max(each.peak_mib for each in rounds), rounds[-1].check, cpu)


def compare(seed: int, rounds: int, threads: int) -> None:
    found: dict[str, list[Measured]] = {}
    grain_map(GRAINS, EDGE, seed)  # made once, where it is kept in a file
    try:
        from tessellation_peer import adam

        peers = {f"Adam, torch, {steps} steps": steps for steps in (300, 1000)}
    except ImportError:
        peers = {}
    for _ in range(rounds):
        for kind in KINDS:
            found.setdefault(f"nmcstudio, {kind}", []).append(measure(ours, GRAINS, EDGE, seed, kind, repeats=1))
        for name, steps in peers.items():
            found.setdefault(name, []).append(measure(adam, GRAINS, EDGE, seed, steps, threads, repeats=1, warm_up=False))
    rows: dict[str, Measured | str] = {name: together(each) for name, each in found.items()}
    if not peers:
        rows["torch"] = "not installed"
    table(f"{GRAINS} grains in {EDGE}^3, seed {seed}", rows)
    for name, row in rows.items():
        if isinstance(row, Measured):
            kind = name.split(", ")[1] if name.startswith("nmcstudio") else "laguerre"
            print(f"  {name:<44} agreement {agreement(GRAINS, EDGE, seed, kind, row.check):.4f}")


def scale(edges: list[int]) -> None:
    """The same density of grains in growing boxes."""
    rows: dict[str, Measured | str] = {}
    for edge in edges:
        count = round(GRAINS * (edge / EDGE) ** 3)
        million = near_faces(grain_map(count, edge, 1), 2).sum() / 1e6
        row = measure(ours, count, edge, 1, "laguerre", repeats=1)
        rows[f"{edge}^3, {count:,} grains, {row.cpu_seconds / million:.2f} s CPU per million near faces"] = row
    table("Laguerre, growing boxes", rows)


def near_faces(labels: np.ndarray, steps: int) -> np.ndarray:
    """True where another grain is within some steps along an axis."""
    near = np.zeros(labels.shape, bool)
    for axis in range(3):
        for step in range(1, steps + 1):
            front, back = [slice(None)] * 3, [slice(None)] * 3
            front[axis], back[axis] = slice(step, None), slice(None, -step)
            differ = labels[tuple(front)] != labels[tuple(back)]
            near[tuple(front)] |= differ
            near[tuple(back)] |= differ
    return near


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", nargs="*", type=int, default=[1])
    parser.add_argument("--sizes", nargs="*", type=int, default=[], metavar="EDGE", help="say 100 150 200 300")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="of torch; ours take NUMBA_NUM_THREADS")
    options = parser.parse_args()
    for seed in options.seed:
        compare(seed, options.rounds, options.threads)
    if options.sizes:
        scale(options.sizes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
