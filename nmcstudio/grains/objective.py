"""The objective of the tessellation fit: mean loss over the training points plus a ridge, evaluated in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.labelling import packed
from nmcstudio.grains.local_models import Array, LocalModel
from nmcstudio.grains.training import TrainingSet

_LEAST_PARTS, _PART_POINTS = 8, 40_000  # pieces that are summed in order: the same bits on any number of threads
_GAP = 15.0  # temperatures behind the nearest generator at which another one is left out of a block


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
    value
        The loss of the last call.
    right_mass, mass
        ``(n,)``: the agreement of each grain, and what it can be at most.
    margin
        Widens the candidate lists; raised where they turned out too short.
    """

    def __init__(self, model: LocalModel, training: TrainingSet, pool: ThreadPoolExecutor, ridge: float) -> None:
        self.model = model
        self.training = training
        self.ridge = ridge
        self.margin = 1.0
        self.agreement = self.value = float("nan")
        self.right_mass = np.zeros(len(model.radii))
        mass = np.bincount(training.truth, weights=training.masses, minlength=len(model.radii))
        self.mass: Array = np.asarray(mass, np.float64)
        self._pool = pool
        self._norm = model.kind == "gbpd-sqrt"
        levels = (training.starts[training.groups[training.regions]], training.starts[training.groups], training.starts)
        self._boxes = [training.boxes(starts) for starts in levels]
        self._points = np.ascontiguousarray(training.points.T)

    def choose_candidates(self, theta: Array, temperature: float, monitor: Monitor) -> None:
        """For each block, the generators whose probability is not negligible there."""
        from nmcstudio.grains.labelling_kernels import CODES
        from nmcstudio.grains.objective_kernels import choose_of_region

        g = self.model.generators(theta, temperature)
        s, w, m = packed(g.kind, g.seeds, g.weights, g.matrices)
        code, gap = CODES[g.kind], self.margin * _GAP * temperature
        t = self.training

        def region(k: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
            return choose_of_region(code, s, w, m, gap, k, *self._boxes, t.regions, t.groups, t.starts, t.truth)  # type: ignore

        pointers: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        found, total = [], 0
        for lengths, chosen in self._pool.map(region, range(len(t.regions) - 1)):
            monitor.check()
            pointers.append(np.cumsum(lengths) + total)
            found.append(chosen)
            total += len(chosen)
        self._pointers, self._candidates = np.concatenate(pointers), np.concatenate(found)
        work = np.cumsum(np.diff(self._pointers) * np.diff(t.starts))
        parts = max(_LEAST_PARTS, len(t) // _PART_POINTS)
        cuts = np.searchsorted(work, np.arange(1, parts) * work[-1] / parts)
        self._cuts = np.concatenate([[0], cuts, [len(work)]])

    def preconditioner(self, theta: Array, temperature: float, monitor: Monitor) -> Callable[[Array], Array]:
        """Multiplication by the inverse of the grains' own blocks of the cross-entropy's Hessian, found at the first use."""
        inverse: list[NDArray[np.floating]] = []

        def precondition(gradient: Array) -> Array:
            if not inverse:
                inverse.append(np.linalg.inv(self._curvature(theta, temperature, monitor)))
            return np.einsum("nij,nj->ni", inverse[0], gradient)

        return precondition

    def _curvature(self, theta: Array, temperature: float, monitor: Monitor) -> Array:
        """Each grain's block ``(n, terms, terms)`` of the cross-entropy's Hessian, ridge included."""
        from nmcstudio.grains.objective_kernels import add_curvature

        parameters = self.model.scored(theta, temperature)[0]
        t, n, terms = self.training, len(theta), theta.shape[1]

        def part(k: int) -> Array:
            out = np.zeros((n, terms, terms))
            first, last = int(self._cuts[k]), int(self._cuts[k + 1])
            add_curvature(
                self._norm, temperature, parameters, self.model.centroids, self.model.radii, self._points, t.truth, t.masses,
                t.starts, self._pointers, self._candidates, first, last, out,
            )  # fmt: skip
            return out

        blocks = np.zeros((n, terms, terms))
        for piece in self._pool.map(part, range(len(self._cuts) - 1)):
            monitor.check()
            blocks += piece
        blocks += np.swapaxes(np.tril(blocks, -1), 1, 2)
        diagonal = np.einsum("nii->ni", blocks)
        # damped, so that a grain without soft points still has an invertible block
        diagonal += 1e-3 * diagonal + self.ridge / n * self.model.ridge(temperature) + 1e-6 / n
        return blocks

    def __call__(self, theta: Array, temperature: float, objective: int, monitor: Monitor) -> tuple[float, Array]:
        """Loss and its gradient ``(n, terms)``; leaves the training agreement in `agreement`."""
        from nmcstudio.grains.objective_kernels import add_losses

        parameters, pull = self.model.scored(theta, temperature)
        t = self.training

        def part(k: int) -> tuple[float, Array, Array]:
            gradient, right = np.zeros_like(theta), np.zeros(len(theta))
            first, last = int(self._cuts[k]), int(self._cuts[k + 1])
            loss = add_losses(
                objective, self._norm, temperature, parameters, self._points, t.truth, t.masses, t.starts, self._pointers,
                self._candidates, first, last, gradient, right,
            )  # fmt: skip
            return loss, gradient, right

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
        self.value = loss
        return loss, pull(gradient) + factors * theta
