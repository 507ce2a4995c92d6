"""What a segmentation of a CT volume can be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nmcstudio.imaging.corrections import Corrections
from nmcstudio.imaging.field_of_view import Cylinder


@dataclass(frozen=True)
class SegmentSettings:
    """Settings of `segment_ct` and `Segmenter`.

    Attributes
    ----------
    field_of_view_kind, cylinder, box
        As in `field_of_view`.
    corrections
        Of the grey values before the Gaussian filter; they have no part in a phase image.
    sigma
        Standard deviation of the Gaussian filter in voxels; None is `default_sigma`. A phase image with sigma > 0 is smoothed
        and cut at one half.
    phase_value
        The value that is active material in a volume that is segmented into phases already; None for grey values.
    threshold
        Grey value; None is Otsu's.
    fill_closed_pores
        Fill pores that are not connected to the outside.
    method, depth_voxels
        As in `split_hierarchy`.
    split
        rho, 0 to 1: neighbours stay apart if the neck between them is narrower than this share of the smaller one. 0 keeps
        everything that touches together, 1 separates every bump.
    minimum_diameter_um
        Particles of a smaller volume-equivalent diameter are dropped; None is a cube of four sigma (at least four voxels).
    keep_cut
        Keep particles that touch the border of the volume or of the field of view.
    """

    field_of_view_kind: str = "automatic"
    cylinder: Cylinder | None = None
    box: tuple[int, ...] | None = None
    corrections: Corrections = field(default_factory=Corrections)
    sigma: float | None = None
    phase_value: int | None = None
    threshold: float | None = None
    fill_closed_pores: bool = True
    method: str = "hierarchy"
    depth_voxels: float = 0.5
    split: float = 0.8
    minimum_diameter_um: float | None = None
    keep_cut: bool = False

    @property
    def smoothing(self) -> tuple[Any, ...]:
        """What the smoothed volume depends on."""
        return (self.field_of_view_kind, self.cylinder, self.box, self.corrections, self.sigma, self.phase_value)

    @property
    def material(self) -> tuple[Any, ...]:
        """What the material depends on."""
        return (*self.smoothing, self.threshold, self.fill_closed_pores)

    @property
    def basins(self) -> tuple[Any, ...]:
        """What the hierarchy of pieces depends on."""
        return (*self.material, self.method, self.depth_voxels)
