"""Loops over the voxels of one block."""

from __future__ import annotations

import numba
import numpy as np

from nmcstudio.imaging.basin_kernels import find_pair, is_beside_unknown, reaches_out


@numba.njit(cache=True, nogil=True)
def survey_block(basins, codes, observed, faces, starts, sizes, borders, far, cut, sums, keys, necks):  # type: ignore[no-untyped-def]
    """Voxels, border, places and necks of the basins of a block that has a rim of one voxel where the volume goes on.

    Parameters
    ----------
    basins
        int32 ``[z, y, x]`` with the rim, numbered for this block; 0 is background.
    codes
        uint16 heights.
    observed
        bool, of shape (1, 1, 1) if everything is.
    faces
        Of the whole volume, as in `basin_kernels.reaches_out`.
    starts
        First voxel of the block in these arrays, (z, y, x), and the one behind its last: int64 ``(2, 3)``.
    sizes, far, cut
        ``(n + 1,)`` voxels, added to; `far` is the shape of the volume, and `borders` the place of the arrays' first voxel in it.
    sums
        float64 ``(n + 1, 3)``, sums of the places (z, y, x) in the volume.
    keys, necks
        Empty table of pairs (smaller times 2**32 plus larger) and their necks, large enough.

    Returns
    -------
    full
        True if the table was too small; nothing else can be used then.
    """
    used = 0
    for z in range(starts[0, 0], starts[1, 0]):
        for y in range(starts[0, 1], starts[1, 1]):
            for x in range(starts[0, 2], starts[1, 2]):
                label = basins[z, y, x]
                if label == 0:
                    continue
                at = (z, y, x)
                sizes[label] += 1
                for axis in range(3):
                    sums[label, axis] += borders[axis] + at[axis]
                if reaches_out(faces, far, borders[0] + z, borders[1] + y, borders[2] + x) or (
                    observed.size > 1 and is_beside_unknown(observed, z, y, x)
                ):
                    cut[label] = True
                for axis in range(3):
                    a, b, c = z - (axis == 0), y - (axis == 1), x - (axis == 2)
                    if a < 0 or b < 0 or c < 0:
                        continue
                    other = basins[a, b, c]
                    if other == label or other == 0:
                        continue
                    low, high = (label, other) if label < other else (other, label)
                    key = (np.int64(low) << 32) | np.int64(high)
                    place = find_pair(keys, key)
                    neck = min(codes[z, y, x], codes[a, b, c])
                    if keys[place] == key:
                        necks[place] = max(necks[place], neck)
                    else:
                        keys[place], necks[place] = key, neck
                        used += 1
                        if 2 * used > len(keys):
                            return True
    return False
