"""How far a tessellation fit misses the generators behind an image, measured on a simulated window of the same raster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.fit_tessellation import fit_tessellation
from nmcstudio.grains.gauge import centroid_gauge
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.windows import Observation, SimulatedWindows

Array = NDArray[np.float64]

_NORMAL = 1.4826  # standard deviation over median absolute deviation of a normal law
_LEAST = 20  # cells


@dataclass(frozen=True)
class FitError:
    """Standard deviations of what a fit adds to the generators of visible cells; robust, so that few odd cells do not count.

    Attributes
    ----------
    seeds_um
        Along each axis.
    weights
        um^2 (um for "gbpd-sqrt").
    agreement
        Of that fit. Where the data's own is much lower, its grains are no such tessellation and its error is larger.
    """

    seeds_um: float
    weights: float
    agreement: float

    def words(self, agreement: float) -> str:
        """What a user should know of it, beside the agreement of the data's own fit."""
        note = (
            f"A tessellation fit to a simulated window misses its seeds by {self.seeds_um:.3g} µm along each axis; simulated "
            "seeds and weights carry that error."
        )
        if agreement < self.agreement - 0.02:
            note += f" The data agree with their fit in {100 * agreement:.1f} % of the voxels, simulated ones in "
            note += f"{100 * self.agreement:.1f} %: their true error is larger."
        return note


def measure_fit_error(
    model: GrainModel, observation: Observation, rng: np.random.Generator, monitor: Monitor | None = None
) -> FitError:
    """Simulate one window, label its voxels, fit a tessellation to them and compare its generators with the true ones.

    Parameters
    ----------
    model
        Of a Laguerre tessellation: the matrices of other kinds have no gauge in which they could be compared.
    observation
        Region, raster and smallest cell of the data.
    rng
        Window and training voxels.
    monitor
        Progress, cancelling; finish now as in the fit.

    Raises
    ------
    NmcError
        If the model is not of Laguerre tessellations, or the window holds fewer than 20 cells.
    """
    if model.kind != "laguerre":
        raise NmcError(
            "the error of the tessellation fit is known for Laguerre tessellations only", "switch it off", "fit_error"
        )  # fmt: skip
    monitor = monitor or Monitor()
    raster = observation.raster
    seeds, weights = SimulatedWindows.plan(model, observation, 1).generators(model, rng, monitor.sub(0.0, 0.03))
    index = label_grid(
        model.kind, seeds, weights, None, raster.shape, raster.spacing_um, raster.origin_um, monitor.sub(0.03, 0.05)
    )
    chosen, rows = np.unique(index, return_inverse=True)
    labels = rows.reshape(index.shape).astype(np.uint32) + 1
    if raster.mask is not None:
        labels[~raster.mask] = 0
    grains = LabelVolume(labels, raster.spacing_um, raster.origin_um, kind="grains", simulated=True)
    found = fit_tessellation(grains, model.kind, rng=rng, monitor=monitor.sub(0.05, 1.0))
    true_seeds, true_weights = seeds[chosen][found.labels - 1], weights[chosen][found.labels - 1]
    assert found.volumes_um3 is not None
    assert found.volume_errors is not None
    use = found.volumes_um3 >= observation.minimum_voxels * np.prod(raster.spacing_um)
    use &= observation.region.contains(true_seeds) & (found.volume_errors > -1.0)
    if np.count_nonzero(use) < _LEAST:
        raise NmcError(f"{np.count_nonzero(use)} simulated cells are too few", "fit a larger volume", "fit_error")
    # The gauge of the fit is not that of the simulation, least of all in a small window: its error is no error of single cells.
    gauge = centroid_gauge(found.seeds_um[use], true_seeds[use], np.ones(np.count_nonzero(use)))
    fitted_seeds, fitted_weights = gauge.apply(found.seeds_um[use], found.weights[use])
    return FitError(
        float(np.median([_spread(fitted_seeds[:, k] - true_seeds[use, k]) for k in range(3)])),
        _spread(fitted_weights - true_weights[use]),
        found.agreement,
    )


def _spread(values: Array) -> float:
    return float(_NORMAL * np.median(np.abs(values - np.median(values))))
