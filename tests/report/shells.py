"""Shell models and radius functions that tests of the comparison share."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.comparison import Comparison
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.shell.directions import SphereMesh, octasphere
from nmcstudio.shell.harmonics import evaluate
from nmcstudio.shell.sample import draw_shells


def shell_model(mean_um: float = 4.0, rough: float = 1.0) -> ShellModel:
    spectrum = np.r_[0.8, 0.001, 0.1 * rough * np.exp(-0.5 * np.arange(7))]
    return ShellModel(8, (ShellComponent(1.0, mean_um, spectrum),), nugget_um=0.02)


def measured(
    model: ShellModel, count: int, rng: np.random.Generator, weights: np.ndarray | None = None, mesh: SphereMesh | None = None
) -> RadiusFunctions:
    """Radii of `count` shells of the model, without any error of measuring."""
    directions = (mesh or octasphere(3)).directions
    radii = evaluate(draw_shells(model, count, rng, recentre=False).coefficients, directions)
    ones = np.ones(count)
    mass = ones if weights is None else weights
    return RadiusFunctions(np.arange(count), directions, radii, np.zeros((count, 3)), mass, 0 * ones, ("",) * count, ones, 0.1)


def seen(model: ShellModel, count: int, rng: np.random.Generator, power: float = 8.0) -> RadiusFunctions:
    """Shells that are seen with a chance falling as a power of the diameter, with the weights that undo it."""
    every = measured(model, 6 * count, rng)
    diameters = 2 * every.radii_um.mean(axis=1)
    chance = np.minimum(1.0, (diameters / np.quantile(diameters, 0.05)) ** -power)
    rows = np.flatnonzero(rng.random(len(every)) < chance)[:count]
    assert len(rows) == count
    weights = 1 / chance[rows]
    found = measured(model, count, rng, weights=weights / weights.mean())
    object.__setattr__(found, "radii_um", every.radii_um[rows])
    return found


def by_key(comparisons: list[Comparison]) -> dict[str, Comparison]:
    return {each.key: each for each in comparisons}
