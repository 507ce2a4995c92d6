"""One save at a time: two commands that end together on the same project take turns."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Hold this while a project file is compared and replaced: others on this machine wait.

    The lock is one of the folder, so that no file is left behind. Windows locks no folders, and some network shares lock
    nothing: nobody waits there.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    folder = os.open(target.parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
