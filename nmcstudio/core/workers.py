"""Pieces of a large array worked on by plain threads: kernels that release the interpreter run beside each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from nmcstudio.core.monitor import Monitor

P = TypeVar("P")
T = TypeVar("T")


def worker_count() -> int:
    """Threads to use: as many as numba was told to."""
    import numba

    count: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return max(1, count)


def in_threads(work: Callable[[P], T], pieces: Sequence[P], monitor: Monitor, message: str) -> list[T]:
    """Results of ``work(piece)`` for all pieces, in their order; reports, and stops after the pieces at hand if asked to.

    Pieces must not depend on each other, so that the number of threads changes nothing; each should take about 50 ms. The first
    error of a piece is raised.
    """
    results: list[T] = []
    waiting: list[Future[T]] = []
    with ThreadPoolExecutor(min(worker_count(), max(1, len(pieces)))) as pool:
        try:
            monitor.report(0.0, message)
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                while sum(not future.done() for future in waiting) > worker_count():
                    wait([future for future in waiting if not future.done()], 0.1, FIRST_COMPLETED)
                    monitor.report(len(results) / len(pieces), message)
                while waiting and waiting[0].done():
                    results.append(waiting.pop(0).result())
            while waiting:
                wait(waiting[:1], 0.1)
                monitor.report(len(results) / len(pieces), message)
                while waiting and waiting[0].done():
                    results.append(waiting.pop(0).result())
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
    return results


def beside(work: Callable[[], T], monitor: Monitor) -> T:
    """Result of one call that cannot be interrupted, made in a thread of its own so that cancelling does not wait for its end.

    Once cancelled, the call runs on unheeded: it must change nothing that anybody else sees.
    """
    found: list[T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            found.append(work())
        except BaseException as error:  # raised again below, in the thread that waits
            errors.append(error)

    monitor.check()
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
        monitor.check()
    if errors:
        raise errors[0]
    return found[0]


def slices(length: int, step: int) -> list[slice]:
    """0 to `length` in slices of `step`."""
    return [slice(start, min(start + step, length)) for start in range(0, length, max(1, step))]


def planes_of(shape: tuple[int, ...], voxels: int) -> list[slice]:
    """Slices along the first axis of about `voxels` voxels each, of one plane at least."""
    nz, ny, nx = shape
    return slices(nz, max(1, voxels // max(1, ny * nx)))
