"""Shells whose sphericities have the law of the data: rejection by f_data / f_model ([A] "Discussion"; models.md 12.4)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import RadiusFunctions, ShellModel
from nmcstudio.shell.centring import centre_shells
from nmcstudio.shell.coefficients import estimate_coefficients
from nmcstudio.shell.conditioning import draw_numbered_of_size, draw_shells_of_size
from nmcstudio.shell.harmonics import degree_of_index
from nmcstudio.shell.measures import measure_shells
from nmcstudio.shell.sample import Shells, draw_numbered, draw_shells

_POINTS = 64
_PILOT = 4000
_FEWEST = 20
_MOST_ROUNDS = 2000
#: Above this bound nine shells of ten and more are thrown away, and the model should be mended instead.
_LARGE_BOUND = 20.0
#: The ratio is estimated where the model puts all but this share of its shells on either side, and continued flat.
_TAIL = 0.002
#: Share of the data that must lie where the model makes shells.
_COVERED = 0.5
# Streams of one series of shells, beside the numbers of the shells themselves.
_ROUND, _SEEN = 2**30, 2**31 - 2


class SphericityMatch(NamedTuple):
    """Which share of the model's shells is kept at each sphericity.

    Attributes
    ----------
    sphericities, kept
        Grid, ascending, and the share that is kept there, at most 1.
    noise_um2
        Variance of a coefficient of each degree that measuring adds: the data were seen with it, and so are drawn shells.
    bound
        M, the number of shells that one kept shell costs on average.
    """

    sphericities: tuple[float, ...]
    kept: tuple[float, ...]
    noise_um2: tuple[float, ...]
    bound: float


def estimate_match(
    radii: RadiusFunctions,
    model: ShellModel,
    rng: np.random.Generator,
    *,
    diameter_um: float | None = None,
    tolerance: float = 0.02,
    monitor: Monitor | None = None,
) -> SphericityMatch:
    """Estimate f_data / (M f_model) from the measured particles and 4,000 drawn shells.

    Parameters
    ----------
    radii, model
        Data and the model that was fitted to them.
    diameter_um, tolerance
        Where a size is given, both densities are those at this size: particles weigh by how near they are, shells are drawn
        of that size.

    Raises
    ------
    NmcError
        If there are too few particles, none of that size, or the model makes nothing like them.
    """
    from nmcstudio.stats.densities import density, silverman_bandwidth

    monitor = monitor or Monitor()
    seen = estimate_coefficients(radii, model.degree)
    sizes, data = measure_shells(seen.values)
    weights = np.array(radii.weights)
    if diameter_um is not None:
        width = silverman_bandwidth(sizes, weights, 2)
        weights = weights * np.exp(-0.5 * ((sizes - diameter_um) / width) ** 2)
    effective = weights.sum() ** 2 / max(float((weights**2).sum()), 1e-300)
    if not effective >= _FEWEST:
        raise NmcError(
            f"the sphericity cannot be matched to {effective:.3g} particles" + (" of this size" if diameter_um else ""),
            f"it needs {_FEWEST}: choose a size that more particles have, or leave the sphericity to the model",
            "match_sphericity",
        )
    if diameter_um is None:
        drawn = draw_shells(model, _PILOT, rng, recentre=False, monitor=monitor)
    else:
        drawn = draw_shells_of_size(model, diameter_um, _PILOT, rng, tolerance=tolerance, recentre=False, monitor=monitor)
    noise = np.asarray(seen.noise_um2)
    model_values = _sphericities_seen(drawn.coefficients, noise, rng.standard_normal(drawn.coefficients.shape))
    low, high = np.quantile(model_values, [_TAIL, 1 - _TAIL])
    grid = np.linspace(low, high, _POINTS)
    of_data = density(data, weights, grid=grid, upper=1.0)
    # Smoothed alike, or the model's narrower kernel would look like a difference between the two.
    of_model = density(model_values, grid=grid, bandwidth=of_data.bandwidth, upper=1.0)
    if not np.trapezoid(of_data.y, grid) > _COVERED:
        raise NmcError(
            "the shell model hardly makes shells with the sphericities of the data",
            "look at the flagged particles, fit with more components, or leave the sphericity to the model",
            "match_sphericity",
        )
    ratio = of_data.y / of_model.y
    bound = float(ratio.max())
    if bound > _LARGE_BOUND:
        monitor.warn(
            f"only one shell in {bound:.0f} is kept to match the sphericity of the data: the model is far from them; look at the "
            "flagged particles, or use more components"
        )
    return SphericityMatch(tuple(grid.tolist()), tuple((ratio / bound).tolist()), tuple(noise.tolist()), bound)


def draw_series(
    model: ShellModel,
    count: int,
    rng: np.random.Generator,
    *,
    match: SphericityMatch | None = None,
    diameter_um: float | None = None,
    recentre: bool = True,
    monitor: Monitor | None = None,
    **size: Any,
) -> Shells:
    """Shells 0 to count - 1 of a series, conditioned as asked for; number i depends on `rng`'s stream and i alone.

    Parameters
    ----------
    match
        Keep shells so that their sphericities have the law of the data.
    diameter_um
        Draw shells of this size; None leaves it to the model.
    recentre
        Move each centroid to the origin.
    size
        `tolerance`, `conditioning` of `draw_shells_of_size`.

    Raises
    ------
    NmcError, ComputationError
        As `draw_shells` and `draw_shells_of_size`.
    """
    monitor = monitor or Monitor()

    def draw(numbers: NDArray[np.int64], own: np.random.Generator, centred: bool, part: Monitor) -> Shells:
        if diameter_um is None:
            return draw_numbered(model, numbers, own, recentre=centred, monitor=part)
        return draw_numbered_of_size(model, diameter_um, numbers, own, recentre=centred, monitor=part, **size)

    if match is None:
        return draw(np.arange(count), rng, recentre, monitor)
    values = np.empty((count, (model.degree + 1) ** 2))
    chosen = np.full(count, -1, dtype=np.int64)
    rejected = 0
    noise = np.asarray(match.noise_um2)
    for number in range(_MOST_ROUNDS):
        waiting = np.flatnonzero(chosen < 0)
        if not len(waiting):
            break
        monitor.report(1 - len(waiting) / count, f"drawing {count} shells with the sphericity of the data")
        drawn = draw(waiting, child(rng, _ROUND + number), False, Monitor() if number else monitor.sub(0.0, 0.5))
        streams = [child(child(child(rng, _SEEN), number), int(one)) for one in waiting]
        errors = np.stack([own.standard_normal(values.shape[1]) for own in streams])
        kept = np.interp(_sphericities_seen(drawn.coefficients, noise, errors), match.sphericities, match.kept)
        accepted = np.array([own.random() for own in streams]) < kept
        values[waiting[accepted]] = drawn.coefficients[accepted]
        chosen[waiting[accepted]] = drawn.components[accepted]
        rejected += drawn.rejected
    else:
        raise ComputationError(
            f"no shell with a sphericity of the data in {_MOST_ROUNDS} tries", "leave the sphericity to the model"
        )
    return Shells(centre_shells(values, monitor) if recentre else values, chosen, rejected)


def _sphericities_seen(
    coefficients: NDArray[np.float64], noise_um2: NDArray[np.float64], errors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sphericities of shells as the data are seen: with the error of estimated coefficients."""
    return measure_shells(coefficients + np.sqrt(noise_um2)[degree_of_index(len(noise_um2) - 1)] * errors).sphericities
