"""Layers of orientations: IPF colours, c-axis, local and grain-wise misorientations, boundaries by their angle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.volume import LabelVolume
from nmcstudio.gui.views.contents import Layer, Legend
from nmcstudio.gui.views.lazy_planes import LazyPlanes
from nmcstudio.gui.views.legends import c_legend, has_c_axis, ipf_legend

# Upper ends of the classes of boundaries in degrees, their colours and words; the last has no end.
_CLASSES = (
    (5.0, (250, 220, 60), "below 5°"),
    (15.0, (240, 140, 30), "5° to 15°, low angle"),
    (30.0, (214, 60, 90), "15° to 30°"),
    (45.0, (140, 40, 160), "30° to 45°"),
    (180.0, (60, 100, 255), "above 45°"),
)
_PHASES = ((110, 110, 110), "between phases")
_LEAST_DEG = 2.0  # steps below are noise of the orientations and no boundary
_KERNEL_LIMIT_DEG = 5.0

CLASS_LEGEND = Legend(
    "classes",
    "Boundaries by disorientation",
    entries=tuple((colour, words) for _, colour, words in _CLASSES),
    tip="Smallest rotation between the two sides under the crystal's symmetry; boundaries below 15° are called low-angle ones.",
)


def map_layers(stack: EbsdStack) -> list[Layer]:
    """Layers of a map, each plane made when it is looked at."""
    grid: dict[str, Any] = {"spacing_um": stack.spacing_um, "origin_um": stack.origin_um}
    groups = tuple(phase.point_group for phase in stack.phases)
    main = main_group(stack)

    def lazy(work: Callable[[int, int], NDArray[Any]], dtype: Any, point_us: float) -> LazyPlanes:
        return LazyPlanes(stack.shape, dtype, work, point_us)

    layers = []
    for name in ("z", "x", "y"):
        planes = lazy(lambda axis, index, name=name: _ipf_plane(stack, axis, index, name), np.uint8, 0.4)  # type: ignore[misc]
        shown = name == "z"
        layers.append(
            Layer(f"ipf-{name}", f"IPF {name}", "rgb", planes.make_middle() if shown else planes, visible=shown,
                  legend=ipf_legend(name, main), **grid)
        )  # fmt: skip
    if has_c_axis(main):
        layers.append(
            Layer("c-axis", "c-axis", "rgb", lazy(lambda axis, index: _c_plane(stack, axis, index), np.uint8, 0.3),
                  visible=False, legend=c_legend(), **grid)
        )  # fmt: skip
    kernel = lazy(lambda axis, index: _kernel_plane(stack, axis, index), np.float32, 1.8)
    layers.append(
        Layer("kam", "Kernel misorientation", "grey", kernel,
              limits=(0.0, _KERNEL_LIMIT_DEG / 2), unit="°", visible=False, colormap="viridis", **grid)
    )  # fmt: skip
    table = np.array([(0, 0, 0), *(colour for _, colour, _ in _CLASSES), _PHASES[0]], np.uint8)
    legend = CLASS_LEGEND
    if len(groups) > 1:
        legend = Legend(legend.kind, legend.title, entries=(*legend.entries, _PHASES), tip=legend.tip)
    layers.append(
        Layer("angles", "Boundaries by angle", "labels", lazy(lambda axis, index: _step_plane(stack, axis, index), np.uint8, 0.9),
              table=table, legend=legend, visible=False, **grid)
    )  # fmt: skip
    return layers


def grain_layers(grains: LabelVolume, stack: EbsdStack | None) -> list[Layer]:
    """Layers of grains beyond their IPF colours: misorientation inside of them, boundaries by their angle."""
    if grains.quaternions is None or not grains.point_group:
        return []
    grid: dict[str, Any] = {"spacing_um": grains.spacing_um, "origin_um": grains.origin_um}
    layers = []
    if stack is not None and stack.shape == grains.shape:
        planes = LazyPlanes(stack.shape, np.float32, lambda axis, index: _spread_plane(stack, grains, axis, index), 0.4)
        layers.append(
            Layer("spread", "Deviation in grain", "grey", planes, limits=(0.0, _KERNEL_LIMIT_DEG), unit="°",
                  visible=False, colormap="viridis", **grid)
        )  # fmt: skip
    layers.append(
        Layer("angles", "Boundaries by angle", "outline", grains.labels, visible=False, legend=CLASS_LEGEND,
              pair_words=boundary_words(grains.quaternions, grains.point_group), **grid)
    )  # fmt: skip
    return layers


def main_group(stack: EbsdStack) -> str:
    """Point group of the most frequent phase."""
    if not stack.phases:
        return "-3m"
    counts = np.bincount(stack.phase[:: max(1, stack.shape[0] // 8)].ravel(), minlength=len(stack.phases) + 1)
    return stack.phases[int(np.argmax(counts[1:]))].point_group


def boundary_words(
    quaternions: NDArray[np.float64], point_group: str
) -> Callable[[NDArray[Any], NDArray[Any]], NDArray[np.uint32]]:
    """Colours of lines between grains by the disorientation of their means; dark where one has no orientation."""
    from nmcstudio.crystal.symmetry import disorientation_angles

    ends = np.array([end for end, _, _ in _CLASSES[:-1]])
    dark = np.uint32(0xFF141414)
    words = np.array([0xFF000000 | c[0] << 16 | c[1] << 8 | c[2] for _, c, _ in _CLASSES], np.uint32)

    def words_of(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.uint32]:
        size = len(quaternions)
        code, place = np.unique(first.astype(np.int64) << 32 | second.astype(np.int64), return_inverse=True)
        a, b = code >> 32, code & 0xFFFFFFFF
        angles = np.full(len(code), np.nan)
        there = (a > 0) & (b > 0) & (a < size) & (b < size)
        angles[there] = np.degrees(disorientation_angles(quaternions[a[there]], quaternions[b[there]], point_group))
        found = np.where(np.isnan(angles), dark, words[np.searchsorted(ends, np.nan_to_num(angles))])
        coloured: NDArray[np.uint32] = found[place].astype(np.uint32)
        return coloured

    return words_of


def _at(axis: int, index: int) -> tuple[Any, ...]:
    return (slice(None),) * axis + (index,)


def _ipf_plane(stack: EbsdStack, axis: int, index: int, direction: str) -> NDArray[np.uint8]:
    from nmcstudio.crystal.ipf import ipf_colours

    q, phase = stack.quaternions[_at(axis, index)], stack.phase[_at(axis, index)]
    colours = np.zeros((*phase.shape, 3), np.uint8)
    for number, each in enumerate(stack.phases, start=1):
        here = phase == number
        colours[here] = ipf_colours(q[here], each.point_group, direction)
    return colours


def _c_plane(stack: EbsdStack, axis: int, index: int) -> NDArray[np.uint8]:
    from nmcstudio.crystal.c_axis_colours import c_axis_colours

    phase = stack.phase[_at(axis, index)]
    colours = np.zeros((*phase.shape, 3), np.uint8)
    here = phase > 0
    colours[here] = c_axis_colours(stack.quaternions[_at(axis, index)][here])
    return colours


def _kernel_plane(stack: EbsdStack, axis: int, index: int) -> NDArray[np.float32]:
    from nmcstudio.crystal.disorientations import kernel_average

    found: NDArray[np.float32] = np.degrees(kernel_average(stack, axis, index, np.radians(_KERNEL_LIMIT_DEG)))
    return found


def _step_plane(stack: EbsdStack, axis: int, index: int) -> NDArray[np.uint8]:
    """Class of the largest step to the next point right or below, 0 for none."""
    from nmcstudio.crystal.disorientations import plane_steps

    down, right = plane_steps(stack, axis, index)
    largest = np.zeros((down.shape[0] + 1, right.shape[1] + 1), np.float32)
    largest[:-1] = np.nan_to_num(down)
    largest[:, :-1] = np.maximum(largest[:, :-1], np.nan_to_num(right))
    degrees = np.degrees(largest)
    classes = 1 + np.searchsorted([end for end, _, _ in _CLASSES[:-1]], degrees)
    classes[largest >= np.float32(np.pi)] = len(_CLASSES) + 1
    return np.where(degrees < _LEAST_DEG, 0, classes).astype(np.uint8)


def _spread_plane(stack: EbsdStack, grains: LabelVolume, axis: int, index: int) -> NDArray[np.float32]:
    from nmcstudio.crystal.symmetry import disorientation_angles

    labels = grains.labels[_at(axis, index)]
    assert grains.quaternions is not None
    q = stack.quaternions[_at(axis, index)]
    found = np.full(labels.shape, np.nan, np.float32)
    here = (labels > 0) & (labels < len(grains.quaternions)) & np.isfinite(q[..., 0])
    found[here] = np.degrees(disorientation_angles(grains.quaternions[labels[here]], q[here], grains.point_group))
    return found
