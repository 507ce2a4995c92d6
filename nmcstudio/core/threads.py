"""Threads of the numerical libraries: how many, and which layer."""

from __future__ import annotations

import ctypes.util
import os


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
