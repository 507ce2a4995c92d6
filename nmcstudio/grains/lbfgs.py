"""L-BFGS with a preconditioner, for objectives whose candidate lists are renewed on the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Precondition = Callable[[Array], Array]
_MEMORY = 20
_TRIES = 12  # of the line search
_RENEW_EVERY = 20  # steps
_DRIFT = 20.0  # change of a parameter since the last renewal that calls for the next one
_LONGEST = 5.0  # change of a row's parameters in one step


def minimise(
    function: Callable[[Array], tuple[float, Array]],
    start: Array,
    iterations: int,
    renew: Callable[[Array, bool], Precondition],
    going_on: Callable[[int, Array], bool],
    project: Callable[[Array], Array],
    tolerance: float = 1e-6,
) -> Array:
    """Minimise a smooth function by limited-memory BFGS (Nocedal and Wright, algorithm 7.4) with an Armijo line search.

    `function` may be an approximation that is good near the point of the last renewal only. Where a renewal shows that the
    value has gone up instead of down, the search goes back and takes shorter steps.

    Parameters
    ----------
    function
        Value and gradient at ``(n, k)`` parameters, scaled so that a change of 1 matters.
    start
        Where to begin; not changed.
    iterations
        At most so many steps.
    renew
        Called at the start, every 20 steps and whenever a parameter has changed by more than 20: may change `function` and
        returns the preconditioner, a function that multiplies by an approximate inverse Hessian. Its second argument is True
        where the search had to go back, so that the approximation has to be better.
    going_on
        Called after each step with its number and the point, which `function` was called with last; False ends the search.
    project
        The nearest allowed parameters.
    tolerance
        Ends where a step lowers the value by less than this share, three times in a row.

    Returns
    -------
    The best point, shaped as `start`.
    """
    x = np.array(start)
    precondition = renew(x, False)
    value, gradient = function(x)
    safe, safe_value, since, longest, idle = x, value, 0, _LONGEST, 0
    steps: list[Array] = []
    changes: list[Array] = []
    for iteration in range(1, iterations + 1):
        found = None
        for memory in (steps, []):
            direction = _shortened(-_two_loops(gradient, memory, changes if memory else [], precondition), longest)
            found = _search(function, project, x, value, gradient, direction)
            if found is not None or not steps:
                break
            steps, changes = [], []
        if found is None:
            break
        new_x, new_value, new_gradient = found
        s, y = new_x - x, new_gradient - gradient
        if float((s * y).sum()) > 1e-10 * float((y * y).sum() * (s * s).sum()) ** 0.5:
            steps, changes = [*steps[1 - _MEMORY :], s], [*changes[1 - _MEMORY :], y]
        idle = idle + 1 if value - new_value < tolerance * abs(value) else 0
        x, value, gradient = new_x, new_value, new_gradient
        since += 1
        ended = not going_on(iteration, x) or idle >= 3 or iteration == iterations
        if ended or since >= _RENEW_EVERY or (since >= 3 and float(np.abs(x - safe).max()) > _DRIFT):
            precondition = renew(x, False)
            value, gradient = function(x)
            since = 0
            if value > safe_value:
                x, longest, idle = safe, longest / 2.0, 0
                steps, changes = [], []
                precondition = renew(x, True)
                value, gradient = function(x)
            else:
                safe, safe_value = x, value
        if ended:
            break
    return safe


def _search(
    function: Callable[[Array], tuple[float, Array]],
    project: Callable[[Array], Array],
    x: Array,
    value: float,
    gradient: Array,
    direction: Array,
) -> tuple[Array, float, Array] | None:
    """An allowed point along the direction that lowers the value enough, or None."""
    slope = float((direction * gradient).sum())
    if slope >= 0.0:
        return None
    length = 1.0
    for _ in range(_TRIES):
        new_x = project(x + length * direction)
        new_value, new_gradient = function(new_x)
        expected = float(((new_x - x) * gradient).sum())
        if new_value <= value + 1e-4 * expected and expected < 0.0:
            return new_x, new_value, new_gradient
        # minimum of the parabola through both values and the slope
        excess = new_value - value - slope * length
        shorter = -slope * length**2 / (2.0 * excess) if np.isfinite(excess) else 0.0
        length = min(max(shorter, 0.1 * length), 0.5 * length)
    return None


def _shortened(direction: Array, longest: float) -> Array:
    largest = np.abs(direction).max(axis=1, keepdims=True)
    return direction * np.minimum(1.0, longest / np.maximum(largest, 1e-300))


def _two_loops(gradient: Array, steps: list[Array], changes: list[Array], precondition: Precondition) -> Array:
    q = gradient.copy()
    factors = []
    for s, y in zip(reversed(steps), reversed(changes)):
        a = float((s * q).sum()) / float((s * y).sum())
        factors.append(a)
        q -= a * y
    r = precondition(q)
    if steps:
        s, y = steps[-1], changes[-1]
        r = r * (float((s * y).sum()) / max(float((y * precondition(y)).sum()), 1e-300))
    for s, y, a in zip(steps, changes, reversed(factors)):
        r += s * (a - float((y * r).sum()) / float((s * y).sum()))
    return r
