"""Why a particle is not star-shaped, in words. Only flagged particles are looked at so closely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Share of the particle's volume that a cavity must have to be called the reason.
_CAVITY = 0.01
#: Necks thinner than this share of the smaller part's half thickness part two particles.
_NECK = 0.75
#: The smaller part must have this share of the larger one's half thickness.
_PART = 0.35


def explain(mask: NDArray[np.bool_], spacing_um: tuple[float, float, float]) -> str:
    """What keeps a ray from the star point from leaving a particle once.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``, the particle in its bounding box.

    Returns
    -------
    reason
        "it looks like two particles", "it has a hole inside", "an opening goes through it", or "it has an overhang".
    """
    from scipy.ndimage import binary_fill_holes

    wide = np.pad(mask, 1)
    count = np.count_nonzero(mask)
    if np.count_nonzero(binary_fill_holes(wide)) - count > _CAVITY * count:
        return "it has a hole inside"
    if looks_like_two(wide, spacing_um):
        return "it looks like two particles"
    if _euler_number(wide) < 1:
        return "an opening goes through it"
    return "it has an overhang"


def looks_like_two(mask: NDArray[np.bool_], spacing_um: tuple[float, float, float]) -> bool:
    """Whether the particle falls into parts where it is cut at a neck much thinner than they are."""
    from scipy.ndimage import distance_transform_edt, label, maximum

    depth = distance_transform_edt(mask, sampling=spacing_um)
    for share in (0.2, 0.35, 0.5, 0.65, 0.8):
        level = share * float(depth.max())
        parts, count = label(depth > level)
        if count < 2:
            continue
        peaks = np.sort(np.asarray(maximum(depth, parts, np.arange(1, count + 1))))
        if peaks[-2] > _PART * peaks[-1] and level < _NECK * peaks[-2]:
            return True
    return False


def _euler_number(mask: NDArray[np.bool_]) -> int:
    """Euler number of the closed voxels: parts plus cavities minus tunnels."""
    total = 0
    for axes in ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
        # Faces, edges and corners of voxels: each belongs to the body if one of the voxels around it does.
        cells = mask
        for axis in axes:
            first = [slice(None)] * 3
            second = [slice(None)] * 3
            first[axis], second[axis] = slice(None, -1), slice(1, None)
            cells = cells[tuple(first)] | cells[tuple(second)]
        total += (-1) ** (3 - len(axes)) * int(np.count_nonzero(cells))
    return total
