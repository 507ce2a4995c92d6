"""Estimators of point patterns against R's spatstat (packages spatstat.explore, spatstat.geom): g, K, F and D0 in a box.

Seeded patterns of a Poisson, a Matérn cluster and a Strauss process. Prints the largest difference of each function. spatstat
divides by n^2 where ours divides by n (n - 1), which is unbiased for a Poisson pattern; this factor is taken out first.

    apt-get install --no-install-recommends r-cran-spatstat.explore
    .venv/bin/python benchmarks/spatstat_check.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

WINDOW = np.array([[0.0, 10.0], [0.0, 8.0], [1.0, 10.0]])
REACH, STEPS, HALF_WIDTH = 2.0, 100, 0.2
PROBES = 400_000  # random test points of our F; spatstat gets a grid of 216,000


def patterns() -> dict[str, np.ndarray]:
    from nmcstudio.grains.processes import simulate_matern, simulate_poisson, simulate_strauss

    rng = np.random.default_rng(1)
    return {
        "Poisson": simulate_poisson(1.0, WINDOW, rng),
        "Matérn cluster": simulate_matern(0.3, 4.0, 0.8, WINDOW, rng),
        "Strauss": simulate_strauss(2.0, 0.2, 0.6, WINDOW, rng),
    }


def by_spatstat(points: np.ndarray) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "points.csv", Path(folder) / "functions.csv"
        np.savetxt(source, points, delimiter=",", header="x,y,z", comments="", fmt="%.17g")
        numbers = [*WINDOW.ravel(), REACH, STEPS, HALF_WIDTH]
        script = Path(__file__).with_suffix(".R")
        subprocess.run(["Rscript", str(script), str(source), *map(str, numbers), str(target)], check=True)
        table = np.genfromtxt(target, delimiter=",", names=True)
    return {name: table[name][1:] for name in table.dtype.names}


def by_us(points: np.ndarray, radii: np.ndarray) -> dict[str, np.ndarray]:
    from nmcstudio.stats.point_patterns import empty_space, nearest_neighbour_sample, pair_correlation, ripley_k
    from nmcstudio.stats.regions import BoxRegion

    region = BoxRegion(WINDOW)
    factor = (len(points) - 1) / len(points)
    space = empty_space(points, region, radii, np.random.default_rng(0), PROBES)
    return {
        "K": factor * ripley_k(points, region, radii),
        "g": factor * pair_correlation(points, region, radii, HALF_WIDTH),
        "G": nearest_neighbour_sample(points, region).cdf(radii),
        "F": space,
        "F3est": space,
    }


def main() -> int:
    if shutil.which("Rscript") is None:
        print("Rscript is not installed")
        return 1
    words = {
        "g": "g, translation correction, Epanechnikov kernel; r above its half width",
        "K": "K, translation correction; relative, where K is above that of a ball of 0.3",
        "G": "nearest-neighbour law, Hanisch's correction",
        "F": "empty-space law, border correction, against spatstat's exact distances to a grid",
        "F3est": "empty-space law against F3est, which measures by chamfer distances",
    }
    limits = {"g": 1e-9, "K": 1e-9, "G": 2e-3, "F": 8e-3}
    good = True
    for name, points in patterns().items():
        theirs = by_spatstat(points)
        ours = by_us(points, theirs["r"])
        print(f"\n{name}, {len(points)} points")
        for key, what in words.items():
            apart = np.abs(ours[key] - theirs[key])
            if key == "K":
                apart = (apart / np.maximum(theirs["K"], 1e-300))[theirs["K"] > 4 / 3 * np.pi * 0.3**3]
            if key == "g":
                apart = apart[theirs["r"] > HALF_WIDTH]
            largest = float(np.nanmax(apart))
            good &= largest <= limits.get(key, np.inf)
            print(f"  {largest:.1e}  {what}")
    print("\nall within their limits" if good else "\nDIFFERENT")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
