"""A fitted model together with the data behind it and the windows that are simulated to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.grains.comparison import Comparison
from nmcstudio.grains.contrast import Contrast
from nmcstudio.grains.model_vector import ModelVector
from nmcstudio.grains.observed import of_simulation
from nmcstudio.grains.processes import intensity_of
from nmcstudio.grains.windows import Observation, SimulatedWindows, VisiblePattern

_LEAST_CELLS = 1_000  # simulated in a step: windows of few grains tell little, and cost little
_MOST_CELLS = 20_000  # unless one window holds more


@dataclass(frozen=True)
class Study:
    """What the correction and the bootstrap work with.

    Attributes
    ----------
    vector
        Of the model as it moves: a Matérn model at its Poisson limit moves as a Poisson one.
    compare
        Data against simulated windows.
    windows
        How they are simulated.
    clustered
        False for a Matérn model at its Poisson limit.
    """

    vector: ModelVector
    compare: Comparison
    windows: SimulatedWindows
    clustered: bool

    @classmethod
    def plan(
        cls,
        model: GrainModel,
        data: Sequence[VisiblePattern],
        observation: Observation,
        windows: int,
        *,
        clustered: bool = True,
        r_max_um: float = float("nan"),
        contrast: Contrast | None = None,
        error: tuple[float, float] = (0.0, 0.0),
    ) -> Study:
        """The study of a model that was fitted to data.

        Parameters
        ----------
        model
            As fitted to visible cells.
        data
            Visible seeds and weights; several patterns count as one sample.
        observation
            How each of them was looked at; simulated windows are looked at in the same way.
        windows
            Simulated windows in a step; fewer where that would be more than 20,000 cells, more where fewer than 1,000.
        clustered
            False where a Matérn fit stands at its Poisson limit: of the seeds only the intensity is studied then.
        r_max_um
            Range of the Palm likelihood of the fit.
        contrast
            Minimum contrast of the fit, None for the Palm likelihood.
        error
            As in `SimulatedWindows`.
        """
        moving = model
        if model.seeds.kind == "matern-cluster" and not clustered:
            moving = replace(model, seeds=Law("poisson", {"intensity": intensity_of(model.seeds)}))
        vector = ModelVector.of(moving)
        simulated = of_simulation(observation)
        compare = Comparison(vector, data, observation.region, simulated.region, r_max_um, contrast)
        cells = intensity_of(moving.seeds) * simulated.region.volume_um3
        wanted = max(windows, int(np.ceil(_LEAST_CELLS / max(cells, 1.0))))
        plan = SimulatedWindows.plan(moving, simulated, max(1, min(wanted, int(_MOST_CELLS / max(cells, 1.0)))), error)
        return cls(vector, compare, plan, moving is model)

    def moving(self, model: GrainModel) -> GrainModel:
        """A model of the kind that was fitted, as the study moves it."""
        if self.clustered:
            return model
        return replace(model, seeds=Law("poisson", {"intensity": intensity_of(model.seeds)}))

    def fitted(self, like: Law, seeds: Law) -> Law:
        """Seeds as the fit has them: a Poisson law of the study as the Matérn law `like` with parents to match."""
        if self.clustered:
            return seeds
        factor = seeds["intensity"] / intensity_of(like)
        return replace(like, parameters={**like.parameters, "parent_intensity": like["parent_intensity"] * factor})
