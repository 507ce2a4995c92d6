"""Direction vectors of a header: axes that are swapped or turned round are put right; slanted ones are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.sources import Shape

_STRAIGHT = 1e-3  # sine of the largest angle that passes for rounding


@dataclass(frozen=True)
class Alignment:
    """How a stored volume lies in the coordinates of its header.

    Attributes
    ----------
    axes, flips
        As for `nmcstudio.io.volumes.sources.oriented`: stored axis of z, y, x; which of them run backwards.
    spacing
        Voxel edges (z, y, x) in the header's unit.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def words(self) -> str:
        """Order of the axes in the file, slowest first, with a minus where one runs backwards."""
        stored = [""] * 3
        for name, axis, flip in zip("zyx", self.axes, self.flips):
            stored[axis] = ("-" if flip else "") + name
        return ", ".join(stored)

    def origin(self, first: Sequence[float], shape: Shape) -> tuple[float, float, float]:
        """Centre of voxel (0, 0, 0) after turning, (z, y, x) in the header's unit.

        Parameters
        ----------
        first
            Centre of the first stored voxel, (x, y, z) in the header's unit.
        shape
            Voxels as stored, slowest first.
        """
        values = list(first)[::-1]
        for k in range(3):
            if self.flips[k]:
                values[k] -= (shape[self.axes[k]] - 1) * self.spacing[k]
        return float(values[0]), float(values[1]), float(values[2])


def align(vectors: ArrayLike, name: str) -> Alignment:
    """Order, direction and length of the axes.

    Parameters
    ----------
    vectors
        ``(3, 3)``: one row for each stored axis, fastest first, with the step (x, y, z) from one voxel to the next.
    name
        Of the file, for the error.

    Raises
    ------
    NmcError
        If an axis is not along x, y or z, or two are along the same one.
    """
    steps: NDArray[Any] = np.asarray(vectors, dtype=float)
    lengths = np.linalg.norm(steps, axis=1)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise NmcError(f"the directions of the axes of {name} are not usable", "correct the header, or export the file again")
    along = np.argmax(np.abs(steps), axis=1)
    straight = np.abs(steps[np.arange(3), along]) >= lengths * np.sqrt(1 - _STRAIGHT**2)
    if not straight.all() or len(set(along.tolist())) != 3:
        raise NmcError(
            f"the axes of {name} are slanted against x, y and z",
            "resample the volume along its axes, or write plain directions into the header if the slant does not matter",
        )
    stored = {int(world): k for k, world in enumerate(along)}
    axes, flips, spacing = [], [], []
    for world in (2, 1, 0):
        k = stored[world]
        axes.append(2 - k)
        flips.append(bool(steps[k, world] < 0))
        spacing.append(float(lengths[k]))
    return Alignment(tuple(axes), tuple(flips), tuple(spacing))  # type: ignore[arg-type]
