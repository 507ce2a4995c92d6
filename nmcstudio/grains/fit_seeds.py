"""Fit of any of the point processes to seeds (models.md 8.3, 8.4): Poisson, Matérn cluster, Strauss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.fit_matern import fit_matern
from nmcstudio.grains.fit_strauss import fit_strauss
from nmcstudio.grains.process_fit import LEAST, ProcessFit
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]


def fit_seeds(
    points_um: Array,
    region: Region,
    kind: str,
    rng: np.random.Generator,
    *,
    contrast: str = "palm",
    errors: int = 24,
    monitor: Monitor | None = None,
) -> ProcessFit:
    """Fit a process to seeds.

    Parameters
    ----------
    points_um
        float64 ``(n, 3)``; those outside the region serve as neighbours only.
    region
        Where they were observed.
    kind
        "matern", "poisson" or "strauss".
    rng
        Draws the parametric bootstrap and the quadrature points of the pseudo-likelihood.
    contrast
        Method for Matérn: "palm" (default), "g", "g-quarter", "k-quarter" or "nearest-neighbour".
    errors
        Bootstrap replicates for standard errors of Matérn; 0 for none.

    Raises
    ------
    NmcError
        If fewer than 20 seeds lie in the region.
    """
    monitor = monitor or Monitor()
    inside = int(np.count_nonzero(region.contains(points_um)))
    if inside < LEAST:
        raise NmcError(
            f"{inside} seeds lie in the observed region, too few for a point process",
            f"fit a volume with at least {LEAST} grains, or type a published model in with import-grain-model",
            "seeds",
        )
    if kind == "poisson":
        return fit_poisson(points_um, region)
    if kind == "matern":
        return fit_matern(points_um, region, contrast=contrast, errors=errors, rng=rng, monitor=monitor)
    if kind == "strauss":
        return fit_strauss(points_um, region, rng, monitor=monitor)
    raise NmcError(f"unknown process {kind!r}", "use matern, poisson or strauss", "seeds")


def fit_poisson(points_um: Array, region: Region) -> ProcessFit:
    """Intensity n / |W|, with its standard error."""
    count = int(np.count_nonzero(region.contains(points_um)))
    volume = region.volume_um3
    return ProcessFit(Law("poisson", {"intensity": count / volume}, {"intensity": float(np.sqrt(count)) / volume}))
