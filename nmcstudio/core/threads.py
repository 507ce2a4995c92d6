"""Threads of the numerical libraries: how many, which layer, and one lock for parallel numba kernels."""

from __future__ import annotations

import ctypes.util
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()


def configure_threads(count: int | None = None) -> None:
    """Choose the number of threads and numba's layer; has an effect before numba and BLAS are imported.

    Parameters
    ----------
    count
        Threads of every numerical library; None leaves their own choice.
    """
    if count is not None:
        for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(count)
    if ctypes.util.find_library("gomp"):
        os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")


@contextmanager
def parallel_kernels() -> Iterator[None]:
    """Hold this around every call of a kernel with ``parallel=True``; keep each call to about 50 ms.

    Two parallel kernels at once abort the process on numba's workqueue layer, which is all there is where libgomp is not.
    """
    with _LOCK:
        yield
