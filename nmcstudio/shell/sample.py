"""Drawing shells from the model (models.md 4.1 and 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import ShellModel
from nmcstudio.shell.directions import grid_exact_to, grid_for_degree, icosphere
from nmcstudio.shell.harmonics import Y00, degree_of_count, degree_of_index, evaluate, evaluate_at, harmonics

_MOST_TRIES = 1000


@dataclass(frozen=True)
class Shells:
    """Drawn shells.

    Attributes
    ----------
    coefficients
        float64 ``(n, (L + 1)^2)``, orthonormal real harmonics, um.
    components
        int64 ``(n,)``, index of the component of each.
    """

    coefficients: NDArray[np.float64]
    components: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", frozen(self.coefficients, np.float64, (None, None), "coefficients"))
        object.__setattr__(self, "components", frozen(self.components, np.int64, (len(self.coefficients),), "components"))

    def __len__(self) -> int:
        return len(self.components)


def draw_fields(model: ShellModel, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Coefficients ``(count, (L + 1)^2)`` and components ``(count,)`` of unconditioned fields; radii may be negative."""
    shares = np.array([component.probability for component in model.components])
    chosen = rng.choice(len(shares), size=count, p=shares / shares.sum())
    deviations = np.sqrt(np.stack([component.power_spectrum for component in model.components]))
    means = np.array([component.mean_um for component in model.components])
    values = rng.standard_normal((count, (model.degree + 1) ** 2)) * deviations[chosen][:, degree_of_index(model.degree)]
    values[:, 0] += means[chosen] / Y00
    return values, chosen


def are_positive(coefficients: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether all radii on 2,562 directions are above zero, bool ``(n,)``."""
    return evaluate(np.atleast_2d(coefficients), icosphere().directions).min(axis=1) > 0


def draw_shells(
    model: ShellModel, count: int, rng: np.random.Generator, *, recentre: bool = True, monitor: Monitor | None = None
) -> Shells:
    """Shells with radii above zero.

    Parameters
    ----------
    model
        The mixture.
    count
        Number of shells; number i depends on `rng`'s stream and i alone.
    recentre
        Move each shell's centroid to the origin, where the data's star points are.

    Raises
    ------
    ComputationError
        If a shell is rejected a thousand times in a row.
    """
    monitor = monitor or Monitor()
    values, chosen = [], []
    for number in range(count):
        monitor.report(number / count, f"drawing {count} shells")
        own = child(rng, number)
        for _ in range(_MOST_TRIES):
            monitor.check()
            field, component = draw_fields(model, 1, own)
            if are_positive(field)[0]:
                break
        else:
            raise ComputationError(
                f"{_MOST_TRIES} shells in a row had radii below zero",
                "the spectrum is too large for the mean radius: check that both are in the same unit",
            )
        values.append(centred(field[0]) if recentre else field[0])
        chosen.append(component[0])
    return Shells(np.stack(values), np.array(chosen))


def centroid(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centroid (x, y, z), um, of the body within a shell ``((L + 1)^2,)``: exact quadrature of r^4 u / 4 over r^3 / 3."""
    degree = degree_of_count(len(coefficients))
    grid = grid_exact_to(4 * degree + 1)
    radii = evaluate(coefficients, grid.directions)
    return (grid.weights * radii**4 / 4) @ grid.directions / (grid.weights @ radii**3 / 3)


def centred(coefficients: NDArray[np.float64], *, tolerance_um: float | None = None) -> NDArray[np.float64]:
    """The same shell seen from its centroid: coefficients ``((L + 1)^2,)``.

    In each new direction the surface is found by fixed-point iteration and then expanded again up to the same degree, so the
    shape keeps but what falls above L. A shell that cannot be seen whole from its centroid is returned as it was.
    """
    degree = degree_of_count(len(coefficients))
    grid = grid_for_degree(max(degree, 7))
    basis = harmonics(grid.directions, degree)
    mean = coefficients[0] * Y00
    tolerance = 1e-6 * mean if tolerance_um is None else tolerance_um
    out = np.asarray(coefficients, dtype=np.float64)
    for _ in range(3):
        shift = centroid(out)
        if np.linalg.norm(shift) < tolerance:
            return out
        radii = evaluate(out, grid.directions)
        if np.linalg.norm(shift) > 0.5 * radii.min():
            return out
        for _ in range(60):
            points = shift + radii[:, None] * grid.directions
            lengths = np.linalg.norm(points, axis=1)
            step = evaluate_at(out, points) - lengths
            radii = radii + step
            if np.abs(step).max() < 0.1 * tolerance:
                break
        else:
            return out
        out = (grid.weights * radii) @ basis
    return out


def rejection_probability(
    model: ShellModel, rng: np.random.Generator, *, count: int = 4000, monitor: Monitor | None = None
) -> float:
    """Share of fields with a radius at or below zero on 2,562 directions, by Monte Carlo (models.md 4.6)."""
    monitor = monitor or Monitor()
    rejected = done = 0
    while done < count and not (done and monitor.finish_requested):
        monitor.report(done / count)
        block = min(250, count - done)
        values, _ = draw_fields(model, block, rng)
        rejected += int(np.count_nonzero(~are_positive(values)))
        done += block
    return rejected / done
