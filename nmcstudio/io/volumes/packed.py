"""Streams of bytes in gzip, zlib, bzip2, hexadecimal or several files, unpacked on the way."""

from __future__ import annotations

import binascii
import bz2
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor

_CHUNK = 1 << 20
ENCODINGS = {"gzip": "gzip", "gz": "gzip", "zlib": "gzip", "bzip2": "bzip2", "bz2": "bzip2", "hex": "hex"}


class Unpacked:
    """Bytes of packed data from `offset` of a file on. A stream in the sense of `nmcstudio.io.volumes.sources.Stream`.

    Parameters
    ----------
    encoding
        "gzip" (zlib's own head too), "bzip2" or "hex".
    """

    def __init__(self, path: Path, offset: int, encoding: str) -> None:
        self._file: IO[bytes] = path.open("rb")
        self._file.seek(offset)
        self._name = path.name
        self._new: Callable[[], Any] = {
            "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 32),
            "bzip2": bz2.BZ2Decompressor,
            "hex": _Hex,
        }[encoding]
        self._unpacker: Any = self._new()
        self._waiting = b""

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end of the data."""
        parts = []
        while size > 0:
            block = self._some(size)
            if not block:
                break
            parts.append(block)
            size -= len(block)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        while True:
            ended = False
            if not self._waiting and getattr(self._unpacker, "needs_input", True):
                self._waiting = self._file.read(_CHUNK)
                ended = not self._waiting
            if self._unpacker.eof:  # several members one behind the other, as parallel packers write them
                if not self._waiting.startswith((b"\x1f\x8b", b"BZh")):
                    return b""
                self._unpacker = self._new()
            try:
                block = bytes(self._unpacker.decompress(self._waiting, size))
            except (OSError, ValueError, zlib.error, EOFError) as error:
                raise NmcError(f"{self._name} is incomplete or damaged ({error})", "copy or export it again") from error
            self._waiting = self._unpacker.unused_data if self._unpacker.eof else getattr(self._unpacker, "unconsumed_tail", b"")
            if block or ended:
                return block

    def skip(self, size: int, monitor: Monitor) -> None:
        """Unpack and forget `size` bytes."""
        while size > 0:
            monitor.report(None)
            block = self.read(min(size, 4 * _CHUNK))
            if not block:
                return
            size -= len(block)

    def close(self) -> None:
        self._file.close()


class _Hex:
    """Two digits a byte, spaces and line ends between them ignored; with the interface of zlib's and bz2's objects."""

    eof = False
    unused_data = b""

    def __init__(self) -> None:
        self._ready = b""
        self._odd = b""

    @property
    def needs_input(self) -> bool:
        return not self._ready

    def decompress(self, data: bytes, size: int) -> bytes:
        digits = self._odd + b"".join(data.split())
        even = len(digits) // 2 * 2
        self._ready += binascii.unhexlify(digits[:even])
        self._odd = digits[even:]
        block, self._ready = self._ready[:size], self._ready[size:]
        return block


class Joined:
    """The parts of a volume in several files, one behind the other."""

    def __init__(self, openers: Sequence[Callable[[], Any]], sizes: Sequence[int]) -> None:
        self._openers, self._sizes = list(openers), list(sizes)
        self._stream: Any = None
        self._left = 0

    def _advance(self) -> bool:
        while self._left == 0:
            self.close()
            if not self._openers:
                return False
            self._stream, self._left = self._openers.pop(0)(), self._sizes.pop(0)
        return True

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end of the last file or where a file ends too early."""
        parts = []
        while size > 0 and self._advance():
            wanted = min(size, self._left)
            block = self._stream.read(wanted)
            parts.append(block)
            if len(block) < wanted:
                break
            size -= wanted
            self._left -= wanted
        return b"".join(parts)

    def skip(self, size: int, monitor: Monitor) -> None:
        """Go forward; whole files are not opened."""
        while size > 0 and self._advance():
            step = min(size, self._left)
            self._stream.skip(step, monitor)
            size -= step
            self._left -= step

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class Plain:
    """Bytes of a file as they are, from `offset` on."""

    def __init__(self, path: Path, offset: int) -> None:
        self._file = path.open("rb")
        self._file.seek(offset)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def skip(self, size: int, monitor: Monitor) -> None:
        self._file.seek(size, 1)

    def close(self) -> None:
        self._file.close()
