"""Radius functions of 239 particles in a volume of the paper's size, 258 directions: ours against scipy's filter and look-up."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import measure, table

SHAPE = (499, 508, 1616)
SPACING_UM = 0.128
SIGMA, LEVEL = 4.0, 100.0
CELL = 82


def make_volume(folder: Path, count: int, shape: tuple[int, int, int]) -> None:
    """Rough shells of 29 voxels mean radius, every third about 20, on a lattice; noise of 20 grey values on 40 and 160."""
    from nmcstudio.shell.harmonics import Y00, evaluate_at

    rng = np.random.default_rng(1)
    pieces = []
    grid = (np.indices((CELL,) * 3) - CELL / 2 + 0.5).astype(np.float32)
    for number in range(12):
        mean = 20.0 if number % 3 == 0 else 29.0
        coefficients = rng.normal(size=256) * 1.2 * np.exp(-0.2 * np.sqrt(np.arange(256)))
        coefficients[:4] = mean / Y00, 0, 0, 0
        points = np.moveaxis(grid[::-1], 0, -1).reshape(-1, 3)
        near = np.linalg.norm(points, axis=1) < 1.35 * mean
        inside = np.zeros(len(points), bool)
        inside[near] = np.linalg.norm(points[near], axis=1) < evaluate_at(coefficients, points[near])
        pieces.append(inside.reshape((CELL,) * 3))
    labels = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.uint16, shape)
    grey = np.lib.format.open_memmap(folder / "grey.npy", "w+", np.uint8, shape)
    places = [(z, y, x) for z in range(4, shape[0] - CELL, CELL) for y in range(4, shape[1] - CELL, CELL)
              for x in range(4, shape[2] - CELL, CELL)]  # fmt: skip
    chosen = rng.permutation(len(places))[:count]
    if len(chosen) < count:
        raise SystemExit(f"the volume has room for {len(places)} particles, not {count}")
    for number, place in enumerate(chosen):
        z, y, x = places[place]
        labels[z : z + CELL, y : y + CELL, x : x + CELL] = np.where(pieces[number % 12], number + 1, 0)
    area = shape[1] * shape[2]
    supply = rng.normal(0, 20, 3 * area).astype(np.float32)
    for z in range(shape[0]):
        # Each slice has its own cut of one long noise: drawing all of it would take longer than what is measured.
        begin = int(rng.integers(2 * area))
        noise = supply[begin : begin + area].reshape(shape[1:])
        grey[z] = np.clip(np.where(labels[z] > 0, 160, 40) + noise, 0, 255)


def load(folder: str) -> tuple[np.ndarray, np.ndarray]:
    return np.load(Path(folder) / "labels.npy"), np.load(Path(folder) / "grey.npy")


class Loaded:
    """The volumes, read once in each process: what is measured begins with arrays in memory."""

    volumes: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(cls, folder: str) -> tuple[np.ndarray, np.ndarray]:
        if cls.volumes is None:
            cls.volumes = load(folder)
        return cls.volumes


def ours(folder: str, directions: str) -> list[float]:
    from nmcstudio.core.volume import LabelVolume, SurfaceLevel, Volume
    from nmcstudio.shell.directions import grid_for_degree, octasphere
    from nmcstudio.shell.radii import extract_radii

    labels, grey = Loaded.of(folder)
    particles = LabelVolume(labels, SPACING_UM, surface=SurfaceLevel(SIGMA, LEVEL))
    u = octasphere().directions if directions == "octasphere" else grid_for_degree(15).directions
    radii = extract_radii(particles, Volume(grey, SPACING_UM), directions=u)
    return summary(radii.radii_um)


def scipy_chain(folder: str, most: int) -> list[float]:
    """Boxes by find_objects, each particle's box filtered and looked up along the rays, outermost crossing by interpolation."""
    from scipy.ndimage import center_of_mass, find_objects, gaussian_filter, map_coordinates

    from nmcstudio.shell.directions import octasphere

    labels, grey = Loaded.of(folder)
    steps = octasphere().directions[:, ::-1]
    rows = []
    for number, box in enumerate(find_objects(labels)):
        if number >= most:
            break
        mask = labels[box] == number + 1
        centre = np.array(center_of_mass(mask)) + [side.start for side in box]
        wide = tuple(slice(max(0, s.start - 20), min(n, s.stop + 20)) for s, n in zip(box, labels.shape))
        field = gaussian_filter(grey[wide].astype(np.float32), SIGMA)
        t = np.arange(0.0, 0.5 * np.linalg.norm(mask.shape) + 4, 0.25)
        points = (centre - [s.start for s in wide])[:, None, None] + steps.T[:, :, None] * t
        values = map_coordinates(field, points.reshape(3, -1), order=1, mode="nearest").reshape(258, -1) - LEVEL
        last = len(t) - 2 - np.argmax((values[:, :-1] > 0)[:, ::-1], axis=1)
        a, b = (values[np.arange(258), last + k] for k in (0, 1))
        rows.append((t[last] + 0.25 * a / (a - b)) * SPACING_UM)
    return summary(np.array(rows))


def summary(radii_um: np.ndarray) -> list[float]:
    return [len(radii_um), float(radii_um.mean()), float(radii_um.std())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=239)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer", type=int, default=24, help="particles that the slow chain looks at")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_volume(Path(folder), options.count, SHAPE)
        rows = {
            "nmcstudio, 258 directions": measure(ours, folder, "octasphere", repeats=options.repeats),
            "nmcstudio, 2,048 and 258 directions": measure(ours, folder, "grid", repeats=options.repeats),
            f"scipy, 258 directions, {options.peer} particles": measure(scipy_chain, folder, options.peer, repeats=1),
        }
        table(f"{options.count} particles in {SHAPE[0]} x {SHAPE[1]} x {SHAPE[2]} voxels, sigma {SIGMA:g}", rows)
        for name, row in rows.items():
            print(f"  {name}: {row.check[0]} particles, mean radius {row.check[1]:.4f} um, spread {row.check[2]:.4f} um")
        best = min(rows["nmcstudio, 258 directions"].runs)
        print(f"  aim: under 1 s; median {rows['nmcstudio, 258 directions'].seconds:.2f} s, best {best:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
