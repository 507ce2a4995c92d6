"""Data beside model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nmcstudio.core.comparison import Validation
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.particles import ParticleSet
from nmcstudio.core.rng import child
from nmcstudio.pipeline.step import Preflight, Problem, Step

_SAME_SIZE = 0.05  # particles composed with one diameter differ by 4 % at most, unless the tolerance was raised
_NODES = ("radii", "shell-model", "grains", "tessellation", "grain-model")


class ValidateParams(Params):
    """How much of the model is simulated for the comparison."""

    shells: int = param(
        2000,
        "Shells drawn",
        ge=20,
        le=200_000,
        help="Shells drawn from the shell model for its curves. More make them smoother.",
    )
    replicates: int = param(
        99, "Samples of the model", symbol="s", ge=0, le=9999,
        help="Samples of the data's size drawn from the shell model: they make the envelopes and tell what two samples of the "
        "model differ by. 19 are the fewest for an envelope of 95 %; 999 make p-values finer. 0 leaves both out.",
    )  # fmt: skip
    at_diameter_um: float | None = param(
        None, "Sphericity at diameter", unit="um", symbol="d", gt=0, le=1000, decimals=3, step=0.1,
        optional_text="median, and composed",
        help="Diameter at which the sphericity of particles of that size is compared. Left open: the data's median, and the "
        "diameter that particles were composed with, if they share one.",
    )  # fmt: skip
    windows: int = param(
        4,
        "Simulated windows",
        ge=1,
        le=500,
        help="Windows of the grain model, each of the size and voxels of the grain image. 19 or more give envelopes.",
    )


def _run(inputs: Mapping[str, Any], params: ValidateParams, monitor: Monitor, rng: np.random.Generator) -> Validation:
    from nmcstudio.report.disorientations import compare_disorientations
    from nmcstudio.report.grains import compare_grains
    from nmcstudio.report.particles import compare_particles

    particles = compare_particles(
        inputs.get("radii"),
        inputs.get("shell-model"),
        shells=params.shells,
        replicates=params.replicates,
        at_um=params.at_diameter_um,
        composed_um=_composed_um(inputs.get("particle")),
        monitor=monitor.sub(0.0, 0.4),
        rng=child(rng, 0),
    )
    grains = compare_grains(
        inputs.get("grains"),
        inputs.get("tessellation"),
        inputs.get("grain-model"),
        windows=params.windows,
        monitor=monitor.sub(0.4, 0.9),
        rng=child(rng, 1),
    )
    neighbours = compare_disorientations(
        inputs.get("grains"), inputs.get("grain-model"), windows=params.windows, monitor=monitor.sub(0.9, 1.0), rng=child(rng, 14)
    )
    if not particles and not grains and not neighbours:
        raise NmcError("there is nothing to compare", "extract radius functions or segment grains, or import a model")
    monitor.report(1.0)
    return Validation((*particles, *grains, *neighbours))


def _composed_um(particles: ParticleSet | None) -> float | None:
    """The diameter that particles were composed with; None where their sizes were drawn."""
    if particles is None or not len(particles):
        return None
    diameters = np.array([particle.shell_diameter_um for particle in particles.particles])
    same = np.ptp(diameters) <= _SAME_SIZE * diameters.mean()
    return float(np.median(diameters)) if same else None


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: ValidateParams) -> Preflight:
    if not any(name in facts for name in _NODES):
        return Preflight(problems=(Problem("", "the project has neither data nor models", "import something first"),))
    voxels = float(np.prod(facts["grains"]["shape"])) if "grains" in facts else 1e6
    # Measured on one busy core: 0.2 ms to draw and measure a shell, 20 ms for the curves of a sample.
    drawn = facts.get("radii", {}).get("count", 0) * params.replicates if "shell-model" in facts else 0
    seconds = (params.shells + drawn) * 2e-4 + params.replicates * 2e-2 if "shell-model" in facts else 0.0
    if "grain-model" in facts:
        seconds += params.windows * voxels * 4e-7
    missing = [name for name in ("radii", "shell-model", "grains", "grain-model") if name not in facts]
    notes = (f"Without {', '.join(missing)}: what depends on them is left out.",) if missing else ()
    return Preflight(seconds=seconds + 1.0, memory_mib=voxels * 16 / 2**20 + params.shells * 0.01, notes=notes)


STEP = Step(
    key="validate",
    title="Validate",
    lane="virtual",
    params=ValidateParams,
    run=_run,
    optional=(*_NODES, "particle"),
    writes="validation",
    can_finish=True,
    preflight=_preflight,
    about="Compares data and models: size and shape of particles; size, surface, shape and neighbours of grains; "
    "arrangement of seeds, weights, and how the two depend on each other.",
)
