"""What the sliders do to the models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.rng import stream
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.grains.processes import intensity_of
from nmcstudio.grains.simulate import simulate_grains
from nmcstudio.particle.scenario import apply_scenario, controls

SHELLS = ShellModel(3, (ShellComponent(0.4, 3.0, np.array([2.0, 0.1, 0.5, 0.2])), ShellComponent(0.6, 4.0, np.ones(4))))
GRAINS = GrainModel(
    Law("matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129}),
    Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}),
    Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)


def test_fitted_values_change_nothing() -> None:
    everything = {control.key: control.fitted for control in controls(SHELLS, GRAINS) if control.key != "texture"}
    shell, grain, diameter = apply_scenario(everything, SHELLS, GRAINS, 7.0)
    assert diameter == 7.0
    for old, new in zip(SHELLS.components, shell.components):
        assert np.allclose(old.power_spectrum, new.power_spectrum)
        assert old.mean_um == new.mean_um
    for name in ("seeds", "weights", "copula", "texture"):
        old_law, new_law = getattr(GRAINS, name), getattr(grain, name)
        assert old_law.kind == new_law.kind
        assert new_law.parameters == pytest.approx(old_law.parameters)


def test_shell_controls() -> None:
    shell, _, diameter = apply_scenario({"size": 2.0, "irregularity": 0.5, "elongation": 3.0}, SHELLS, GRAINS, 7.0)
    assert diameter == 14.0
    assert shell.components[0].mean_um == 6.0
    assert np.allclose(shell.components[0].power_spectrum, [8.0, 0.4, 0.5 * 4 * 0.25 * 9, 0.2])


def test_grain_size_is_a_change_of_unit() -> None:
    """Simulated in a window twice as large with the same stream, everything is the same but twice as large."""
    _, grain, _ = apply_scenario({"grain_size": 2.0}, SHELLS, GRAINS)
    window = np.array([[0.0, 3.0]] * 3)
    seeds, weights, _ = simulate_grains(GRAINS, window, stream(1, "a"))
    larger, heavier, _ = simulate_grains(grain, 2 * window, stream(1, "a"))
    assert np.allclose(larger, 2 * seeds)
    assert np.allclose(heavier, 4 * weights)


def test_clustering_keeps_the_intensity() -> None:
    _, grain, _ = apply_scenario({"clustering": 3.0, "cluster_radius": 2.0}, SHELLS, GRAINS)
    assert intensity_of(grain.seeds) == pytest.approx(intensity_of(GRAINS.seeds))
    assert grain.seeds["mean_offspring"] == pytest.approx(3 * 0.418)
    assert grain.seeds["cluster_radius"] == pytest.approx(0.258)


def test_spread_keeps_the_mean_weight() -> None:
    _, grain, _ = apply_scenario({"grain_size_spread": 2.0}, SHELLS, GRAINS)

    def moments(law: Law) -> tuple[float, float]:
        a, b, t = law["alpha"], law["beta"], law["theta"]
        return b / (a - 1) + t, b / ((a - 1) * np.sqrt(a - 2))

    (mean, deviation), (new_mean, new_deviation) = moments(GRAINS.weights), moments(grain.weights)
    assert new_mean == pytest.approx(mean)
    assert new_deviation == pytest.approx(2 * deviation)


def test_texture_is_a_value() -> None:
    _, grain, _ = apply_scenario({"texture": 5.0}, SHELLS, GRAINS)
    assert grain.texture == Law("radial", {"k": 5.0})
    radial = replace(GRAINS, texture=Law("radial", {"k": 2.0}))
    assert {control.key: control.fitted for control in controls(SHELLS, radial)}["texture"] == 2.0


def test_poisson_seeds_have_no_cluster_sliders() -> None:
    poisson = replace(GRAINS, seeds=Law("poisson", {"intensity": 3.0}))
    keys = {control.key for control in controls(SHELLS, poisson)}
    assert "clustering" not in keys
    with pytest.raises(NmcError, match="clustering") as caught:
        apply_scenario({"clustering": 2.0}, SHELLS, poisson)
    assert caught.value.field == "scenario"
    _, grain, _ = apply_scenario({"grain_size": 2.0}, SHELLS, poisson)
    assert grain.seeds["intensity"] == pytest.approx(3.0 / 8)


def test_limits_are_kept() -> None:
    with pytest.raises(NmcError, match="out of range"):
        apply_scenario({"size": 50.0}, SHELLS, GRAINS)


def test_controls_say_what_they_mean() -> None:
    found = {control.key: control for control in controls(SHELLS, GRAINS)}
    assert found["size"].describe(1.0) == "mean diameter 7.2 µm"
    assert found["grain_size"].describe(1.0) == "mean grain diameter 0.809 µm"
    assert found["texture"].describe(3.0) == "radial texture 3"
    for control in found.values():
        assert control.low <= control.fitted <= control.high
        assert control.help
        assert control.symbol
