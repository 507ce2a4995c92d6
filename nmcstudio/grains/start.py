"""Start values of a tessellation fit: what volumes, centroids and second moments of the grains alone tell (models.md 6.6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import KINDS


def start_values(
    kind: str,
    centroids_um: NDArray[np.float64],
    volumes_um3: NDArray[np.float64],
    covariances_um2: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Seeds, weights and matrices: centroids, squared equivalent radius (the radius itself for the sqrt form), and the inverse
    covariance of the grain with determinant 1.

    Parameters
    ----------
    kind
        "laguerre", "gbpd-quadratic" or "gbpd-sqrt".
    centroids_um, volumes_um3, covariances_um2
        Of n grains: ``(n, 3)``, ``(n,)``, ``(n, 3, 3)``.

    Raises
    ------
    NmcError
        If the kind is unknown.
    """
    if kind not in KINDS:
        raise NmcError(f"unknown kind of tessellation {kind!r}", f"use one of {', '.join(KINDS)}", "kind")
    radii = np.cbrt(3.0 * np.asarray(volumes_um3) / (4.0 * np.pi))
    seeds = np.array(centroids_um, dtype=np.float64)
    if kind == "laguerre":
        return seeds, radii**2, None
    inverse = np.linalg.inv(np.asarray(covariances_um2, dtype=np.float64))
    matrices: NDArray[np.float64] = inverse / np.cbrt(np.linalg.det(inverse))[:, None, None]
    return seeds, radii if kind == "gbpd-sqrt" else radii**2, matrices
