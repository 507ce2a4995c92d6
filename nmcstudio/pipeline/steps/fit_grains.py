"""Step fit-grains: point process, weights, copula and texture of a fitted tessellation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.grains import GrainModel, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step

_LEAST = 20  # cells; the fit itself refuses fewer seeds in the observed region
_FEW = 200


class FitGrainsParams(Params):
    seeds: Literal["matern", "poisson", "strauss"] = param(
        "matern",
        "Seeds",
        symbol="Φ",
        help="Matérn: clusters, as in the published NMC model. Poisson: at random. Strauss: seeds that keep apart.",
    )
    correct_empty_cells: bool = param(
        True,
        "Correct for empty cells",
        help="Seeds without a cell cannot be seen in an image; simulated windows tell how many there are. The values before the "
        "correction are kept beside.",
    )
    contrast: Literal["palm", "g", "g-quarter", "k-quarter", "nearest-neighbour"] = param(
        "palm",
        "Fit of the clusters",
        help="Palm likelihood is the most precise; g is the published minimum contrast of the pair correlation, the others "
        "of its fourth root, of K and of the nearest-neighbour distances. For Matérn only.",
        advanced=True,
    )
    weights: Literal["auto", "inverse-gamma", "normal", "gamma", "log-normal"] = param(
        "inverse-gamma",
        "Weights",
        symbol="α, β, θ",
        help="Law of the weights: shifted inverse gamma as published, normal, shifted gamma or log-normal. All are fitted and "
        "compared by Akaike's criterion; auto takes the best.",
        advanced=True,
    )
    copula: Literal["auto", "tawn", "gaussian", "clayton", "gumbel", "frank", "independence"] = param(
        "tawn",
        "Weights and distances",
        symbol="κ, ψ",
        help="How the weight of a seed depends on the distance to its nearest neighbour: Tawn as published, four others, or "
        "independence. All are compared by Akaike's criterion; auto takes the best.",
        advanced=True,
    )
    compare_laws: bool = param(
        True,
        "Compare the laws",
        help="Fits every law of the weights with every copula and lists them by Akaike's criterion; nothing is changed by it.",
        advanced=True,
    )
    envelopes: int = param(
        99,
        "Simulations for the test of the seeds",
        help="Patterns of the fitted process that the seeds are compared with, in their pair correlation, gaps and nearest "
        "neighbours. 19 are the least for a test at 5 %; 0 leaves it out.",
        ge=0,
        le=999,
        advanced=True,
    )
    texture: Literal["automatic", "uniform", "resampled", "correlated", "radial"] = param(
        "automatic",
        "Orientations",
        help="Resampled draws from the measured ones; correlated also places them so that neighbours are disoriented as "
        "measured; radial ties the c-axis to the direction from the centre. Automatic resamples where the grains have "
        "orientations.",
    )
    matrices: Literal["isotropic", "gaussian", "radial", "vine"] = param(
        "isotropic",
        "Shapes of the cells",
        help="Of a GBPD only. Isotropic: sizes and shapes without a direction, independent of the weights. Gaussian or vine: all "
        "six numbers of each matrix jointly with the weight. Radial: Gaussian, seen along the direction from the particle's "
        "centre, for grains that grow outwards. They need 30 cells or more.",
        advanced=True,
    )
    windows: int = param(
        8,
        "Simulated windows",
        help="Of the correction, in each step, each like the data's; more where they hold few grains, fewer where very many. "
        "More of them lower its random error and take longer.",
        ge=1,
        le=200,
        advanced=True,
    )
    steps: int = param(
        6,
        "Steps of the correction",
        help="At least; half of them look for the solution, the others check it with random numbers of their own.",
        ge=4,
        le=30,
        advanced=True,
    )
    minimum_cell_voxels: int = param(
        20,
        "Smallest grain",
        unit="voxel",
        help="Grains of fewer voxels do not tell their generator: they are left out, in the data and in the simulated windows.",
        ge=1,
        le=500,
        advanced=True,
    )
    fit_error: bool = param(
        False,
        "Error of the tessellation fit",
        help="Fits a tessellation to one simulated window first, and gives the simulated seeds and weights the error it finds, "
        "so that the correction takes it back too. As long again as the tessellation's own fit; Laguerre only.",
        advanced=True,
    )
    bootstrap: int = param(
        0,
        "Standard errors",
        unit="replicates",
        help="Simulated windows of the corrected model that are fitted as the data was; 100 give standard errors and 95 % "
        "intervals of every parameter. 0 keeps the quick errors from the windows of the correction.",
        ge=0,
        le=2000,
    )


def run(inputs: Mapping[str, Any], params: FitGrainsParams, monitor: Monitor, rng: np.random.Generator) -> GrainModel:
    from nmcstudio.grains.model import fit_grains

    if is_flat(inputs["tessellation"]):
        monitor.warn(
            "The data is thinner than half a grain, as a single section is: every cell is cut above and below, and heights of "
            "seeds, intensities and weights are no more than guesses. Fit a stack or a volume."
        )
    return fit_grains(
        inputs["tessellation"],
        rng=rng,
        seeds=params.seeds,
        contrast=params.contrast,
        weights=params.weights,
        copula=params.copula,
        compare_laws=params.compare_laws,
        envelopes=params.envelopes,
        correct_empty_cells=params.correct_empty_cells,
        windows=params.windows,
        steps=params.steps,
        minimum_cell_voxels=params.minimum_cell_voxels,
        fit_error=params.fit_error,
        bootstrap=params.bootstrap,
        texture=params.texture,
        matrices=params.matrices,
        grains=inputs.get("grains"),
        monitor=monitor,
    )


def is_flat(tessellation: Tessellation) -> bool:
    """Whether the window is thinner than half the grains are wide across it."""
    thickness, *across = np.sort(np.ptp(tessellation.window_um, axis=1))
    return bool(thickness < 0.5 * np.sqrt(np.prod(across) / max(len(tessellation), 1)))


def preflight(facts: Mapping[str, Mapping[str, Any]], params: FitGrainsParams) -> Preflight:
    known = facts.get("tessellation", {})
    count = int(known.get("count", 0) or 0)
    problems, notes = [], []
    if known and count < _LEAST:
        problems.append(
            Problem("", f"{count} cells are too few for a random model", f"fit a volume with at least {_LEAST} grains")
        )
    elif known and count < _FEW:
        notes.append(f"{count} cells: expect wide standard errors")
    seconds = 3.0 + 1e-3 * count
    factor = 2.0 if params.seeds == "strauss" else 1.0
    if params.correct_empty_cells:
        seconds += factor * params.steps * (0.1 + 5e-5 * min(params.windows * max(count, 20), 20_000 + count))
    if params.fit_error:
        seconds += 0.03 * count
    seconds += factor * params.bootstrap * (0.05 + 3e-4 * count)
    return Preflight(seconds=seconds, memory_mib=300.0, problems=tuple(problems), notes=tuple(notes))


STEP = Step(
    key="fit-grains",
    title="Fit grain model",
    lane="grains",
    params=FitGrainsParams,
    run=run,
    reads=("tessellation",),
    optional=("grains",),
    writes="grain-model",
    can_finish=True,
    preflight=preflight,
    about="Fits the random model of the grains to a tessellation: point process of the seeds, law of the weights, their "
    "dependence, and the orientations.",
)
