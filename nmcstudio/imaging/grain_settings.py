"""What a segmentation of grains is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError

METHODS = ("auto", "orientation", "file", "map", "both")
MAPS = ("quality", "confidence", "volume")
SIDES = ("auto", "dark", "bright")
PIECES = ("keep", "split", "largest")
BLANKS = ("sections", "border", "keep")


@dataclass(frozen=True)
class GrainSettings:
    """Options of `nmcstudio.imaging.grains.segment_grains`.

    Attributes
    ----------
    method
        "orientation" joins face neighbours whose disorientation under the crystal's symmetry is at most `angle`; "file" takes
        the labels that the file brings along; "map" is a watershed of a map whose seams are boundaries; "both" splits the grains
        of "orientation" further where the map shows seams inside of them; "auto" is "file" where there are such labels, else
        "orientation".
    angle
        Largest disorientation inside a grain from voxel to voxel, radians.
    boundary_map
        For "map" and "both": "quality", "confidence", or "volume" for one that is handed over.
    boundaries_are
        "dark" or "bright" in the map; "auto" is dark for quality and confidence, bright for a volume.
    split
        Hills of the map stay apart if the saddle between them is lower than this share of the lower one.
    sigma_voxels
        Standard deviation of the Gaussian smoothing of the map.
    min_voxels
        Smaller pieces are not grains; their voxels go to the nearest grain.
    spare_border
        Small pieces stay if they touch the border of the volume or of the observed region: they may be large grains cut off.
    min_confidence
        Points of lower confidence are taken as not indexed; None takes all.
    replace_passes
        So many times, points without a usable orientation, and points that agree with no neighbour, take the orientation on
        which more than half of their face neighbours agree.
    pieces
        For labels of a file: pieces of one label that do not hang together "keep" it, are "split" (the largest keeps the
        label), or only the "largest" stays.
    fill_um
        Points without a grain go to the nearest one if they lie in holes or seams less than twice this wide; None is two
        voxels (geometric mean). 0 fills nothing.
    smooth_passes
        So many times, voxels at boundaries take the label that most of their 26 neighbours have, where no grain falls apart.
    twin_angle, twin_axis, twin_tolerance
        Neighbours whose mean orientations differ by this rotation (radians, direction [u v w] of the lattice) become one
        grain; None merges none.
    phase
        1-based phase whose grains are wanted; None is the most frequent one.
    blank
        What was not imaged beside what the file says so of: "sections" without any signal; "border" also what is without a
        signal and reaches the border of its section; "keep" nothing more.
    """

    method: str = "auto"
    angle: float = float(np.deg2rad(5.0))
    boundary_map: str = "quality"
    boundaries_are: str = "auto"
    split: float = 0.9
    sigma_voxels: float = 0.0
    min_voxels: int = 20
    spare_border: bool = False
    min_confidence: float | None = None
    replace_passes: int = 0
    pieces: str = "keep"
    fill_um: float | None = None
    smooth_passes: int = 0
    twin_angle: float | None = None
    twin_axis: tuple[float, float, float] = (1.0, 1.0, 1.0)
    twin_tolerance: float = float(np.deg2rad(3.0))
    phase: int | None = None
    blank: str = "sections"

    def __post_init__(self) -> None:
        for name, choices in (
            ("method", METHODS), ("boundary_map", MAPS), ("boundaries_are", SIDES), ("pieces", PIECES), ("blank", BLANKS),
        ):  # fmt: skip
            value = getattr(self, name)
            if value not in choices:
                raise NmcError(f"unknown {name.replace('_', ' ')} {value!r}", f"use one of {', '.join(choices)}", name)
        if not 0 < self.angle < np.pi / 2:
            degrees = np.rad2deg(self.angle)
            raise NmcError(f"the angle {degrees:.4g} deg is not usable", "give an angle between 0 and 90 deg", "angle_deg")
        if self.twin_angle is not None and not np.linalg.norm(self.twin_axis) > 0:
            raise NmcError("the twin axis has no direction", "give three numbers, for example 1 1 1", "twin_axis")

    @property
    def uses_map(self) -> bool:
        """True if a map of boundaries has a say."""
        return self.method in ("map", "both")

    def by_file(self, stack: EbsdStack) -> bool:
        """True if the grains are those of the file."""
        return stack.grain_ids is not None and self.method in ("auto", "file")

    def by_orientation(self, stack: EbsdStack) -> bool:
        """True if disorientations have a say."""
        return self.method != "map" and not self.by_file(stack)

    @property
    def bright_boundaries(self) -> bool:
        """Whether boundaries are the bright seams of the map."""
        return self.boundaries_are == "bright" or (self.boundaries_are == "auto" and self.boundary_map == "volume")
