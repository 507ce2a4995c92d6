"""The shift between two sections of a stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.imaging.orientation_kernels import UNSEEN, agreement, boundary_share

# Voxels along the longer side of the pictures whose correlation gives candidates.
_COARSE_SIDE = 256
_PEAKS, _CLIMBS = 3, 2
# Points compared for one shift while candidates are sorted out, and for the result.
_FEW_POINTS, _POINTS = 3_000, 20_000
_QUALITY_WEIGHT = 0.5
# Shifts around the best one through which a parabola goes, and by how much the share of points must fall there. Known drifts come
# back nearest with seven shifts and orientations alone: errors are half of those with three shifts and the quality.
_AROUND = np.arange(-3, 4)
_CLEAR_FALL = 0.01


@dataclass(frozen=True)
class Section:
    """What is compared of a section: arrays ``[y, x]``, and the Fourier transforms of its features.

    Attributes
    ----------
    quaternions, phase
        As in the stack, with `UNSEEN` as the phase of what was not observed.
    quality
        Of zero mean and unit deviation; 0 where there is none.
    spectra
        ``(features, rows, columns)`` of the binned features: boundaries, outline, and quality where there is one.
    """

    quaternions: NDArray[np.float32]
    phase: NDArray[np.uint8]
    quality: NDArray[np.float32]
    spectra: NDArray[np.complex64]


@dataclass(frozen=True)
class SectionShift:
    """Position (y, x) of the second section in the first one's voxels, the share of points that agree there, and how many."""

    shift: tuple[float, float]
    agreement: float
    points: int


@dataclass(frozen=True)
class Matching:
    """How sections are compared.

    Attributes
    ----------
    limit
        Largest shift (y, x) in voxels.
    group
        Proper rotations of the crystal.
    angle
        Orientations nearer than this agree, radians.
    """

    limit: tuple[int, int]
    group: NDArray[np.float64]
    angle: float


def prepare_section(stack: EbsdStack, number: int, matching: Matching) -> Section:
    """Features of one section: quality, grain boundaries and the outline of what is indexed."""
    from scipy.fft import rfft2

    quaternions, phase, observed = stack.quaternions[number], stack.phase[number], stack.observed[number]
    boundaries = np.zeros(phase.shape, np.float32)
    boundary_share(quaternions, phase, matching.group, np.cos(matching.angle / 2), boundaries)
    finite = np.isfinite(stack.quality[number]) & observed
    features = [(boundaries, observed), ((phase > 0).astype(np.float32), observed)]
    quality = np.zeros(phase.shape, np.float32)
    if finite.any() and np.ptp(stack.quality[number][finite]) > 0:
        quality = _standardised(stack.quality[number], finite)
        features.append((quality, finite))
    binning, size = _coarse(phase.shape, matching.limit)
    small = np.array([_binned(values, where, binning) for values, where in features])
    return Section(quaternions, np.where(observed, phase, np.uint8(UNSEEN)), quality, rfft2(small, size))


def _coarse(shape: tuple[int, ...], limit: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Voxels binned into one along each side, and the size of the padded pictures: no shift looked at wraps around."""
    from scipy.fft import next_fast_len

    binning = -(-max(shape) // _COARSE_SIDE)
    rows, columns = (next_fast_len(-(-n // binning) + -(-most // binning) + 1, real=True) for n, most in zip(shape, limit))
    return binning, (rows, columns)


def _binned(values: NDArray[np.float32], where: NDArray[np.bool_], binning: int) -> NDArray[np.float32]:
    """Means of squares of voxels inside `where`, standardised; 0 where there is nothing."""
    pad = [(0, -n % binning) for n in values.shape]
    squares = [np.pad(np.where(where, values, 0), pad), np.pad(where.astype(np.float32), pad)]
    rows, columns = (n // binning for n in squares[0].shape)
    total, count = (each.reshape(rows, binning, columns, binning).sum(axis=(1, 3), dtype=np.float32) for each in squares)
    return _standardised(total / np.maximum(count, 1), count > 0)


def _standardised(values: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Zero mean and unit deviation inside, zero outside."""
    inside = values[where]
    spread = float(inside.std(dtype=np.float64)) if inside.size else 0.0
    out = np.zeros(values.shape, np.float32)
    if spread > 0:
        out[where] = (inside - inside.mean(dtype=np.float64)) / spread
    return out


def find_shift(first: Section, second: Section, matching: Matching, guess: tuple[float, float] | None = None) -> SectionShift:
    """Shift between two sections, found by phase correlation and settled by the orientations.

    Candidates are sorted out on a thin grid of points, first in steps as coarse as the pictures that they come from.

    Parameters
    ----------
    first, second
        Sections of one size.
    matching
        How they are compared.
    guess
        What the sections between them say, a further candidate; the result may then be a little coarser. None for neighbours.
    """
    thin = _Scores(first, second, matching, _FEW_POINTS)
    # Where others lie between, their shifts weigh far more: no more points are needed here.
    fine = _Scores(first, second, matching, _POINTS) if guess is None else thin
    binning, _ = _coarse(first.phase.shape, matching.limit)
    starts = [(0, 0), *_peaks(first, second, matching.limit)]
    if guess is not None:
        starts.append((round(guess[0]), round(guess[1])))
    # Most candidates are nothing: only the better ones are worth a climb.
    starts = sorted(dict.fromkeys(starts), key=thin.at, reverse=True)[:_CLIMBS]
    top = max((thin.climb(thin.climb(start, binning), 1) for start in starts), key=thin.at)
    dy, dx = fine.climb(top, 1)
    same, total, _ = fine.compare(dy, dx)
    shift = (dy + _vertex(fine.line(dy, dx, 0)), dx + _vertex(fine.line(dy, dx, 1)))
    return SectionShift(shift, same / max(total, 1), same * fine.stride**2)


class _Scores:
    """How well two sections go together at whole shifts, by about so many points; each is compared once."""

    def __init__(self, first: Section, second: Section, matching: Matching, points: int) -> None:
        self._first, self._second, self._matching = first, second, matching
        self._cosine = float(np.cos(matching.angle / 2))
        self.stride = max(1, int(np.sqrt(first.phase.size / points)))
        # A small overlap must not win by chance: it counts as if the missing points disagreed.
        self._needed = max(1.0, 0.1 * first.phase.size / self.stride**2)
        self._known: dict[tuple[int, int], tuple[int, int, float]] = {}

    def compare(self, dy: int, dx: int) -> tuple[int, int, float]:
        """As `agreement` gives it."""
        if (dy, dx) not in self._known:
            a, b = self._first, self._second
            self._known[dy, dx] = agreement(
                a.quaternions, b.quaternions, a.phase, b.phase, a.quality, b.quality, self._matching.group, self._cosine, dy, dx,
                self.stride,
            )  # fmt: skip
        return self._known[dy, dx]

    def at(self, shift: tuple[int, int]) -> float:
        if abs(shift[0]) > self._matching.limit[0] or abs(shift[1]) > self._matching.limit[1]:
            return -np.inf
        same, total, correlation = self.compare(*shift)
        return same / max(total, self._needed) + _QUALITY_WEIGHT * correlation

    def line(self, dy: int, dx: int, axis: int) -> NDArray[np.float64]:
        """Share of points that agree at shifts `_AROUND` a top along one axis.

        The quality, which is noisier between voxels, is added only where orientations hardly tell one shift from the next.
        """
        offsets = [(int(n), 0) if axis == 0 else (0, int(n)) for n in _AROUND]
        found = np.array([self.compare(dy + a, dx + b) for a, b in offsets])
        share = found[:, 0] / np.maximum(found[:, 1], self._needed)
        clear = 2 * share[len(share) // 2] - share[0] - share[-1] > 2 * _CLEAR_FALL
        return share if clear else share + _QUALITY_WEIGHT * found[:, 2]

    def climb(self, start: tuple[int, int], step: int) -> tuple[int, int]:
        """The top that is reached from `start` by moves to the best neighbour `step` voxels away."""
        here = start
        while True:
            y, x = here
            best = max(((y - step, x), (y + step, x), (y, x - step), (y, x + step)), key=self.at)
            if self.at(best) <= self.at(here):
                return here
            here = best


def _peaks(first: Section, second: Section, limit: tuple[int, int]) -> list[tuple[int, int]]:
    """Shifts at the highest peaks of the phase correlation, each away from the others."""
    from scipy.fft import irfft2

    binning, size = _coarse(first.phase.shape, limit)
    count = min(len(first.spectra), len(second.spectra))
    cross = (np.conj(first.spectra[:count]) * second.spectra[:count]).sum(axis=0)
    strength = np.abs(cross)
    surface = irfft2(cross / (strength + 0.05 * strength.max() + 1e-12), size)
    reach = tuple(most // binning for most in limit)
    rows, columns = (np.arange(-most, most + 1) for most in reach)
    window = surface[np.ix_(rows, columns)]
    found = []
    for _ in range(_PEAKS):
        i, j = divmod(int(window.argmax()), window.shape[1])
        found.append((int(rows[i]) * binning, int(columns[j]) * binning))
        window[max(0, i - 1) : i + 2, max(0, j - 1) : j + 2] = -np.inf
    return found


def _vertex(values: NDArray[np.float64]) -> float:
    """Offset of the top of the parabola that fits values at whole places around zero best."""
    bend, slope, _ = np.polyfit(_AROUND, values, 2)
    return float(np.clip(-0.5 * slope / bend, -1.0, 1.0)) if bend < 0 else 0.0
