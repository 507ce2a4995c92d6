"""Step import-labels: a segmentation of another program, as particles or as grains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import param
from nmcstudio.core.volume import LabelVolume
from nmcstudio.pipeline.step import Step
from nmcstudio.pipeline.steps.import_ct import ImportVolumeParams, preflight

_DENSE = 1_000_000


class ImportLabelsParams(ImportVolumeParams):
    as_: Literal["particles", "grains"] = param("particles", "Labels are", help="What the labelled objects are.")


def run(inputs: Mapping[str, Any], params: ImportLabelsParams, monitor: Monitor, rng: np.random.Generator) -> LabelVolume:
    from nmcstudio.io.volumes.options import options_from
    from nmcstudio.io.volumes.registry import read_labels, remember_layout

    options = options_from(params)
    labels = read_labels(params.files, params.spacing_um, options, params.as_, monitor)
    remember_layout(params.files, options, labels.spacing_um, monitor)
    top = int(labels.labels.max(initial=0))
    if top == 0:
        raise NmcError(f"{labels.name} holds no labels: every voxel is 0", "check that this is the volume of the labels", "files")
    return _renumbered(labels, monitor) if top > max(labels.labels.size, _DENSE) else labels


def _renumbered(labels: LabelVolume, monitor: Monitor) -> LabelVolume:
    """The same objects as labels 1, 2, 3, …: work on labels holds arrays as long as the largest of them."""
    known, dense = np.unique(labels.labels, return_inverse=True)
    if known[0] != 0:
        known, dense = np.concatenate([[0], known]), dense + 1
    monitor.warn(f"labels up to {known[-1]} are far more than there are objects; they are numbered 1 to {len(known) - 1} here")
    quaternions = None if labels.quaternions is None else labels.quaternions[known]
    return replace(labels, labels=dense.reshape(labels.shape), quaternions=quaternions)


STEP = Step(
    key="import-labels",
    title="Import labels",
    lane="particles",
    params=ImportLabelsParams,
    run=run,
    writes=lambda params: params.as_,
    preflight=preflight,
    about="Reads particles or grains that were segmented elsewhere.",
)
