"""Shells of a given size (models.md 12.3).

The volume is a cubic in the mean part t = c_00 Y_00 of a shell whose shape part is fixed, so the sizes allowed are an interval
of c_00: draw the shape, accept it with the normal probability of that interval, then draw c_00 from the truncated normal. This
is the law of the model given the size, which scaling a shell would not be.

Accepting with the probability itself needs no bound and is exact. It is also cheap: the power of each degree, a chi-square
number, tells a shape's probability up to some per cent, so that all but a few of the shapes are refused before they are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child, stream
from nmcstudio.core.shells import ShellModel
from nmcstudio.shell.centring import centre_shells
from nmcstudio.shell.directions import SphereMesh, grid_exact_to, octasphere
from nmcstudio.shell.harmonics import Y00, degree_of_index, equivalent_diameter, harmonics
from nmcstudio.shell.sample import Shells, are_positive, draw_fields

Measure = Literal["exact", "mesh"]
Conditioning = Literal["exact", "rejection"]
_PILOT = 4000
#: Shells that are drawn in step, each from its own stream.
_TOGETHER = 128
_MOST_CANDIDATES = 100_000


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

    @property
    def volumes_um3(self) -> tuple[float, float]:
        return np.pi / 6 * self.low_um**3, np.pi / 6 * self.high_um**3


@dataclass(frozen=True)
class Intervals:
    """For n shapes the interval of c_00 that gives them a size in the window: its ends and its normal probability, ``(n,)``."""

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
        # The integral of b is that of c_00 alone, and the one of b^2 is the sum of squares (Parseval).
        moments = [b**3 @ grid.weights / 3, (shapes**2).sum(axis=1), np.zeros(len(b)), np.full(len(b), 4 * np.pi / 3)]
    else:
        mesh: SphereMesh = octasphere()
        b = shapes @ harmonics(mesh.directions, degree).T
        u, t = mesh.directions, mesh.triangles
        d = np.einsum("ij,ij->i", u[t[:, 0]], np.cross(u[t[:, 1]], u[t[:, 2]])) / 6
        b1, b2, b3 = (b[:, t[:, k]] for k in range(3))
        moments = [(b1 * b2 * b3) @ d, (b1 * b2 + b2 * b3 + b3 * b1) @ d, (b1 + b2 + b3) @ d, np.full(len(b), d.sum())]
    return np.stack(moments, axis=1), b.min(axis=1)


def solve_cubics(
    cubics: NDArray[np.float64], volume_um3: float, smallest: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The t ``(n,)`` that gives each shape this volume; if `smallest` is given, never so small that a radius falls to zero.

    Newton steps; while all radii are positive the cubic increases and is convex, so that they cannot miss.
    """
    v0, v1, v2, v3 = cubics.T
    floor = np.zeros(len(v0)) if smallest is None else -smallest + 1e-9 * (1 + np.abs(smallest))
    t = np.maximum(np.cbrt(volume_um3 / v3), floor)
    for _ in range(60):
        value = v0 + t * (v1 + t * (v2 + t * v3)) - volume_um3
        slope = v1 + t * (2 * v2 + t * 3 * v3)
        step = np.where(slope > 0, value / np.where(slope > 0, slope, 1), 0)
        t = np.maximum(t - step, floor)
        if np.all((t == floor) | (np.abs(step) <= 1e-12 * np.abs(t))):
            break
    return t


def find_intervals(
    shapes: NDArray[np.float64], components: NDArray[np.int64], model: ShellModel, window: SizeWindow
) -> Intervals:
    """The interval of c_00 of each shape.

    Parameters
    ----------
    shapes
        Coefficients ``(n, (L + 1)^2)`` with c_00 = 0, um.
    components
        int64 ``(n,)``, the mixture component that each shape was drawn from.
    """
    cubics, smallest = volume_cubics(shapes, window.measure)
    low, high = (solve_cubics(cubics, volume, smallest) / Y00 for volume in window.volumes_um3)
    return Intervals(low, high, _normal_probability(low, high, components, model))


def _normal_probability(
    low: NDArray[np.float64], high: NDArray[np.float64], components: NDArray[np.int64], model: ShellModel
) -> NDArray[np.float64]:
    """Probability of c_00 between two ends in its component, computed in the tail where it is small."""
    from scipy.special import ndtr

    means, deviations = _size_laws(model)
    a, b = ((end - means[components]) / deviations[components] for end in (low, high))
    turned = a > 0
    return np.maximum(ndtr(np.where(turned, -a, b)) - ndtr(np.where(turned, -b, a)), 0)


def _size_laws(model: ShellModel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of c_00, um, of each component."""
    means = np.array([component.mean_um for component in model.components]) / Y00
    # A spectrum without spread in size still needs a law that has a density.
    deviations = np.maximum(np.sqrt([component.power_spectrum[0] for component in model.components]), 1e-9 * means)
    return means, deviations


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
    conditioning: Conditioning = "exact",
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
    conditioning
        "exact": as described above. "rejection": draw until the size fits, as published; the same law, slower.
    most_tries
        Shapes that may be tried for one shell.

    Raises
    ------
    NmcError
        If the diameter or the tolerance is out of range.
    ComputationError
        If the model hardly ever makes this size.
    """
    numbers = np.arange(count)
    return draw_numbered_of_size(
        model, diameter_um, numbers, rng, tolerance=tolerance, measure=measure, recentre=recentre, conditioning=conditioning,
        most_tries=most_tries, monitor=monitor,
    )  # fmt: skip


def draw_numbered_of_size(
    model: ShellModel,
    diameter_um: float,
    numbers: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    tolerance: float = 0.02,
    measure: Measure = "exact",
    recentre: bool = True,
    conditioning: Conditioning = "exact",
    most_tries: int = 1_000_000,
    monitor: Monitor | None = None,
) -> Shells:
    """The shells with these numbers of the series that `draw_shells_of_size` counts from 0; raises what it raises."""
    monitor = monitor or Monitor()
    if not (np.isfinite(diameter_um) and diameter_um > 0):
        raise NmcError(f"the diameter {diameter_um} um is not positive", "give a diameter above 0 um", "diameter_um")
    if not 0 < tolerance < 1:
        raise NmcError(f"the tolerance {tolerance} is not between 0 and 1", "give 0.02 for 2 %", "tolerance")
    if conditioning not in ("exact", "rejection"):
        raise NmcError(f"there is no conditioning {conditioning!r}", "use exact or rejection", "conditioning")
    window = SizeWindow((1 - tolerance) * diameter_um, (1 + tolerance) * diameter_um, measure)
    expected = expected_share(model, window)
    if expected * most_tries < 1:
        _refuse(model, diameter_um, tolerance)
    block = int(np.clip(1 / expected, 4, 4096))
    together = int(np.clip(_MOST_CANDIDATES // block, 1, _TOGETHER))
    values = np.empty((len(numbers), (model.degree + 1) ** 2))
    chosen = np.empty(len(numbers), dtype=np.int64)
    drawing = monitor.sub(0.0, 0.7 if recentre else 1.0)
    rejected = 0
    for start in drawing.track(range(0, len(numbers), together), f"drawing {len(numbers)} shells of {diameter_um:.3g} um"):
        part = slice(start, start + together)
        streams = [child(rng, int(number)) for number in numbers[part]]
        draw = _draw_exactly if conditioning == "exact" else _draw_until
        values[part], chosen[part], more = draw(model, window, block, streams, most_tries, monitor)
        rejected += more
    if recentre:
        values = centre_shells(values, monitor.sub(0.7, 1.0))
    return Shells(values, chosen, rejected)


def expected_share(model: ShellModel, window: SizeWindow) -> float:
    """Share of the model's shells in the window, from the powers of 4,000 shapes; the same at every call."""
    shares = tuple(component.probability for component in model.components)
    laws = tuple(component.mean_um for component in model.components)
    spectra = b"".join(component.power_spectrum.tobytes() for component in model.components)
    return _expected_share(shares, laws, spectra, window)


@lru_cache(maxsize=64)
def _expected_share(shares: tuple[float, ...], means_um: tuple[float, ...], spectra: bytes, window: SizeWindow) -> float:
    from nmcstudio.core.shells import ShellComponent

    table = np.frombuffer(spectra).reshape(len(shares), -1)
    parts = tuple(ShellComponent(p, mean, spectrum) for p, mean, spectrum in zip(shares, means_um, table))
    model = ShellModel(table.shape[1] - 1, parts)
    rng = stream(0, "size-pilot")
    components, _, powers = _draw_powers(model, _PILOT, rng)
    cubics = np.zeros((_PILOT, 4))
    cubics[:, 1], cubics[:, 3] = powers.sum(axis=1), 4 * np.pi / 3
    low, high = (solve_cubics(cubics, volume) / Y00 for volume in window.volumes_um3)
    return float(_normal_probability(low, high, components, model).mean())


def _draw_powers(
    model: ShellModel, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Components ``(count,)``, uniform numbers ``(count,)`` and the sum of squares of each degree from 1 on, ``(count, L)``."""
    edges = np.cumsum([component.probability for component in model.components])
    spectra = np.stack([component.power_spectrum for component in model.components])
    uniform = rng.random((2, count))
    components = np.minimum(np.searchsorted(edges, uniform[0] * edges[-1], side="right"), len(edges) - 1)
    halves = np.arange(1, model.degree + 1) + 0.5
    return components, uniform[1], 2 * rng.standard_gamma(halves, (count, model.degree)) * spectra[components, 1:]


def _largest_probability(
    powers: NDArray[np.float64], components: NDArray[np.int64], model: ShellModel, window: SizeWindow
) -> NDArray[np.float64]:
    """The most that a shape with these powers can have, ``(n,)``.

    Only the integral of b^3 / 3 is not known from them; it is at most the largest |b| times the sum of the powers, over 3.
    """
    if window.measure != "exact":
        return np.ones(len(powers))
    degrees = np.arange(1, model.degree + 1)
    total = powers.sum(axis=1)
    largest = np.sqrt(powers) @ np.sqrt((2 * degrees + 1) / (4 * np.pi))
    cubics = np.zeros((len(powers), 4))
    cubics[:, 1], cubics[:, 3] = total, 4 * np.pi / 3
    ends = []
    for volume, sign in zip(window.volumes_um3, (1, -1)):
        cubics[:, 0] = sign * largest * total / 3
        ends.append(solve_cubics(cubics, volume) / Y00)
    return _normal_probability(ends[0], ends[1], components, model)


def _draw_exactly(
    model: ShellModel, window: SizeWindow, block: int, streams: list[np.random.Generator], most: int, monitor: Monitor
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """One shell from each stream: coefficients, components, and how many had a radius at or below zero."""
    means, deviations = _size_laws(model)
    degrees = degree_of_index(model.degree)[1:]
    firsts = np.arange(1, model.degree + 1) ** 2 - 1
    values = np.zeros((len(streams), (model.degree + 1) ** 2))
    chosen = np.full(len(streams), -1, dtype=np.int64)
    rejected = 0
    for _ in range(0, most, block):
        waiting = np.flatnonzero(chosen < 0)
        if not len(waiting):
            return values, chosen, rejected
        monitor.check()
        drawn = [_draw_powers(model, block, streams[number]) for number in waiting]
        components, uniforms, powers = (np.concatenate([one[k] for one in drawn]) for k in range(3))
        hopeful = np.flatnonzero(uniforms < _largest_probability(powers, components, model, window))
        owners = waiting[hopeful // block]
        # Each stream goes through its own candidates in their order; all streams take a step together.
        rank = np.arange(len(owners)) - np.searchsorted(owners, owners)
        for step in range(int(rank.max(initial=-1)) + 1):
            now = (rank == step) & (chosen[owners] < 0)
            rows, numbers = hopeful[now], owners[now]
            if not len(rows):
                break
            monitor.check()
            shapes = np.zeros((len(rows), values.shape[1]))
            shapes[:, 1:] = np.stack([streams[number].standard_normal(len(degrees)) for number in numbers])
            norms = np.sqrt(np.add.reduceat(shapes[:, 1:] ** 2, firsts, axis=1))
            shapes[:, 1:] *= (np.sqrt(powers[rows]) / norms)[:, degrees - 1]
            found = find_intervals(shapes, components[rows], model, window)
            for index in np.flatnonzero(uniforms[rows] < found.probability):
                number, k = numbers[index], int(components[rows[index]])
                a, b = ((end[index] - means[k]) / deviations[k] for end in (found.low, found.high))
                uniform = float(streams[number].random())
                shapes[index, 0] = means[k] + deviations[k] * _truncated_normal(float(a), float(b), uniform)
                if are_positive(shapes[index])[0]:
                    values[number], chosen[number] = shapes[index], k
                else:
                    rejected += 1
    raise _too_rare(most)


def _draw_until(
    model: ShellModel, window: SizeWindow, block: int, streams: list[np.random.Generator], most: int, monitor: Monitor
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """The same by drawing whole shells until one has the size."""
    values = np.zeros((len(streams), (model.degree + 1) ** 2))
    chosen = np.full(len(streams), -1, dtype=np.int64)
    rejected, block = 0, min(block, 256)
    for number, own in enumerate(streams):
        for _ in range(0, most, block):
            monitor.check()
            fields, components = draw_fields(model, block, own)
            sizes = field_diameters(fields, window.measure)
            fitting = np.flatnonzero((sizes >= window.low_um) & (sizes <= window.high_um))
            good = fitting[are_positive(fields[fitting])]
            rejected += int(np.count_nonzero(fitting < good[0])) if len(good) else len(fitting)
            if len(good):
                values[number], chosen[number] = fields[good[0]], components[good[0]]
                break
        else:
            raise _too_rare(most)
    return values, chosen, rejected


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


def _refuse(model: ShellModel, diameter_um: float, tolerance: float) -> None:
    fields, _ = draw_fields(model, 1000, stream(0, "size-range"))
    low, high = np.quantile(field_diameters(fields), [0.01, 0.99])
    if low <= diameter_um <= high:
        raise ComputationError(
            f"the shell model makes almost no particle of {diameter_um:.6g} um within a share of {tolerance:g}",
            "give a larger tolerance, 0.02 for 2 %",
            "tolerance",
        )
    raise ComputationError(
        f"the shell model makes almost no particle of {diameter_um:.3g} um",
        f"choose a diameter between {low:.3g} and {high:.3g} um, or check the unit of the model",
        "diameter_um",
    )
