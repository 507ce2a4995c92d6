"""Step import-labels: a segmentation of another program, as particles or as grains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import LabelVolume
from nmcstudio.pipeline.step import Preflight, Step
from nmcstudio.pipeline.steps.import_ct import preflight_files

_DENSE = 1_000_000


class ImportLabelsParams(Params):
    files: tuple[str, ...] = param(
        (), "Files", widget="files", help="Whole numbers, 0 is background: TIFF stack or slices, VTI, NRRD or HDF5."
    )
    as_: Literal["particles", "grains"] = param("particles", "Labels are", help="What the labelled objects are.")
    spacing_um: tuple[float, ...] | None = param(
        None,
        "Voxel size",
        unit="um",
        symbol="h",
        optional_text="from the file",
        help="One value, or three (z y x) where they differ. Needed where the file does not say it.",
        min_length=1,
        max_length=3,
    )
    dataset: str | None = param(
        None,
        "Dataset",
        optional_text="the only one",
        help="Which volume of an HDF5 or VTI file that holds several.",
        advanced=True,
    )


def run(inputs: Mapping[str, Any], params: ImportLabelsParams, monitor: Monitor, rng: np.random.Generator) -> LabelVolume:
    from nmcstudio.io.volumes.registry import read_labels

    labels = read_labels(params.files, params.spacing_um, params.dataset, params.as_, monitor)
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


def preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportLabelsParams) -> Preflight:
    return preflight_files(params.files, params.spacing_um, params.dataset)


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
