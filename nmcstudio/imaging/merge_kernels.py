"""Merges of basins in machine code: their order, and what a prefix of them makes of the basins."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def root_of(parent, member):  # type: ignore[no-untyped-def]
    """Root of a member of a forest; halves the path."""
    while parent[member] != member:
        parent[member] = parent[parent[member]]
        member = parent[member]
    return member


@numba.njit(cache=True, nogil=True)
def _before(scores, items, i, j):  # type: ignore[no-untyped-def]
    return scores[i] > scores[j] or (scores[i] == scores[j] and items[i] < items[j])


@numba.njit(cache=True, nogil=True)
def _sink(scores, items, i, size):  # type: ignore[no-untyped-def]
    """Let entry i of a heap sink to its place."""
    while True:
        first = i
        for child in (2 * i + 1, 2 * i + 2):
            if child < size and _before(scores, items, child, first):
                first = child
        if first == i:
            return
        scores[i], scores[first] = scores[first], scores[i]
        items[i], items[first] = items[first], items[i]
        i = first


@numba.njit(cache=True, nogil=True)
def _score(neck, peak, as_ratio):  # type: ignore[no-untyped-def]
    return neck / peak if as_ratio else neck - peak


@numba.njit(cache=True, nogil=True)
def make_heap(pairs, necks, parent, top, as_ratio, scores, items):  # type: ignore[no-untyped-def]
    """Fill a heap, largest score first and lower number first among equals, with all pairs of different roots; its size."""
    size = 0
    for k in range(len(necks)):
        a, b = root_of(parent, pairs[k, 0]), root_of(parent, pairs[k, 1])
        if a != b:
            scores[size] = _score(necks[k], min(top[a], top[b]), as_ratio)
            items[size] = k
            size += 1
    for i in range(size // 2 - 1, -1, -1):
        _sink(scores, items, i, size)
    return size


@numba.njit(cache=True, nogil=True)
def merge_steps(pairs, necks, parent, top, as_ratio, above, scores, items, size, merged, ratios, count, steps):  # type: ignore[no-untyped-def]
    """Take at most `steps` entries from the heap and merge what scores over `above`; returns sizes of heap and list of merges.

    As regions grow, their peaks rise, so a score can only fall: an outdated entry is put back with its new score. `merged`
    gets the root that stays and the one that goes, which is the larger.
    """
    for _ in range(steps):
        if size == 0 or not scores[0] > above:
            return 0, count
        k = items[0]
        a, b = root_of(parent, pairs[k, 0]), root_of(parent, pairs[k, 1])
        now = _score(necks[k], min(top[a], top[b]), as_ratio)
        if a != b and now < scores[0]:
            scores[0] = now
            _sink(scores, items, 0, size)
            continue
        if a != b:
            if a > b:
                a, b = b, a
            parent[b] = a
            top[a] = max(top[a], top[b])
            merged[count, 0], merged[count, 1] = a, b
            ratios[count] = now if as_ratio else np.inf
            count += 1
        size -= 1
        scores[0], items[0] = scores[size], items[size]
        _sink(scores, items, 0, size)
    return size, count


@numba.njit(cache=True, nogil=True)
def group(merged, prefix, groups):  # type: ignore[no-untyped-def]
    """Number each basin's particle after the first `prefix` merges: 0 for the background, else 1, 2, … by first basins."""
    for i in range(len(groups)):
        groups[i] = i
    for k in range(prefix):
        groups[merged[k, 1]] = merged[k, 0]
    # A basin that goes is larger than the one that stays, so one pass upwards resolves all.
    count = -1
    for i in range(len(groups)):
        if groups[i] == i:
            count += 1
            groups[i] = count
        else:
            groups[i] = groups[groups[i]]
    return count


@numba.njit(cache=True, nogil=True)
def total(groups, sizes, cut, whole_sizes, whole_cut):  # type: ignore[no-untyped-def]
    """Voxels of each particle, and whether one of its basins is cut."""
    for i in range(1, len(groups)):
        whole_sizes[groups[i]] += sizes[i]
        whole_cut[groups[i]] |= cut[i]


@numba.njit(cache=True, nogil=True)
def mark(pairs, necks, order, top, height, parent, summit, marked):  # type: ignore[no-untyped-def]
    """Mark the basins whose top stands `height` or more above the saddle over which a higher one is reached (h-maxima).

    `order` lists the pairs from the highest neck down; `summit` holds the highest basin of each root, itself at first; among
    equal tops the earlier basin counts as higher. The highest basin of all that hangs together is always marked.
    """
    for k in order:
        a, b = root_of(parent, pairs[k, 0]), root_of(parent, pairs[k, 1])
        if a == b:
            continue
        high, low = summit[a], summit[b]
        if top[low] > top[high] or (top[low] == top[high] and low < high):
            high, low = low, high
        marked[low] = top[low] - necks[k] >= height
        parent[max(a, b)] = min(a, b)
        summit[min(a, b)] = high


@numba.njit(cache=True, nogil=True)
def flood(pairs, order, parent, marked, merged):  # type: ignore[no-untyped-def]
    """Give every basin to the marked one that it is reached from over the highest saddle; returns the number of merges.

    `marked` says of each root whether a marked basin belongs to it; `merged` gets the root that stays and the one that goes.
    """
    count = 0
    for k in order:
        a, b = root_of(parent, pairs[k, 0]), root_of(parent, pairs[k, 1])
        if a == b or (marked[a] and marked[b]):
            continue
        if a > b:
            a, b = b, a
        parent[b] = a
        marked[a] |= marked[b]
        merged[count, 0], merged[count, 1] = a, b
        count += 1
    return count
