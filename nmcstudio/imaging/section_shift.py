"""The shift between two sections of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.orientation_kernels import agreement, boundary_share

_CANDIDATES, _CLIMBS = 3, 2
_POINTS = 20_000
_QUALITY_WEIGHT = 0.5


@dataclass(frozen=True)
class Section:
    """What is compared of a section: arrays ``[y, x]``, and the Fourier transforms of its features."""

    quaternions: NDArray[np.float32]
    phase: NDArray[np.uint8]
    quality: NDArray[np.float32] | None
    spectra: NDArray[np.complex128]


@dataclass(frozen=True)
class SectionShift:
    """Position (y, x) of the second section in the first one's voxels, the share of points that agree there, and how many."""

    shift: tuple[float, float]
    agreement: float
    points: int


def prepare_section(stack: EbsdStack, number: int, group: NDArray[np.float64], angle: float) -> Section:
    """Features of one section: quality, grain boundaries and the outline of what is indexed, on a doubled field."""
    quaternions, phase = stack.quaternions[number], stack.phase[number]
    boundaries = np.zeros(phase.shape)
    boundary_share(quaternions, phase, group, np.cos(angle / 2), boundaries)
    observed = stack.observed[number]
    finite = np.isfinite(stack.quality[number]) & observed
    has_quality = bool(finite.any()) and float(np.ptp(stack.quality[number][finite])) > 0
    features = [boundaries, (phase > 0).astype(float)]
    quality = None
    if has_quality:
        quality = _standardised(stack.quality[number], finite).astype(np.float32)
        features.append(quality)
    size = tuple(2 * n for n in phase.shape)
    spectra = np.array([np.fft.rfft2(_standardised(f, observed), size) for f in features])
    return Section(quaternions, phase, quality, spectra)


def _standardised(values: NDArray[Any], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Zero mean and unit deviation inside, zero outside."""
    inside = np.asarray(values, np.float64)[where]
    spread = inside.std() if inside.size else 0.0
    out = np.zeros(values.shape)
    if spread > 0:
        out[where] = (inside - inside.mean()) / spread
    return out


def find_shift(
    first: Section, second: Section, limit: tuple[int, int], group: NDArray[np.float64], angle: float, monitor: Monitor
) -> SectionShift:
    """Shift between two sections, found by phase correlation and settled by the orientations.

    Parameters
    ----------
    first, second
        Sections of one size.
    limit
        Largest shift (y, x) in voxels.
    group
        Proper rotations of the crystal.
    angle
        Orientations nearer than this agree, radians.
    monitor
        Looked at for cancelling.
    """
    scores: dict[tuple[int, int], float] = {}
    cosine = float(np.cos(angle / 2))
    stride = max(1, int(np.sqrt(first.phase.size / _POINTS)))

    def score(dy: int, dx: int) -> float:
        if abs(dy) > limit[0] or abs(dx) > limit[1]:
            return -np.inf
        if (dy, dx) not in scores:
            monitor.check()
            same, total = agreement(
                first.quaternions, second.quaternions, first.phase, second.phase, group, cosine, dy, dx, stride
            )
            # A small overlap must not win by chance: it counts as if the missing points disagreed.
            needed = first.phase.size / stride**2 * 0.1
            value = same / max(total, needed, 1)
            scores[dy, dx] = value + _QUALITY_WEIGHT * _quality_correlation(first.quality, second.quality, dy, dx)
        return scores[dy, dx]

    # Most candidates are nothing: only the better ones are worth a climb.
    starts = sorted(_candidates(first, second, limit), key=lambda place: score(*place), reverse=True)
    for here in starts[:_CLIMBS]:
        while True:
            around = [(here[0] + a, here[1] + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
            best = max(around, key=lambda place: score(*place))
            if score(*best) <= score(*here):
                break
            here = best
    dy, dx = max(scores, key=lambda place: scores[place])
    same, total = agreement(first.quaternions, second.quaternions, first.phase, second.phase, group, cosine, dy, dx, stride)
    fine = (
        dy + _vertex(score(dy - 1, dx), score(dy, dx), score(dy + 1, dx)),
        dx + _vertex(score(dy, dx - 1), score(dy, dx), score(dy, dx + 1)),
    )
    return SectionShift(fine, same / max(total, 1), same * stride**2)


def _candidates(first: Section, second: Section, limit: tuple[int, int]) -> list[tuple[int, int]]:
    """No shift at all, and the highest peaks of the phase correlation."""
    count = min(len(first.spectra), len(second.spectra))
    cross = (np.conj(first.spectra[:count]) * second.spectra[:count]).sum(axis=0)
    size = tuple(2 * n for n in first.phase.shape)
    size_ = np.abs(cross)
    whitened = cross / (size_ + 0.05 * size_.max() + 1e-12)
    surface = np.fft.irfft2(whitened, size)
    rows = np.r_[0 : limit[0] + 1, -limit[0] : 0]
    columns = np.r_[0 : limit[1] + 1, -limit[1] : 0]
    window = surface[np.ix_(rows, columns)]
    found = [(0, 0)]
    for flat in np.argsort(window, axis=None)[::-1][:_CANDIDATES]:
        i, j = np.unravel_index(flat, window.shape)
        found.append((int(rows[i]), int(columns[j])))
    return found


def _quality_correlation(first: NDArray[np.float32] | None, second: NDArray[np.float32] | None, dy: int, dx: int) -> float:
    """Correlation of the standardised qualities on the overlap; 0 where there is none."""
    if first is None or second is None:
        return 0.0
    rows, columns = first.shape
    a = first[max(0, -dy) : rows - max(0, dy), max(0, -dx) : columns - max(0, dx)]
    b = second[max(0, dy) : rows + min(0, dy), max(0, dx) : columns + min(0, dx)]
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def _vertex(left: float, middle: float, right: float) -> float:
    """Offset of the top of the parabola through three neighbouring scores."""
    if not (np.isfinite(left) and np.isfinite(right)):
        return 0.0
    bend = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0
