"""The objective of the tessellation fit: mean loss over the training points plus a ridge, evaluated in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.labelling import packed
from nmcstudio.grains.local_models import Array, LocalModel
from nmcstudio.grains.training import TrainingSet

_LEAST_PARTS, _PART_POINTS = 8, 40_000  # pieces that are summed in order: the same bits on any number of threads
_GAP = 10.0  # temperatures behind the nearest generator at which another one is left out of a block


class Objective:
    """Loss, gradient and agreement of one local model on one training set.

    Parameters
    ----------
    model
        The parametrisation.
    training
        The points.
    pool
        Threads that share the work; the kernels release the interpreter's lock.
    ridge
        rho of models.md 6.5.

    Attributes
    ----------
    agreement
        Share of the grain voxels, as the training points stand for them, that the last call gave their own label.
    right_mass, mass
        ``(n,)``: the same for each grain, and what it can be at most.
    margin
        Widens the candidate lists; raised where they turned out too short.
    """

    def __init__(self, model: LocalModel, training: TrainingSet, pool: ThreadPoolExecutor, ridge: float) -> None:
        self.model = model
        self.training = training
        self.ridge = ridge
        self.margin = 1.0
        self.agreement = float("nan")
        self.right_mass = np.zeros(len(model.radii))
        self.mass = np.bincount(training.truth, weights=training.masses, minlength=len(model.radii))
        self._pool = pool
        self._boxes = training.boxes(training.starts)
        self._groups = training.starts[training.groups]
        self._group_boxes = training.boxes(self._groups)

    def choose_candidates(self, theta: Array, temperature: float, monitor: Monitor) -> None:
        """For each block, the generators whose probability is not negligible there."""
        from nmcstudio.grains.labelling_kernels import CODES, prune
        from nmcstudio.grains.objective_kernels import candidates_of_blocks

        g = self.model.generators(theta, temperature)
        s, w, m = packed(g.kind, g.seeds, g.weights, g.matrices)
        code, gap = CODES[g.kind], self.margin * _GAP * temperature
        every, kept, room = np.arange(len(w), dtype=np.int32), np.empty(len(w), np.int32), np.empty(len(w))
        pointers, found, total = [np.zeros(1, np.int64)], [], 0
        t = self.training
        for k in range(len(t.groups) - 1):
            monitor.check()
            first, last = t.groups[k], t.groups[k + 1]
            centre, half = self._group_boxes[0][k], self._group_boxes[1][k]
            number = prune(code, s, w, m, every, len(w), centre, half, room, kept, gap)
            centres, halves = self._boxes[0][first:last], self._boxes[1][first:last]
            p, c = candidates_of_blocks(
                code, s, w, m, gap, centres, halves, t.starts[first : last + 1], t.truth, kept[:number].copy()
            )
            pointers.append(p[1:] + total)
            found.append(c)
            total += len(c)
        self._pointers, self._candidates = np.concatenate(pointers), np.concatenate(found)
        work = np.cumsum(np.diff(self._pointers) * np.diff(t.starts))
        parts = max(_LEAST_PARTS, len(t) // _PART_POINTS)
        cuts = np.searchsorted(work, np.arange(1, parts) * work[-1] / parts)
        self._cuts = np.concatenate([[0], cuts, [len(work)]])

    def preconditioner(self, theta: Array, temperature: float, monitor: Monitor) -> Callable[[Array], Array]:
        """Multiplication by the inverse of the grains' own blocks of the cross-entropy's Hessian, ridge included."""
        from nmcstudio.grains.objective_kernels import CROSS_ENTROPY, curvature_blocks

        coefficients = self.model.loss(theta, temperature, CROSS_ENTROPY)[1][-1]
        t, n, terms = self.training, len(theta), theta.shape[1]
        leading = (self.model.kind != "gbpd-sqrt", temperature, coefficients, self.model.centroids, self.model.radii)

        def part(k: int) -> Array:
            out = np.zeros((n, terms, terms))
            first, last = int(self._cuts[k]), int(self._cuts[k + 1])
            curvature_blocks(*leading, t.points, t.truth, t.masses, t.starts, self._pointers, self._candidates, first, last, out)
            return out

        blocks = np.zeros((n, terms, terms))
        for piece in self._pool.map(part, range(len(self._cuts) - 1)):
            monitor.check()
            blocks += piece
        blocks += np.swapaxes(np.tril(blocks, -1), 1, 2)
        diagonal = np.einsum("nii->ni", blocks)
        # damped, so that a grain without soft points still has an invertible block
        diagonal += 1e-3 * diagonal + self.ridge / n * self.model.ridge(temperature) + 1e-6 / n
        inverse = np.linalg.inv(blocks)
        return lambda gradient: np.einsum("nij,nj->ni", inverse, gradient)

    def __call__(self, theta: Array, temperature: float, objective: int, monitor: Monitor) -> tuple[float, Array]:
        """Loss and its gradient ``(n, terms)``; leaves the training agreement in `agreement`."""
        kernel, leading, pull = self.model.loss(theta, temperature, objective)
        t = self.training

        def part(k: int) -> tuple[float, Array, NDArray[np.float64]]:
            gradient, right = np.zeros_like(theta), np.zeros(len(theta))
            first, last = int(self._cuts[k]), int(self._cuts[k + 1])
            tail: tuple[Any, ...] = (t.points, t.truth, t.masses, t.starts, self._pointers, self._candidates)
            return kernel(*leading, *tail, first, last, gradient, right), gradient, right

        loss, gradient, right = 0.0, np.zeros_like(theta), np.zeros(len(theta))
        for piece in self._pool.map(part, range(len(self._cuts) - 1)):
            monitor.check()
            loss += piece[0]
            gradient += piece[1]
            right += piece[2]
        self.right_mass = right
        self.agreement = float(right.sum())
        factors = self.ridge / len(theta) * self.model.ridge(temperature)
        loss += 0.5 * float((factors * theta**2).sum())
        return loss, pull(gradient) + factors * theta
