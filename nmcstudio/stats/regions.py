"""Where a point pattern was observed: a box, or a mask of voxels, with what edge corrections need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import Triple, check_spacing, um_to_index

Array = NDArray[np.float64]

# Coarse masks suffice for edge corrections, whose scale is that of the window and not of the voxel.
_MASK_VOXELS = 2_000_000


class Region(Protocol):
    """What estimators ask of an observed region W; lengths in um, points ``(n, 3)`` as (x, y, z)."""

    @property
    def volume_um3(self) -> float:
        """Volume of W."""

    @property
    def bounds_um(self) -> Array:
        """``(3, 2)``, box around W."""

    def contains(self, points_um: Array) -> NDArray[np.bool_]:
        """Which points lie in W."""

    def overlap_um3(self, shifts_um: Array) -> Array:
        """Volume of W intersected with W + h for every shift h ``(n, 3)``: the set covariance."""

    def boundary_distance_um(self, points_um: Array) -> Array:
        """Distance of each point to the complement of W, 0 outside."""

    def eroded_volume_um3(self, distances_um: Array) -> Array:
        """Volume of the points of W further than each distance from the complement."""

    def middle(self, share: float) -> Region:
        """The part in a box of that share of the bounds, about their middle."""


@dataclass(frozen=True)
class BoxRegion:
    """A box.

    Attributes
    ----------
    bounds_um
        float64 ``(3, 2)``, ``[[x0, x1], [y0, y1], [z0, z1]]``.
    fill
        Share of the box that was observed, where the shape of the observed part is not known: it scales volumes.
    """

    bounds_um: Array
    fill: float = 1.0

    def __post_init__(self) -> None:
        bounds = frozen(self.bounds_um, np.float64, (3, 2), "bounds_um")
        if not np.all(bounds[:, 1] > bounds[:, 0]):
            raise NmcError("the observed box has no volume", "give a lower corner below the upper one, in um", "window_um")
        object.__setattr__(self, "bounds_um", bounds)

    @property
    def edges_um(self) -> Array:
        return self.bounds_um[:, 1] - self.bounds_um[:, 0]

    @property
    def volume_um3(self) -> float:
        return float(self.fill * np.prod(self.edges_um))

    def contains(self, points_um: Array) -> NDArray[np.bool_]:
        return np.all((points_um >= self.bounds_um[:, 0]) & (points_um < self.bounds_um[:, 1]), axis=-1)

    def overlap_um3(self, shifts_um: Array) -> Array:
        return self.fill * np.prod(np.maximum(self.edges_um - np.abs(shifts_um), 0.0), axis=-1)

    def boundary_distance_um(self, points_um: Array) -> Array:
        gaps = np.minimum(points_um - self.bounds_um[:, 0], self.bounds_um[:, 1] - points_um)
        return np.maximum(gaps.min(axis=-1), 0.0)

    def eroded_volume_um3(self, distances_um: Array) -> Array:
        edges = np.maximum(self.edges_um - 2.0 * np.asarray(distances_um)[..., None], 0.0)
        return self.fill * np.prod(edges, axis=-1)

    def middle(self, share: float) -> BoxRegion:
        """The box of that share about the same middle, of the same fill."""
        return BoxRegion(_shrunk(self.bounds_um, share), self.fill)


class MaskRegion:
    """The voxels of a mask.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``.
    spacing_um, origin_um
        As in `Volume`.

    Notes
    -----
    Masks above two million voxels are averaged in blocks first: the overlap is then that of the coverage of the blocks.
    """

    def __init__(self, mask: NDArray[np.bool_], spacing_um: Triple, origin_um: Triple = (0.0, 0.0, 0.0)) -> None:
        values = np.asarray(mask, dtype=bool)
        if values.ndim != 3 or not values.any():
            raise NmcError("the observed region is empty", "segment the grains again: no voxel is marked as observed")
        spacing = np.asarray(check_spacing(spacing_um))
        self.volume_um3 = float(np.count_nonzero(values) * np.prod(spacing))
        block = max(1, int(np.ceil((values.size / _MASK_VOXELS) ** (1 / 3))))
        cover = _block_mean(values, block)
        self._cover = cover
        self._spacing = spacing * block
        self._origin = np.asarray(origin_um, dtype=float) + spacing * (block - 1) / 2

    @cached_property
    def bounds_um(self) -> Array:
        lower, upper = [], []
        for axis in range(3):
            filled = np.flatnonzero(self._cover.any(axis=tuple(a for a in range(3) if a != axis)))
            lower.append(self._origin[axis] + (filled[0] - 0.5) * self._spacing[axis])
            upper.append(self._origin[axis] + (filled[-1] + 0.5) * self._spacing[axis])
        return np.stack([lower[::-1], upper[::-1]], axis=1)

    def contains(self, points_um: Array) -> NDArray[np.bool_]:
        return self._sample(self._cover, points_um) >= 0.5

    def overlap_um3(self, shifts_um: Array) -> Array:
        index = np.asarray(shifts_um)[..., ::-1] / self._spacing
        shape = np.asarray(self._covariance.shape)
        outside = np.any(np.abs(index) >= np.asarray(self._cover.shape), axis=-1)
        low = np.floor(index).astype(np.int64)
        part = index - low
        result = np.zeros(index.shape[:-1])
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, part, 1.0 - part), axis=-1)
            at = (low + corner) % shape
            result += weight * self._covariance[at[..., 0], at[..., 1], at[..., 2]]
        return np.where(outside, 0.0, np.maximum(result, 0.0))

    def boundary_distance_um(self, points_um: Array) -> Array:
        return self._sample(self._depth, points_um)

    def eroded_volume_um3(self, distances_um: Array) -> Array:
        depths = self._sorted_depths
        share = 1.0 - np.searchsorted(depths, np.asarray(distances_um), side="right") / len(depths)
        return share * self.volume_um3

    def middle(self, share: float) -> MaskRegion:
        """The voxels in the box of that share about the middle of the bounds; all of them where none lie there."""
        low, high = _shrunk(self.bounds_um, share).T[:, ::-1]
        first = np.floor((low - self._origin) / self._spacing + 0.5).astype(int)
        last = np.ceil((high - self._origin) / self._spacing + 0.5).astype(int)
        part = tuple(slice(max(a, 0), b) for a, b in zip(first, last))
        mask = self._cover[part] >= 0.5
        if not mask.any():
            return self
        spacing, origin = self._spacing.tolist(), (self._origin + np.maximum(first, 0) * self._spacing).tolist()
        return MaskRegion(mask, (spacing[0], spacing[1], spacing[2]), (origin[0], origin[1], origin[2]))

    @cached_property
    def _covariance(self) -> Array:
        from scipy import fft

        shape = [fft.next_fast_len(2 * n, real=True) for n in self._cover.shape]
        spectrum = fft.rfftn(self._cover.astype(np.float64), shape)
        result = fft.irfftn(np.abs(spectrum) ** 2, shape)
        # Blocks that are partly covered would make the value at zero too small; the volume is known exactly.
        return np.asarray(result * (self.volume_um3 / result[0, 0, 0]))

    @cached_property
    def _depth(self) -> Array:
        from scipy import ndimage

        padded = np.pad(self._cover >= 0.5, 1)
        distance = ndimage.distance_transform_edt(padded, sampling=self._spacing)[1:-1, 1:-1, 1:-1]
        # The transform measures to the centre of the nearest outer voxel, half a voxel beyond the boundary.
        return np.maximum(distance - 0.5 * float(self._spacing.mean()), 0.0)

    @cached_property
    def _sorted_depths(self) -> Array:
        return np.sort(self._depth[self._cover >= 0.5])

    def _sample(self, field: NDArray[np.floating], points_um: Array) -> Array:
        spacing, origin = tuple(self._spacing), tuple(self._origin)
        index = np.floor(um_to_index(points_um, spacing, origin) + 0.5).astype(np.int64)  # type: ignore[arg-type]
        inside = np.all((index >= 0) & (index < field.shape), axis=-1)
        at = np.where(inside[..., None], index, 0)
        return np.where(inside, field[at[..., 0], at[..., 1], at[..., 2]], 0.0)


def _block_mean(values: NDArray[np.bool_], block: int) -> NDArray[np.float32]:
    if block == 1:
        return values.astype(np.float32)
    pad = [(0, -n % block) for n in values.shape]
    padded = np.pad(values, pad)
    nz, ny, nx = (n // block for n in padded.shape)
    return padded.reshape(nz, block, ny, block, nx, block).mean(axis=(1, 3, 5), dtype=np.float32)


def _shrunk(bounds_um: Array, share: float) -> Array:
    """A box of that share of the volume of `bounds_um` ``(3, 2)``, about the same middle."""
    middle = bounds_um.mean(axis=1, keepdims=True)
    return np.asarray(middle + (bounds_um - middle) * share ** (1 / 3))
