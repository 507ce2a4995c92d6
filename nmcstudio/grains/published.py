"""The published objective: the sum of binary cross-entropies, minimised by Adam on small batches ([A] Eqs 30 to 33)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.local_models import Array, LocalModel
from nmcstudio.grains.objective import Objective
from nmcstudio.grains.training import TrainingSet

_BATCHES, _EPOCHS = 10, 12
_RATE, _MEAN_DECAY, _SQUARE_DECAY = 0.1, 0.9, 0.999


def polish_as_published(
    model: LocalModel,
    training: TrainingSet,
    theta: Array,
    temperature: float,
    pool: ThreadPoolExecutor,
    rng: np.random.Generator,
    monitor: Monitor,
    watch: Callable[[Array, Objective, float], None],
) -> Array:
    """Adam (Kingma and Ba 2015) on the binary sum from a fitted state; the rate falls along a cosine.

    The loss is not convex, has no ridge, and is compared at the temperature of the last stage (erratum E8).

    Parameters
    ----------
    theta
        Local parameters ``(n, terms)`` to start from.
    watch
        Called with the parameters, the batch and the share done.

    Returns
    -------
    The parameters after the last step, or at once after "finish now".
    """
    from nmcstudio.grains.objective_kernels import BINARY_SUM

    parts = np.array_split(rng.permutation(len(training)), min(_BATCHES, max(1, len(training) // 100)))
    batches = [Objective(model, training.subset(np.sort(part)), pool, 0.0) for part in parts]
    for batch in batches:
        batch.choose_candidates(theta, temperature, monitor)
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    total = _EPOCHS * len(batches)
    for step in range(1, total + 1):
        batch = batches[step % len(batches)]
        if step % (4 * len(batches)) == 0:
            for other in batches:
                other.choose_candidates(theta, temperature, monitor)
        watch(theta, batch, step / total)
        gradient = batch(theta, temperature, BINARY_SUM, monitor)[1]
        mean = _MEAN_DECAY * mean + (1.0 - _MEAN_DECAY) * gradient
        square = _SQUARE_DECAY * square + (1.0 - _SQUARE_DECAY) * gradient**2
        direction = mean / (1.0 - _MEAN_DECAY**step) / (np.sqrt(square / (1.0 - _SQUARE_DECAY**step)) + 1e-12)
        theta = model.project(theta - 0.5 * _RATE * (1.0 + np.cos(np.pi * step / total)) * direction, temperature)
        if monitor.finish_requested:
            break
    return theta
