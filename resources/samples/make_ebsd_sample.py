"""Makes the bundled EBSD sample: ``python resources/samples/make_ebsd_sample.py``.

Grains are drawn from ``published-grain-model.json`` and cut to a particle (a cell belongs to it if its centroid does), each
with an orientation uniform on SO(3). The particle is then measured section by section: the stage drifts by fractions of a
voxel, points near boundaries and outside are often not indexed or indexed wrongly, orientations and image quality are noisy.
Written beside this file:

- ``simulated-ebsd.h5``: the stack, voxel 0.1 um, R-3m, drift not yet undone; ``true_drift_um`` says what it is;
- ``simulated-ebsd-truth.tif``: the label of each grain without drift.

Everything is seeded: the same numpy and scipy give the same files.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child, stream
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import multiply, normalise, random_orientations
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.simulate import simulate_grains
from nmcstudio.io.ebsd.nmcstudio_h5 import write_ebsd
from nmcstudio.io.tables.grain_model import read_grain_model
from nmcstudio.io.volumes.registry import write_labels
from nmcstudio.shell.harmonics import evaluate_at

SEED = 20210708
VOXEL_UM = 0.1
SECTIONS = 62
FIELD = 72  # points along x and y
RADIUS_UM = 2.8
DEGREE, ROUGHNESS_UM = 8, 0.1  # of the shell: highest degree, standard deviation of the coefficients of degree 2
NOISE_RAD = 0.004  # standard deviation of each orientation about each axis
LOST, LOST_AT_BOUNDARY = 0.01, 0.12  # share of points without a solution
WRONG, WRONG_OUTSIDE = 0.004, 0.01  # share of points with a wrong one
DRIFT_VOXELS, JUMP_VOXELS, JUMP_AT = 0.7, 3.2, 40
HERE = Path(__file__).resolve().parent
LATTICE_UM = (2.87e-4, 2.87e-4, 14.2e-4, np.pi / 2, np.pi / 2, 2 * np.pi / 3)


def main() -> None:
    rng = stream(SEED, "simulated EBSD")
    shape = (SECTIONS, FIELD, FIELD)
    window = np.array([[0.0, (n - 1) * VOXEL_UM] for n in shape[::-1]])
    model = read_grain_model(HERE / "published-grain-model.json")
    seeds, weights, _ = simulate_grains(model, window, child(rng, 0))
    spacing = (VOXEL_UM,) * 3
    cells = label_grid("laguerre", seeds, weights, None, shape, spacing)
    numbers = choose_cells(cells, window.mean(axis=1), draw_shell(child(rng, 1)), len(seeds))
    truth = numbers[cells]
    drift = draw_drift(child(rng, 2))
    measured = np.stack(
        [
            numbers[label_grid("laguerre", seeds, weights, None, (1, FIELD, FIELD), spacing, (k * VOXEL_UM, -dy, -dx))[0]]
            for k, (dy, dx) in enumerate(drift)
        ]
    )
    stack = measure(measured, child(rng, 3))
    write_ebsd(HERE / "simulated-ebsd.h5", stack)
    with h5py.File(HERE / "simulated-ebsd.h5", "a") as file:
        file["true_drift_um"] = drift
    labels = LabelVolume(truth.astype(np.uint16), spacing, kind="grains", name="simulated grains, the truth", simulated=True)
    write_labels(labels, HERE / "simulated-ebsd-truth.tif", Monitor())
    sizes = np.bincount(truth.ravel())[1:]
    diameters = np.cbrt(6 / np.pi * sizes) * VOXEL_UM
    whole = (np.count_nonzero(truth) * VOXEL_UM**3 * 6 / np.pi) ** (1 / 3)
    print(f"{len(sizes)} grains, mean diameter {diameters.mean():.3f} um, particle {whole:.2f} um")
    for name in ("simulated-ebsd.h5", "simulated-ebsd-truth.tif"):
        print(f"{name}: {(HERE / name).stat().st_size / 1e6:.2f} MB")


def draw_shell(rng: np.random.Generator) -> NDArray[np.float64]:
    """Coefficients of a smooth, irregular radius function about the middle of the field, um."""
    coefficients = np.zeros((DEGREE + 1) ** 2)
    coefficients[0] = np.sqrt(4 * np.pi) * RADIUS_UM
    for degree in range(2, DEGREE + 1):
        size = ROUGHNESS_UM * np.exp(-(degree - 2) / 3)
        coefficients[degree**2 : (degree + 1) ** 2] = size * rng.standard_normal(2 * degree + 1)
    return coefficients


def choose_cells(
    cells: NDArray[np.int32], centre_um: NDArray[np.float64], shell: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """Grain number of each cell, 0 for those whose centroid lies outside of the shell or that are cut by the field."""
    present = np.unique(cells)
    centroids = np.array(ndimage.center_of_mass(np.ones(cells.shape), cells, present))[:, ::-1] * VOXEL_UM
    offsets = centroids - centre_um
    inside = np.linalg.norm(offsets, axis=1) <= evaluate_at(shell, offsets)
    border = np.ones(cells.shape, bool)
    border[1:-1, 1:-1, 1:-1] = False
    inside &= ~np.isin(present, np.unique(cells[border]))
    numbers = np.zeros(count, np.int64)
    numbers[present[inside]] = np.arange(1, inside.sum() + 1)
    return numbers


def draw_drift(rng: np.random.Generator) -> NDArray[np.float64]:
    """Position (y, x) of each section in um: a walk that is drawn back to the middle, with one jump."""
    drift = np.zeros((SECTIONS, 2))
    for k in range(1, SECTIONS):
        drift[k] = 0.9 * drift[k - 1] + DRIFT_VOXELS * rng.standard_normal(2)
        if k == JUMP_AT:
            drift[k] += (JUMP_VOXELS, -JUMP_VOXELS)
    return np.clip(drift, -5, 5) * VOXEL_UM


def measure(labels: NDArray[np.int64], rng: np.random.Generator) -> EbsdStack:
    """What the microscope would give for these grains."""
    shape = labels.shape
    near = np.zeros(shape)
    for axis in range(3):
        step = (np.diff(labels, axis=axis) != 0).astype(float)
        low, high = [(0, 0)] * 3, [(0, 0)] * 3
        low[axis], high[axis] = (1, 0), (0, 1)
        near += (np.pad(step, low) + np.pad(step, high)) / 6
    inside = labels > 0
    true = random_orientations(int(labels.max()) + 1, rng)
    blur = normalise(np.concatenate([np.ones((*shape, 1)), rng.normal(0, NOISE_RAD / 2, (*shape, 3))], axis=-1))
    q = multiply(blur, true[labels])
    chance = rng.random(shape)
    lost = np.where(inside, chance < LOST + LOST_AT_BOUNDARY * np.minimum(2 * near, 1), True)
    wrong = (rng.random(shape) < np.where(inside, WRONG, WRONG_OUTSIDE)) & (lost | ~inside | (chance > 0.5))
    q[wrong] = random_orientations(int(wrong.sum()), rng)
    phase = (wrong | (inside & ~lost)).astype(np.uint8)
    q[phase == 0] = np.nan
    grain_grey = rng.normal(0, 12, int(labels.max()) + 1)
    quality = np.where(inside, 150 + grain_grey[labels] - 75 * ndimage.gaussian_filter(near, (0, 0.7, 0.7)), 35)
    quality = np.clip(quality + rng.normal(0, 7, shape), 0, 255)
    sure = np.where(inside, 0.65 - 0.3 * near, 0.05) + rng.normal(0, 0.08, shape)
    confidence = np.where(phase > 0, np.clip(np.where(wrong, rng.uniform(0, 0.12, shape), sure), 0, 1), 0)
    return EbsdStack(
        quaternions=q,
        phase=phase,
        phases=(Phase("NMC (R-3m), simulated", "-3m", LATTICE_UM),),
        quality=quality,
        confidence=confidence,
        observed=np.ones(shape, bool),
        spacing_um=(VOXEL_UM,) * 3,
        frame="simulated in the map's frame",
        name="simulated EBSD of one particle",
        simulated=True,
    )


if __name__ == "__main__":
    main()
