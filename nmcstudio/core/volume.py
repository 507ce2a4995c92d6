"""Grey-scale volumes and label volumes on a regular grid of voxels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import NmcError
from nmcstudio.core.show import Shown, by, edge

Triple = tuple[float, float, float]


def check_spacing(spacing_um: Any) -> Triple:
    """Three positive, finite voxel edges (z, y, x) in um.

    Raises
    ------
    NmcError
        If there are not three or one of them is not positive.
    """
    values = tuple(float(v) for v in np.atleast_1d(np.asarray(spacing_um, dtype=float)))
    if len(values) == 1:
        values = values * 3
    if len(values) != 3 or not all(np.isfinite(v) and v > 0 for v in values):
        raise NmcError(
            f"the voxel size {spacing_um!r} is not usable",
            "give one or three positive numbers (z y x) in um",
            "spacing_um",
        )
    return values  # type: ignore[return-value]


@dataclass(frozen=True, repr=False)
class Volume(Shown):
    """A grey-scale volume.

    Attributes
    ----------
    values
        Array ``[z, y, x]``, any real dtype, read-only; a 2-D map has one slice.
    spacing_um
        Voxel edges (z, y, x) in um.
    origin_um
        Centre of voxel (0, 0, 0) as (z, y, x) in um.
    observed
        Boolean array ``[z, y, x]``, False where nothing was imaged (outside the field of view); None if all was.
    name
        What it is, for the reader of a plot.
    simulated
        True for data made by a program; said wherever the data is shown.
    """

    values: NDArray[Any]
    spacing_um: Triple
    origin_um: Triple = (0.0, 0.0, 0.0)
    observed: NDArray[np.bool_] | None = None
    name: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, None, (None, None, None), "values"))
        object.__setattr__(self, "spacing_um", check_spacing(self.spacing_um))
        object.__setattr__(self, "origin_um", tuple(float(v) for v in self.origin_um))
        if self.observed is not None:
            object.__setattr__(self, "observed", frozen(self.observed, bool, self.values.shape, "observed"))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.values.shape  # type: ignore[return-value]

    def in_words(self) -> str:
        said = "simulated, " if self.simulated else ""
        return f"{said}{by(self.shape)} voxels of {edge(self.spacing_um)}, {self.values.dtype}"


@dataclass(frozen=True, repr=False)
class SurfaceLevel(Shown):
    """How the surface of segmented particles was found, so that it can be found again between the voxels.

    Attributes
    ----------
    sigma_voxels
        Standard deviation of the Gaussian filter, in voxels.
    threshold
        Grey value of the surface in the filtered volume.
    """

    sigma_voxels: float
    threshold: float


@dataclass(frozen=True, repr=False)
class LabelVolume(Shown):
    """Labelled objects: particles of a CT volume, or grains of an EBSD stack.

    Attributes
    ----------
    labels
        Integer array ``[z, y, x]``, read-only, 0 is background; uint16 or uint32.
    spacing_um, origin_um
        As in `Volume`.
    observed
        Boolean array ``[z, y, x]``, False where nothing was imaged or material was milled away; None if all was imaged.
    kind
        "particles" or "grains".
    quaternions
        Mean orientation of each label, float64 ``(max label + 1, 4)``, unit quaternions (w, x, y, z) from sample to crystal,
        Bunge convention; NaN where unknown; None if there are no orientations. Row 0 belongs to the background.
    point_group
        Proper name of the crystal's point group ("-3m"); empty without orientations.
    surface
        The smoothing and the grey level that made the particles, or None.
    name, simulated
        As in `Volume`.
    """

    labels: NDArray[Any]
    spacing_um: Triple
    origin_um: Triple = (0.0, 0.0, 0.0)
    observed: NDArray[np.bool_] | None = None
    kind: str = "particles"
    quaternions: NDArray[np.float64] | None = None
    point_group: str = ""
    surface: SurfaceLevel | None = None
    name: str = ""
    simulated: bool = False
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.dtype.kind not in "iub":
            raise NmcError(f"labels of type {labels.dtype} are not whole numbers", "give an integer label volume")
        if labels.dtype not in (np.uint16, np.uint32):
            if labels.size and labels.dtype.kind == "i" and int(labels.min()) < 0:
                raise NmcError("the label volume has negative labels", "use 0 for the background and positive labels")
            top = int(labels.max(initial=0))
            labels = labels.astype(np.uint16 if top < 65536 else np.uint32)
        object.__setattr__(self, "labels", frozen(labels, None, (None, None, None), "labels"))
        object.__setattr__(self, "spacing_um", check_spacing(self.spacing_um))
        object.__setattr__(self, "origin_um", tuple(float(v) for v in self.origin_um))
        if self.observed is not None:
            object.__setattr__(self, "observed", frozen(self.observed, bool, labels.shape, "observed"))
        if self.quaternions is not None:
            object.__setattr__(self, "quaternions", frozen(self.quaternions, np.float64, (None, 4), "quaternions"))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.labels.shape  # type: ignore[return-value]

    def in_words(self) -> str:
        said = "simulated " if self.simulated else ""
        crystal = f", orientations in {self.point_group}" if self.quaternions is not None else ""
        return f"{said}{self.kind} on {by(self.shape)} voxels of {edge(self.spacing_um)}, {self.labels.dtype}{crystal}"


def index_to_um(index_zyx: NDArray[Any], spacing_um: Triple, origin_um: Triple) -> NDArray[np.float64]:
    """Points (x, y, z) in um of voxel indices ``(..., 3)`` in the order (z, y, x). The one place that turns the axes round."""
    points = np.asarray(index_zyx, dtype=np.float64) * np.asarray(spacing_um) + np.asarray(origin_um)
    return points[..., ::-1]


def um_to_index(points_um: NDArray[Any], spacing_um: Triple, origin_um: Triple) -> NDArray[np.float64]:
    """Fractional voxel indices (z, y, x) of points ``(..., 3)`` given as (x, y, z) in um; inverse of `index_to_um`."""
    points = np.asarray(points_um, dtype=np.float64)[..., ::-1]
    return (points - np.asarray(origin_um)) / np.asarray(spacing_um)
