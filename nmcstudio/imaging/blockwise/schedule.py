"""Blocks worked on by dask: threads or processes of this computer, or a cluster that somebody has started."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor

T = TypeVar("T")


class Workers:
    """Runs a function on blocks, a few at a time.

    Parameters
    ----------
    client
        Of dask.
    at_once
        Blocks in work at the same time.
    """

    def __init__(self, client: Any, at_once: int) -> None:
        self._client = client
        self.at_once = at_once

    def each(self, work: Callable[..., T], items: Sequence[Any], job: Any, monitor: Monitor, message: str) -> Iterator[T]:
        """``work(job, item)`` for all items, in their order; what is not needed any more is cancelled when asked to stop.

        Never more than `at_once` items are in work, or wait with their result.
        """
        shared = self._client.scatter(job, broadcast=True, hash=False)
        waiting: list[tuple[Any, threading.Event]] = []
        left = iter(items)

        def hand_out(count: int) -> None:
            for item in itertools.islice(left, count):
                future, ended = self._client.submit(work, shared, item, pure=False), threading.Event()
                # Asking dask for a result with a time limit can fail where the two meet; waiting for our own event cannot.
                future.add_done_callback(lambda _, ended=ended: ended.set())
                waiting.append((future, ended))

        try:
            hand_out(self.at_once)
            done = 0
            while waiting:
                monitor.report(done / len(items), message)
                future, ended = waiting[0]
                if not ended.wait(0.1):
                    continue
                result = future.result()
                waiting.pop(0)
                hand_out(1)
                done += 1
                yield result
        finally:
            # After an error this may be reached only when the client has gone, and its work with it.
            if waiting and self._client.status == "running":
                self._client.cancel([future for future, _ in waiting])


@contextmanager
def workers(scheduler: str, count: int) -> Iterator[Workers]:
    """Dask's workers.

    Parameters
    ----------
    scheduler
        "threads", "processes", or the address of a running scheduler ("tcp://node:8786") whose workers see the same files.
    count
        Blocks in work at the same time: threads or processes here; on a cluster the work that is handed out.

    Raises
    ------
    NmcError
        If dask is not installed or the scheduler does not answer.
    """
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise NmcError(
            "work in blocks needs dask, which is not installed", 'install it with: pip install "nmcstudio[cluster]"', "scheduler"
        ) from None
    if scheduler not in ("threads", "processes") and "://" not in scheduler:
        raise NmcError(
            f"{scheduler!r} is no scheduler", "give threads, processes, or an address like tcp://node:8786", "scheduler"
        )
    here: dict[str, Any] = {"processes": scheduler == "processes", "dashboard_address": ":0"}
    if scheduler == "processes":
        here |= {"n_workers": count, "threads_per_worker": 1}
    else:
        here |= {"n_workers": 1, "threads_per_worker": count}
    quiet = {"logging.distributed": "error", "distributed.worker.memory.terminate": False}
    with dask.config.set(quiet):
        try:
            client = Client(scheduler, timeout=10) if "://" in scheduler else Client(**here, memory_limit=0)
        except (OSError, ValueError, TimeoutError) as error:
            raise NmcError(
                f"no scheduler answers at {scheduler} ({error})", "start it, or give its address", "scheduler"
            ) from error
        with client:
            yield Workers(client, count)
