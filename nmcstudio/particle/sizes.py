"""Rough sizes that follow from the models: for defaults, estimates and labels of sliders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.shells import ShellModel

_VOXELS_A_CELL = 15.0


def cell_diameter_um(model: GrainModel) -> float:
    """Diameter, um, of a ball with the mean cell volume, one over the intensity of the seeds."""
    from nmcstudio.grains.processes import intensity_of

    return float(np.cbrt(6.0 / (np.pi * intensity_of(model.seeds))))


def default_voxel_um(model: GrainModel) -> float:
    """A fifteenth of the mean cell diameter, to two digits; the published data have 15.2 voxels a grain."""
    exact = cell_diameter_um(model) / _VOXELS_A_CELL
    unit = 10.0 ** (np.floor(np.log10(exact)) - 1)
    return float(np.round(exact / unit) * unit)


def mean_diameter_um(model: ShellModel) -> float:
    """Twice the mean radius of the mixture, um."""
    return 2.0 * sum(component.probability * component.mean_um for component in model.components)


def law_of_facts(facts: Mapping[str, Any]) -> Law:
    """A law from a node's summary: ``kind`` and its parameters."""
    return Law(str(facts["kind"]), {name: float(value) for name, value in facts.items() if name != "kind"})


def expected_grid(
    shell_facts: Mapping[str, Any],
    grain_facts: Mapping[str, Any],
    diameter_um: float | None,
    voxel_um: float | None,
    scenario: Mapping[str, float],
) -> tuple[float, float]:
    """Voxels of the grid around one particle, and their edge in um, from the summaries of the two models."""
    grains = GrainModel(
        law_of_facts(grain_facts["seeds"]), law_of_facts(grain_facts["weights"]), law_of_facts(grain_facts["copula"])
    )
    cell_um = cell_diameter_um(grains) * scenario.get("grain_size", 1.0)
    edge_um = voxel_um or default_voxel_um(grains) * scenario.get("grain_size", 1.0)
    mean_um = 2.0 * float(np.dot(shell_facts["probabilities"], shell_facts["mean_radii_um"]))
    # a box around a rough shell, and the margin on both sides
    side_um = 1.15 * (diameter_um or mean_um) * scenario.get("size", 1.0) + 3.0 * cell_um
    return (side_um / edge_um) ** 3, edge_um
