"""OME-Zarr 0.1 to 0.5 in a folder or a zip file: pyramids with axes, units, channels and times; read chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.units import um_per
from nmcstudio.core.volume import Triple
from nmcstudio.io.volumes.info import Dataset, Missing, Opened, VolumeInfo, several
from nmcstudio.io.volumes.omezarr_arrays import MARKS, InZarr, Pyramid, opened_root, zip_root
from nmcstudio.io.volumes.options import ReadOptions, choose
from nmcstudio.io.volumes.sources import Source, oriented

SUFFIXES = (".zarr", ".ozx")
OPTIONS = ("dataset", "channel", "time", "level")
_IMAGE = "image"
_DEPTH = 3  # how deep volumes are looked for


def recognizes(head: bytes) -> bool:
    """Folders and zip files are recognised by their content, see `is_zarr`."""
    return False


def is_zarr(path: Path) -> bool:
    """True for a folder with Zarr's metadata, and for a zip file of such a folder."""
    if path.is_dir():
        return any((path / mark).is_file() for mark in MARKS)
    return zip_root(path) is not None


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Images, levels, axes and voxel size, and the chosen values.

    Raises
    ------
    NmcError
        If there is no volume inside, the chosen image, level, channel or time is not there, or the metadata are damaged.
    """
    with opened_root(path) as root:
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
        seen = InZarr(path, observed, 0, 0, 0) if observed and not info.missing and not options.level else None
    return Opened(info, source, seen, lambda: _extras(path))


def _extras(path: Path) -> dict[str, Any]:
    with opened_root(path) as root:
        facts = dict(root.attrs).get("nmcstudio")
        if not facts:
            return {}
        found = {"kind": facts.get("kind", ""), "point_group": facts.get("point_group", "")}
        return found | ({"quaternions": np.asarray(root["quaternions"][:])} if "quaternions" in root else {})


def _described(
    path: Path, pyramid: Pyramid, options: ReadOptions, found: tuple[Dataset, ...], facts: dict[str, Any]
) -> tuple[VolumeInfo, Source]:
    level = choose(options.level, len(pyramid.arrays), "level", "level", path.name)
    channels, times = pyramid.length("c"), pyramid.length("t")
    channel = choose(options.channel, channels, "channel", "channel", path.name)
    time = choose(options.time, times, "time", "time", path.name)
    missing = []
    for what, count, chosen in (("channel", channels, options.channel), ("time", times, options.time)):
        if count > 1 and chosen is None:
            missing.append(Missing(what, f"{path.name} has {count} {what}s", f"choose one, 0 to {count - 1}"))
    stored: Source = InZarr(path, pyramid, level, channel, time)
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


def _lengths(pyramid: Pyramid, level: int) -> tuple[Triple | None, Triple, str]:
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


def _pyramids(path: Path, root: Any) -> Iterator[Pyramid]:
    """Every volume: the image at the top, its labels, the images of a collection, plain arrays of three dimensions."""
    import zarr

    if isinstance(root, zarr.Array):
        yield from _plain(_IMAGE, root)
        return
    yield from _walk("", root, _DEPTH)


def _walk(name: str, group: Any, depth: int) -> Iterator[Pyramid]:
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


def _plain(name: str, array: Any) -> Iterator[Pyramid]:
    if array.ndim == 3 and array.dtype.kind in "uifb" and min(sorted(array.shape)[1:]) > 1:
        yield Pyramid(name, (array,), ("z", "y", "x"), ("", "", ""), ((1.0,) * 3,), ((0.0,) * 3,))


def _multiscale(name: str, group: Any, image: dict[str, Any]) -> Pyramid:
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
    return Pyramid(name, arrays, names, units, tuple(scales), tuple(shifts))
