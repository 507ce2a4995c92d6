"""The model of the outer shell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.shells import ShellModel
from nmcstudio.pipeline.step import Preflight, Problem, Step

_FEWEST = 5


class FitShellParams(Params):
    """Size and method of the mixture."""

    degree: Annotated[int, Field(ge=1, le=50)] | Literal["auto"] = param(
        15,
        "Degree",
        symbol="L",
        help="Highest degree of the harmonics, 15 as published. More describes finer roughness and needs smaller voxels. "
        "auto takes the one that the criterion prefers.",
    )
    components: Annotated[int, Field(ge=1, le=20)] | Literal["auto"] = param(
        "auto",
        "Components",
        symbol="K",
        help="Number of random fields that are mixed. auto takes the number that the criterion prefers; 7 is the published one.",
    )
    method: Literal["em", "em-nugget", "published"] = param(
        "em",
        "Method",
        help="em: closed-form EM on harmonic coefficients. em-nugget: exact EM on the radii, for any directions. published: "
        "least squares and gradient ascent. All three report the same likelihood.",
    )
    bootstrap: int = param(
        0,
        "Bootstrap",
        symbol="B",
        help="Number of simulated data sets that are fitted again, for standard errors and intervals of every parameter. 200 is "
        "usual; 0 for none. Finish now keeps those done.",
        ge=0,
        le=5000,
        step=50,
    )
    compare_methods: bool = param(
        False,
        "Compare the methods",
        help="Fit by all three methods with the same K and L, and show the likelihood of each.",
    )
    criterion: Literal["bic", "held-out"] = param(
        "bic",
        "Criterion",
        help="What auto goes by. bic: likelihood against the number of parameters. held-out: log-likelihood of particles that "
        "the fit has not seen, in five folds.",
        advanced=True,
    )
    most_components: int | None = param(
        None,
        "Most components",
        symbol="K_max",
        help="Largest number that auto tries; it ends earlier when two more components in a row do not help. Automatic: ten "
        "particles for each, and at most 20.",
        optional_text="automatic",
        advanced=True,
        ge=1,
        le=20,
    )
    starts: int = param(8, "Starts", help="Runs from different beginnings; the best is kept.", advanced=True, ge=1, le=100)
    prior_strength: float = param(
        1.0,
        "Strength of the prior",
        symbol="ν₀",
        help="Keeps a component from collapsing on a single particle; 0 for plain maximum likelihood.",
        advanced=True,
        ge=0.0,
        le=10.0,
        step=0.5,
    )
    positive_radii: bool = param(
        True,
        "Count that radii are positive",
        symbol="r > 0",
        help="Where more than 1 % of the random fields would have radii below zero, the likelihood counts that such shells are "
        "never kept. Without it very rough particles are fitted too small and too rough.",
        advanced=True,
    )
    cross_validate: bool = param(
        True,
        "Held-out likelihood",
        help="Compute the log-likelihood of particles that the fit has not seen beside BIC, for each K and L.",
        advanced=True,
    )
    use_weights: bool = param(
        True, "Use border weights", help="Weigh particles by the weights that were measured with the radii.", advanced=True
    )
    leave_out_flagged: bool = param(
        False,
        "Leave out flagged particles",
        help="Fit without particles that are not star-shaped. They are often two particles that were not separated.",
    )


def _run(inputs: Mapping[str, Any], params: FitShellParams, monitor: Monitor, rng: np.random.Generator) -> ShellModel:
    from nmcstudio.shell.fit import fit_shell

    return fit_shell(inputs["radii"], rng=rng, monitor=monitor, **params.model_dump())


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: FitShellParams) -> Preflight:
    radii = facts.get("radii")
    if radii is None:
        return Preflight()
    count = int(radii.get("count", 0)) - (int(radii.get("flagged", 0)) if params.leave_out_flagged else 0)
    directions = int(radii.get("directions", 0))
    k = 1 if params.components == "auto" else params.components
    degree = max(1, int(np.sqrt(directions / 2)) - 1) if params.degree == "auto" else params.degree
    size = (degree + 1) ** 2
    problems, notes = [], []
    if count < _FEWEST * k:
        hint = f"give at least {_FEWEST * k} particles" + (f", or at most {max(1, count // _FEWEST)} components" if k > 1 else "")
        problems.append(Problem("components", f"{count} particles are too few for {k} components", hint))
    if directions and directions < 0.75 * size:
        top = max(1, int(np.sqrt(directions)) - 1)
        problems.append(Problem("degree", f"{directions} directions do not determine {size} coefficients", f"use at most {top}"))
    exact = params.method == "em-nugget" or directions < size + 64
    if directions and exact and params.method == "em" and not problems:
        notes.append("With so few directions the exact EM on the radii is used.")
    if params.criterion == "held-out" and not params.cross_validate:
        problems.append(
            Problem("criterion", "the held-out likelihood is not computed", "tick Held-out likelihood, or choose bic")
        )
    flagged = int(radii.get("flagged", 0))
    if flagged and not params.leave_out_flagged:
        notes.append(f"{flagged} particles are not star-shaped and take part.")
    seconds = _seconds(params, count, k, exact)
    memory = 150 + 8 * (2 * count * directions + 3 * directions * size + 4 * count * size) / 2**20
    return Preflight(seconds=seconds, memory_mib=memory, problems=tuple(problems), notes=tuple(notes))


def _seconds(params: FitShellParams, count: int, components: int, exact: bool) -> float:
    """About 5 microseconds a particle, component and start; an exact climb looks at each component some ten times."""
    fixed = params.components != "auto"
    limit = params.most_components or min(12, max(1, count // 10))
    tried = [components] if fixed else list(range(1, limit + 1))
    folds = 5 if params.cross_validate else 0
    quick = 5e-6 * count * sum(tried)
    climb = 8e-5 * count * sum(tried)
    seconds = 1.0 + quick * (params.starts + 4 * folds) + (climb * (1 + folds) if exact else 0.0)
    each = components if fixed else 4
    seconds += params.bootstrap * count * each * (8e-5 if exact else 2e-5)
    if params.method == "published" or params.compare_methods:
        seconds += 2e-3 * count * each
    return seconds


STEP = Step(
    key="fit-shell",
    title="Fit shell model",
    lane="particles",
    params=FitShellParams,
    run=_run,
    reads=("radii",),
    writes="shell-model",
    can_finish=True,
    preflight=_preflight,
    about="Fits a mixture of isotropic Gaussian random fields on the sphere to the radius functions: how large the particles are "
    "and how rough at every scale.",
)
