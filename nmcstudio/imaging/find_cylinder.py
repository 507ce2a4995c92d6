"""The cylinder that a scan has reconstructed, found by what its corners are filled with: one value, or noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.imaging.samples import noise_level


@dataclass(frozen=True)
class Cylinder:
    """A field of view along z.

    Attributes
    ----------
    centre
        Of the middle slice (y, x), in voxels of the y and x axes.
    radius
        In the same voxels.
    lean
        How far the centre moves from one slice to the next, (y, x) in voxels.
    """

    centre: tuple[float, float]
    radius: float
    lean: tuple[float, float] = (0.0, 0.0)

    def mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """bool ``[z, y, x]``; a view that repeats one slice where the cylinder stands upright."""
        ends = (0, 0), (shape[1], shape[2])
        if self.lean == (0.0, 0.0):
            return np.broadcast_to(self.slice_at(0.0, *ends), shape)
        return np.stack([self.slice_at(z - (shape[0] - 1) / 2, *ends) for z in range(shape[0])])

    def slice_at(self, up: float, starts: tuple[int, ...], stops: tuple[int, ...]) -> NDArray[np.bool_]:
        """bool ``[y, x]``: a part of the slice `up` slices above the middle, from `starts` to `stops` (y, x)."""
        y, x = np.ogrid[starts[0] : stops[0], starts[1] : stops[1]]
        return _disc(y, x, (self.centre[0] + up * self.lean[0], self.centre[1] + up * self.lean[1]), self.radius)


def _disc(y: NDArray[Any], x: NDArray[Any], centre: tuple[float, float], radius: float) -> NDArray[np.bool_]:
    return np.asarray((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2)


def find_cylinder(values: NDArray[Any], ends: slice | None = None, asked: bool = False) -> Cylinder | None:
    """The cylinder outside of which a reconstruction holds one value, or noise; None if there is no such.

    It may be off the middle, lean, and be wider than the volume. Up to 45 slices at five heights are read.

    Parameters
    ----------
    values
        Array ``[z, y, x]``, read by slices.
    ends
        Slices to look at; None is all.
    asked
        The user says that there is a cylinder: then noise of the same strength as inside may be its filling.

    Notes
    -----
    One value: what never differs from the corners' value in a few neighbouring slices must reach all four corners; a circle is
    fitted to the rim of the rest, which must fill it to 98 %, reach over half of the sides, and differ in most of the disc in
    each slice, so that a single particle amid nothing is not taken for a field of view.

    Noise: the corners must be of one phase, unlike the middle. The disc is the one inside of which the squared deviation from the
    corners' grey value is most like that of the middle, and outside of which it is most like that of the corners.
    """
    ny, nx = values.shape[1:]
    first, last = (0, len(values)) if ends is None else (ends.start, ends.stop)
    if min(ny, nx) < 16:
        return None
    heights = np.unique(np.linspace(first, last - 1, 5).round().astype(int))
    found = []
    for z in heights:
        circle = _constant_corners(np.asarray(values[max(first, z - 1) : min(last, z + 2)]))
        if circle is not None:
            found.append((int(z) - first, *circle))
    if len(found) < min(3, len(heights)):
        found = _noisy_corners(values, first, last, asked)
    return _through(found, last - first) if found and np.ptp([radius for *_, radius in found]) < 2 else None


Circle = tuple[float, float, float]


def _through(found: list[tuple[int, float, float, float]], nz: int) -> Cylinder:
    """One cylinder for circles (z, y, x, radius) of several slices."""
    up = np.array([z - (nz - 1) / 2 for z, *_ in found])
    centres = np.array([[y, x] for _, y, x, _ in found])
    radius = float(np.median([r for *_, r in found]))
    if len(found) >= 3:
        lean, middle = np.polyfit(up, centres, 1)
        off = np.abs(centres - middle - up[:, None] * lean).max()
        # One voxel and a half in all is what the fits differ by.
        if np.abs(lean).max() * nz > 1.5 and off < 1:
            return Cylinder((float(middle[0]), float(middle[1])), radius, (float(lean[0]), float(lean[1])))
    y, x = np.median(centres, axis=0)
    return Cylinder((float(y), float(x)), radius)


def _constant_corners(sample: NDArray[Any]) -> Circle | None:
    """Centre (y, x) and radius of what differs from the value of the corners."""
    _, ny, nx = sample.shape
    filling = sample[0, 0, 0]
    differs = ~np.isnan(sample) if filling != filling else sample != filling
    used = differs.any(axis=0)
    if used[0, 0] or used[0, -1] or used[-1, 0] or used[-1, -1] or not used.any():
        return None
    rim = []
    for turned, flip in ((used, False), (used.T, True)):
        for at in np.flatnonzero(turned.any(axis=1)):
            places = np.flatnonzero(turned[at])
            # Halfway between the last voxel inside and the next one outside; where the volume ends, nothing is known.
            ends = [place for place in (places[0] - 0.5, places[-1] + 0.5) if 0 < place < turned.shape[1] - 1]
            rim += [(end, at) if flip else (at, end) for end in ends]
    circle = _fit_circle(np.array(rim, float))
    if circle is None:
        return None
    cy, cx, radius = circle
    rows, columns = np.flatnonzero(used.any(axis=1)), np.flatnonzero(used.any(axis=0))
    reach = min((rows[-1] - rows[0] + 1) / ny, (columns[-1] - columns[0] + 1) / nx)
    y, x = np.ogrid[:ny, :nx]
    inside = _disc(y, x, (cy, cx), radius - 0.7)
    outside = ~_disc(y, x, (cy, cx), radius + 1.5)
    if reach < 0.5 or not inside.any() or used[inside].mean() < 0.98 or (outside.any() and used[outside].mean() > 0.01):
        return None
    if np.any(differs[:, inside].mean(axis=1) < 0.4):
        return None
    return circle


def _fit_circle(points: NDArray[np.float64]) -> Circle | None:
    """Circle through points (y, x) by least squares of their distances; points far from it are left out."""
    if len(points) < 8:
        return None
    kept = points
    circle = np.zeros(3)
    for _ in range(6):
        # Algebraic fit for a start: y^2 + x^2 = 2 a y + 2 b x + c.
        matrix = np.column_stack((2 * kept, np.ones(len(kept))))
        a, b, c = np.linalg.lstsq(matrix, (kept**2).sum(axis=1), rcond=None)[0]
        circle = np.array([a, b, np.sqrt(max(c + a * a + b * b, 1e-9))])
        for _ in range(5):
            away = kept - circle[:2]
            distance = np.maximum(np.hypot(*away.T), 1e-9)
            jacobian = np.column_stack((-away / distance[:, None], -np.ones(len(kept))))
            circle -= np.linalg.lstsq(jacobian, distance - circle[2], rcond=None)[0]
        off = np.abs(np.hypot(*(points - circle[:2]).T) - circle[2])
        limit = max(1.0, 3 * float(np.median(off)))
        smaller = points[off <= limit]
        if len(smaller) < 8 or len(smaller) == len(kept):
            break
        kept = smaller
    return float(circle[0]), float(circle[1]), float(circle[2])


def _noisy_corners(values: NDArray[Any], first: int, last: int, asked: bool) -> list[tuple[int, float, float, float]]:
    """Circles (z from the first, y, x, radius) at up to three heights, around what is unlike the noise of the corners."""
    ny, nx = values.shape[1:]
    if last - first < 8 or min(ny, nx) < 48:
        return []
    slices = np.unique(np.linspace(first, last - 1, 45).round().astype(int))
    edge = max(4, min(ny, nx) // 20)
    ends = (slice(0, edge), slice(-edge, None))
    corners = [np.stack([np.asarray(values[z, a, b], np.float32) for z in slices]) for a in ends for b in ends]
    level = float(np.mean([corner.mean() for corner in corners]))
    spread = float(np.sqrt(np.mean([corner.var() for corner in corners])))
    if not np.isfinite(spread) or spread <= 0:
        return []
    alike = all(abs(corner.mean() - level) < 0.5 * spread and abs(corner.std() / spread - 1) < 0.25 for corner in corners)
    calm = spread < 1.15 * noise_level(np.concatenate(corners, axis=2))
    if not alike or not calm:
        return []
    stack = np.stack([np.asarray(values[z], np.float32) for z in slices])
    middle = stack[:, ny // 3 : -(ny // 3), nx // 3 : -(nx // 3)]
    likeness = ((stack - level) / spread) ** 2
    contrast = float(np.mean(likeness[:, ny // 3 : -(ny // 3), nx // 3 : -(nx // 3)])) - 1
    inner_noise = noise_level(middle)
    other = not 0.67 < inner_noise / spread < 1.5 or not _is_a_phase(middle, level, spread)
    if not abs(contrast) > 0.4 or not (asked or other):
        return []
    # 0 outside and 1 inside, on average; single voxels must not outweigh their neighbours.
    score = np.clip((likeness - 1) / contrast, -1.0, 3.0)
    score /= float(np.mean(score[:, ny // 3 : -(ny // 3), nx // 3 : -(nx // 3)]))
    found = []
    for part in np.array_split(np.arange(len(slices)), 3 if len(slices) >= 24 else 1):
        circle = _best_disc(score[part].mean(axis=0) - 0.5)
        if circle is None:
            return []
        found.append((int(slices[part].mean()) - first, *circle))
    return found


def _is_a_phase(middle: NDArray[np.float32], level: float, spread: float) -> bool:
    """True if many voxels of the middle have the grey value of the corners: then those may be pores."""
    near = np.mean(np.abs(middle - level) < 0.5 * spread)
    # A normal law has 38 % of its voxels within half a deviation.
    return bool(near > 0.1)


def _best_disc(score: NDArray[np.floating[Any]]) -> Circle | None:
    """The disc (y, x, radius) with the largest sum of a score that is positive inside; None if it is no clear disc."""
    ny, nx = score.shape
    # First on a coarse picture, then to an eighth of a voxel.
    coarse = max(1, min(ny, nx) // 64)
    small = score[: ny // coarse * coarse, : nx // coarse * coarse]
    small = small.reshape(ny // coarse, coarse, nx // coarse, coarse).mean(axis=(1, 3))
    near, _ = _climb(small, ((small.shape[0] - 1) / 2, (small.shape[1] - 1) / 2), 4.0, 0.5)
    start = ((near[0] + 0.5) * coarse - 0.5, (near[1] + 0.5) * coarse - 0.5)
    centre, radius = _climb(score, start, coarse, 0.12)
    y, x = np.ogrid[:ny, :nx]
    distance = np.hypot(y - centre[0], x - centre[1])
    inside, outside = score[distance < radius - 2], score[distance > radius + 2]
    if min(2 * radius / ny, 2 * radius / nx) < 0.5 or not inside.size or outside.size < 16:
        return None
    if inside.mean() < 0.3 or outside.mean() > -0.3 or (score[distance < 0.7 * radius].mean() < 0.2):
        return None
    return centre[0], centre[1], radius


def _climb(
    score: NDArray[np.floating[Any]], centre: tuple[float, float], step: float, smallest: float
) -> tuple[tuple[float, float], float]:
    """Centre (y, x) and radius of the best disc, from a start in steps that are halved."""
    y, x = np.ogrid[: score.shape[0], : score.shape[1]]
    fine = 4

    def best_radius(point: tuple[float, float]) -> tuple[float, float]:
        rings = (np.hypot(y - point[0], x - point[1]) * fine).astype(np.int32)
        sums = np.cumsum(np.bincount(rings.ravel(), weights=score.ravel()))
        at = int(np.argmax(sums))
        return float(sums[at]), (at + 0.5) / fine

    value, radius = best_radius(centre)
    while step > smallest:
        around = [(centre[0] + a * step, centre[1] + b * step) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
        tried = max(((*best_radius(point), point) for point in around), key=lambda one: one[0])
        if tried[0] > value:
            value, radius, centre = tried
        else:
            step /= 2
    return centre, radius
