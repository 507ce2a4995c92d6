"""One row a grain: ``grains.csv``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.particles import Particle
from nmcstudio.core.volume import index_to_um
from nmcstudio.crystal.quaternions import c_axis, to_bunge


def grain_columns(particle: Particle) -> dict[str, NDArray[np.generic]]:
    """Columns of ``grains.csv``, each ``(n,)``: id, centroid, volume, diameter, orientation, seed and weight.

    The orientation stands there as quaternion, Bunge's angles in degrees and c-axis. Centroids and volumes are those of the
    voxels, in the particle's frame (the shell's centre is the origin).
    """
    volume = particle.grains
    n = particle.grain_count
    flat = volume.labels.ravel()
    counts = np.bincount(flat, minlength=n + 1)[1:]
    sums = []
    for axis in range(3):
        along = np.arange(volume.shape[axis], dtype=np.float64).reshape([-1 if a == axis else 1 for a in range(3)])
        sums.append(np.bincount(flat, np.broadcast_to(along, volume.shape).ravel(), n + 1)[1:])
    middles = index_to_um(np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None], volume.spacing_um, volume.origin_um)
    volumes = counts * float(np.prod(volume.spacing_um))
    columns: dict[str, NDArray[np.generic]] = {
        "id": np.arange(1, n + 1),
        "x_um": middles[:, 0],
        "y_um": middles[:, 1],
        "z_um": middles[:, 2],
        "volume_um3": volumes,
        "diameter_um": np.cbrt(6.0 / np.pi * volumes),
    }
    if volume.quaternions is not None:
        quaternions = volume.quaternions[1:]
        columns |= {f"q_{name}": quaternions[:, k] for k, name in enumerate("wxyz")}
        angles = np.degrees(to_bunge(quaternions))
        columns |= {f"{name}_deg": angles[:, k] for k, name in enumerate(("phi1", "Phi", "phi2"))}
        columns |= {f"c_{name}": c_axis(quaternions)[:, k] for k, name in enumerate("xyz")}
    columns |= {f"seed_{name}_um": particle.seeds_um[:, k] for k, name in enumerate("xyz")}
    columns["weight_um" if particle.kind == "gbpd-sqrt" else "weight_um2"] = particle.weights
    return columns
