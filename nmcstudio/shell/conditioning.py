"""Shells of a given size (models.md 12.3).

The volume is a cubic in the mean part t = c_00 Y_00 of a shell whose shape part is fixed, so the sizes allowed are an interval
of c_00: draw the shape, accept it with the normal probability of that interval, then draw c_00 from the truncated normal. This
is the law of the model given the size, which scaling a shell would not be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import ShellModel
from nmcstudio.shell.directions import SphereMesh, grid_exact_to, octasphere
from nmcstudio.shell.harmonics import Y00, equivalent_diameter, harmonics
from nmcstudio.shell.sample import Shells, are_positive, centred, draw_fields

Measure = Literal["exact", "mesh"]
_PILOT = 2000
_PILOT_STREAM = 2**31 - 1
#: Where windows are hit at least this often, no bound is needed to be quick.
_COMMON = 0.005


@dataclass(frozen=True)
class SizeWindow:
    """Interval of volume-equivalent diameters, um, and how they are measured.

    Attributes
    ----------
    low_um, high_um
        Ends.
    measure
        "exact": quadrature of r^3 / 3; "mesh": the polyhedron on 258 directions as published, 0.8 % smaller.
    """

    low_um: float
    high_um: float
    measure: Measure = "exact"


@dataclass(frozen=True)
class Candidates:
    """Shapes with the interval of c_00 that gives them a size in the window.

    Attributes
    ----------
    shapes
        float64 ``(n, (L + 1)^2)`` with c_00 = 0.
    components
        int64 ``(n,)``.
    low, high
        Ends of the interval of c_00, float64 ``(n,)``.
    probability
        That of c_00 to fall in it, float64 ``(n,)``.
    """

    shapes: NDArray[np.float64]
    components: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    probability: NDArray[np.float64]


def volume_cubics(shapes: NDArray[np.float64], measure: Measure) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients v_0 … v_3 of the volume as a cubic in t, ``(n, 4)``, and the smallest radius of the shape part, ``(n,)``.

    Parameters
    ----------
    shapes
        Coefficients ``(n, (L + 1)^2)`` with c_00 = 0, um.
    """
    degree = round(np.sqrt(shapes.shape[1])) - 1
    if measure == "exact":
        grid = grid_exact_to(3 * degree)
        b = shapes @ harmonics(grid.directions, degree).T
        w = grid.weights
        moments = [b**3 @ w / 3, b**2 @ w, b @ w, np.full(len(b), 4 * np.pi / 3)]
    else:
        mesh: SphereMesh = octasphere()
        b = shapes @ harmonics(mesh.directions, degree).T
        u, t = mesh.directions, mesh.triangles
        d = np.einsum("ij,ij->i", u[t[:, 0]], np.cross(u[t[:, 1]], u[t[:, 2]])) / 6
        b1, b2, b3 = (b[:, t[:, k]] for k in range(3))
        moments = [(b1 * b2 * b3) @ d, (b1 * b2 + b2 * b3 + b3 * b1) @ d, (b1 + b2 + b3) @ d, np.full(len(b), d.sum())]
    return np.stack(moments, axis=1), b.min(axis=1)


def solve_cubics(cubics: NDArray[np.float64], volume_um3: float, smallest: NDArray[np.float64]) -> NDArray[np.float64]:
    """The t ``(n,)`` that gives each shape this volume, but never so small that a radius falls to zero.

    Newton steps; while all radii are positive the cubic increases and is convex, so that they cannot miss.
    """
    v0, v1, v2, v3 = cubics.T
    floor = -smallest + 1e-9 * (1 + np.abs(smallest))
    t = np.maximum(np.cbrt(volume_um3 / v3), floor)
    for _ in range(60):
        value = v0 + t * (v1 + t * (v2 + t * v3)) - volume_um3
        slope = v1 + t * (2 * v2 + t * 3 * v3)
        step = np.where(slope > 0, value / np.where(slope > 0, slope, 1), 0)
        t = np.maximum(t - step, floor)
        if np.all(np.abs(step) <= 1e-12 * np.abs(t)) or np.all((t == floor) | (np.abs(step) <= 1e-12 * np.abs(t))):
            break
    return t


def draw_candidates(model: ShellModel, count: int, window: SizeWindow, rng: np.random.Generator) -> Candidates:
    """Shapes from the model with their intervals of c_00."""
    shapes, chosen = draw_fields(model, count, rng)
    shapes[:, 0] = 0
    cubics, smallest = volume_cubics(shapes, window.measure)
    ends = [solve_cubics(cubics, np.pi / 6 * edge**3, smallest) / Y00 for edge in (window.low_um, window.high_um)]
    means, deviations = _size_laws(model)
    a, b = ((end - means[chosen]) / deviations[chosen] for end in ends)
    return Candidates(shapes, chosen, ends[0], ends[1], _interval_probability(a, b))


def _size_laws(model: ShellModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of c_00, um, of each component."""
    means = np.array([component.mean_um for component in model.components]) / Y00
    # A spectrum without spread in size still needs a law that has a density.
    deviations = np.maximum(np.sqrt([component.power_spectrum[0] for component in model.components]), 1e-9 * means)
    return means, deviations


def _interval_probability(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal probability of [a, b], computed in the tail where it is small."""
    from scipy.special import ndtr

    turned = a > 0
    low, high = np.where(turned, -b, a), np.where(turned, -a, b)
    return np.maximum(ndtr(high) - ndtr(low), 0)


def _truncated_normal(a: float, b: float, uniform: float) -> float:
    from scipy.special import ndtr, ndtri

    if a > 0:
        return -_truncated_normal(-b, -a, 1 - uniform)
    low, high = float(ndtr(a)), float(ndtr(b))
    return float(np.clip(ndtri(low + uniform * (high - low)), a, b))


def draw_shells_of_size(
    model: ShellModel,
    diameter_um: float,
    count: int,
    rng: np.random.Generator,
    *,
    tolerance: float = 0.02,
    measure: Measure = "exact",
    recentre: bool = True,
    method: Literal["two-stage", "published"] = "two-stage",
    most_tries: int = 1_000_000,
    monitor: Monitor | None = None,
) -> Shells:
    """Shells whose volume-equivalent diameter lies within `tolerance` of `diameter_um`.

    Parameters
    ----------
    model
        The mixture.
    diameter_um
        d_opt.
    count
        Number of shells; number i depends on `rng`'s stream and i alone.
    tolerance
        Half width of the window as a share of the diameter: 0.02 for [0.98, 1.02] d_opt.
    measure
        See `SizeWindow`.
    recentre
        Move each centroid to the origin; the volume stays.
    method
        "two-stage": as described above. "published": draw until the size fits; the same law, slower.
    most_tries
        Shapes that may be tried for one shell.

    Raises
    ------
    NmcError
        If the diameter is not positive.
    ComputationError
        If the model hardly ever makes this size.
    """
    monitor = monitor or Monitor()
    if not (np.isfinite(diameter_um) and diameter_um > 0):
        raise NmcError(f"the diameter {diameter_um} um is not positive", "give a diameter above 0 um", "diameter_um")
    if not 0 < tolerance < 1:
        raise NmcError(f"the tolerance {tolerance} is not between 0 and 1", "give 0.02 for 2 %", "tolerance")
    window = SizeWindow((1 - tolerance) * diameter_um, (1 + tolerance) * diameter_um, measure)
    bound = 1.0
    pilot = draw_candidates(model, _PILOT, window, child(rng, _PILOT_STREAM))
    expected = float(pilot.probability.mean())
    if expected < 1 / most_tries:
        _refuse(model, diameter_um, rng)
    if method == "two-stage" and expected < _COMMON:
        bound = min(1.0, 1.2 * float(pilot.probability.max()))
    block = int(np.clip(bound / expected, 4, 256))
    values, chosen = [], []
    for number in range(count):
        monitor.report(number / count, f"drawing {count} shells of {diameter_um:.3g} um")
        own = child(rng, number)
        if method == "two-stage":
            shell, component = _two_stage(model, window, bound, block, own, most_tries, monitor)
        else:
            shell, component = _naive(model, window, block, own, most_tries, monitor)
        values.append(centred(shell) if recentre else shell)
        chosen.append(component)
    return Shells(np.stack(values), np.array(chosen, dtype=np.int64))


def _two_stage(
    model: ShellModel, window: SizeWindow, bound: float, block: int, rng: np.random.Generator, most: int, monitor: Monitor
) -> tuple[NDArray[np.float64], int]:
    """One shell; `bound` is the largest interval probability to expect."""
    means, deviations = _size_laws(model)
    for _ in range(0, most, block):
        monitor.check()
        some = draw_candidates(model, block, window, rng)
        if np.any(some.probability > bound):
            # A shape beyond the pilot's bound: go on with 1, which is always exact.
            bound = 1.0
            continue
        for index in np.flatnonzero(rng.uniform(size=block) * bound < some.probability):
            k = int(some.components[index])
            a, b = ((end[index] - means[k]) / deviations[k] for end in (some.low, some.high))
            shell = some.shapes[index].copy()
            shell[0] = means[k] + deviations[k] * _truncated_normal(float(a), float(b), float(rng.uniform()))
            if are_positive(shell)[0]:
                return shell, k
    raise _too_rare(most)


def _naive(
    model: ShellModel, window: SizeWindow, block: int, rng: np.random.Generator, most: int, monitor: Monitor
) -> tuple[NDArray[np.float64], int]:
    for _ in range(0, most, block):
        monitor.check()
        fields, chosen = draw_fields(model, block, rng)
        sizes = field_diameters(fields, window.measure)
        for index in np.flatnonzero((sizes >= window.low_um) & (sizes <= window.high_um)):
            if are_positive(fields[index])[0]:
                return fields[index], int(chosen[index])
    raise _too_rare(most)


def field_diameters(fields: NDArray[np.float64], measure: Measure = "exact") -> NDArray[np.float64]:
    """Volume-equivalent diameters, um, of coefficients ``(n, (L + 1)^2)``: ``(n,)``."""
    shapes = fields.copy()
    t = shapes[:, 0] * Y00
    shapes[:, 0] = 0
    v0, v1, v2, v3 = volume_cubics(shapes, measure)[0].T
    return equivalent_diameter(v0 + t * (v1 + t * (v2 + t * v3)))


def _too_rare(tries: int) -> ComputationError:
    return ComputationError(
        f"no shell of this size in {tries} tries", "choose a diameter that the model makes more often", "diameter_um"
    )


def _refuse(model: ShellModel, diameter_um: float, rng: np.random.Generator) -> None:
    fields, _ = draw_fields(model, 1000, child(rng, _PILOT_STREAM - 1))
    low, high = np.quantile(field_diameters(fields), [0.01, 0.99])
    raise ComputationError(
        f"the shell model makes almost no particle of {diameter_um:.3g} um",
        f"choose a diameter between {low:.3g} and {high:.3g} um, or check the unit of the model",
        "diameter_um",
    )
