"""Step edit-labels: correction of particles or grains by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import LabelVolume, index_to_um
from nmcstudio.pipeline.step import Preflight, Problem, Step


class EditLabelsParams(Params):
    on: Literal["particles", "grains"] = param("particles", "Edit", help="Which objects are edited.")
    merge: tuple[tuple[int, ...], ...] = param(
        (), "Merge", help="Groups of labels that become one object with the first one's label: 3,5 7,9,12."
    )
    split: tuple[tuple[float, ...], ...] = param(
        (),
        "Split between seeds",
        help="Label, then x,y,z of a point in each piece: 5,10,12,8,14,12,8. The first point's piece keeps the label.",
    )
    split_necks: tuple[tuple[float, ...], ...] = param(
        (),
        "Split at necks",
        help="Label and value: 5,0.8 cuts where a neck is narrower than 0.8 of the smaller piece; the largest keeps the label.",
    )
    split_orientation: tuple[tuple[int, ...], ...] = param(
        (),
        "Split by orientation",
        help="Grain and number of pieces: 5,2 parts grain 5 into two by the orientation of its voxels; needs the map.",
    )
    fill: tuple[int, ...] = param((), "Fill holes", help="Labels whose enclosed background becomes the object.")
    flood: tuple[tuple[float, ...], ...] = param(
        (), "Fill a contour", help="Label and x,y,z of a point in background that is closed in within its slice; needs a plane."
    )
    paint: tuple[tuple[float, ...], ...] = param(
        (),
        "Paint",
        help="Label, radius, then x,y,z of one or more points of a stroke: 5,1.2,10,12,8. Label 0 erases; "
        "the next free label makes a new object.",
    )
    delete: tuple[int, ...] = param((), "Delete", help="Labels that become background. This comes last, merging first.")
    plane: Literal["all", "xy", "xz", "yz"] = param(
        "all", "Brush in", help="all paints balls in 3D; a plane paints discs in the slice of each stroke's first point."
    )
    only_over: int | None = param(
        None,
        "Paint only over",
        optional_text="everything",
        ge=0,
        help="0: only over background; a label: only inside this object.",
    )
    unit: Literal["um", "voxel"] = param(
        "um", "Points in", help="Unit of points and radii: µm, or voxel indices x,y,z counted from 0."
    )


# Numbers before the points, and the fewest points, of each option that holds points.
_POINTS = {"split": (1, 2), "flood": (1, 1), "paint": (2, 1)}


def run(inputs: Mapping[str, Any], params: EditLabelsParams, monitor: Monitor, rng: np.random.Generator) -> LabelVolume:
    from nmcstudio.imaging.label_edits import LabelEditor

    stack = inputs.get("ebsd") if params.on == "grains" else None
    editor = LabelEditor.of(inputs[params.on], monitor.sub(0.0, 0.8), stack)
    acts = acts_of(params, editor.volume)
    for number, act in enumerate(acts):
        delta = editor.do(act, monitor.sub(0.8 + 0.2 * number / len(acts), 0.8 + 0.2 * (number + 1) / len(acts)))
        if delta.box is None:
            monitor.warn(f"edit {number + 1} of {len(acts)} ({type(act).__name__.lower()}) changed no voxel")
    return editor.result()


def acts_of(params: EditLabelsParams, volume: LabelVolume) -> list[Any]:
    """The acts that the parameters ask for, in the order in which they are done.

    Raises
    ------
    NmcError
        If an entry has too few or too many numbers.
    """
    from nmcstudio.imaging import label_acts as acts
    from nmcstudio.imaging.label_orientations import SplitByOrientation
    from nmcstudio.imaging.label_split import SplitAtNecks, SplitAtSeeds

    if problem := _wrong_numbers(params):
        raise NmcError(problem.message, problem.hint, problem.field)
    found: list[Any] = [acts.Merge(group) for group in params.merge]
    found += [SplitAtSeeds(int(each[0]), _points(each[1:], params, volume)) for each in params.split]
    found += [SplitAtNecks(int(label), ratio) for label, ratio in params.split_necks]
    found += [SplitByOrientation(label, pieces) for label, pieces in params.split_orientation]
    found += [acts.Fill(label) for label in params.fill]
    found += [acts.Flood(int(each[0]), params.plane, _points(each[1:], params, volume)[0]) for each in params.flood]
    edge = float(np.cbrt(np.prod(volume.spacing_um))) if params.unit == "voxel" else 1.0
    for label, radius, *points in params.paint:
        placed = _points(tuple(points), params, volume)
        found.append(acts.Paint(int(label), radius * edge, placed, params.plane, params.only_over))
    if params.delete:
        found.append(acts.Delete(params.delete))
    return found


def _points(numbers: tuple[float, ...], params: EditLabelsParams, volume: LabelVolume) -> tuple[tuple[float, float, float], ...]:
    points = np.array(numbers, float).reshape(-1, 3)
    if params.unit == "voxel":
        points = index_to_um(points[:, ::-1], volume.spacing_um, volume.origin_um)
    return tuple((float(x), float(y), float(z)) for x, y, z in points)


def _wrong_numbers(params: EditLabelsParams) -> Problem | None:
    for name in ("split", "split_necks", "flood", "paint"):
        for each in getattr(params, name):
            if not np.isfinite(each).all():
                words = ",".join(f"{v:g}" for v in each)
                return Problem(
                    name, f"{words} holds something that is not a number", "write digits only, with a point for decimals"
                )
    for name, (before, fewest) in _POINTS.items():
        for each in getattr(params, name):
            count, rest = divmod(len(each) - before, 3)
            if rest or count < fewest or (name == "flood" and count > 1) or each[0] != int(each[0]):
                wanted = {
                    "split": "a label and x,y,z of two or more points",
                    "flood": "a label and x,y,z of one point",
                    "paint": "a label, a radius and x,y,z of one or more points",
                }
                words = ",".join(f"{v:g}" for v in each)
                return Problem(name, f"{words} is not {wanted[name]}", "separate the numbers by commas, without spaces")
    for each in params.split_necks:
        if len(each) != 2 or each[0] != int(each[0]) or not 0 < each[1] <= 1:
            words = ",".join(f"{v:g}" for v in each)
            return Problem("split_necks", f"{words} is not a label and a value up to 1", "write for example 5,0.8")
    for pair in params.split_orientation:
        if len(pair) != 2 or not 2 <= pair[1] <= 10:
            words = ",".join(map(str, pair))
            return Problem("split_orientation", f"{words} is not a grain and 2 to 10 pieces", "write for example 5,2")
    if params.split_orientation and params.on != "grains":
        return Problem("split_orientation", "only grains have orientations", "split between seeds, or edit grains")
    if params.flood and params.plane == "all":
        return Problem("plane", "a contour is closed in a slice only", "choose the plane: xy, xz or yz")
    return None


def preflight(facts: Mapping[str, Mapping[str, Any]], params: EditLabelsParams) -> Preflight:
    asked = ("merge", "split", "split_necks", "split_orientation", "fill", "flood", "paint", "delete")
    problem = _wrong_numbers(params)
    if not any(getattr(params, name) for name in asked):
        problem = Problem("merge", "there is nothing to do", "use the tools above the slices, or name labels here")
    problems = (problem,) if problem is not None else ()
    shape = facts.get(params.on, {}).get("shape")
    if shape is None:
        return Preflight(problems=problems)
    voxels = float(np.prod(shape))
    return Preflight(seconds=0.1 + voxels * 1e-8, memory_mib=2.5 * voxels / 2**20, problems=problems)


STEP = Step(
    key="edit-labels",
    title="Edit labels",
    lane="particles",
    params=EditLabelsParams,
    run=run,
    reads=lambda params: (params.on,),
    optional=lambda params: ("ebsd",) if params.on == "grains" else (),
    writes=lambda params: params.on,
    in_place=True,
    preflight=preflight,
    about="Corrects particles or grains by hand: merge, split, delete, paint, erase, fill.",
)
