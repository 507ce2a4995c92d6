"""One lock for parallel numba kernels: two at once abort the process on numba's workqueue threading layer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()


@contextmanager
def parallel_kernels() -> Iterator[None]:
    """Hold this around every call of a kernel with ``parallel=True``; keep each call to about 50 ms."""
    with _LOCK:
        yield
