"""None, True and False under Qt's Python binding on interpreters where they are counted like other objects."""

from __future__ import annotations

import ctypes
import sys

# More than any session can use up, and far from the end of the counter.
_HEAD_START = 1 << 40


def protect_singletons() -> None:
    """Give None, True, False and NotImplemented references in store.

    PySide6 6.12 is built for interpreters on which these objects are never freed (Python 3.12 and later) and returns them
    without counting. On Python 3.11 every emitted signal takes a reference away from True, every call without a result one
    from None, and some hundred to some thousand events later the interpreter aborts ("deallocating True or False").
    Measured with `sys.getrefcount` around 20 emissions; harmless where the binding counts correctly.
    """
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return
    for singleton in (None, True, False, NotImplemented):
        count = ctypes.c_ssize_t.from_address(id(singleton))
        if count.value < _HEAD_START:
            count.value += _HEAD_START
