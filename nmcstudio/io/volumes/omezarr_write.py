"""OME-Zarr 0.4 written as a pyramid of chunks: block by block for volumes larger than memory, or a volume at once.

Version 0.4 (Zarr 2) is what every viewer reads today.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Triple, Volume
from nmcstudio.io.volumes.omezarr_arrays import MARKS

CHUNK = 128  # voxels along an edge
_COARSEST = 128  # a pyramid ends where no edge is longer


@dataclass(frozen=True)
class PyramidWriter:
    """An OME-Zarr file that is being written.

    Attributes
    ----------
    base
        The finest level, a zarr array ``[z, y, x]`` to assign blocks to. Blocks that end where chunks end can be written at
        the same time from several threads or processes.
    group
        The zarr group at the top.
    """

    base: Any
    group: Any
    spacing_um: Triple
    origin_um: Triple
    labels: bool

    @contextmanager
    def observed(self, monitor: Monitor) -> Iterator[Any]:
        """An array ``[z, y, x]`` to assign blocks to, 1 where the sample was imaged: the label image "observed"."""
        group = self.group.create_group("labels")
        group.attrs["labels"] = ["observed"]
        seen = group.create_group("observed")
        base = _array(seen, "0", self.base.shape, np.dtype(np.uint8), max(self.base.chunks))
        yield base
        PyramidWriter(base, seen, self.spacing_um, self.origin_um, True).finish(monitor)

    def finish(self, monitor: Monitor) -> None:
        """Write the coarser levels and the metadata."""
        arrays, halvings = [self.base], [(0, 0, 0)]
        while max(arrays[-1].shape) > _COARSEST:
            # Only axes that are still long are halved, so that thin stacks stay stacks.
            halved = tuple(int(n > _COARSEST // 2) for n in arrays[-1].shape)
            arrays.append(_coarser(self.group, str(len(arrays)), arrays[-1], halved, self.labels, monitor))
            halvings.append(tuple(a + b for a, b in zip(halvings[-1], halved)))  # type: ignore[arg-type]
        datasets = []
        for level, times in enumerate(halvings):
            scale = [s * 2**k for s, k in zip(self.spacing_um, times)]
            # The mean of 2 voxels lies between them; a label that was picked lies where its voxel was.
            shift = [o + (0.0 if self.labels else (2**k - 1) / 2 * s) for o, s, k in zip(self.origin_um, self.spacing_um, times)]
            steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": shift}]
            datasets.append({"path": str(level), "coordinateTransformations": steps})
        axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
        method = "picked" if self.labels else "mean"
        self.group.attrs["multiscales"] = [
            {"version": "0.4", "name": self.group.name.strip("/") or "image", "axes": axes, "datasets": datasets, "type": method}
        ]
        if self.labels:
            self.group.attrs["image-label"] = {"version": "0.4"}


@contextmanager
def writing_zarr(
    path: Path,
    shape: tuple[int, int, int],
    dtype: DTypeLike,
    spacing_um: Triple,
    origin_um: Triple,
    monitor: Monitor,
    *,
    labels: bool = False,
    facts: dict[str, Any] | None = None,
    chunk: int = CHUNK,
) -> Iterator[PyramidWriter]:
    """A writer whose file appears at `path` when the block ends, with its coarser levels; nothing appears if it raises.

    Parameters
    ----------
    spacing_um, origin_um
        Voxel edges and centre of the first voxel, (z, y, x) in um.
    labels
        Coarser levels pick voxels instead of averaging them.
    facts
        What this program wants to know again ("simulated", "kind", "point_group").
    chunk
        Longest edge of a chunk in voxels.

    Raises
    ------
    NmcError
        If the place cannot be written, or holds something that is no Zarr.
    """
    import zarr

    with _replacing_folder(path) as part:
        group = zarr.open_group(part, mode="w", zarr_format=2)
        base = _array(group, "0", shape, np.dtype(dtype), chunk)
        writer = PyramidWriter(base, group, spacing_um, origin_um, labels)
        yield writer
        writer.finish(monitor)
        group.attrs["nmcstudio"] = facts or {}


def write(path: Path, data: Volume | LabelVolume, monitor: Monitor) -> None:
    """Write a volume, or labels, with the observed region as label image "observed" and orientations as "quaternions"."""
    labels = isinstance(data, LabelVolume)
    values = data.labels if isinstance(data, LabelVolume) else data.values
    facts: dict[str, Any] = {"simulated": data.simulated, "name": data.name}
    if isinstance(data, LabelVolume):
        facts |= {"kind": data.kind, "point_group": data.point_group}
    values = values.view(np.uint8) if values.dtype == bool else values
    with writing_zarr(
        path, data.shape, values.dtype, data.spacing_um, data.origin_um, monitor, labels=labels, facts=facts
    ) as writer:
        _fill(writer.base, values, monitor, f"Writing {path.name}")
        if data.observed is not None:
            with writer.observed(monitor) as seen:
                _fill(seen, data.observed.view(np.uint8), monitor, f"Writing {path.name}")
        if isinstance(data, LabelVolume) and data.quaternions is not None:
            writer.group.create_array("quaternions", data=np.asarray(data.quaternions))


def _array(group: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], chunk: int) -> Any:
    from numcodecs import Blosc

    chunks = tuple(min(n, chunk) for n in shape)
    codec = Blosc(cname="zstd", clevel=3, shuffle=Blosc.BITSHUFFLE if dtype.itemsize == 1 else Blosc.SHUFFLE)
    return group.create_array(
        name,
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        compressors=codec,
        fill_value=0,
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )


def _blocks(array: Any) -> Iterator[tuple[slice, slice, slice]]:
    """The chunks: a volume of any size is written with eight of them in memory at most."""
    starts = [range(0, n, c) for n, c in zip(array.shape, array.chunks)]
    for z, y, x in itertools.product(*starts):
        (cz, cy, cx), (nz, ny, nx) = array.chunks, array.shape
        yield slice(z, min(z + cz, nz)), slice(y, min(y + cy, ny)), slice(x, min(x + cx, nx))


def _fill(array: Any, values: NDArray[Any], monitor: Monitor, words: str) -> None:
    for part in monitor.track(list(_blocks(array)), words):
        array[part] = values[part]


def _coarser(group: Any, name: str, fine: Any, halved: tuple[int, ...], labels: bool, monitor: Monitor) -> Any:
    """The next level: every second voxel of labels, means of grey values, along the axes that are halved."""
    shape = tuple(-(-n // 2) if half else n for n, half in zip(fine.shape, halved))
    array = _array(group, name, shape, fine.dtype, max(fine.chunks))
    for part in monitor.track(list(_blocks(array)), "Writing coarser levels"):
        source = tuple(slice(p.start * 2, min(p.stop * 2, n)) if half else p for p, half, n in zip(part, halved, fine.shape))
        block = fine[source]
        array[part] = block[tuple(slice(None, None, 2 if half else 1) for half in halved)] if labels else _mean(block, halved)
    return array


def _mean(block: NDArray[Any], halved: tuple[int, ...]) -> NDArray[Any]:
    dtype = block.dtype
    work: NDArray[np.floating[Any]] = block.astype(np.float64 if dtype.itemsize > 4 else np.float32)
    for axis, half in enumerate(halved):
        if half:
            work = np.moveaxis(work, axis, 0)
            even, odd = work[0::2], work[1::2]
            mean = even.copy()
            mean[: len(odd)] += odd
            mean[: len(odd)] *= 0.5
            work = np.moveaxis(mean, 0, axis)
    return work.astype(dtype) if dtype.kind == "f" else np.rint(work).astype(dtype)


@contextmanager
def _replacing_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to write to; renamed to `path` at the end, removed if anything was raised (Cancelled too)."""
    path = Path(path)
    if not path.parent.is_dir():
        raise NmcError(f"there is no folder {path.parent}", "create it first or choose another place")
    if not os.access(path.parent, os.W_OK):
        raise NmcError(f"the folder {path.parent} is read-only", "choose another place, or ask for the right to write there")
    if path.is_dir() and any(path.iterdir()) and not any((path / mark).is_file() for mark in MARKS):
        raise NmcError(f"{path} is a folder with something else in it", "choose another name")
    part, old = (path.with_name(f".{path.name}.{os.getpid()}.{word}") for word in ("part", "old"))
    try:
        yield part
        if path.is_dir():
            os.replace(path, old)
        elif path.exists():
            path.unlink()
        os.replace(part, path)
    except OSError as error:
        if old.exists() and not path.exists():
            os.replace(old, path)
        raise NmcError(
            f"{path} could not be written ({error.strerror or error})", "check free space and permissions there"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
