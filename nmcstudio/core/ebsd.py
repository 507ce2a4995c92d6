"""Orientation maps: one section or a stack of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.show import Shown, by, edge
from nmcstudio.core.volume import Triple, check_spacing


@dataclass(frozen=True, repr=False)
class Phase(Shown):
    """A crystal phase.

    The point group is in Hermann-Mauguin notation ("-3m", "m-3m"); lattice is (a, b, c) in um and three angles in radians.
    """

    name: str
    point_group: str
    lattice: tuple[float, ...] = ()


@dataclass(frozen=True, repr=False)
class Alignment(Shown):
    """What the last aligning measured and did; sections are counted from 0.

    Attributes
    ----------
    drift_um
        float64 ``(slices, 2)``, position (y, x) of each section against the first one as it was measured, um, sub-voxel.
    applied_um
        float64 ``(slices, 2)``, by how much each section was moved then (whole voxels), by hand or not, um.
    agreement
        float64 ``(slices,)``, share of points that agree with the section before; NaN where none could be told.
    outliers
        Sections after a jump, or that agree poorly with the one before.
    reasons
        In words, why each of them is one.
    nudged, left_out
        Sections that were moved by hand, and sections whose data were not used.
    filled
        Sections without data of their own that were made from their neighbours. They are not observed.
    """

    drift_um: NDArray[np.float64]
    applied_um: NDArray[np.float64]
    agreement: NDArray[np.float64]
    outliers: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    nudged: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    filled: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.agreement)
        for name in ("drift_um", "applied_um"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, (count, 2), name))
        object.__setattr__(self, "agreement", frozen(self.agreement, np.float64, (count,), "agreement"))


@dataclass(frozen=True, repr=False)
class EbsdStack(Shown):
    """Orientations on a regular grid.

    Attributes
    ----------
    quaternions
        float32 ``[z, y, x, 4]``, unit quaternions (w, x, y, z) from sample to crystal, Bunge; NaN where not indexed.
    phase
        uint8 ``[z, y, x]``, 0 where not indexed, else 1-based index into `phases`.
    phases
        The crystal phases.
    quality
        float32 ``[z, y, x]``, image quality or band contrast, the vendor's scale; NaN where absent.
    confidence
        float32 ``[z, y, x]``, confidence index or one minus the scaled MAD; NaN where absent.
    observed
        bool ``[z, y, x]``, where the sample was imaged at all. False also where orientations were made from neighbouring
        sections: they join grains, and no statistic counts them.
    spacing_um, origin_um
        As in `Volume`.
    shifts_um
        float64 ``(slices, 2)``, shift (y, x) in um that alignment has already applied to each slice.
    frame
        In words, the rotation from the vendor's to our reference frame that reading applied.
    grain_ids
        Labels that the file brings along, uint32 ``[z, y, x]``, or None.
    name, simulated
        As in `Volume`.
    alignment
        What aligning measured and did, or None.
    """

    quaternions: NDArray[np.float32]
    phase: NDArray[np.uint8]
    phases: tuple[Phase, ...]
    quality: NDArray[np.float32]
    confidence: NDArray[np.float32]
    observed: NDArray[np.bool_]
    spacing_um: Triple
    origin_um: Triple = (0.0, 0.0, 0.0)
    shifts_um: NDArray[np.float64] | None = None
    frame: str = ""
    grain_ids: NDArray[np.uint32] | None = None
    name: str = ""
    simulated: bool = False
    alignment: Alignment | None = None

    def __post_init__(self) -> None:
        quaternions = frozen(self.quaternions, np.float32, (None, None, None, 4), "quaternions")
        shape = quaternions.shape[:3]
        object.__setattr__(self, "quaternions", quaternions)
        object.__setattr__(self, "phase", frozen(self.phase, np.uint8, shape, "phase"))
        object.__setattr__(self, "quality", frozen(self.quality, np.float32, shape, "quality"))
        object.__setattr__(self, "confidence", frozen(self.confidence, np.float32, shape, "confidence"))
        object.__setattr__(self, "observed", frozen(self.observed, bool, shape, "observed"))
        object.__setattr__(self, "spacing_um", check_spacing(self.spacing_um))
        object.__setattr__(self, "origin_um", tuple(float(v) for v in self.origin_um))
        if self.shifts_um is not None:
            object.__setattr__(self, "shifts_um", frozen(self.shifts_um, np.float64, (shape[0], 2), "shifts_um"))
        if self.grain_ids is not None:
            object.__setattr__(self, "grain_ids", frozen(self.grain_ids, np.uint32, shape, "grain_ids"))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.phase.shape  # type: ignore[return-value]

    def in_words(self) -> str:
        said = "simulated, " if self.simulated else ""
        phases = ", ".join(f"{phase.name} ({phase.point_group})" for phase in self.phases)
        return f"{said}{by(self.shape)} points of {edge(self.spacing_um)}; {phases}"
