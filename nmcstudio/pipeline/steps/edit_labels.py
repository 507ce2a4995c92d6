"""Step edit-labels: merge and delete particles or grains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import LabelVolume
from nmcstudio.pipeline.step import Preflight, Problem, Step


class EditLabelsParams(Params):
    on: Literal["particles", "grains"] = param("particles", "Edit", help="Which objects are edited.")
    merge: tuple[tuple[int, ...], ...] = param(
        (), "Merge", help="Groups of labels that become one object with the first one's label: 3,5 7,9,12."
    )
    delete: tuple[int, ...] = param((), "Delete", help="Labels that become background. Merging comes first.")


def run(inputs: Mapping[str, Any], params: EditLabelsParams, monitor: Monitor, rng: np.random.Generator) -> LabelVolume:
    from nmcstudio.imaging.label_edits import delete_labels, merge_labels

    labels: LabelVolume = inputs[params.on]
    if params.merge:
        labels, _ = merge_labels(labels, params.merge, monitor.sub(0.0, 0.5))
    if params.delete:
        labels, _ = delete_labels(labels, params.delete, monitor.sub(0.5, 1.0))
    return labels


def preflight(facts: Mapping[str, Mapping[str, Any]], params: EditLabelsParams) -> Preflight:
    problems: tuple[Problem, ...] = ()
    if not params.merge and not params.delete:
        problems = (Problem("merge", "there is nothing to do", "name labels to merge or to delete"),)
    shape = facts.get(params.on, {}).get("shape")
    if shape is None:
        return Preflight(problems=problems)
    voxels = float(np.prod(shape))
    return Preflight(seconds=0.1 + voxels * 2e-8, memory_mib=6 * voxels / 2**20, problems=problems)


STEP = Step(
    key="edit-labels",
    title="Edit labels",
    lane="particles",
    params=EditLabelsParams,
    run=run,
    reads=lambda params: (params.on,),
    writes=lambda params: params.on,
    in_place=True,
    preflight=preflight,
    about="Merges objects that were split in error and deletes those that are none.",
)
