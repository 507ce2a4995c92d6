"""What a slider means: named changes of the fitted models' main parameters.

A scenario is a mapping from names to values. Most are factors (1 is the fitted model), the texture is a value of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.laws import scaled_law
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.grains.weights import weight_moments, weight_of_vector, weight_vector


@dataclass(frozen=True)
class Control:
    """One slider.

    Attributes
    ----------
    key
        Name in a scenario.
    title, unit, symbol, help
        Plain words; unit of the slider's value ("× fitted" for factors); the paper's symbol; a sentence for the tooltip.
    fitted
        Value that changes nothing.
    low, high
        Limits of the slider.
    quantity, quantity_unit
        What a factor multiplies, in words and its unit.
    quantity_fitted
        Its fitted value; NaN for values that are no factors.
    """

    key: str
    title: str
    unit: str
    symbol: str
    help: str
    fitted: float
    low: float
    high: float
    quantity: str = ""
    quantity_unit: str = ""
    quantity_fitted: float = float("nan")

    def describe(self, value: float) -> str:
        """The value in words, for example "mean grain diameter 0.81 µm"."""
        if np.isnan(self.quantity_fitted):
            return f"{self.title.lower()} {value:.3g} {self.unit}".rstrip()
        return f"{self.quantity} {value * self.quantity_fitted:.3g} {self.quantity_unit}".rstrip()


_FACTOR = "× fitted"


def controls(shell_model: ShellModel, grain_model: GrainModel) -> tuple[Control, ...]:
    """The sliders that these models have, with their fitted values."""
    from nmcstudio.particle.sizes import cell_diameter_um, mean_diameter_um

    radius = mean_diameter_um(shell_model) / 2
    found = [
        Control(
            "size", "Particle size", _FACTOR, "μ", "Scales the shell in all its lengths; a given diameter is scaled too.",
            1.0, 0.5, 2.0, "mean diameter", "µm", 2 * radius,
        ),
        Control(
            "irregularity", "Irregularity", _FACTOR, "a_l, l ≥ 2",
            "Amplitude of all deviations of the shell from a ball: 0 makes balls, large values rough and lobed particles.",
            1.0, 0.0, 2.0, "relative deviation", "%", 100 * _deviation(shell_model, range(2, shell_model.degree + 1)),
        ),
        Control(
            "elongation", "Elongation", _FACTOR, "a_2",
            "Amplitude of the second degree alone, which makes particles longish or flat.",
            1.0, 0.0, 3.0, "relative deviation of degree 2", "%", 100 * _deviation(shell_model, (2,)),
        ),
        Control(
            "grain_size", "Grain size", _FACTOR, "λ, R, β, θ",
            "Scales the whole grain structure: seeds, clusters and weights.",
            1.0, 0.5, 2.5, "mean grain diameter", "µm", cell_diameter_um(grain_model),
        ),
    ]  # fmt: skip
    if grain_model.seeds.kind == "matern-cluster":
        found += [
            Control(
                "clustering", "Clustering", _FACTOR, "μ",
                "Mean number of seeds in a cluster at the same number of seeds in all: more gives some very small grains.",
                1.0, 0.1, 6.0, "seeds a cluster", "", grain_model.seeds["mean_offspring"],
            ),
            Control(
                "cluster_radius", "Cluster radius", _FACTOR, "R", "How far the seeds of one cluster lie apart.",
                1.0, 0.3, 4.0, "cluster radius", "µm", grain_model.seeds["cluster_radius"],
            ),
        ]  # fmt: skip
    unit = "µm" if grain_model.kind == "gbpd-sqrt" else "µm²"
    found.append(
        Control(
            "grain_size_spread", "Grain size spread", _FACTOR, "α, β, θ" if grain_model.weights.kind == "inverse-gamma" else "σ",
            "Spread of the weights about their mean: 0 makes a Voronoi tessellation, more makes sizes more unequal.",
            1.0, 0.0, 2.5, "standard deviation of the weights", unit, weight_moments(grain_model.weights).sd,
        )
    )  # fmt: skip
    found.append(
        Control(
            "texture", "Radial texture", "", "k",
            "Density of the angle t between c-axis and radius ~ exp(-k cos² t): positive, the fast lithium planes run radially.",
            grain_model.texture["k"] if grain_model.texture.kind == "radial" else 0.0, -10.0, 30.0,
        )
    )  # fmt: skip
    return tuple(found)


def apply_scenario(
    scenario: Mapping[str, float], shell_model: ShellModel, grain_model: GrainModel, diameter_um: float | None = None
) -> tuple[ShellModel, GrainModel, float | None]:
    """The models and the wanted diameter after the changes; standard errors follow a change of size and are dropped
    with other changes.

    Raises
    ------
    NmcError
        If a name is not among these models' `controls`, or a value is out of its limits; `field` is "scenario".
    """
    if not scenario:
        return shell_model, grain_model, diameter_um
    known = {control.key: control for control in controls(shell_model, grain_model)}
    for name, value in scenario.items():
        if name not in known:
            raise NmcError(f"the scenario has no {name!r} for these models", f"it has {', '.join(known)}", "scenario")
        control = known[name]
        if not (control.low <= value <= control.high):
            raise NmcError(
                f"{control.title} {value:g} is out of range",
                f"use {control.low:g} to {control.high:g} {control.unit}",
                "scenario",
            )
    chosen = {name: scenario.get(name, control.fitted) for name, control in known.items()}
    scaled_diameter = None if diameter_um is None else diameter_um * chosen["size"]
    shell_model = _changed_shell(shell_model, chosen["size"], chosen["irregularity"], chosen["elongation"])
    changed = _scaled_grains(grain_model, chosen["grain_size"])
    seeds, weights = changed.seeds, changed.weights
    if seeds.kind == "matern-cluster":
        more = chosen["clustering"]
        seeds = Law(
            seeds.kind,
            {
                "parent_intensity": seeds["parent_intensity"] / more,
                "mean_offspring": seeds["mean_offspring"] * more,
                "cluster_radius": seeds["cluster_radius"] * chosen["cluster_radius"],
            },
        )
    if chosen["grain_size_spread"] != 1.0:
        # A law without any spread has no density, so a hundredth is left.
        widening = np.array([0.0, np.log(max(chosen["grain_size_spread"], 0.01)), 0.0])
        vector = weight_vector(weights)
        weights = weight_of_vector(weights.kind, vector + widening[: len(vector)])
    texture = Law("radial", {"k": scenario["texture"]}) if "texture" in scenario else changed.texture
    return shell_model, replace(changed, seeds=seeds, weights=weights, texture=texture), scaled_diameter


def _deviation(model: ShellModel, degrees: Any) -> float:
    """Standard deviation of the radius from these degrees over the mean radius, averaged over the components."""
    chosen = np.array([degree for degree in degrees if degree <= model.degree], dtype=int)
    return sum(
        c.probability * float(np.sqrt(np.sum(c.power_spectrum[chosen] * (2 * chosen + 1)) / (4 * np.pi))) / c.mean_um
        for c in model.components
    )


def _changed_shell(model: ShellModel, size: float, irregularity: float, elongation: float) -> ShellModel:
    if size == irregularity == elongation == 1.0:
        return model
    factors = np.full(model.degree + 1, size * irregularity)
    factors[:2] = size
    if model.degree >= 2:
        factors[2] *= elongation
    components = tuple(ShellComponent(c.probability, c.mean_um * size, c.power_spectrum * factors**2) for c in model.components)
    return ShellModel(model.degree, components, method=model.method, sample_size=model.sample_size)


def _scaled_grains(model: GrainModel, length: float) -> GrainModel:
    """All lengths of the model times `length` (models.md 1, change of unit)."""
    if length == 1.0:
        return model
    power = 1 if model.kind == "gbpd-sqrt" else 2
    distances = None if model.distances_um is None else model.distances_um * length
    seeds, weights = (scaled_law(part, getattr(model, part), length, power) for part in ("seeds", "weights"))
    return replace(model, seeds=seeds, weights=weights, distances_um=distances)
