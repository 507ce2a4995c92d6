"""Plots of orientations: pole figures, inverse pole figure, disorientation of touching grains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.gui.views.contents import Image, Plot, Series
from nmcstudio.stats.contacts import count_voxels

_LINE = (70, 70, 70)
_SHUFFLED = (150, 95, 185)
_POINTS = 20_000
_BIN_DEG = 5.0


def map_plots(stack: EbsdStack, monitor: Monitor) -> tuple[Plot, ...]:
    """Pole figures of the points of the most frequent phase."""
    if not stack.phases or not stack.phase.any():
        return ()
    counts = count_voxels(stack.phase)
    number = int(np.argmax(counts[1:])) + 1
    # Slabs are thinned before they are picked, so that no copy of a whole stack is made.
    step = max(1, round((counts[number] / _POINTS) ** (1 / 3))) if stack.shape[0] > 1 else 1
    at = (slice(None, None, step),) * 3
    q = stack.quaternions[at][stack.phase[at] == number]
    return pole_plots(q, None, stack.phases[number - 1].point_group, "points", monitor)


def grain_plots(grains: LabelVolume, monitor: Monitor) -> tuple[Plot, ...]:
    """Disorientation of touching grains and pole figures of the grains' means."""
    if grains.quaternions is None or not grains.point_group:
        return ()
    from nmcstudio.report.disorientations import find_neighbours

    plots: list[Plot] = []
    found = find_neighbours(grains, monitor.sub(0.0, 0.2))
    if found is not None:
        edges, density, random = found.histogram()
        middle = (edges[1:] + edges[:-1]) / 2
        shuffled = found.shuffled(np.random.default_rng(0))
        series = (
            Series("data", "touching grains", edges, density, style="bars"),
            Series("theory", f"random orientations, {grains.point_group}", middle, random),
            Series("fitted", "the same, placed at random", middle, shuffled, style="dashed", colour=_SHUFFLED),
        )
        caption = found.words(monitor.sub(0.2, 0.5))
        labels = ("disorientation angle [°]", "density [1/°]")
        plots.append(Plot("disorientations", "Disorientation of touching grains", *labels, series, caption=caption))
        weights, q = found.volumes, found.quaternions
    else:
        volumes = count_voxels(grains.labels)[: len(grains.quaternions)]
        there = np.flatnonzero(volumes[1:]) + 1
        weights, q = volumes[there].astype(float), grains.quaternions[there]
    return (*plots, *pole_plots(q, weights, grains.point_group, "grains", monitor.sub(0.5, 1.0)))


def model_plots(model: GrainModel) -> list[Plot]:
    """The disorientations of neighbours that a grain model was given, beside those of random orientations."""
    if model.neighbour_angles is None:
        return []
    from nmcstudio.crystal.disorientations import random_angles, random_density

    top = np.degrees(max(random_angles(model.point_group)[-1], model.neighbour_angles.max()))
    edges = np.arange(0.0, top + _BIN_DEG, _BIN_DEG)
    measured = np.histogram(np.degrees(model.neighbour_angles), edges, density=True)[0]
    random = random_density(np.radians(edges), model.point_group) * np.pi / 180
    series = (
        Series("data", "touching grains, by shared area", edges, measured, style="bars"),
        Series("theory", f"random orientations, {model.point_group}", (edges[1:] + edges[:-1]) / 2, random),
    )
    followed = model.texture.kind == "correlated"
    caption = "Simulated grains follow it." if followed else "Simulated grains do not follow it: the texture is not “correlated”."
    labels = ("disorientation angle [°]", "density [1/°]")
    return [Plot("disorientations", "Disorientation of neighbours", *labels, series, caption=caption)]


def pole_plots(
    quaternions: NDArray[np.floating], weights: NDArray[np.float64] | None, point_group: str, noun: str, monitor: Monitor
) -> tuple[Plot, ...]:
    """Plots of the pole figures of orientations ``(n, 4)``."""
    from nmcstudio.report.poles import pole_pictures

    plots = []
    for picture in pole_pictures(quaternions, point_group, weights, noun, monitor):
        image = Image(picture.x, picture.y, picture.density, "data", float(np.nanmax(picture.density)), "multiples of random")
        series = [Series("theory", "", *picture.outline.T, colour=_LINE)]
        series += [Series("theory", f"{level:g} × random", *line.T, colour=_LINE) for level, line in picture.contours.items()]
        if len(picture.points):
            series.append(Series("data", "poles", *picture.points.T, style="points", colour=(20, 60, 110)))
        plots.append(
            Plot(picture.key, picture.title, "", "", tuple(series), image, picture.caption, flat=True, marks=picture.marks)
        )
    return tuple(plots)
