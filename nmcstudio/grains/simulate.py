"""Random grain structures: seeds and weights of a grain model in a window (models.md 7, 9.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.copula import check_copula, draw_conditional
from nmcstudio.grains.distance_laws import distance_law, empirical_cdf
from nmcstudio.grains.matrix_joint import draw_joint, out_of_radial_frames
from nmcstudio.grains.matrix_law import draw_matrices
from nmcstudio.grains.processes import intensity_of, simulate_seeds
from nmcstudio.grains.weights import check_weight_law, weight_quantile

Array = NDArray[np.float64]


def guard_um(seeds: Law, weights: Law, kind: str = "laguerre") -> float:
    """Width of the frame around a window in which seeds matter for its cells and distances (models.md 7).

    3 intensity^(-1/3) plus the reach of the weights, sqrt(max w - min w), with the 1e-4 quantiles for the extremes.
    """
    low, high = weight_quantile(np.array([1e-4, 1 - 1e-4]), weights)
    reach = high - low if kind == "gbpd-sqrt" else np.sqrt(high - low)
    return float(3.0 * intensity_of(seeds) ** (-1 / 3) + reach)


def draw_weights(model: GrainModel, seeds_um: Array, rng: np.random.Generator, monitor: Monitor | None = None) -> Array:
    """A weight for each seed given the distance to its nearest neighbour: float64 ``(n,)``.

    With distance_law "empirical" the distances' own mid-ranks take the place of F_D0, as they did in the fit (models.md 9.3).
    """
    from scipy.spatial import cKDTree

    count = len(seeds_um)
    if count < 2:
        return weight_quantile(rng.random(count), model.weights)
    distances = cKDTree(seeds_um).query(seeds_um, k=2)[0][:, 1]
    if model.distance_law == "empirical":
        u2 = empirical_cdf(distances)
    else:
        u2 = distance_law(model.seeds, monitor).cdf(distances)
    return weight_quantile(draw_conditional(model.copula, rng.random(count), u2), model.weights)


def simulate_grains(
    model: GrainModel, window_um: Array, rng: np.random.Generator, monitor: Monitor | None = None
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Seeds and weights whose tessellation is right inside a window.

    Parameters
    ----------
    model
        The grain model.
    window_um
        ``(3, 2)``, ``[[x0, x1], [y0, y1], [z0, z1]]``.
    rng
        Source of randomness.
    monitor
        Progress and cancelling.

    Returns
    -------
    seeds_um
        float64 ``(n, 3)``, in the window and in a guard around it (`guard_um`).
    weights
        float64 ``(n,)``, um^2 (um for "gbpd-sqrt").
    inside
        bool ``(n,)``, the seed lies in the window.

    Raises
    ------
    NmcError
        If the window is not a box or the model's parameters are out of range.

    Notes
    -----
    The matrices of a GBPD come from `simulate_matrices`.
    """
    monitor = monitor or Monitor()
    window = np.asarray(window_um, dtype=float)
    if window.shape != (3, 2) or not np.all(window[:, 1] > window[:, 0]):
        raise NmcError("the window of the simulation has no volume", "give lower and upper corners in um")
    check_weight_law(model.weights)
    check_copula(model.copula)
    monitor.report(0.0, "Placing seeds")
    wide = window + guard_um(model.seeds, model.weights, model.kind) * np.array([-1.0, 1.0])
    seeds = simulate_seeds(model.seeds, wide, rng, monitor.sub(0.0, 0.5))
    if not len(seeds):
        raise NmcError("the simulated window holds no seed", "use a larger particle or a higher intensity of seeds")
    monitor.report(0.5, "Drawing weights")
    weights = draw_weights(model, seeds, rng, monitor.sub(0.5, 1.0))
    inside = np.all((seeds >= window[:, 0]) & (seeds < window[:, 1]), axis=1)
    monitor.report(1.0)
    return seeds, weights, inside


def simulate_matrices(
    model: GrainModel, weights: Array, rng: np.random.Generator, outward_um: Array | None = None
) -> Array | None:
    """Matrices float64 ``(n, 3, 3)`` of a GBPD model for cells of these weights ``(n,)``, None for Laguerre.

    `outward_um` ``(n, 3)`` leads from the centre of the particle to each seed. Without it the matrices of a radial law stay as
    their radial frames see them.
    """
    if model.matrices is None:
        return None
    if model.matrix_joint is None:
        return draw_matrices(model.matrices, len(weights), rng)
    drawn = draw_joint(model.matrix_joint, weights, model.weights, rng)
    return drawn if outward_um is None else turn_outward(model, drawn, outward_um)


def turn_outward(model: GrainModel, matrices: Array, outward_um: Array) -> Array:
    """Matrices of a radial law from their radial frames into the window's; those of other laws as they are."""
    if model.matrix_joint is None or model.matrix_joint.kind != "radial":
        return matrices
    return out_of_radial_frames(matrices, outward_um)
