"""Grains of an orientation map: voxels that hang together by small disorientations, or the labels of the file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.symmetry import operators
from nmcstudio.imaging.grain_fill import fill_from_nearest
from nmcstudio.imaging.orientation_kernels import (
    contact_rows,
    count_rows,
    enclosed_rows,
    forest,
    join_rows,
    number_rows,
    row_chunks,
    sum_rows,
)

METHODS = ("auto", "orientation", "file", "quality")


def segment_grains(
    stack: EbsdStack,
    *,
    method: str = "auto",
    angle: float = np.deg2rad(5.0),
    split: float = 0.9,
    sigma_voxels: float = 0.0,
    min_voxels: int = 20,
    min_confidence: float | None = None,
    fill_um: float | None = None,
    phase: int | None = None,
    monitor: Monitor | None = None,
) -> LabelVolume:
    """Label the grains of a map or stack (models.md 5).

    Parameters
    ----------
    stack
        Orientations, aligned.
    method
        "orientation" joins face neighbours whose disorientation under the crystal's symmetry is at most `angle`; "file" takes
        the labels that the file brings along; "quality" splits at the dark seams of the quality (watershed), for maps whose
        orientations are poor; "auto" is "file" where there are such labels, else "orientation".
    angle
        Largest disorientation inside a grain from voxel to voxel, radians.
    split, sigma_voxels
        For "quality": hills of the quality stay apart if the saddle between them is lower than this share of the lower one;
        standard deviation of the Gaussian smoothing before.
    min_voxels
        Smaller pieces are not grains; their voxels go to the nearest grain.
    min_confidence
        Points of lower confidence are taken as not indexed; None takes all.
    fill_um
        Points without a grain go to the nearest one if they lie in holes or seams less than twice this wide; None is two
        voxels (geometric mean). 0 fills nothing.
    phase
        1-based phase whose grains are wanted; None is the most frequent one.
    monitor
        Progress, warnings and cancelling.

    Returns
    -------
    Labels 1, 2, … in the order of their first voxel (for "file": the file's own), 0 outside; mean orientations per label.

    Raises
    ------
    NmcError
        For a method, phase or angle that is not usable.
    ComputationError
        If no grain is found.
    """
    monitor = monitor or Monitor()
    if method not in METHODS:
        raise NmcError(f"unknown method {method!r}", f"use one of {', '.join(METHODS)}", "method")
    if method == "file" and stack.grain_ids is None:
        raise NmcError("the file brings no grain labels along", "use the method orientation", "method")
    if not 0 < angle < np.pi / 2:
        raise NmcError(f"the angle {np.rad2deg(angle):.4g} deg is not usable", "give an angle between 0 and 90 deg", "angle_deg")
    by_file = stack.grain_ids is not None and method in ("auto", "file")
    by_quality = method == "quality"
    chosen = _choose_phase(stack, phase, monitor)
    group = operators(stack.phases[chosen - 1].point_group)
    # One memory layout and no writing, so that the kernels are compiled once.
    quaternions = np.ascontiguousarray(stack.quaternions).view()
    quaternions.flags.writeable = False
    ids = np.ascontiguousarray(_usable(stack, chosen, by_file, min_confidence, monitor))
    parts = ids
    if by_quality:
        parts = quality_hills(stack, ids > 0, split, sigma_voxels, monitor.sub(0.0, 0.3))
    cosine = -1.0 if by_file or by_quality else float(np.cos(angle / 2))
    joining = monitor.sub(0.3 if by_quality else 0.0, 0.5)
    labels, enclosed = label_components(parts, quaternions, group, cosine, min_voxels, by_file, joining)
    if not labels.any():
        raise ComputationError(
            f"no grain has {min_voxels} voxels or more", "lower the smallest size, or raise the angle for noisy orientations"
        )
    means = grain_orientations(labels, quaternions, ids, group, monitor.sub(0.5, 0.8))
    reach = 2 * float(np.prod(stack.spacing_um)) ** (1 / 3) if fill_um is None else fill_um
    other = (stack.phase > 0) & (stack.phase != chosen)
    fillable = stack.observed & ~other
    filled = fill_from_nearest(labels, fillable, reach, stack.spacing_um, monitor.sub(0.8, 1.0), enclosed)
    monitor.report(1.0, "grains labelled")
    top = int(labels.max())
    count = int(np.isfinite(means[:, 0]).sum())
    how = "labels of the file" if by_file else f"disorientation up to {np.rad2deg(angle):.3g}°"
    if by_quality:
        how = f"seams of the quality, split {split:g}"
    return LabelVolume(
        labels=labels.astype(np.uint16 if top < 65536 else np.uint32),
        spacing_um=stack.spacing_um,
        origin_um=stack.origin_um,
        observed=None if stack.observed.all() else stack.observed,
        kind="grains",
        quaternions=means,
        point_group=stack.phases[chosen - 1].point_group,
        name=stack.name,
        simulated=stack.simulated,
        notes=(f"{count} grains by {how}; {filled / labels.size:.1%} of the voxels filled from the nearest grain",),
    )


def _choose_phase(stack: EbsdStack, phase: int | None, monitor: Monitor) -> int:
    counts = np.bincount(stack.phase.ravel(), minlength=len(stack.phases) + 1)
    if phase is None:
        chosen = int(np.argmax(counts[1:])) + 1
        others = [stack.phases[k].name for k in range(len(stack.phases)) if k + 1 != chosen and counts[k + 1]]
        if others:
            monitor.warn(f"only grains of {stack.phases[chosen - 1].name} are labelled; {', '.join(others)} stays 0")
        return chosen
    if not 1 <= phase <= len(stack.phases):
        names = ", ".join(f"{k + 1} {p.name}" for k, p in enumerate(stack.phases))
        raise NmcError(f"there is no phase {phase}", f"choose one of {names}", "phase")
    return phase


def _usable(
    stack: EbsdStack, phase: int, by_file: bool, min_confidence: float | None, monitor: Monitor
) -> NDArray[np.unsignedinteger]:
    """What join voxels must share, 0 where there is no usable orientation."""
    keep = stack.phase == phase
    if min_confidence is not None:
        if not np.isfinite(stack.confidence[keep]).any():
            monitor.warn("the map has no confidence; the limit is not used")
        else:
            keep &= ~(stack.confidence < min_confidence)
    if by_file and stack.grain_ids is not None:
        return np.where(keep, stack.grain_ids, 0).astype(np.uint32)
    return keep.astype(np.uint32)


def quality_hills(
    stack: EbsdStack, indexed: NDArray[np.bool_], split: float, sigma_voxels: float, monitor: Monitor
) -> NDArray[np.uint32]:
    """Regions of high quality between dark seams, inside the closing of what is indexed: uint32 ``[z, y, x]``, 0 outside.

    Raises
    ------
    NmcError
        If the map has no quality that varies.
    """
    from nmcstudio.imaging.denoise import smooth
    from nmcstudio.imaging.heights import heights_from
    from nmcstudio.imaging.split import field_hierarchy

    material = indexed.astype(np.uint8)
    mean_edge = float(np.prod(stack.spacing_um)) ** (1 / 3)
    fill_from_nearest(material, stack.observed, 2 * mean_edge, stack.spacing_um, monitor.sub(0.0, 0.3))
    inside = (material > 0) & np.isfinite(stack.quality)
    low, high = np.percentile(stack.quality[inside], [1, 99]) if inside.any() else (0.0, 0.0)
    if not high > low:
        raise NmcError("the map has no quality that could show boundaries", "use the method orientation", "method")
    field = smooth(np.where(np.isfinite(stack.quality), stack.quality, low), sigma_voxels, None, monitor.sub(0.3, 0.5))
    field = np.where(inside, np.maximum((field - low) / (high - low), 0.01), 0).astype(np.float32)
    z, y, x = stack.spacing_um
    edges = (z / mean_edge, y / mean_edge, x / mean_edge)
    hierarchy = field_hierarchy(heights_from(field), edges, None, 0.0, monitor.sub(0.5, 0.9))
    return hierarchy.labels(split, monitor=monitor.sub(0.9, 1.0)).astype(np.uint32, copy=False)


def label_components(
    ids: NDArray[np.unsignedinteger],
    quaternions: NDArray[np.float32],
    group: NDArray[np.float64],
    cosine: float,
    min_voxels: int,
    keep_ids: bool,
    monitor: Monitor,
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Connected components (faces) of equal id and near orientation.

    Parameters
    ----------
    ids
        uint32 ``[z, y, x]``, 0 is none.
    quaternions
        float32 ``[z, y, x, 4]``.
    group
        Proper rotations of the crystal.
    cosine
        Of half the largest disorientation between neighbours; negative to join by id alone.
    min_voxels
        Smaller components get 0.
    keep_ids
        Label by id instead of by the order of the first voxel.

    Returns
    -------
    Labels uint32 ``[z, y, x]``, and where the components lie that are too small but touch grains with half of their faces or
    more: noise inside the grains, as against noise in the background.
    """
    shape = ids.shape
    parent = forest(ids.size)
    for first, last in row_chunks(shape, monitor.sub(0.0, 0.7), "joining voxels to grains"):
        join_rows(parent, ids, quaternions, group, cosine, first, last)
    counts = np.zeros(ids.size, parent.dtype)
    for first, last in row_chunks(shape, monitor.sub(0.7, 0.8)):
        count_rows(parent, counts, ids, first, last)
    labels = np.zeros(shape, np.uint32)
    numbers = np.zeros(1 if keep_ids else ids.size, np.uint32)
    following = 1
    for first, last in row_chunks(shape, monitor.sub(0.8, 0.9)):
        following = number_rows(parent, counts, ids, labels, numbers, min_voxels, following, keep_ids, first, last)
    balance = np.zeros(ids.size, np.int32)
    for first, last in row_chunks(shape, monitor.sub(0.9, 0.96)):
        contact_rows(parent, counts, ids, labels, balance, min_voxels, first, last)
    enclosed = np.zeros(shape, bool)
    for first, last in row_chunks(shape, monitor.sub(0.96, 1.0)):
        enclosed_rows(parent, counts, ids, balance, enclosed, min_voxels, first, last)
    return labels, enclosed


def grain_orientations(
    labels: NDArray[np.unsignedinteger],
    quaternions: NDArray[np.float32],
    indexed: NDArray[np.unsignedinteger],
    group: NDArray[np.float64],
    monitor: Monitor,
) -> NDArray[np.float64]:
    """Mean orientation of each label, over its indexed voxels and reduced by the crystal's symmetry (models.md 14).

    Parameters
    ----------
    labels
        ``[z, y, x]``.
    quaternions
        float32 ``[z, y, x, 4]``.
    indexed
        ``[z, y, x]``, 0 where an orientation does not count.
    group
        Proper rotations of the crystal.

    Returns
    -------
    float64 ``(max label + 1, 4)``, w not negative; NaN for row 0 and labels without an orientation.
    """
    reference = np.full((int(labels.max(initial=0)) + 1, 4), np.nan)
    # Each pass refers to the mean before it: two are enough for spreads of some degrees.
    for start, stop in ((0.0, 0.5), (0.5, 1.0)):
        sums = np.zeros_like(reference)
        for first, last in row_chunks(labels.shape, monitor.sub(start, stop), "mean orientations"):
            sum_rows(labels, quaternions, indexed, group, reference, sums, first, last)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        reference = np.divide(sums, length, out=np.full_like(sums, np.nan), where=length > 0)
    return np.where(reference[:, :1] < 0, -reference, reference)
