"""Simulated radius functions for the tests of the shell model."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.shell.harmonics import evaluate
from nmcstudio.shell.sample import draw_fields


def spectrum(a0: float, a2: float, decay: float, degree: int) -> np.ndarray:
    """a_0, a small a_1, and an exponential fall from a_2 on."""
    degrees = np.arange(degree + 1)
    return np.where(degrees == 0, a0, np.where(degrees == 1, 0.05, a2 * np.exp(-decay * (degrees - 2.0))))


def mixture(degree: int = 10) -> ShellModel:
    """The mixture of models.md 17, in its units."""
    parts = ((0.5, 32.0, 40.0, 6.0, 0.45), (0.3, 38.0, 50.0, 14.0, 0.35), (0.2, 47.0, 90.0, 40.0, 0.40))
    return ShellModel(degree, tuple(ShellComponent(p, mu, spectrum(a0, a2, decay, degree)) for p, mu, a0, a2, decay in parts))


def simulate(
    model: ShellModel, count: int, directions: np.ndarray, seed: int, error: float = 0.5
) -> tuple[RadiusFunctions, np.ndarray]:
    """Radii with independent measurement errors, and the component of each particle."""
    rng = np.random.default_rng(seed)
    fields, chosen = draw_fields(model, count, rng)
    values = evaluate(fields, directions) + error * rng.standard_normal((count, len(directions)))
    nothing = np.zeros(count)
    radii = RadiusFunctions(
        np.arange(1, count + 1), directions, values, np.zeros((count, 3)), np.ones(count), nothing, ("",) * count, nothing, 1.0
    )
    return radii, chosen
