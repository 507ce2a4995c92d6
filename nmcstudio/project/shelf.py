"""Values that the undo history keeps: in memory, and in a file of the recovery folder when they become too many."""

from __future__ import annotations

import os
import pickle
import threading
import uuid
import weakref
from pathlib import Path
from typing import Any

SUFFIX = ".undo"


class Shelf:
    """A value that can be put into a file of this process; asking for it reads it back. Also serves as a `Record.load`."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._file: Path | None = None
        self._writing: threading.Thread | None = None

    @property
    def in_memory(self) -> bool:
        """False once the value has been sent to a file."""
        return self._file is None

    def spill(self, folder: Path) -> None:
        """Write the value below a folder, in a thread of its own; it leaves the memory when it is written."""
        if self._file is not None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{os.getpid()}-{uuid.uuid4().hex}{SUFFIX}"
        weakref.finalize(self, self._file.unlink, missing_ok=True)
        self._writing = threading.Thread(target=self._write, args=(self._file,), name="undo history")
        self._writing.start()

    def _write(self, file: Path) -> None:
        with file.open("wb") as out:
            pickle.dump(self._value, out, protocol=5)
        self._value = None

    def __call__(self) -> Any:
        value = self._value
        if value is not None or self._file is None:
            return value
        assert self._writing is not None
        self._writing.join()
        # The file was written by this process, a while ago.
        return pickle.loads(self._file.read_bytes())
