"""Does a fitted point process describe the seeds? Global envelopes of g, F and D0 from simulated patterns (models.md 8.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Envelope, Law
from nmcstudio.core.laws import family_of
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.workers import in_threads
from nmcstudio.grains.fit_seeds import fit_seeds
from nmcstudio.grains.processes import simulate_seeds, simulate_strauss
from nmcstudio.stats.envelopes import global_envelope
from nmcstudio.stats.point_patterns import (
    empty_space,
    find_pairs,
    nearest_neighbour_sample,
    pair_bandwidth_um,
    pair_correlation_of,
)
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]

LEVEL = 0.05
LEAST_SIMULATIONS = 19  # fewer cannot reject at this level
FUNCTIONS = ("g", "F", "D0")
# Option of the step for each kind of law.
OPTIONS = {"matern-cluster": "matern", "poisson": "poisson", "strauss": "strauss"}
_POINTS = 40  # of each curve
_SWEEPS = 16  # proposals for each point of a pattern that repels
_PROBES = 4000  # of the empty space, the same ones for all patterns
_MOST_SEEDS = 10_000  # that are tested; of more, those in the middle of the region: so many show any difference that matters
_DEEP = 0.1  # share of the region that must lie deeper than a distance for it to be looked at


@dataclass(frozen=True)
class _Curves:
    """What is looked at: distances of each function, and how it is estimated."""

    region: Region
    radii: tuple[Array, Array, Array]
    bandwidth_um: float
    probe_seed: int

    @classmethod
    def of(cls, points: Array, region: Region, law: Law, probe_seed: int) -> _Curves:
        unit = (len(points) / region.volume_um3) ** (-1 / 3)
        width = pair_bandwidth_um(unit**-3, law.parameters.get("cluster_radius"))
        shortest = float(np.min(np.ptp(region.bounds_um, axis=1)))
        r = np.linspace(0.08, 2.0, _POINTS) * unit
        d = np.linspace(0.04, 1.6, _POINTS) * unit
        deep = region.eroded_volume_um3(d) >= _DEEP * region.volume_um3
        d = d[deep] if np.count_nonzero(deep) >= 5 else d[:5]
        return cls(region, (r[r <= 0.45 * shortest], d, d), width, probe_seed)

    def __call__(self, points: Array) -> Array:
        """The three curves of a pattern one after the other; those of too few points are of nothing."""
        r, f, d = self.radii
        if len(points) < 3:
            return np.concatenate([np.zeros(len(r)), np.zeros(len(f)), np.zeros(len(d))])
        pairs = find_pairs(points, self.region, float(r[-1]) + self.bandwidth_um)
        probes = np.random.default_rng(self.probe_seed)
        return np.concatenate([
            pair_correlation_of(pairs, r, self.bandwidth_um),
            empty_space(points, self.region, f, probes, _PROBES),
            nearest_neighbour_sample(points, self.region).cdf(d),
        ])  # fmt: skip


def envelope_test(
    points_um: Array, region: Region, law: Law, rng: np.random.Generator, simulations: int = 99, monitor: Monitor | None = None
) -> tuple[tuple[Envelope, ...], float]:
    """Global envelopes of the pair correlation g, the empty-space law F and the nearest-neighbour law D0.

    The band is one for the three curves together: a pattern of the process leaves it anywhere in 5 % of cases. As the process was
    fitted to the same data the true share is smaller, so that what is rejected is rejected.

    Parameters
    ----------
    points_um
        float64 ``(n, 3)``, seeds of visible cells; those outside the region are left out.
    region
        Where they were observed.
    law
        Of the seeds as seen, before the correction for empty cells.
    rng
        Draws the patterns; the test does not depend on the number of threads.
    simulations
        At least 19.

    Returns
    -------
    envelopes, p
        One for each function, each with the p-value of its own curve; and the p-value of the three together.

    Raises
    ------
    NmcError
        If there are fewer than 19 simulations.
    """
    if simulations < LEAST_SIMULATIONS:
        raise NmcError(
            f"{simulations} simulations are too few for an envelope of 95 %", f"use {LEAST_SIMULATIONS} or more", "envelopes"
        )
    inside = points_um[region.contains(points_um)]
    curves = _Curves.of(inside, region, law, int(child(rng, simulations).integers(2**31)))

    def simulate(index: int) -> Array:
        points = _pattern(law, region, child(rng, index))
        return curves(points[region.contains(points)])

    data = curves(inside)
    label = family_of("seeds", law.kind).label
    drawn = np.array(in_threads(simulate, range(simulations), monitor or Monitor(), f"Simulating seeds ({label})"))
    together = global_envelope(data, drawn, LEVEL)
    found, at = [], 0
    for function, radii in zip(FUNCTIONS, curves.radii):
        part = slice(at, at + len(radii))
        own = global_envelope(data[part], drawn[:, part], LEVEL)
        middle = np.median(drawn[:, part], axis=0)
        low, high = together.low[part], together.high[part]
        found.append(Envelope(function, law.kind, radii, data[part], low, high, middle, own.p, simulations))
        at += len(radii)
    return tuple(found), together.p


def _pattern(law: Law, region: Region, rng: np.random.Generator) -> Array:
    if law.kind != "strauss":
        return simulate_seeds(law, region.bounds_um, rng)
    radius = law["interaction_radius"]
    wide = region.bounds_um + 2.0 * radius * np.array([-1.0, 1.0])
    return simulate_strauss(law["beta"], law["gamma"], radius, wide, rng, sweeps=_SWEEPS)


def judge_process(
    points_um: Array, region: Region, law: Law, rng: np.random.Generator, simulations: int = 99, monitor: Monitor | None = None
) -> tuple[tuple[Envelope, ...], dict[str, float], str]:
    """Test the fitted process and, where the data contradicts it, the two others.

    Parameters
    ----------
    points_um, region, law, rng, simulations
        As in `envelope_test`. Of more than 10,000 seeds those in the middle of the region are tested.

    Returns
    -------
    envelopes, goodness, note
        Envelopes of the fitted process and then of the suggested one, p-value for each kind that was tested, and a sentence; the
        sentence is empty where the process passes. Nothing is changed: the user decides.
    """
    monitor = monitor or Monitor()
    region = _tested(points_um, region)
    envelopes, p = envelope_test(points_um, region, law, child(rng, 0), simulations, monitor.sub(0.0, 0.4))
    goodness = {law.kind: p}
    if p > LEVEL:
        monitor.report(1.0)
        return envelopes, goodness, ""
    others = {}
    rest = [kind for kind in OPTIONS if kind != law.kind]
    for k, kind in enumerate(rest):
        part = monitor.sub(0.4 + 0.3 * k, 0.7 + 0.3 * k)
        fitted = fit_seeds(points_um, region, OPTIONS[kind], child(rng, 10 + k), errors=0, monitor=part.sub(0.0, 0.3))
        others[kind], goodness[kind] = envelope_test(
            points_um, region, fitted.law, child(rng, 20 + k), simulations, part.sub(0.3, 1.0)
        )
    best = max(rest, key=lambda kind: (goodness[kind], -_outside(others[kind])))
    names = {kind: family_of("seeds", kind).label.split(",")[0] for kind in OPTIONS}
    note = f"The seeds are not as the {names[law.kind]} process has them (p = {p:.2g}): {_where(envelopes)}."
    if goodness[best] > LEVEL:
        note += f" The {names[best]} process passes (p = {goodness[best]:.2g}): fit again with --seeds {OPTIONS[best]}."
    else:
        note += " The two other processes do not pass either: take what rests on distances between seeds as an approximation."
    return envelopes + (others[best] if goodness[best] > p else ()), goodness, note


def _tested(points_um: Array, region: Region) -> Region:
    """The region, or a middle part of it with about as many seeds as are tested."""
    share, part = 1.0, region
    for _ in range(2):
        # Once more where the region does not fill its box evenly.
        count = int(np.count_nonzero(part.contains(points_um)))
        if share == 1.0 and count <= _MOST_SEEDS:
            return region
        share = min(share * _MOST_SEEDS / max(count, 1), 1.0)
        part = region.middle(share)
    return part


def _outside(envelopes: tuple[Envelope, ...]) -> int:
    """How many points of the data's curves leave the band."""
    return sum(int(np.count_nonzero((e.data < e.low) | (e.data > e.high))) for e in envelopes)


_WORDS = {
    ("g", True): "more pairs", ("g", False): "fewer pairs",
    ("F", True): "smaller gaps", ("F", False): "wider gaps",
    ("D0", True): "nearer neighbours", ("D0", False): "neighbours further away",
}  # fmt: skip


def _where(envelopes: tuple[Envelope, ...]) -> str:
    """In words, how the data differs from the process; the widest ranges of distances first, three at most."""
    spans = []
    for e in envelopes:
        for above, out in ((True, e.data > e.high), (False, e.data < e.low)):
            if out.any():
                r = e.radii_um[out]
                spans.append(
                    (int(np.count_nonzero(out)), f"{_WORDS[e.function, above]} ({e.function}, {r[0]:.2g} to {r[-1]:.2g} µm)")
                )
    return ", ".join(words for _, words in sorted(spans, key=lambda each: -each[0])[:3])
