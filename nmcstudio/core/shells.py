"""Outer shells: measured radius functions and the mixture of Gaussian random fields that models them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import NmcError
from nmcstudio.core.show import Shown


@dataclass(frozen=True, repr=False)
class RadiusFunctions(Shown):
    """Radius functions of particles, seen from their star points.

    Attributes
    ----------
    ids
        int64 ``(n,)``, label of each particle.
    directions
        float64 ``(m, 3)``, unit vectors (x, y, z).
    radii_um
        float64 ``(n, m)``, distance from the star point to the outermost surface point, um.
    centres_um
        float64 ``(n, 3)``, star points (x, y, z) in um.
    weights
        float64 ``(n,)``, 1 / probability of a particle to lie wholly in the field of view (models.md 2.6); mean 1.
    star_errors
        float64 ``(n,)``, volume of the star hull over the voxel volume, minus 1.
    flags
        One text a particle, empty or why it should be looked at.
    volumes_um3
        float64 ``(n,)``, voxel volume.
    voxel_um
        Voxel edge (geometric mean) of the image, um; sets the scale of the radial error.
    smoothing_um
        Standard deviation of the Gaussian filter of the image, um; 0 if unknown.
    simulated
        As in `Volume`.
    published_radii_um
        float64 ``(n, 258)``, the same in the directions of the published mesh, from which the published descriptors are taken
        (`nmcstudio.shell.descriptors`); None where `directions` are that mesh, or nothing else was measured.
    notes
        What a reader of the radii should know, as sentences.
    """

    ids: NDArray[np.int64]
    directions: NDArray[np.float64]
    radii_um: NDArray[np.float64]
    centres_um: NDArray[np.float64]
    weights: NDArray[np.float64]
    star_errors: NDArray[np.float64]
    flags: tuple[str, ...]
    volumes_um3: NDArray[np.float64]
    voxel_um: float
    smoothing_um: float = 0.0
    simulated: bool = False
    published_radii_um: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n, m = np.shape(self.radii_um)
        object.__setattr__(self, "ids", frozen(self.ids, np.int64, (n,), "ids"))
        object.__setattr__(self, "directions", frozen(self.directions, np.float64, (m, 3), "directions"))
        object.__setattr__(self, "radii_um", frozen(self.radii_um, np.float64, (n, m), "radii_um"))
        object.__setattr__(self, "centres_um", frozen(self.centres_um, np.float64, (n, 3), "centres_um"))
        for name in ("weights", "star_errors", "volumes_um3"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, (n,), name))
        object.__setattr__(self, "flags", tuple(self.flags))
        object.__setattr__(self, "notes", tuple(self.notes))
        if self.published_radii_um is not None:
            object.__setattr__(
                self, "published_radii_um", frozen(self.published_radii_um, np.float64, (n, 258), "published_radii_um")
            )

    def __len__(self) -> int:
        return len(self.ids)

    def in_words(self) -> str:
        mean = f", mean radius {self.radii_um.mean():.4g} µm" if len(self) else ""
        return f"{len(self)} particles × {len(self.directions)} directions{mean}"


@dataclass(frozen=True, repr=False)
class ShellComponent(Shown):
    """One isotropic Gaussian random field of the mixture.

    Attributes
    ----------
    probability
        Share of the component.
    mean_um
        Mean radius, um.
    power_spectrum
        float64 ``(L + 1,)``, a_l: variance of each orthonormal real spherical-harmonic coefficient of degree l, um^2.
    probability_se, mean_se_um, power_spectrum_se
        Standard errors, NaN where not computed.
    rejection_probability
        Share of this component's fields with a radius at or below zero, which sampling rejects; NaN if unknown.
    """

    probability: float
    mean_um: float
    power_spectrum: NDArray[np.float64]
    probability_se: float = float("nan")
    mean_se_um: float = float("nan")
    power_spectrum_se: NDArray[np.float64] | None = None
    rejection_probability: float = float("nan")

    def __post_init__(self) -> None:
        spectrum = frozen(self.power_spectrum, np.float64, (None,), "power_spectrum")
        if not np.all(np.isfinite(spectrum)) or np.any(spectrum < 0):
            raise NmcError("a power spectrum has negative or missing values", "every a_l must be zero or larger")
        if not (np.isfinite(self.mean_um) and self.mean_um > 0):
            raise NmcError(f"the mean radius {self.mean_um} um is not positive", "give a mean radius above 0 um")
        object.__setattr__(self, "power_spectrum", spectrum)
        if self.power_spectrum_se is not None:
            object.__setattr__(self, "power_spectrum_se", frozen(self.power_spectrum_se, np.float64, spectrum.shape))


@dataclass(frozen=True, repr=False)
class ShellBootstrap(Shown):
    """Refits of data that the model simulated, components in the model's order.

    Attributes
    ----------
    probabilities, means_um
        float64 ``(B, K)``.
    power_spectra
        float64 ``(B, K, L + 1)``, um^2.
    asked
        Number of replicates asked for; B is smaller where the work was ended early or a refit failed.
    """

    probabilities: NDArray[np.float64]
    means_um: NDArray[np.float64]
    power_spectra: NDArray[np.float64]
    asked: int

    def __post_init__(self) -> None:
        count, components, _ = np.shape(self.power_spectra)
        object.__setattr__(self, "probabilities", frozen(self.probabilities, np.float64, (count, components)))
        object.__setattr__(self, "means_um", frozen(self.means_um, np.float64, (count, components)))
        object.__setattr__(self, "power_spectra", frozen(self.power_spectra, np.float64, (count, components, None)))

    def __len__(self) -> int:
        return len(self.probabilities)

    @staticmethod
    def standard_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation over the replicates (first axis); NaN for fewer than two."""
        return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)

    @staticmethod
    def interval(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Quantiles 2.5 % and 97.5 % over the replicates: ``(2, …)``."""
        return np.quantile(values, [0.025, 0.975], axis=0)


@dataclass(frozen=True, repr=False)
class ShellModel(Shown):
    """Mixture of isotropic Gaussian random fields on the sphere ([A] Eqs 8 to 18; models.md 4).

    Attributes
    ----------
    degree
        L, the highest degree of the harmonics.
    components
        The mixture's components, ordered by mean radius.
    log_likelihood, bic
        Of the radii, Gaussian with a measurement error `nugget_um` on every direction (models.md 4.2 (i)): comparable between
        methods; NaN for typed-in models.
    nugget_um
        tau, standard deviation of the radial measurement error, um; NaN if unknown.
    method
        "em", "em-nugget", "published", or "given".
    sample_size
        Number of particles behind the fit.
    responsibilities
        float64 ``(n, K)``, probability of each component for each particle, or None.
    rejection_probability
        Share of drawn shells with a radius at or below zero, which sampling rejects (models.md 4.6); NaN if unknown.
    smoothing_um
        As in `RadiusFunctions`.
    bic_by_components, held_out_by_components
        Number of components (as text) to BIC, and to the mean log-likelihood of a particle that its fit has not seen (5 folds),
        where the number was chosen.
    bic_by_degree, held_out_by_degree
        The same for the highest degree (as text) at the chosen number of components.
    methods
        Method (as text) to "log_likelihood" and "nugget_um", where all three were asked for.
    history
        What the fit maximised, after each step; None if unknown.
    truncated
        True if the likelihood counts that all radii are above zero (models.md 4.6).
    bootstrap
        Refits of simulated data, or None.
    simulated
        As in `Volume`.
    """

    degree: int
    components: tuple[ShellComponent, ...]
    log_likelihood: float = float("nan")
    bic: float = float("nan")
    nugget_um: float = float("nan")
    method: str = "given"
    sample_size: int = 0
    responsibilities: NDArray[np.float64] | None = None
    rejection_probability: float = float("nan")
    smoothing_um: float = 0.0
    bic_by_components: dict[str, float] = field(default_factory=dict)
    simulated: bool = False
    held_out_by_components: dict[str, float] = field(default_factory=dict)
    bic_by_degree: dict[str, float] = field(default_factory=dict)
    held_out_by_degree: dict[str, float] = field(default_factory=dict)
    methods: dict[str, dict[str, float]] = field(default_factory=dict)
    history: NDArray[np.float64] | None = None
    truncated: bool = False
    bootstrap: ShellBootstrap | None = None

    def __post_init__(self) -> None:
        if not self.components:
            raise NmcError("a shell model needs at least one component", "add a component with probability 1")
        for component in self.components:
            if len(component.power_spectrum) != self.degree + 1:
                raise NmcError(
                    f"a power spectrum has {len(component.power_spectrum)} values for degree {self.degree}",
                    f"give {self.degree + 1} values a_0 to a_{self.degree}",
                )
        total = sum(component.probability for component in self.components)
        if abs(total - 1) > 1e-6 or any(component.probability < 0 for component in self.components):
            raise NmcError(f"the components' probabilities sum to {total:.6g}", "give non-negative probabilities that sum to 1")
        object.__setattr__(self, "components", tuple(self.components))
        if self.responsibilities is not None:
            object.__setattr__(self, "responsibilities", frozen(self.responsibilities, np.float64, (None, len(self.components))))
        if self.history is not None:
            object.__setattr__(self, "history", frozen(self.history, np.float64, (None,)))

    def in_words(self) -> str:
        means = ", ".join(f"{c.mean_um:.3g} µm ({100 * c.probability:.0f} %)" for c in self.components)
        return f"degree {self.degree}, {len(self.components)} components of mean radius {means}; {self.method}"
