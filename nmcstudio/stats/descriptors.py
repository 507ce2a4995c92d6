"""Size, shape, surface and contacts of every object of a label volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Triple, index_to_um
from nmcstudio.core.workers import in_threads, planes_of

_SLAB_VOXELS = 500_000  # voxels of one piece of work
_DENSE_LABELS = 20_000_000  # largest label for which a table by label is used


@dataclass(frozen=True)
class Descriptors:
    """Descriptors of n objects and their k contacts (models.md 13.2, 13.3).

    Attributes
    ----------
    labels
        int64 ``(n,)``, ascending, without the background.
    voxels
        int64 ``(n,)``, number of voxels.
    volumes_um3, diameters_um
        float64 ``(n,)``, volume and volume-equivalent diameter; in a single section that of the circle of the same area.
    areas_um2
        float64 ``(n,)``, area in a single section.
    centroids_um
        float64 ``(n, 3)``, (x, y, z).
    covariances_um2
        float64 ``(n, 3, 3)``, second central moments over the volume, axes (x, y, z), voxels taken as boxes.
    surfaces_um2
        float64 ``(n,)``, Crofton area with 13 directions, with the chords that are too short to hit a voxel put back; cuts by the
        border of the volume count with their faces. Too coarse under about 100 voxels.
    sphericities
        float64 ``(n,)``, pi^(1/3) (6 V)^(2/3) / A; may slightly exceed 1 for small objects.
    neighbours
        int64 ``(n,)``, number of objects that share at least `minimum_faces` voxel faces.
    touches_border
        bool ``(n,)``: a face lies on the border of the volume or against an unobserved voxel. Axes with one voxel have no border.
    background_shares
        float64 ``(n,)``, share of the object's voxel-face area that faces the background.
    boxes
        int64 ``(n, 2, 3)``, first and one past the last voxel index (z, y, x).
    pairs
        int64 ``(k, 2)``, labels of touching objects, the smaller first, sorted.
    pair_faces
        int64 ``(k,)``, number of voxel faces that a pair shares.
    minimum_faces
        Faces a contact needs to count in `neighbours`.
    spacing_um
        Voxel edges (z, y, x) in um.
    is_section
        The volume is a single section: its objects have areas and circles, nothing of space.
    """

    labels: NDArray[np.int64]
    voxels: NDArray[np.int64]
    volumes_um3: NDArray[np.float64]
    centroids_um: NDArray[np.float64]
    covariances_um2: NDArray[np.float64]
    surfaces_um2: NDArray[np.float64]
    neighbours: NDArray[np.int64]
    touches_border: NDArray[np.bool_]
    background_shares: NDArray[np.float64]
    boxes: NDArray[np.int64]
    pairs: NDArray[np.int64]
    pair_faces: NDArray[np.int64]
    minimum_faces: int
    spacing_um: Triple
    is_section: bool = False

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, np.ndarray):
                object.__setattr__(self, name, frozen(value))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def diameters_um(self) -> NDArray[np.float64]:
        if self.is_section:
            return np.asarray(np.sqrt(4.0 / np.pi * self.areas_um2))
        return np.cbrt(6.0 / np.pi * self.volumes_um3)

    @property
    def areas_um2(self) -> NDArray[np.float64]:
        return np.asarray(self.voxels * (self.spacing_um[1] * self.spacing_um[2]))

    @property
    def sphericities(self) -> NDArray[np.float64]:
        return sphericity(self.volumes_um3, self.surfaces_um2)

    @property
    def axes_um(self) -> NDArray[np.float64]:
        """Semi-axes of the ellipsoid with the same second moments, ``(n, 3)``, longest first."""
        if len(self) == 0:
            return np.empty((0, 3))
        values = np.linalg.eigvalsh(self.covariances_um2)[:, ::-1]
        axes: NDArray[np.float64] = np.sqrt(5.0 * np.maximum(values, 0.0))
        return axes

    @property
    def aspect_ratios(self) -> NDArray[np.float64]:
        """Longest over shortest axis of the equivalent ellipsoid, ``(n,)``."""
        axes = self.axes_um
        return axes[:, 0] / axes[:, 2]

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """The columns of ``descriptors.csv``, in order; of a single section those that mean something there."""
        if self.is_section:
            return {
                "label": self.labels,
                "area_um2": self.areas_um2,
                "diameter_um": self.diameters_um,
                "neighbours": self.neighbours,
                "touches_border": self.touches_border,
                "x_um": self.centroids_um[:, 0],
                "y_um": self.centroids_um[:, 1],
                "z_um": self.centroids_um[:, 2],
                "voxels": self.voxels,
            }
        axes = self.axes_um
        return {
            "label": self.labels,
            "volume_um3": self.volumes_um3,
            "diameter_um": self.diameters_um,
            "surface_um2": self.surfaces_um2,
            "sphericity": self.sphericities,
            "neighbours": self.neighbours,
            "touches_border": self.touches_border,
            "x_um": self.centroids_um[:, 0],
            "y_um": self.centroids_um[:, 1],
            "z_um": self.centroids_um[:, 2],
            "voxels": self.voxels,
            "axis_a_um": axes[:, 0],
            "axis_b_um": axes[:, 1],
            "axis_c_um": axes[:, 2],
            "aspect_ratio": self.aspect_ratios,
            "background_share": self.background_shares,
        }


def sphericity(volumes: NDArray[np.float64], surfaces: NDArray[np.float64]) -> NDArray[np.float64]:
    """pi^(1/3) (6 V)^(2/3) / A; 1 for balls, in any one unit of length."""
    return np.asarray(np.cbrt(np.pi) * np.cbrt(6.0 * np.asarray(volumes)) ** 2 / np.asarray(surfaces))


def describe_labels(volume: LabelVolume, minimum_faces: int = 1, monitor: Monitor | None = None) -> Descriptors:
    """Descriptors of all objects of a label volume, in one pass over the voxels.

    Parameters
    ----------
    volume
        Labels; label 0 is background, labels on unobserved voxels do not count.
    minimum_faces
        Voxel faces that two objects must share to be neighbours.
    monitor
        Progress and cancel.
    """
    from nmcstudio.stats.directions import crofton_factors

    monitor = monitor or Monitor()
    present, rows, values = label_rows(volume.labels, monitor.sub(0.0, 0.1))
    factors = crofton_factors(volume.spacing_um)
    unit = float(factors.max()) / 2**24  # whole numbers, so that the order of summing changes nothing
    sums = _sum_up(values, volume.observed, rows, len(present), np.rint(factors / unit).astype(np.int64), monitor.sub(0.1, 1.0))
    n = len(present)
    kept = sums.moments[:, 0] > 0  # a label may stand on unobserved voxels only
    pairs, pair_faces = _contacts(sums.pairs, present)
    counts = sums.moments.astype(np.float64)
    centroids, covariances = _moments(counts[kept], volume)
    spacing = np.asarray(volume.spacing_um)
    voxel = float(np.prod(spacing))
    face_area = voxel / spacing[::-1]  # of faces across x, y, z
    touching = np.zeros((n, 3), np.int64)
    for side in range(2):
        np.add.at(touching, np.searchsorted(present, pairs[:, side]), pair_faces)
    outside = sums.outer @ face_area
    everything = outside + touching @ face_area
    shared = pair_faces.sum(axis=1)
    counted = pairs[shared >= minimum_faces]
    neighbours = np.bincount(np.searchsorted(present, counted.ravel()), minlength=n)
    axes_open = np.array([size > 1 for size in values.shape[::-1]])
    monitor.report(1.0)
    return Descriptors(
        labels=present[kept],
        voxels=sums.moments[kept, 0],
        volumes_um3=counts[kept, 0] * voxel,
        centroids_um=centroids,
        covariances_um2=covariances,
        surfaces_um2=sums.areas[kept] * (unit / 12) + sums.cut[kept] @ face_area,
        neighbours=neighbours[kept].astype(np.int64),
        touches_border=(sums.border | (sums.cut[:, axes_open] > 0).any(axis=1))[kept],
        background_shares=np.divide(outside, everything, out=np.zeros(n), where=everything > 0)[kept],
        boxes=sums.boxes[kept].reshape(-1, 2, 3),
        pairs=pairs,
        pair_faces=shared,
        minimum_faces=int(minimum_faces),
        spacing_um=volume.spacing_um,
        is_section=values.shape[0] == 1,
    )


class _Sums:
    """What one worker adds up over the slabs it gets; the arrays as in `descriptor_kernels.add_slab`."""

    def __init__(self, n: int) -> None:
        self.moments = np.zeros((n, 10), np.int64)
        self.areas = np.zeros(n, np.int64)
        self.outer, self.cut = np.zeros((n, 3), np.int64), np.zeros((n, 3), np.int64)
        self.border = np.zeros(n, bool)
        self.boxes = np.tile(np.array([2**60] * 3 + [0] * 3, dtype=np.int64), (n, 1))
        self._keys, self._faces, self._used = np.full(1024, -1, np.int64), np.zeros((1024, 3), np.int64), 0

    def add(
        self,
        values: NDArray[np.unsignedinteger],
        mask: NDArray[np.bool_],
        rows: NDArray[np.int32],
        factors: NDArray[np.int64],
        planes: slice,
    ) -> None:
        """Add planes of the volume."""
        from nmcstudio.stats import descriptor_kernels as kernels

        start, nz = planes.start, values.shape[0]
        slab = kernels.padded_slab(values, mask, rows, start, planes.stop)
        codes = kernels.end_codes(slab, start, nz, kernels.OFFSETS)
        self._keys, self._faces, self._used = kernels.add_slab(
            slab, *codes, start, nz, self.moments, self.areas, self.outer, self.cut, self.border, self.boxes,
            self._keys, self._faces, self._used, factors, kernels.OFFSETS,
        )  # fmt: skip

    @property
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keys of touching pairs ``(k,)``, ascending, and their faces ``(k, 3)``."""
        taken = np.flatnonzero(self._keys >= 0)
        taken = taken[np.argsort(self._keys[taken])]
        return self._keys[taken], self._faces[taken]

    def merge(self, other: _Sums) -> None:
        """Add what another worker has."""
        for name in ("moments", "areas", "outer", "cut", "border"):
            getattr(self, name)[...] += getattr(other, name)
        np.minimum(self.boxes[:, :3], other.boxes[:, :3], out=self.boxes[:, :3])
        np.maximum(self.boxes[:, 3:], other.boxes[:, 3:], out=self.boxes[:, 3:])
        keys, at = np.unique(np.concatenate([self.pairs[0], other.pairs[0]]), return_inverse=True)
        faces = np.zeros((len(keys), 3), np.int64)
        np.add.at(faces, at, np.concatenate([self.pairs[1], other.pairs[1]]))
        self._keys, self._faces = keys, faces


def _sum_up(
    values: NDArray[np.unsignedinteger],
    observed: NDArray[np.bool_] | None,
    rows: NDArray[np.int32],
    n: int,
    factors: NDArray[np.int64],
    monitor: Monitor,
) -> _Sums:
    """Sums over all slabs, each worker with arrays of its own."""
    mask = np.empty((0, 1, 1), bool) if observed is None else observed
    free: list[_Sums] = []

    def work(planes: slice) -> None:
        sums = free.pop() if free else _Sums(n)
        sums.add(values, mask, rows, factors, planes)
        free.append(sums)

    in_threads(work, planes_of(values.shape, _SLAB_VOXELS), monitor, "Measuring labels")
    if not free:
        return _Sums(n)
    total = free.pop()
    for other in free:
        total.merge(other)
    return total


def label_rows(
    values: NDArray[np.unsignedinteger], monitor: Monitor
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.unsignedinteger]]:
    """Labels that occur, ascending without 0, ``(n,)``; the row of each value (0: -1); and the values.

    The values are the labels themselves, or, where one is too large for a table by label, their ranks.
    """
    from nmcstudio.stats.descriptor_kernels import count_labels

    step = max(1, 2_000_000 // max(1, values.shape[1] * values.shape[2]))
    starts = range(0, values.shape[0], step)
    top = max((int(values[start : start + step].max(initial=0)) for start in monitor.sub(0.0, 0.4).track(starts)), default=0)
    if top > _DENSE_LABELS:
        found = np.unique(np.concatenate([np.unique(values[start : start + step]) for start in monitor.track(starts)]))
        present = found[found > 0].astype(np.int64)
        ranks = np.searchsorted(np.concatenate([[0], present]), values).astype(np.uint32)
        return present, np.arange(-1, len(present), dtype=np.int32), ranks
    counts = np.zeros(top + 1, np.int64)
    for start in monitor.sub(0.4, 1.0).track(starts, "Finding labels"):
        count_labels(values[start : start + step], counts)
    counts[0] = 0
    present = np.flatnonzero(counts).astype(np.int64)
    rows = np.full(top + 1, -1, np.int32)
    rows[present] = np.arange(len(present), dtype=np.int32)
    return present, rows, values


def _contacts(
    found: tuple[NDArray[np.int64], NDArray[np.int64]], present: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels of touching pairs ``(k, 2)`` and their faces by axis ``(k, 3)``."""
    keys, faces = found
    n = max(len(present), 1)
    rows = np.stack([keys // n, keys % n], axis=1)
    return (present[rows] if len(rows) else np.empty((0, 2), np.int64)), faces


def _moments(sums: NDArray[np.float64], volume: LabelVolume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centroids (x, y, z) and covariances in um from sums over voxel indices (z, y, x)."""
    if len(sums) == 0:
        return np.empty((0, 3)), np.empty((0, 3, 3))
    mean = sums[:, 1:4] / sums[:, :1]
    second = sums[:, [4, 5, 6, 5, 7, 8, 6, 8, 9]].reshape(-1, 3, 3) / sums[:, :1, None]
    spacing = np.asarray(volume.spacing_um)
    # a voxel is a box: its own moment is h^2 / 12
    covariance = (second - mean[:, :, None] * mean[:, None, :] + np.eye(3) / 12.0) * np.outer(spacing, spacing)
    return index_to_um(mean, volume.spacing_um, volume.origin_um), covariance[:, ::-1, ::-1]
