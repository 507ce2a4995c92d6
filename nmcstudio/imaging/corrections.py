"""Corrections of the grey values before the Gaussian filter: outliers, rings, shading, median, non-local means, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging import correction_kernels as kernels
from nmcstudio.imaging.rings import Rings, find_axis
from nmcstudio.imaging.samples import noise_level, robust_range, sample
from nmcstudio.imaging.shading import Shading, fit_shading
from nmcstudio.imaging.slabs import slabs

FAR_OFF = np.float32(1e15)  # stands for voxels without a number in non-local means: no patch is like one that holds it
PATCH = 1  # half width of the patches that non-local means compare
FARTHEST_AXIS = 4  # diagonals of a slice: from farther away too few directions meet the slice to tell rings
NOTICED = 0.1  # shading of this share of the grey value is mentioned where it is not corrected


@dataclass(frozen=True)
class Corrections:
    """What is asked for.

    Attributes
    ----------
    hold_outliers
        Hold voxels far beyond the grey values of the phases (metal, wrong detector pixels) at the ends of `robust_range`.
    ring_width
        Widest ring to remove in voxels; 0 for none.
    ring_centre
        Rotation axis (y, x) in voxels; None is found.
    shading
        "none", "multiplicative", "additive" or "cup", as in `fit_shading`.
    shading_degree
        Degree of the polynomial.
    median_radius
        Radius in voxels of a median filter; 0 for none.
    alike_strength
        Non-local means: strength h over the noise's standard deviation, 0 for none. 0.8 is usual.
    alike_reach
        Non-local means: how far away alike voxels are looked for, in voxels.
    """

    hold_outliers: bool = True
    ring_width: int = 0
    ring_centre: tuple[float, float] | None = None
    shading: str = "none"
    shading_degree: int = 2
    median_radius: int = 0
    alike_strength: float = 0.0
    alike_reach: int = 2


@dataclass(frozen=True)
class Fitted:
    """What was fitted once on a volume; corrects all of it, a slab, or one plane, with the same values.

    Attributes
    ----------
    wanted
        What was asked for.
    limits
        Grey values at which outliers are held.
    rings, shading
        The fitted ones, or None.
    noise
        Standard deviation of the noise.
    notes
        What was found, in words.
    """

    wanted: Corrections
    limits: tuple[float, float]
    rings: Rings | None
    shading: Shading | None
    noise: float
    notes: tuple[str, ...]

    @property
    def changes_nothing(self) -> bool:
        """True if the volume may be used as it is."""
        none = self.rings is None and self.shading is None and not self.wanted.median_radius
        return none and self.limits == (-np.inf, np.inf) and not self.wanted.alike_strength

    @property
    def halo(self) -> int:
        """How far the values around a voxel decide about it, in voxels."""
        return self.wanted.median_radius + (self.wanted.alike_reach + PATCH if self.wanted.alike_strength else 0)

    def range_of(self, low: float, high: float) -> tuple[float, float]:
        """Grey values between which a corrected volume of values from `low` to `high` lies, rings apart."""
        low, high = max(low, self.limits[0]), min(high, self.limits[1])
        if self.shading is None:
            return low, high
        ends = np.array([low, high])[:, None]
        extremes = np.array([self.shading.low, self.shading.high])
        ends = ends / extremes if self.shading.multiplies else ends - extremes
        return float(ends.min()), float(ends.max())

    def correct_plane(self, values: NDArray[Any], axis: int, index: int) -> NDArray[Any]:
        """One plane of a corrected volume: identical to that of `correct`.

        Parameters
        ----------
        values
            Array ``[z, y, x]``: the volume on which the corrections were fitted.
        axis, index
            Which plane; along axes 1 and 2 all slices' rings must be known, which takes about 10 ms a slice once.

        Returns
        -------
        plane
            2-D, of the type of `values`.
        """
        starts, stops = [0, 0, 0], list(values.shape)
        starts[axis], stops[axis] = index, index + 1
        return np.take(self.correct_block(values, starts, stops), 0, axis=axis)

    def correct_block(
        self, values: NDArray[Any], starts: list[int], stops: list[int], monitor: Monitor | None = None
    ) -> NDArray[Any]:
        """The voxels from `starts` up to `stops` (z, y, x) of a corrected volume: identical to those of `correct`."""
        result = np.empty([b - a for a, b in zip(starts, stops)], values.dtype)
        self._correct_into(values, result, starts, monitor or Monitor())
        return result

    def correct(self, values: NDArray[Any], monitor: Monitor | None = None) -> NDArray[Any]:
        """The corrected volume, of the same type; the volume itself where there is nothing to correct.

        Whole numbers are rounded, and held at the ends of their type's range.
        """
        if self.changes_nothing:
            return values
        result = np.empty(values.shape, values.dtype)
        self._correct_into(values, result, [0, 0, 0], monitor or Monitor())
        return result

    def _correct_into(self, values: NDArray[Any], result: NDArray[Any], origin: list[int], monitor: Monitor) -> None:
        if self.rings is not None:
            slices = _places(origin[0], origin[0] + result.shape[0], self._halos(values.shape)[0], values.shape[0])
            self.rings.profiles(slices, monitor.sub(0.0, 0.3))
        pieces = list(self._pieces(result.shape))

        def work(piece: tuple[slice, slice]) -> None:
            if not monitor.cancel_requested:
                part = result[piece]
                starts = [origin[0] + piece[0].start, origin[1] + piece[1].start, origin[2]]
                part[...] = _as_type(self._block(values, starts, [a + n for a, n in zip(starts, part.shape)]), values.dtype)

        # The kernels leave the interpreter's lock alone: two threads keep two processors busy.
        with ThreadPoolExecutor(2) as pool:
            for _ in monitor.sub(0.3, 1.0).track(pool.map(work, pieces), "Correcting grey values", total=len(pieces)):
                pass
        monitor.check()

    def _pieces(self, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
        """Rows of slices that take about 50 ms each."""
        voxels = 1 << 21
        if self.wanted.median_radius:
            voxels = max(1 << 14, (1 << 20) // (2 * self.wanted.median_radius + 1) ** 3)
        if self.wanted.alike_strength:
            voxels = max(1 << 13, (1 << 23) // (2 * self.wanted.alike_reach + 1) ** 3)
        rows = max(1, voxels // max(1, shape[2]))
        # Deep pieces waste less of their surroundings.
        deep = min(shape[0], max(1, int(np.sqrt(rows))) if self.halo else max(1, rows // max(1, shape[1])))
        high = min(shape[1], max(1, rows // deep))
        for z in range(0, shape[0], deep):
            for y in range(0, shape[1], high):
                yield slice(z, min(shape[0], z + deep)), slice(y, min(shape[1], y + high))

    def _halos(self, shape: tuple[int, ...]) -> list[int]:
        """Halo along each axis: none along axes of one voxel."""
        return [self.halo if n > 1 else 0 for n in shape]

    def _block(self, values: NDArray[Any], starts: list[int], stops: list[int]) -> NDArray[np.float32]:
        shape, halos = values.shape, self._halos(values.shape)
        zs, ys, xs = (_places(a, b, halo, n) for a, b, halo, n in zip(starts, stops, halos, shape))
        low = [int(places.min()) for places in (zs, ys, xs)]
        box = tuple(slice(a, int(places.max()) + 1) for a, places in zip(low, (zs, ys, xs)))
        block = np.asarray(values[box]).astype(np.float32)
        if any(len(places) != n for places, n in zip((zs, ys, xs), block.shape)):
            block = np.ascontiguousarray(block[np.ix_(zs - low[0], ys - low[1], xs - low[2])])
        if self.limits != (-np.inf, np.inf):
            np.clip(block, np.float32(self.limits[0]), np.float32(self.limits[1]), out=block)
        if self.rings is not None:
            kernels.subtract_rings(block, zs, ys, xs, self.rings.profiles(zs), *self.rings.centre)
        if self.shading is not None:
            z, y, x = ((at - c) / s for at, c, s in zip((zs, ys, xs), self.shading.centre, self.shading.scale))
            kernels.even_out(block, z, y, x, self.shading.coefficients, self.shading.multiplies)
        if self.wanted.median_radius:
            radii = [self.wanted.median_radius if n > 1 else 0 for n in shape]
            smaller = np.empty([n - 2 * r for n, r in zip(block.shape, radii)], np.float32)
            kernels.median_of_cubes(block, radii[0], radii[1], radii[2], smaller)
            block = smaller
        if self.wanted.alike_strength:
            reach = [self.wanted.alike_reach if n > 1 else 0 for n in shape]
            patch = [PATCH if n > 1 else 0 for n in shape]
            smaller = np.empty([n - 2 * (r + p) for n, r, p in zip(block.shape, reach, patch)], np.float32)
            strength = max(self.noise, 1e-6) * self.wanted.alike_strength
            lost = ~np.isfinite(block)
            block[lost] = FAR_OFF
            kernels.average_alike(
                block, reach[0], reach[1], reach[2], patch[0], patch[1], patch[2], self.noise, strength, smaller
            )
            rims = [r + p for r, p in zip(reach, patch)]
            smaller[lost[tuple(slice(r, n - r) for r, n in zip(rims, lost.shape))]] = np.nan
            block = smaller
        return block


def fit_corrections(
    values: NDArray[Any],
    observed: NDArray[np.bool_] | None = None,
    wanted: Corrections | None = None,
    monitor: Monitor | None = None,
) -> Fitted:
    """Fit what the corrections need: takes a second or two, reads few slices.

    Parameters
    ----------
    values
        Array ``[z, y, x]``.
    observed
        bool ``[z, y, x]``: nothing is fitted on other voxels; None if all are observed.
    wanted
        Which corrections.

    Returns
    -------
    fitted
        Its notes say what was found, and that shading is there where it is not corrected.

    Raises
    ------
    NmcError
        If the rotation axis is asked for and not found.
    ComputationError
        If no smooth field explains the shading.
    """
    wanted, monitor = wanted or Corrections(), monitor or Monitor()
    notes = []
    points = sample(values, observed)
    limits = (-np.inf, np.inf)
    if wanted.hold_outliers:
        limits = _limits(values, observed, robust_range(points), monitor.sub(0.0, 0.2))
        if limits != (-np.inf, np.inf):
            notes.append(f"voxels beyond the grey values {limits[0]:.4g} to {limits[1]:.4g} (outliers) were held there")
    if wanted.ring_centre is not None:
        _check_axis(wanted.ring_centre, values.shape)
    rings = None
    if wanted.ring_width:
        centre = wanted.ring_centre or find_axis(values, observed, monitor.sub(0.2, 0.6))
        if centre is None:
            raise NmcError(
                "no rotation axis was found: no point near the middle has rings around it",
                "give the axis, or leave the removal of rings out",
                "ring_width",
            )
        rings = Rings(values, observed, centre, wanted.ring_width)
        few = np.unique(np.linspace(0, values.shape[0] - 1, 5).round().astype(int))
        rings.profiles(few, monitor.sub(0.6, 0.7))
        notes.append(
            f"rings around x {centre[1]:.1f}, y {centre[0]:.1f} removed, "
            f"their root mean square about {rings.strength:.3g} grey values"
        )
    shading = None
    if wanted.shading != "none":
        centre = wanted.ring_centre or (rings.centre if rings else None)
        shading = fit_shading(points, values.shape, wanted.shading, wanted.shading_degree, centre, monitor.sub(0.7, 0.9))
        notes.append(f"shading corrected ({wanted.shading}): {shading.words}")
    elif (found := _unasked_shading(values, observed, monitor.sub(0.7, 0.9))) > NOTICED:
        notes.append(f"grey values of one phase drift by {100 * found:.0f} % across the volume: consider the shading correction")
    noise = noise_level(values, observed) if wanted.alike_strength else 0.0
    if wanted.alike_strength:
        notes.append(f"non-local means at {wanted.alike_strength:g} times the noise of {noise:.3g} grey values")
    return Fitted(wanted, limits, rings, shading, noise, tuple(notes))


def _check_axis(centre: tuple[float, float], shape: tuple[int, ...]) -> None:
    """Refuse a rotation axis that is seen from too few directions to tell its rings."""
    diagonal = float(np.hypot(shape[1], shape[2]))
    away = float(np.hypot(centre[0] - shape[1] / 2, centre[1] - shape[2] / 2))
    if not away <= FARTHEST_AXIS * diagonal:
        raise NmcError(
            f"the rotation axis lies {away:.4g} voxels from the middle of slices of {shape[1]} × {shape[2]} voxels",
            "give it in um, measured from the first voxel, or leave it open",
            "ring_centre_um",
        )


def _limits(
    values: NDArray[Any], observed: NDArray[np.bool_] | None, span: tuple[float, float], monitor: Monitor
) -> tuple[float, float]:
    """The range to hold values in, infinite where none lies outside."""
    if values.dtype.kind in "uib":
        kind = np.iinfo(values.dtype) if values.dtype.kind != "b" else None
        if kind is None or (span[0] <= kind.min and span[1] >= kind.max):
            return -np.inf, np.inf
    for part in slabs(values.shape, monitor, "Looking for outliers", voxels=1 << 24):
        piece = values[part] if observed is None else values[part][observed[part]]
        if piece.size and (float(piece.min()) < span[0] or float(piece.max()) > span[1]):
            return span
    return -np.inf, np.inf


def _unasked_shading(values: NDArray[Any], observed: NDArray[np.bool_] | None, monitor: Monitor) -> float:
    """By how much the grey value of one phase drifts, as a share; 0 where it cannot be said."""
    points = sample(values, observed, 20_000)
    if len(points.means) < 2000 or min(values.shape[1:]) < 32 or not np.ptp(points.means) > 0:
        return 0.0
    try:
        field = fit_shading(points, values.shape, "multiplicative", 2, None, monitor).at(points.points)
    except NmcError:
        # Nothing that a smooth field explains: no advice.
        return 0.0
    low, high = np.quantile(field, (0.02, 0.98))
    return float(high - low)


def _places(start: int, stop: int, halo: int, length: int) -> NDArray[np.int64]:
    """Indices from start - halo to stop + halo, mirrored at the ends of an axis (the end voxel is repeated)."""
    at = np.arange(start - halo, stop + halo) % (2 * length)
    return np.where(at < length, at, 2 * length - 1 - at)


def _as_type(block: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind not in "ui":
        return block.astype(dtype)
    kind = np.iinfo(dtype)
    np.rint(block, out=block)
    # float32 holds no 2^32 - 1; the next smaller one is as good an end.
    return np.clip(
        block, float(kind.min), np.nextafter(np.float32(kind.max), np.float32(0)) if kind.bits > 16 else kind.max
    ).astype(dtype)
