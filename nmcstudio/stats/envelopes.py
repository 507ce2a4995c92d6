"""Global envelope test: does a whole curve look like those that the model gives? (Myllymäki et al. 2017)"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError

Array = NDArray[np.float64]


class GlobalEnvelope(NamedTuple):
    """Band and p-value of one curve among simulated ones.

    Attributes
    ----------
    low, high
        float64 ``(m,)``: a curve of the model lies wholly between them with probability 1 - `level`.
    p
        Of the extreme rank lengths; at most `level` exactly where the observed curve leaves the band.
    p_low, p_high
        Ends of the p-interval of the extreme ranks, which have ties; `p` lies between them.
    outside
        bool ``(m,)``: where the observed curve leaves the band.
    """

    low: Array
    high: Array
    p: float
    p_low: float
    p_high: float
    outside: NDArray[np.bool_]


def global_envelope(observed: Array, simulated: Array, level: float = 0.05) -> GlobalEnvelope:
    """Global rank envelope with the order of extreme rank lengths.

    Every curve gets at each point its rank from the nearer end, 1 for the most extreme. A curve's extreme rank is its smallest
    one; curves with the same extreme rank are ordered by how often they reach it, then by the next rank, and so on (extreme
    rank length). The band is that of the curves that are left when the most extreme share `level` is taken away. The level is
    exact for any number of simulations with ``(s + 1) level`` whole, because all curves can be exchanged under the hypothesis.

    Parameters
    ----------
    observed
        float64 ``(m,)``.
    simulated
        float64 ``(s, m)``, at the same points.
    level
        Probability of rejecting a true model.

    Raises
    ------
    NmcError
        If there are fewer simulations than ``1 / level - 1``: then nothing can be rejected.

    Notes
    -----
    Myllymäki, Mrkvička, Grabarnik, Seijo and Hahn, Global envelope tests for spatial processes, J. R. Stat. Soc. B 79 (2017)
    381-404, equations 6, 11 and 14 and section 4.
    """
    from scipy.stats import rankdata

    curves = np.concatenate([np.asarray(observed, dtype=float)[None], np.asarray(simulated, dtype=float)])
    total = len(curves)
    if total * level < 1 - 1e-9:
        raise NmcError(
            f"{total - 1} simulations are too few for an envelope of {100 * (1 - level):g} %",
            f"simulate {int(np.ceil(1 / level)) - 1} samples or more",
        )
    rising = rankdata(curves, axis=0)
    sorted_ranks = np.sort(np.minimum(rising, total + 1 - rising), axis=1)
    extreme = sorted_ranks[:, 0]
    place = _lexicographic_place(sorted_ranks)
    inner = curves[place > level * total + 1e-9]
    low, high = inner.min(axis=0), inner.max(axis=0)
    return GlobalEnvelope(
        low,
        high,
        float(place[0] / total),
        max(int(np.count_nonzero(extreme < extreme[0])), 1) / total,
        float(np.count_nonzero(extreme <= extreme[0]) / total),
        (curves[0] < low) | (curves[0] > high),
    )


def _lexicographic_place(rows: Array) -> NDArray[np.int64]:
    """Number of rows that come before each row or are equal to it, itself included."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    ends = np.append(np.flatnonzero(np.any(ordered[1:] != ordered[:-1], axis=1)) + 1, len(rows))
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = ends[np.searchsorted(ends, np.arange(len(rows)), side="right")]
    return place


def simulated_p(observed: float, simulated: Array) -> float:
    """Monte Carlo p-value of a distance: share of `simulated` ``(s,)`` and `observed` itself that are at least as large."""
    return float((np.count_nonzero(np.asarray(simulated) >= observed) + 1) / (len(simulated) + 1))
