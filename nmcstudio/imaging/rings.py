"""Rings around the rotation axis in reconstructed slices, and their removal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging import ring_kernels as kernels

REACH = 2  # half width of the radial mean, in widths of the widest ring
CHANCE = 2.2  # standard errors up to which a ring may be chance; interpolated values are a little alike, which these ignore
SHARED = 4  # slices on both sides that may have the same ring
SHARP = 12  # a rotation axis stands out by so many deviations of the search


class Rings:
    """Brightness of the rings of each slice, by distance from the rotation axis (which is along z).

    A slice is read off along the radii; what stands out from its neighbours on the radius, in the middle of all directions,
    belongs to a ring. A surface of a particle does not keep its distance to the axis all the way round. Only the rings'
    brightness is taken along circles: the slice itself is never resampled, so edges stay where they are (the polar form of
    Sijbers and Postnov 2004, Phys. Med. Biol. 49, N247). What neighbouring slices share is told apart from noise by all of them,
    the rest by the slice alone.

    Parameters
    ----------
    values
        Array ``[z, y, x]``, read slice by slice when its rings are asked for.
    observed
        bool ``[z, y, x]`` or None.
    centre
        Rotation axis (y, x), in voxels.
    width
        Widest ring to remove, in voxels.
    """

    def __init__(self, values: NDArray[Any], observed: NDArray[np.bool_] | None, centre: tuple[float, float], width: int) -> None:
        self._values, self._observed = values, observed
        self.centre, self.width = centre, width
        nz, ny, nx = values.shape
        length = int(max(np.hypot(y - centre[0], x - centre[1]) for y in (0, ny - 1) for x in (0, nx - 1))) + 3
        self._raw, self._errors, self._profiles = (np.zeros((nz, length), np.float32) for _ in range(3))
        self._looked, self._done = np.zeros(nz, bool), np.zeros(nz, bool)

    def profiles(self, slices: NDArray[np.int64], monitor: Monitor | None = None) -> NDArray[np.float32]:
        """Brightness ``(z, radius)`` of the rings for all slices of the volume; those asked for are filled in."""
        monitor = monitor or Monitor()
        missing = [int(z) for z in np.unique(slices) if not self._done[z]]
        if not missing:
            return self._profiles
        near = np.unique(np.add.outer(missing, np.arange(-SHARED, SHARED + 1)).clip(0, len(self._done) - 1))

        def look(z: int) -> None:
            if not monitor.cancel_requested:
                known = np.ones((1, 1), bool) if self._observed is None else np.ascontiguousarray(self._observed[z])
                plane = np.ascontiguousarray(self._values[z], np.float32)
                self._raw[z], self._errors[z] = ring_profile(plane, known, self.centre, self.width, self._raw.shape[1])
                self._looked[z] = True

        unseen = [int(z) for z in near if not self._looked[z]]
        with ThreadPoolExecutor(2) as pool:
            for _ in monitor.track(pool.map(look, unseen), "Looking for rings", total=len(unseen)):
                pass
        monitor.check()
        for z in missing:
            around = slice(max(0, z - SHARED), z + SHARED + 1)
            raw, errors = self._raw[around], self._errors[around]
            shared = _beyond_chance(raw.mean(axis=0), np.sqrt((errors**2).sum(axis=0)) / len(raw))
            self._profiles[z] = shared + _beyond_chance(self._raw[z] - shared, self._errors[z])
            self._done[z] = True
        return self._profiles

    @property
    def strength(self) -> float:
        """Root mean square brightness of the rings of the slices seen so far."""
        return float(np.sqrt(np.mean(self._profiles[self._done] ** 2))) if self._done.any() else 0.0


def ring_profile(
    plane: NDArray[np.float32], known: NDArray[np.bool_], centre: tuple[float, float], width: int, length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Brightness of the rings of one slice at the radii 0, 1, … and its standard error, float64 ``(length,)`` each.

    Parameters
    ----------
    plane
        float32 ``[y, x]``.
    known
        bool ``[y, x]``; ``(1, 1)`` where everything is.
    centre, width
        As in `Rings`.
    """
    reach = REACH * width
    rough, error = kernels.ring_means(plane, known, centre[0], centre[1], reach, length)
    seen = np.isfinite(rough)
    there = np.where(seen, rough, 0.0)
    # What drifts along the radius is no ring.
    there = np.where(seen, there - _running_mean(there, seen, 2 * reach), 0.0)
    # A ring brightens the mean of its surroundings too: the means are those of the ring minus its running mean.
    ring = there.copy()
    for _ in range(2):
        ring += np.where(seen, there - (ring - _running_mean(ring, seen, reach)), 0.0)
    return ring, error


def _beyond_chance(ring: NDArray[np.floating[Any]], error: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """A profile without what its error explains: shrunk towards 0 by as much as it could be chance."""
    return ring * np.maximum(0.0, 1 - (CHANCE * error) ** 2 / np.maximum(ring**2, 1e-30))


def _running_mean(profile: NDArray[np.float64], seen: NDArray[np.bool_], reach: int) -> NDArray[np.float64]:
    window = np.ones(2 * reach + 1)
    return np.convolve(np.where(seen, profile, 0.0), window, "same")[: len(profile)] / np.maximum(
        1, np.convolve(seen, window, "same")[: len(profile)]
    )


def find_axis(
    values: NDArray[Any], observed: NDArray[np.bool_] | None = None, monitor: Monitor | None = None, reach_voxels: int = 24
) -> tuple[float, float] | None:
    """The rotation axis (y, x), in voxels, within `reach_voxels` of the middle: where rings add up best around it.

    None where no point is clearly better than the others: then there are no rings to speak of, or the axis lies elsewhere.
    """
    from scipy.ndimage import median_filter, uniform_filter

    monitor = monitor or Monitor()
    nz, ny, nx = values.shape
    planes = []
    for z in np.unique(np.linspace(0, nz - 1, 6).round().astype(int)):
        monitor.report(0.0, "Looking for the rotation axis")
        plane = np.asarray(values[z], np.float32)
        known = np.isfinite(plane) if observed is None else observed[z] & np.isfinite(plane)
        filled = np.where(known, plane, 0)
        near = np.maximum(uniform_filter(known.astype(np.float32), 9), 1e-6)
        rest = np.where(known, plane - uniform_filter(filled, 9) / near, 0)
        # Surfaces of particles must not outweigh rings: everything beyond the noise counts the same.
        limit = 2 * float(np.median(np.abs(rest[known]))) if known.any() else 0.0
        planes.append(np.clip(rest, -limit, limit).astype(np.float32))
    stack = np.stack(planes)
    middle = ((ny - 1) / 2, (nx - 1) / 2)
    farthest = int(min(ny, nx) / 2 - reach_voxels)
    if farthest < 48:
        return None
    span = np.arange(-reach_voxels, reach_voxels + 1)
    energy = np.zeros((len(span), len(span)))
    for i, dy in enumerate(span):
        monitor.report(i / len(span), "Looking for the rotation axis")
        for j, dx in enumerate(span):
            energy[i, j] = kernels.ring_energy(stack, middle[0] + dy, middle[1] + dx, farthest)
    # Surfaces of particles give broad hills, rings a peak as sharp as they are thin.
    sharp = energy - median_filter(energy, 7)
    i, j = divmod(int(np.argmax(sharp)), sharp.shape[1])
    if sharp[i, j] < SHARP * 1.4826 * float(np.median(np.abs(sharp))):
        return None
    best = (middle[0] + span[i], middle[1] + span[j])
    for step in (0.5, 0.25, 0.125):
        around = [(best[0] + a * step, best[1] + b * step) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        best = max(around, key=lambda point: kernels.ring_energy(stack, point[0], point[1], farthest))
    return float(best[0]), float(best[1])
