"""What the user says about any format: the axes are other ones, some run backwards, only a part is wanted."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import Triple
from nmcstudio.io.volumes.info import Opened, VolumeInfo
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Box, oriented, whole

T = TypeVar("T")
_UNLIKELY_UM = (1e-3, 500.0)  # a voxel below a nanometre, or one that the eye can see


def axes_of(options: ReadOptions) -> tuple[int, int, int]:
    """Which axis of the file becomes z, y and x."""
    z, y, x = (options.axis_order.index(name) for name in "zyx")
    return z, y, x


def _ordered(values: tuple[T, T, T], axes: tuple[int, int, int]) -> tuple[T, T, T]:
    return values[axes[0]], values[axes[1]], values[axes[2]]


def as_stored(values: tuple[T, T, T], options: ReadOptions) -> tuple[T, T, T]:
    """Values (z, y, x) in the order of the file's axes."""
    axes = axes_of(options)
    return values[axes.index(0)], values[axes.index(1)], values[axes.index(2)]


def turned(opened: Opened, options: ReadOptions) -> Opened:
    """The same file with the axes that the user says. What is mirrored keeps its place."""
    axes, flips = axes_of(options), tuple(name in options.flip for name in "zyx")
    if axes == (0, 1, 2) and not any(flips):
        return opened
    info = opened.info
    words = f"{info.axis_order}; read as {', '.join(options.axis_order)}"
    words += f", {', '.join(options.flip)} turned round" if options.flip else ""
    info = replace(
        info,
        shape=_ordered(info.shape, axes),
        spacing_um=None if info.spacing_um is None else _ordered(info.spacing_um, axes),
        origin_um=_ordered(info.origin_um, axes),
        origin_voxels=_ordered(info.origin_voxels, axes),
        levels=tuple(_ordered(shape, axes) for shape in info.levels),
        axis_order=words,
    )
    source, observed = (None if one is None else oriented(one, axes, flips) for one in (opened.source, opened.observed))  # type: ignore[arg-type]
    return replace(opened, info=info, source=source, observed=observed)


def cropped(info: VolumeInfo, options: ReadOptions) -> tuple[VolumeInfo, Box]:
    """Facts of the part that is wanted, and its box. The origin moves along.

    Raises
    ------
    NmcError
        If the crop is empty or leaves the volume; `field` is "crop".
    """
    info = replace(info, full_shape=info.shape)
    if options.crop is None or min(info.shape) == 0:
        return info, whole(info.shape)
    z0, z1, y0, y1, x0, x1 = options.crop
    box = ((z0, z1), (y0, y1), (x0, x1))
    for name, (low, high), length in zip("zyx", box, info.shape):
        if not 0 <= low < high <= length:
            raise NmcError(
                f"the crop {low} to {high} along {name} is not inside the volume",
                f"give two numbers between 0 and {length}, the first one smaller (z0 z1 y0 y1 x0 x1)",
                "crop",
            )
    info = replace(
        info,
        shape=(z1 - z0, y1 - y0, x1 - x0),
        origin_voxels=tuple(o + s for o, s in zip(info.origin_voxels, (z0, y0, x0))),  # type: ignore[arg-type]
    )
    return info, box


def crop_in(
    crop: tuple[int, int, int, int, int, int], shape: tuple[int, int, int], before: ReadOptions, after: ReadOptions
) -> tuple[int, ...]:
    """A crop of a volume of `shape`, both as `before` turns the file, around the same voxels as `after` turns it."""
    ranges = _mirrored(((crop[0], crop[1]), (crop[2], crop[3]), (crop[4], crop[5])), shape, before)
    axes = axes_of(after)
    lengths = _ordered(as_stored(shape, before), axes)
    ranges = _mirrored(_ordered(as_stored(ranges, before), axes), lengths, after)
    return tuple(end for pair in ranges for end in pair)


def _mirrored(ranges: Box, shape: tuple[int, int, int], options: ReadOptions) -> Box:
    """Ranges (z, y, x) counted from the other end where the options turn an axis round."""
    z, y, x = ((n - b, n - a) if name in options.flip else (a, b) for name, (a, b), n in zip("zyx", ranges, shape))
    return z, y, x


def origin_with(info: VolumeInfo, spacing_um: Triple) -> Triple:
    """Centre of the first voxel (z, y, x) in um for the voxel size that is used, be it the file's or the user's."""
    z, y, x = (o + v * h for o, v, h in zip(info.origin_um, info.origin_voxels, spacing_um))
    return z, y, x


def odd_spacing(spacing_um: Triple) -> tuple[str, ...]:
    """Warnings for voxel edges that are hardly meant."""
    said = " × ".join(f"{value:.4g}" for value in spacing_um)
    if min(spacing_um) < _UNLIKELY_UM[0] or max(spacing_um) > _UNLIKELY_UM[1]:
        return (f"a voxel of {said} um (z, y, x) is unlikely for a microscope: check the unit",)
    if max(spacing_um) > 20 * min(spacing_um):
        return (f"the voxel {said} um (z, y, x) is very long along one axis: check the distance of the slices",)
    return ()
