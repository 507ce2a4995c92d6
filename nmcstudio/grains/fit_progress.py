"""What a running tessellation fit tells of itself."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen


@dataclass(frozen=True)
class FitProgress:
    """The state of a running fit, for a live view.

    Attributes
    ----------
    kind, labels, seeds_um, weights, matrices
        As in `Tessellation`, before the gauge is fixed.
    shares
        float64 ``(n,)``, agreement of each grain on the voxels that the fit looks at; NaN without one.
    sizes
        float64 ``(n,)``, share of each grain in all grain voxels.
    trained
        float64 ``(k, 2)``: seconds since the start, and agreement on the voxels that the fit looks at.
    whole
        float64 ``(j, 2)``: the same on all voxels, at the ends of stages.
    losses
        float64 ``(k, 2)``: seconds, and the loss that is being minimised; NaN where another loss begins.
    """

    kind: str
    labels: NDArray[np.int64]
    seeds_um: NDArray[np.float64]
    weights: NDArray[np.float64]
    matrices: NDArray[np.float64] | None
    shares: NDArray[np.float64]
    sizes: NDArray[np.float64]
    trained: NDArray[np.float64]
    whole: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def agreement(self) -> float:
        """The latest agreement on the voxels that the fit looks at."""
        return float(self.trained[-1, 1]) if len(self.trained) else float("nan")


class FitHistory:
    """The curves of a running fit; the clock starts when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._trained: list[tuple[float, float]] = []
        self._whole: list[tuple[float, float]] = []
        self._loss: list[tuple[float, float]] = []

    def add(self, agreement: float, loss: float) -> None:
        """One step: agreement on the training voxels, and the loss."""
        now = time.monotonic() - self._began
        self._trained.append((now, agreement))
        self._loss.append((now, loss))

    def add_whole(self, agreement: float) -> None:
        """The agreement on all voxels; another loss begins."""
        now = time.monotonic() - self._began
        self._whole.append((now, agreement))
        self._loss.append((now, float("nan")))

    def curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """`trained`, `whole` and `losses` of `FitProgress`."""
        trained, whole, loss = (frozen(np.reshape(each, (-1, 2))) for each in (self._trained, self._whole, self._loss))
        return trained, whole, loss
