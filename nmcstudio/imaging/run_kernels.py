"""Connected background by runs along x, in machine code: closed pores without a number for every voxel."""

from __future__ import annotations

import numba

from nmcstudio.imaging.merge_kernels import root_of


@numba.njit(cache=True, nogil=True)
def count_runs(mask, counts):  # type: ignore[no-untyped-def]
    """Background runs of each row of a slab ``[z, y, x]``; counts ``[z, y]``."""
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            row = mask[z, y]
            count = 0 if row[0] else 1
            for x in range(1, len(row)):
                count += row[x - 1] and not row[x]
            counts[z, y] = count


@numba.njit(cache=True, nogil=True)
def list_runs(mask, offsets, starts, stops):  # type: ignore[no-untyped-def]
    """First voxel and the one behind the last of each run; `offsets` ``[z, y]`` say where a row's runs begin."""
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            row, k, x = mask[z, y], offsets[z, y], 0
            n = len(row)
            while True:
                while x < n and row[x]:
                    x += 1
                if x == n:
                    break
                starts[k] = x
                while x < n and not row[x]:
                    x += 1
                stops[k] = x
                k += 1


@numba.njit(cache=True, nogil=True)
def join_rows(offsets, row, other, starts, stops, parent):  # type: ignore[no-untyped-def]
    """Union of the runs of two rows that share a column; the smaller root stays. `offsets` is flat, with the end at its end."""
    i, j = offsets[row], offsets[other]
    while i < offsets[row + 1] and j < offsets[other + 1]:
        if starts[i] < stops[j] and starts[j] < stops[i]:
            a, b = root_of(parent, i), root_of(parent, j)
            if a < b:
                parent[b] = a
            else:
                parent[a] = b
        if stops[i] < stops[j]:
            i += 1
        else:
            j += 1


@numba.njit(cache=True, nogil=True)
def join_slab(offsets, ny, start, stop, starts, stops, parent):  # type: ignore[no-untyped-def]
    """Union of the runs within planes start to stop."""
    for z in range(start, stop):
        for y in range(ny):
            if y:
                join_rows(offsets, z * ny + y, z * ny + y - 1, starts, stops, parent)
            if z > start:
                join_rows(offsets, z * ny + y, (z - 1) * ny + y, starts, stops, parent)


@numba.njit(cache=True, nogil=True)
def join_planes(offsets, ny, z, starts, stops, parent):  # type: ignore[no-untyped-def]
    """Union of the runs of plane z with those of the plane before it."""
    for y in range(ny):
        join_rows(offsets, z * ny + y, (z - 1) * ny + y, starts, stops, parent)


@numba.njit(cache=True, nogil=True)
def find_outside(shape, offsets, starts, stops, observed, parent, outside, sizes):  # type: ignore[no-untyped-def]
    """Resolve all roots, and say of each root whether it reaches the border or something unobserved, and its voxels.

    The border counts along axes longer than one voxel; `observed` is of shape (1, 1, 1) if everything is.
    """
    nz, ny, nx = shape
    limited = observed.size > 1
    for row in range(nz * ny):
        z, y = row // ny, row % ny
        outer = (nz > 1 and (z == 0 or z == nz - 1)) or (ny > 1 and (y == 0 or y == ny - 1))
        for k in range(offsets[row], offsets[row + 1]):
            parent[k] = root = parent[parent[k]]
            sizes[root] += stops[k] - starts[k]
            if outer or (nx > 1 and (starts[k] == 0 or stops[k] == nx)):
                outside[root] = True
            elif limited and not outside[root]:
                for x in range(starts[k], stops[k]):
                    if not observed[z, y, x]:
                        outside[root] = True
                        break


@numba.njit(cache=True, nogil=True)
def fill_closed(mask, offsets, starts, stops, parent, outside):  # type: ignore[no-untyped-def]
    """Fill the runs of a slab whose root is not outside."""
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            for k in range(offsets[z * mask.shape[1] + y], offsets[z * mask.shape[1] + y + 1]):
                if not outside[parent[k]]:
                    for x in range(starts[k], stops[k]):
                        mask[z, y, x] = True
