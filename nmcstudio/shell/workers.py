"""Threads over kernels that let go of the interpreter, watched from the thread that reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from nmcstudio.core.monitor import Monitor

T = TypeVar("T")
_MOST = 8


def worker_count() -> int:
    """Threads to use: as many as the numerical libraries may, at most eight."""
    from numba import get_num_threads

    return max(1, min(int(get_num_threads()), _MOST))


def run_watched(pool: ThreadPoolExecutor, tasks: Sequence[Callable[[], T]], monitor: Monitor, message: str) -> list[T]:
    """The results of all tasks, in their order. The calling thread reports; the tasks look at `monitor.check` themselves.

    Raises
    ------
    Exception
        What the first failing task raised; those that wait are dropped.
    """
    futures = [pool.submit(task) for task in tasks]
    waiting = set(futures)
    try:
        while waiting:
            monitor.report((len(futures) - len(waiting)) / len(futures), message)
            done, waiting = wait(waiting, timeout=0.1, return_when="FIRST_COMPLETED")
            for future in done:
                future.result()
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return [future.result() for future in futures]
