"""Seconds of the grain model's fit for 300, 1,000 and 3,000 generators: ``python benchmarks/grain_model_fit.py [--rounds N]``.

``--counts 60000 --rounds 1 --ways 1`` is the large case: the first way only, with the peak memory of the process.

The generators are the visible ones of the published model in a cube with 15 voxels across a mean grain. Everything that the
step does by default is in it: process, envelopes, laws, correction for empty cells; no bootstrap. The aim is under 10 s for
1,000. Beside it the parts, and one bootstrap replicate.
"""

from __future__ import annotations

import argparse
import os
import time

import numba
import numpy as np
from common import peak_mib

from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.model import fit_grains
from nmcstudio.grains.visibility import Raster
from nmcstudio.grains.windows import Observation, SimulatedWindows
from nmcstudio.stats.regions import BoxRegion

MODEL = GrainModel(
    seeds=Law("matern-cluster", {"parent_intensity": 0.00108, "mean_offspring": 0.418, "cluster_radius": 2.58}),
    weights=Law("inverse-gamma", {"alpha": 16.8, "beta": 1247.0, "theta": -76.4}),
    copula=Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)
VISIBLE = 0.00043  # per voxel
WAYS = {
    "as the step does it": {},
    "without envelopes": {"envelopes": 0},
    "without correction": {"correct_empty_cells": False},
    "neither": {"envelopes": 0, "correct_empty_cells": False},
    "10 replicates, no envelopes": {"envelopes": 0, "bootstrap": 10},
}


def tessellation(count: int, seed: int) -> Tessellation:
    """Visible generators of a window with about this many of them."""
    return tessellation_of_edge(round((count / VISIBLE) ** (1 / 3)), seed)


def tessellation_of_edge(edge: int, seed: int) -> Tessellation:
    """Visible generators of a window of this many voxels along each edge."""
    box = np.array([[0.0, edge]] * 3)
    raster = Raster((edge,) * 3, (1.0,) * 3, (0.5,) * 3)
    plan = SimulatedWindows.plan(MODEL, Observation(BoxRegion(box), raster), 1)
    (seen,) = plan.draw(MODEL, np.random.default_rng(seed), Monitor())
    return Tessellation("laguerre", np.arange(1, len(seen.weights) + 1), seen.seeds_um, seen.weights, box)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", type=int, default=len(WAYS), help="how many of the ways, from the first")
    parser.add_argument("--counts", type=int, nargs="+", default=[300, 1000, 3000])
    options = parser.parse_args()
    ways = dict(list(WAYS.items())[: options.ways])
    print(f"{os.cpu_count()} CPUs, numba {numba.get_num_threads()} threads")
    fit_grains(tessellation(300, 0), rng=np.random.default_rng(0))  # compiled code
    print(f"{'generators':>10} {'way':<28} {'seconds':>8} {'CPU s':>8}  corrected lambda, mu, R")
    for count in options.counts:
        rows: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        found = {}
        for seed in range(options.rounds):
            data = tessellation(count, seed + 1)
            for name, arguments in ways.items():
                begun, used = time.perf_counter(), time.process_time()
                found[name] = fit_grains(data, rng=np.random.default_rng(seed), **arguments)  # type: ignore[arg-type]
                rows[name].append((time.perf_counter() - begun, time.process_time() - used))
        for name, times in rows.items():
            wall, cpu = np.median(times, axis=0)
            values = ", ".join(f"{v:.5g}" for v in found[name].seeds.parameters.values())
            print(f"{count:>10} {name:<28} {wall:>8.2f} {cpu:>8.2f}  {values}")
        print(f"{'':>10} peak memory so far {peak_mib():.0f} MiB")


if __name__ == "__main__":
    main()
