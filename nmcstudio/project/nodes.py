"""The nodes of a project: what they are called, what they hold, and one line about each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Validation
from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.grains import GrainModel, Tessellation
from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.core.particles import ParticleSet
from nmcstudio.core.shells import RadiusFunctions, ShellModel
from nmcstudio.core.volume import LabelVolume, Volume


@dataclass(frozen=True)
class NodeKind:
    """A place in the project.

    Attributes
    ----------
    key, title
        Name in files and commands; plain words.
    lane
        "particles" (CT to shell model), "grains" (EBSD to grain model) or "virtual".
    holds
        Types of the value.
    steps
        Keys of the steps that write it, the usual one first.
    """

    key: str
    title: str
    lane: str
    holds: tuple[type, ...]
    steps: tuple[str, ...]


NODES = {
    kind.key: kind
    for kind in (
        NodeKind("ct", "CT volume", "particles", (Volume,), ("import-ct",)),
        NodeKind("particles", "Particles", "particles", (LabelVolume,), ("segment-ct", "import-labels", "edit-labels")),
        NodeKind("radii", "Radius functions", "particles", (RadiusFunctions,), ("extract-radii", "import-radii")),
        NodeKind("shell-model", "Shell model", "particles", (ShellModel,), ("fit-shell", "import-shell-model")),
        NodeKind("ebsd", "EBSD map", "grains", (EbsdStack,), ("import-ebsd", "align-ebsd")),
        NodeKind("grains", "Grains", "grains", (LabelVolume,), ("segment-ebsd", "import-labels", "edit-labels")),
        NodeKind("tessellation", "Tessellation", "grains", (Tessellation,), ("fit-tessellation", "import-tessellation")),
        NodeKind("grain-model", "Grain model", "grains", (GrainModel,), ("fit-grains", "import-grain-model")),
        NodeKind("particle", "Virtual particles", "virtual", (ParticleSet,), ("compose",)),
        NodeKind("mesh", "Mesh", "virtual", (SurfaceMesh, VolumeMesh), ("mesh",)),
        NodeKind("validation", "Validation", "virtual", (Validation,), ("validate",)),
    )
}


def _grid(shape: tuple[int, ...], spacing_um: tuple[float, ...]) -> dict[str, Any]:
    return {"shape": list(shape), "spacing_um": list(spacing_um)}


@singledispatch
def summarise(value: Any) -> dict[str, Any]:
    """A node's figures as JSON: what `--json` prints, what preflight knows of its inputs, what the workflow shows."""
    raise TypeError(f"{type(value).__name__} is not a node's value")


@summarise.register
def _(value: Volume) -> dict[str, Any]:
    figures = _grid(value.shape, value.spacing_um)
    figures |= {"dtype": str(value.values.dtype), "simulated": value.simulated, "name": value.name}
    figures["headline"] = f"{_by(value.shape)} voxels of {_edge(value.spacing_um)}"
    return figures


@summarise.register
def _(value: LabelVolume) -> dict[str, Any]:
    from nmcstudio.stats.descriptor_kernels import count_labels

    voxels = np.zeros(int(value.labels.max(initial=0)) + 1, np.int64)
    count_labels(value.labels, voxels)
    return summarise_labels(value, voxels)


def summarise_labels(value: LabelVolume, voxels: NDArray[np.int64]) -> dict[str, Any]:
    """Figures of a label volume from the voxels of each label ``(n,)``, the background first."""
    sizes = voxels[1:]
    count = int(np.count_nonzero(sizes))
    figures = _grid(value.shape, value.spacing_um)
    voxel_um3 = float(np.prod(value.spacing_um))
    diameters = np.cbrt(6 / np.pi * sizes[sizes > 0] * voxel_um3)
    if value.shape[0] == 1:  # a section has areas: circles in place of balls
        diameters = np.sqrt(4 / np.pi * sizes[sizes > 0] * value.spacing_um[1] * value.spacing_um[2])
    figures |= {
        "kind": value.kind,
        "count": count,
        "median_diameter_um": float(np.median(diameters)) if count else float("nan"),
        "volume_fraction": float(sizes.sum() / max(value.labels.size, 1)),
        "orientations": value.quaternions is not None,
        "point_group": value.point_group,
        "simulated": value.simulated,
        "name": value.name,
    }
    figures["headline"] = f"{count} {value.kind}, median {figures['median_diameter_um']:.3g} µm"
    return figures


@summarise.register
def _(value: RadiusFunctions) -> dict[str, Any]:
    flagged = sum(bool(flag) for flag in value.flags)
    return {
        "count": len(value),
        "directions": len(value.directions),
        "flagged": flagged,
        "mean_radius_um": float(value.radii_um.mean()) if len(value) else float("nan"),
        "voxel_um": value.voxel_um,
        "notes": list(value.notes),
        "simulated": value.simulated,
        "headline": f"{len(value)} particles × {len(value.directions)} directions, {flagged} flagged",
    }


@summarise.register
def _(value: ShellModel) -> dict[str, Any]:
    return {
        "degree": value.degree,
        "components": len(value.components),
        "probabilities": [c.probability for c in value.components],
        "mean_radii_um": [c.mean_um for c in value.components],
        "log_likelihood": value.log_likelihood,
        "bic": value.bic,
        "method": value.method,
        "sample_size": value.sample_size,
        "rejection_probability": value.rejection_probability,
        "rejection_by_component": [c.rejection_probability for c in value.components],
        "truncated": value.truncated,
        "nugget_um": value.nugget_um,
        "methods": value.methods,
        "bootstrap": len(value.bootstrap) if value.bootstrap is not None else 0,
        "headline": f"L = {value.degree}, K = {len(value.components)}, " + ("given" if value.method == "given" else value.method),
    }


@summarise.register
def _(value: EbsdStack) -> dict[str, Any]:
    figures = _grid(value.shape, value.spacing_um)
    indexed = float((value.phase > 0).mean()) if value.phase.size else 0.0
    figures |= {
        "indexed": indexed,
        "phases": [phase.name for phase in value.phases],
        "point_groups": [phase.point_group for phase in value.phases],
        "frame": value.frame,
        "simulated": value.simulated,
        "name": value.name,
    }
    sections = "section" if value.shape[0] == 1 else "sections"
    figures["headline"] = f"{value.shape[0]} {sections}, {100 * indexed:.0f} % indexed"
    return figures


@summarise.register
def _(value: Tessellation) -> dict[str, Any]:
    return {
        "kind": value.kind,
        "count": len(value),
        "agreement": value.agreement,
        "empty_cells": value.empty_cells,
        "complete": int(value.complete.sum()) if value.complete is not None else None,
        "gauge": value.gauge,
        "neighbour_precision": value.neighbour_precision,
        "neighbour_recall": value.neighbour_recall,
        "observed_volume_um3": value.observed_volume_um3,
        "simulated": value.simulated,
        "headline": f"{value.kind}, {len(value)} cells"
        + (f", {100 * value.agreement:.1f} % agree" if np.isfinite(value.agreement) else ""),
    }


@summarise.register
def _(value: GrainModel) -> dict[str, Any]:
    return {
        "seeds": {"kind": value.seeds.kind, **value.seeds.parameters},
        "weights": {"kind": value.weights.kind, **value.weights.parameters},
        "copula": {"kind": value.copula.kind, **value.copula.parameters},
        "texture": {"kind": value.texture.kind, **value.texture.parameters},
        "corrected": bool(value.as_published),
        "sample_size": value.sample_size,
        "notes": list(value.notes),
        "headline": f"{value.seeds.kind} seeds" + (", corrected for empty cells" if value.as_published else ""),
    }


@summarise.register
def _(value: ParticleSet) -> dict[str, Any]:
    grains = [particle.grain_count for particle in value.particles]
    diameters = [particle.diameter_um for particle in value.particles]
    few = len(value) == 1
    return {
        "count": len(value),
        "grains": grains,
        "diameters_um": diameters,
        "shell_diameters_um": [particle.shell_diameter_um for particle in value.particles],
        "shapes": [list(particle.grains.shape) for particle in value.particles],
        "headline": f"{len(value)} particle{'' if few else 's'}, {int(np.median(grains))} grains, {np.median(diameters):.3g} µm",
    }


@summarise.register
def _(value: SurfaceMesh) -> dict[str, Any]:
    figures = {"kind": "surface", "points": len(value.points_um), "triangles": len(value.triangles)}
    return figures | {"headline": f"surface, {len(value.triangles):,} triangles"}


@summarise.register
def _(value: VolumeMesh) -> dict[str, Any]:
    from nmcstudio.mesh.quality import measure_quality

    quality = measure_quality(value)
    figures: dict[str, Any] = {"kind": value.kind, "points": quality.points, "cells": quality.cells, "grains": quality.grains}
    figures |= {
        "minimum_quality": quality.minimum,
        "low_quality": quality.low,
        "smallest_angle_deg": quality.smallest_angle_deg,
        "largest_angle_deg": quality.largest_angle_deg,
        "volume_um3": quality.volume_um3,
    }
    figures["headline"] = f"{quality.cells:,} {value.kind}, smallest quality {quality.minimum:.2g}"
    return figures


@summarise.register
def _(value: Validation) -> dict[str, Any]:
    distances = {comparison.key: dict(comparison.distances) for comparison in value.comparisons}
    return {"comparisons": distances, "headline": f"{len(distances)} comparisons"}


def _by(shape: tuple[float, ...]) -> str:
    return " × ".join(f"{n:.4g}" for n in shape)


def _edge(spacing_um: tuple[float, ...]) -> str:
    same = max(spacing_um) - min(spacing_um) < 1e-9 * max(spacing_um)
    return (f"{spacing_um[0]:.4g}" if same else _by(spacing_um)) + " µm"
