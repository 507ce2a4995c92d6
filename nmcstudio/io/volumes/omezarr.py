"""OME-Zarr 0.1 to 0.5 in a folder or a zip file: pyramids with axes, units, channels and times; read chunk by chunk."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.units import um_per
from nmcstudio.core.volume import Triple
from nmcstudio.io.volumes.info import Dataset, Missing, Opened, VolumeInfo, several
from nmcstudio.io.volumes.options import ReadOptions, choose
from nmcstudio.io.volumes.sources import Box, Source, cut_short, oriented

SUFFIXES = (".zarr", ".ozx")
OPTIONS = ("dataset", "channel", "time", "level")
MARKS = (".zgroup", ".zarray", "zarr.json")
_IMAGE = "image"
_SLAB = 16 << 20  # bytes that are unpacked between two reports
_DEPTH = 3  # how deep volumes are looked for


@dataclass(frozen=True)
class _Pyramid:
    """One image of a file: its arrays from the finest on, axis names, and per array scale and translation in the file's unit."""

    name: str
    arrays: tuple[Any, ...]
    axes: tuple[str, ...]
    units: tuple[str, ...]
    scales: tuple[tuple[float, ...], ...]
    shifts: tuple[tuple[float, ...], ...]

    @property
    def space(self) -> tuple[int, ...]:
        """Which axes of the array are space, in its order."""
        return tuple(k for k, name in enumerate(self.axes) if name in ("z", "y", "x"))

    def shape(self, level: int) -> tuple[int, int, int]:
        """Voxels (z, y, x); a plane has one slice."""
        lengths = dict(zip(self.axes, self.arrays[level].shape))
        return lengths.get("z", 1), lengths["y"], lengths["x"]

    def length(self, axis: str) -> int:
        return dict(zip(self.axes, self.arrays[0].shape)).get(axis, 1)


def recognizes(head: bytes) -> bool:
    """Folders and zip files are recognised by their content, see `is_zarr`."""
    return False


def is_zarr(path: Path) -> bool:
    """True for a folder with Zarr's metadata, and for a zip file of such a folder."""
    if path.is_dir():
        return any((path / mark).is_file() for mark in MARKS)
    return _zip_root(path) is not None


def _zip_root(path: Path) -> str | None:
    """Folder inside a zip file that has Zarr's metadata, the one nearest to the top; None if there is none."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as file:
        places = [name.rpartition("/")[0] for name in file.namelist() if name.rpartition("/")[2] in MARKS]
    return min(places, key=lambda place: (len(place.split("/")) if place else 0, place), default=None)


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Images, levels, axes and voxel size, and the chosen values.

    Raises
    ------
    NmcError
        If there is no volume inside, the chosen image, level, channel or time is not there, or the metadata are damaged.
    """
    with _root(path) as root:
        pyramids = {one.name: one for one in _pyramids(path, root)}
        facts = dict(root.attrs).get("nmcstudio", {})
        found = tuple(Dataset(name, one.shape(0), one.arrays[0].dtype.name) for name, one in pyramids.items())
        if not found:
            raise NmcError(f"{path.name} holds no volume", "choose an OME-Zarr image, or a Zarr array of three dimensions")
        wanted = (options.dataset or "").strip("/")
        if not wanted and _IMAGE in pyramids:
            wanted = _IMAGE
        if not wanted and len(found) == 1:
            wanted = found[0].name
        if wanted and wanted not in pyramids:
            raise NmcError(f"{path.name} has no image {wanted!r}", f"choose one of {', '.join(pyramids)}", "dataset")
        if not wanted:
            missing = (several(path.name, found),)
            return Opened(
                VolumeInfo("OME-Zarr", found[0].shape, found[0].dtype, datasets=found, name=path.stem, missing=missing), None
            )
        info, source = _described(path, pyramids[wanted], options, found, facts)
        observed = pyramids.get("labels/observed") if wanted == _IMAGE and facts else None
        seen = _InZarr(path, observed, 0, 0, 0) if observed and not info.missing and not options.level else None
    return Opened(info, source, seen, lambda: _extras(path))


def _extras(path: Path) -> dict[str, Any]:
    with _root(path) as root:
        facts = dict(root.attrs).get("nmcstudio")
        if not facts:
            return {}
        found = {"kind": facts.get("kind", ""), "point_group": facts.get("point_group", "")}
        return found | ({"quaternions": np.asarray(root["quaternions"][:])} if "quaternions" in root else {})


def _described(
    path: Path, pyramid: _Pyramid, options: ReadOptions, found: tuple[Dataset, ...], facts: dict[str, Any]
) -> tuple[VolumeInfo, Source]:
    level = choose(options.level, len(pyramid.arrays), "level", "level", path.name)
    channels, times = pyramid.length("c"), pyramid.length("t")
    channel = choose(options.channel, channels, "channel", "channel", path.name)
    time = choose(options.time, times, "time", "time", path.name)
    missing = []
    for what, count, chosen in (("channel", channels, options.channel), ("time", times, options.time)):
        if count > 1 and chosen is None:
            missing.append(Missing(what, f"{path.name} has {count} {what}s", f"choose one, 0 to {count - 1}"))
    stored: Source = _InZarr(path, pyramid, level, channel, time)
    order = [pyramid.axes[k] for k in pyramid.space]
    order = (["z"] if "z" not in order else []) + order
    source = oriented(stored, tuple(order.index(name) for name in "zyx"), (False, False, False))  # type: ignore[arg-type]
    spacing, origin, unit = _lengths(pyramid, level)
    info = VolumeInfo(
        format="OME-Zarr",
        shape=source.shape,
        dtype=source.dtype.name,
        spacing_um=spacing,
        origin_um=origin,
        unit=unit,
        datasets=found,
        dataset=pyramid.name,
        channels=channels,
        times=times,
        levels=tuple(pyramid.shape(k) for k in range(len(pyramid.arrays))),
        axis_order=", ".join(pyramid.axes),
        name=path.name.removesuffix(".zip").removesuffix(".zarr").removesuffix(".ome")
        + ("" if pyramid.name == _IMAGE else f" {pyramid.name}"),
        simulated=bool(facts.get("simulated", False)),
        missing=tuple(missing),
    )
    return info, source


def _lengths(pyramid: _Pyramid, level: int) -> tuple[Triple | None, Triple, str]:
    """Voxel edges and centre of the first voxel (z, y, x) in um, and where they are from."""
    nowhere = (0.0, 0.0, 0.0)
    place = {pyramid.axes[k]: k for k in pyramid.space}
    names = [name for name in "zyx" if name in place]
    factors = [um_per(pyramid.units[place[name]]) for name in names]
    scale = [pyramid.scales[level][place[name]] for name in names]
    if not all(factors) or not np.all(np.isfinite(scale)) or min(scale) <= 0:
        said = " ".join(f"{value:g}" for value in scale)
        return None, nowhere, "no voxel size in the file" if set(scale) == {1.0} else f"the scale {said} has no unit of length"
    edges = [s * (f or 1.0) for s, f in zip(scale, factors)]
    shift = [pyramid.shifts[level][place[name]] * (f or 1.0) for name, f in zip(names, factors)]
    if len(edges) == 2:
        edges, shift = [edges[0], *edges], [0.0, *shift]
    return (edges[0], edges[1], edges[2]), (shift[0], shift[1], shift[2]), f"axes, {pyramid.units[place['x']]}"


@contextmanager
def _root(path: Path) -> Iterator[Any]:
    """The group, or a plain array, at the top."""
    import zarr

    inside = None if path.is_dir() else _zip_root(path)
    store = zarr.storage.LocalStore(path, read_only=True) if inside is None else zarr.storage.ZipStore(path, mode="r")
    try:
        yield zarr.open(store, mode="r", path=inside or "")
    except NmcError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, FileNotFoundError, zipfile.BadZipFile) as error:
        raise NmcError(f"the metadata of {path.name} are damaged ({error})", "copy or export it again") from error
    finally:
        store.close()


def _pyramids(path: Path, root: Any) -> Iterator[_Pyramid]:
    """Every volume: the image at the top, its labels, the images of a collection, plain arrays of three dimensions."""
    import zarr

    if isinstance(root, zarr.Array):
        yield from _plain(_IMAGE, root)
        return
    yield from _walk("", root, _DEPTH)


def _walk(name: str, group: Any, depth: int) -> Iterator[_Pyramid]:
    import zarr

    attributes = dict(group.attrs)
    images = attributes.get("ome", attributes).get("multiscales")
    if images:
        yield _multiscale(name or _IMAGE, group, images[0])
    if depth == 0:
        return
    levels = {str(one["path"]).split("/")[0] for one in images[0]["datasets"]} if images else set()
    for key, node in sorted(group.members()):
        below = f"{name}/{key}" if name else key
        if isinstance(node, zarr.Array):
            if key not in levels:
                yield from _plain(below, node)
        elif key not in levels or key == "labels":
            yield from _walk(below, node, depth - 1)


def _plain(name: str, array: Any) -> Iterator[_Pyramid]:
    if array.ndim == 3 and array.dtype.kind in "uifb" and min(sorted(array.shape)[1:]) > 1:
        yield _Pyramid(name, (array,), ("z", "y", "x"), ("", "", ""), ((1.0,) * 3,), ((0.0,) * 3,))


def _multiscale(name: str, group: Any, image: dict[str, Any]) -> _Pyramid:
    arrays = tuple(group[one["path"]] for one in image["datasets"])
    ndim = arrays[0].ndim
    axes = image.get("axes") or list("tczyx")[-ndim:]
    names = tuple(str(one["name"] if isinstance(one, dict) else one).lower() for one in axes)
    units = tuple(str(one.get("unit", "")) if isinstance(one, dict) else "" for one in axes)
    if len(names) != ndim or "y" not in names or "x" not in names or len(set(names)) != ndim:
        raise ValueError(f"axes {', '.join(names)} of an array of {ndim} dimensions")
    common = image.get("coordinateTransformations", ())
    scales, shifts = [], []
    for one in image["datasets"]:
        scale, shift = np.ones(ndim), np.zeros(ndim)
        for step in (*one.get("coordinateTransformations", ()), *common):
            if step["type"] == "scale":
                scale, shift = scale * np.asarray(step["scale"], float), shift * np.asarray(step["scale"], float)
            elif step["type"] == "translation":
                shift = shift + np.asarray(step["translation"], float)
        scales.append(tuple(map(float, scale)))
        shifts.append(tuple(map(float, shift)))
    return _Pyramid(name, arrays, names, units, tuple(scales), tuple(shifts))


class _InZarr(Source):
    """One channel and time of one level, with its axes of space in the array's order; opened only while it is read."""

    def __init__(self, path: Path, pyramid: _Pyramid, level: int, channel: int, time: int) -> None:
        array = pyramid.arrays[level]
        self.path, self.place = path, array.path
        self.space = pyramid.space
        self.flat = len(self.space) == 2
        self.shape = tuple([1] * self.flat + [array.shape[k] for k in self.space])  # type: ignore[assignment]
        if array.dtype.kind not in "uifb":
            raise NmcError(f"{path.name} holds values of type {array.dtype}", "export it as grey values or labels")
        self.dtype = np.dtype(np.uint8) if array.dtype.kind == "b" else array.dtype.newbyteorder("=")
        self.fixed = {k: {"c": channel, "t": time}.get(name, 0) for k, name in enumerate(pyramid.axes) if k not in self.space}
        self.chunks = array.chunks

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        ranges = box[1:] if self.flat else box
        view = out[0] if self.flat else out
        thick = [self.chunks[k] for k in self.space]
        # Blocks of whole chunks: a long slab of a large plane is cut along the second axis as well.
        others = int(np.prod([b - a for a, b in ranges[2:]], dtype=np.int64)) * self.dtype.itemsize
        first, second = ranges[0], ranges[1]
        rows = max(1, _SLAB // max(1, others * min(thick[0], first[1] - first[0])) // thick[1]) * thick[1]
        blocks = [
            (a, b)
            for a in _cuts(first, max(1, _SLAB // max(1, others * (second[1] - second[0])) // thick[0]) * thick[0])
            for b in _cuts(second, rows)
        ]
        with _root(self.path) as root:
            inside = self.place.removeprefix(root.path).strip("/")
            array = root[inside] if inside else root
            blosc = self.path.is_dir() and _has_blosc(array)
            for (a0, a1), (b0, b1) in monitor.track(blocks, f"Reading {self.path.name}"):
                index: list[Any] = [self.fixed.get(k, slice(None)) for k in range(array.ndim)]
                index[self.space[0]], index[self.space[1]] = slice(a0, a1), slice(b0, b1)
                for k, (low, high) in zip(self.space[2:], ranges[2:]):
                    index[k] = slice(low, high)
                part = (slice(a0 - first[0], a1 - first[0]), slice(b0 - second[0], b1 - second[0]))
                if blosc:
                    self._check_chunks(array, inside, tuple(index), monitor)
                view[part] = self._chunk(array, tuple(index))

    def _check_chunks(self, array: Any, inside: str, index: tuple[Any, ...], monitor: Monitor) -> None:
        """Blosc unpacks a chunk that was cut off without a word, with whatever stands in memory behind it."""
        spans = []
        for one, length, chunk in zip(index, array.shape, array.chunks):
            ends = (one, one + 1) if isinstance(one, int) else one.indices(length)[:2]
            spans.append(range(ends[0] // chunk, -(-ends[1] // chunk)))
        for place in itertools.product(*spans):
            monitor.check()
            file = self.path / inside / array.metadata.encode_chunk_key(place)
            if file.is_file():  # chunks of nothing but the fill value need no file
                with file.open("rb") as stream:
                    head = stream.read(16)
                if len(head) < 16 or int.from_bytes(head[12:16], "little") > file.stat().st_size:
                    raise cut_short(f"{self.path.name}/{file.relative_to(self.path).as_posix()}")

    def _chunk(self, array: Any, index: tuple[Any, ...]) -> NDArray[Any]:
        try:
            return np.asarray(array[index])
        except (ValueError, RuntimeError, OSError, TypeError, zipfile.BadZipFile) as error:
            raise NmcError(f"a chunk of {self.path.name} cannot be read ({error})", "copy or export it again") from error


def _has_blosc(array: Any) -> bool:
    """True if each file of an array is one chunk that Blosc has packed."""
    metadata = array.metadata
    if metadata.zarr_format == 2:
        return getattr(metadata.compressor, "codec_id", "") == "blosc"
    return type(metadata.codecs[-1]).__name__ == "BloscCodec"


def _cuts(ends: tuple[int, int], step: int) -> list[tuple[int, int]]:
    """A range cut where multiples of `step` lie."""
    low, high = ends
    starts = [low, *range(low // step * step + step, high, step)]
    return list(zip(starts, [*starts[1:], high]))
