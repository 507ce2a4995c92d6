"""Point processes of seeds: simulation in a box (models.md 7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor

Array = NDArray[np.float64]

KINDS = ("matern-cluster", "poisson", "strauss")
# Above this a window would not fit into memory together with its cells.
MOST_POINTS = 20_000_000


def simulate_poisson(intensity: float, window_um: Array, rng: np.random.Generator) -> Array:
    """A Poisson process of `intensity` points per um^3 in the box ``(3, 2)``: float64 ``(n, 3)``."""
    window = np.asarray(window_um, dtype=float)
    count = _poisson_count(intensity, window, rng)
    return rng.uniform(window[:, 0], window[:, 1], (count, 3))


def simulate_matern(
    parent_intensity: float, mean_offspring: float, cluster_radius_um: float, window_um: Array, rng: np.random.Generator
) -> Array:
    """A Matérn cluster process in the box ``(3, 2)``: float64 ``(n, 3)`` offspring; parents lie up to R outside and are dropped.

    Parameters
    ----------
    parent_intensity
        lambda, parents per um^3.
    mean_offspring
        mu, mean number of offspring of a parent.
    cluster_radius_um
        R.
    window_um
        The box.
    rng
        Source of randomness.
    """
    window = np.asarray(window_um, dtype=float)
    wide = window + cluster_radius_um * np.array([-1.0, 1.0])
    parents = rng.uniform(wide[:, 0], wide[:, 1], (_poisson_count(parent_intensity, wide, rng), 3))
    centres = np.repeat(parents, rng.poisson(mean_offspring, len(parents)), axis=0)
    points = centres + cluster_radius_um * uniform_in_ball(len(centres), rng)
    return points[np.all((points >= window[:, 0]) & (points < window[:, 1]), axis=1)]


def uniform_in_ball(count: int, rng: np.random.Generator) -> Array:
    """Points uniform in the unit ball, float64 ``(count, 3)``."""
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * np.cbrt(rng.uniform(size=(count, 1)))


def simulate_strauss(
    beta: float,
    gamma: float,
    interaction_radius_um: float,
    window_um: Array,
    rng: np.random.Generator,
    monitor: Monitor | None = None,
    sweeps: int = 40,
) -> Array:
    """A Strauss process in the box ``(3, 2)`` by birth-death-move Metropolis-Hastings: float64 ``(n, 3)``.

    Parameters
    ----------
    beta
        um^-3.
    gamma
        0 (hard core) to 1 (Poisson).
    interaction_radius_um
        Range of the repulsion.
    window_um
        The box, with free boundary: give a guard of a few radii around what matters.
    monitor
        Progress and cancelling.
    sweeps
        Proposals per expected point.

    Raises
    ------
    NmcError
        If gamma is above 1: the process does not exist.
    """
    from nmcstudio.grains.strauss_kernels import birth_death_move

    if not 0.0 <= gamma <= 1.0:
        raise NmcError(f"gamma = {gamma:g} of a Strauss process is not in 0 to 1", "use a matern process for attraction", "seeds")
    monitor = monitor or Monitor()
    window = np.asarray(window_um, dtype=float)
    lower, edges = window[:, 0].copy(), window[:, 1] - window[:, 0]
    expected = strauss_intensity(beta, gamma, interaction_radius_um) * np.prod(edges)
    start = simulate_poisson(expected / np.prod(edges), window, rng)
    capacity = int(2 * expected + 10 * np.sqrt(expected) + len(start) + 100)
    # Cells no smaller than the radius, and no more of them than points.
    smallest = max(interaction_radius_um, (np.prod(edges) / max(expected, 1.0)) ** (1 / 3))
    shape = np.maximum((edges / smallest).astype(np.int64), 1)
    head = np.full(int(np.prod(shape)), -1, dtype=np.int64)
    link = np.full(capacity, -1, dtype=np.int64)
    points = np.zeros((capacity, 3))
    points[: len(start)] = start
    size = edges / shape
    cells = np.minimum(((start - lower) / size).astype(np.int64), shape - 1)
    for index, cell in enumerate(np.ravel_multi_index(tuple(cells.T), tuple(shape)) if len(start) else []):
        link[index] = head[cell]
        head[cell] = index
    count = len(start)
    total = int(sweeps * max(expected, 10.0))
    done = 0
    while done < total:
        chunk = min(50_000, total - done)
        count = birth_death_move(
            points, count, head, link, lower, edges, size, shape, beta, gamma, interaction_radius_um, rng.random((chunk, 6))
        )
        done += chunk
        monitor.report(done / total, "Placing seeds that repel each other")
    return points[:count].copy()


def strauss_intensity(beta: float, gamma: float, interaction_radius_um: float) -> float:
    """Approximate intensity of a Strauss process, um^-3: Poisson-saddlepoint W(beta G) / G, G = (1 - gamma) 4/3 pi r^3."""
    from scipy.special import lambertw

    interaction = (1.0 - gamma) * 4.0 / 3.0 * np.pi * interaction_radius_um**3
    if interaction * beta < 1e-9:
        return float(beta)
    return float(lambertw(beta * interaction).real / interaction)


def intensity_of(law: Law) -> float:
    """Points per um^3 of a law of seeds (for Strauss an approximation)."""
    if law.kind == "matern-cluster":
        return law["parent_intensity"] * law["mean_offspring"]
    if law.kind == "poisson":
        return law["intensity"]
    if law.kind == "strauss":
        return strauss_intensity(law["beta"], law["gamma"], law["interaction_radius"])
    raise NmcError(f"unknown law of seeds {law.kind!r}", f"use one of {', '.join(KINDS)}", "seeds")


def simulate_seeds(law: Law, window_um: Array, rng: np.random.Generator, monitor: Monitor | None = None) -> Array:
    """Seeds of any law in a box: ``window_um (3, 2)`` to float64 ``(n, 3)``, um."""
    if law.kind == "matern-cluster":
        return simulate_matern(law["parent_intensity"], law["mean_offspring"], law["cluster_radius"], window_um, rng)
    if law.kind == "poisson":
        return simulate_poisson(law["intensity"], window_um, rng)
    if law.kind == "strauss":
        return simulate_strauss(law["beta"], law["gamma"], law["interaction_radius"], window_um, rng, monitor)
    raise NmcError(f"unknown law of seeds {law.kind!r}", f"use one of {', '.join(KINDS)}", "seeds")


def _poisson_count(intensity: float, window: Array, rng: np.random.Generator) -> int:
    expected = intensity * float(np.prod(window[:, 1] - window[:, 0]))
    if not np.isfinite(expected) or expected > MOST_POINTS:
        raise NmcError(f"the window would hold {expected:.3g} seeds", "use a smaller window or a lower intensity of seeds")
    return int(rng.poisson(expected))
