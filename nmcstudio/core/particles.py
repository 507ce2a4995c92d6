"""Virtual particles."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.show import Shown
from nmcstudio.core.volume import LabelVolume


@dataclass(frozen=True, repr=False)
class Particle(Shown):
    """One composed particle.

    Attributes
    ----------
    grains
        Grain ids 1 to n on voxels, 0 outside, with one quaternion a grain; the shell's centre is the origin of its frame.
    shell_coefficients
        float64 ``((L + 1)^2,)``, orthonormal real harmonics of the radius function, um, index l^2 + l + m.
    component
        Index of the mixture component that the shell was drawn from.
    seeds_um, weights, matrices
        Generators of the grains that were kept, in the order of their ids: ``(n, 3)``, ``(n,)``, ``(n, 3, 3)`` or None.
    kind
        Of the tessellation.
    shell_diameter_um
        Volume-equivalent diameter of the shell (harmonics, exact quadrature), um.
    diameter_um
        Volume-equivalent diameter of the union of the grains, um.
    index, seed
        Number of the particle and the seed: with the models they make it again.
    scenario
        Name and the factors that were applied to the models' parameters; empty for the fitted ones.
    """

    grains: LabelVolume
    shell_coefficients: NDArray[np.float64]
    component: int
    seeds_um: NDArray[np.float64]
    weights: NDArray[np.float64]
    kind: str
    shell_diameter_um: float
    diameter_um: float
    index: int
    seed: int
    matrices: NDArray[np.float64] | None = None
    scenario: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.seeds_um)
        object.__setattr__(self, "shell_coefficients", frozen(self.shell_coefficients, np.float64, (None,)))
        object.__setattr__(self, "seeds_um", frozen(self.seeds_um, np.float64, (n, 3), "seeds_um"))
        object.__setattr__(self, "weights", frozen(self.weights, np.float64, (n,), "weights"))
        if self.matrices is not None:
            object.__setattr__(self, "matrices", frozen(self.matrices, np.float64, (n, 3, 3), "matrices"))

    @property
    def grain_count(self) -> int:
        return len(self.seeds_um)

    def in_words(self) -> str:
        return f"{self.grain_count} grains, diameter {self.diameter_um:.3g} µm, number {self.index}, seed {self.seed}"


@dataclass(frozen=True, repr=False)
class ParticleSet(Shown):
    """The particles that one run of `compose` made."""

    particles: tuple[Particle, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "particles", tuple(self.particles))

    def __len__(self) -> int:
        return len(self.particles)

    def in_words(self) -> str:
        grains, sizes = [p.grain_count for p in self.particles], [p.diameter_um for p in self.particles]
        if not grains:
            return "empty"
        return f"{len(self)} particles of {min(grains)} to {max(grains)} grains, {min(sizes):.3g} to {max(sizes):.3g} µm"
