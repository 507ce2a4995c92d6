"""Step fit-tessellation: Laguerre tessellation or GBPD of measured grains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.grains import Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step


class FitTessellationParams(Params):
    kind: Literal["laguerre", "gbpd-quadratic", "gbpd-sqrt"] = param(
        "laguerre",
        "Kind",
        help="Laguerre: flat faces, what the random model of the grains is built on. Generalized balanced power diagrams "
        "(quadratic or square-root form) have curved faces and follow long grains better.",
    )
    objective: Literal["agreement", "cross-entropy", "published"] = param(
        "agreement",
        "Objective",
        help="Agreement: cross-entropy first, then a loss between that and the number of wrong voxels. "
        "Cross-entropy: the convex part only. Published: cross-entropy first, then Adam on the sum of binary cross-entropies.",
        advanced=True,
    )
    points_per_grain: int = param(
        1000, "Voxels per grain", help="Voxels near faces that the fit looks at, on average.", ge=20, le=20000, advanced=True
    )
    ridge: float = param(
        1e-3,
        "Ridge",
        symbol="ρ",
        help="How strongly generators are held to the grains' centroids and shapes. Raise it if seeds lie far outside.",
        gt=0,
        le=10,
        decimals=6,
        advanced=True,
    )
    fill_gap_voxels: float = param(
        2.0,
        "Seams",
        unit="voxel",
        help="Unlabelled seams between grains up to twice as wide are given to the nearest grain before the fit; 0 leaves them.",
        ge=0,
        le=20,
        advanced=True,
    )
    gauge: Literal["auto", "stationarity", "centroid"] = param(
        "auto",
        "Gauge",
        help="Generators are known up to a scaling and a shift. Stationarity: weights without a trend in space (automatic from "
        "100 complete cells on). Centroid: seeds nearest to the cells' centroids. No cell depends on it.",
        advanced=True,
    )


def run(inputs: Mapping[str, Any], params: FitTessellationParams, monitor: Monitor, rng: np.random.Generator) -> Tessellation:
    from nmcstudio.grains.fit_tessellation import fit_tessellation

    return fit_tessellation(
        inputs["grains"],
        kind=params.kind,
        objective=params.objective,
        points_per_grain=params.points_per_grain,
        ridge=params.ridge,
        fill_gap_voxels=params.fill_gap_voxels,
        gauge=params.gauge,
        rng=rng,
        monitor=monitor,
    )


def preflight(facts: Mapping[str, Mapping[str, Any]], params: FitTessellationParams) -> Preflight:
    known = facts.get("grains", {})
    if not known:
        return Preflight()
    count = int(known.get("count", 0) or 0)
    voxels = float(np.prod(known.get("shape", (0,))))
    if count == 0:
        return Preflight(problems=(Problem("", "there are no grains", "segment or import grains first"),))
    # microseconds a point, measured on two cores: 2.5 for four parameters a grain, more for ten and for square roots
    point_us = {"laguerre": 2.5, "gbpd-quadratic": 6.0, "gbpd-sqrt": 12.0}[params.kind]
    points = min(float(count * params.points_per_grain), voxels, 2e7)
    seconds = 1.0 + 1e-6 * points * point_us + voxels * 3e-7
    memory = 150.0 + (voxels * 20 + points * 250) / 2**20
    notes = (f"only {count} grains: the random model needs some hundred",) if count < 100 else ()
    return Preflight(seconds=seconds, memory_mib=memory, notes=notes)


STEP = Step(
    key="fit-tessellation",
    title="Fit tessellation",
    lane="grains",
    params=FitTessellationParams,
    run=run,
    reads=("grains",),
    writes="tessellation",
    can_finish=True,
    preflight=preflight,
    about="Finds the seeds and weights whose cells agree best with the measured grains.",
)
