"""The two ways to a mixture behind one face: in coefficient space, and exactly on the radii."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.coefficients import ShellCoefficients
from nmcstudio.shell.em import (
    MixtureFit,
    component_log_densities,
    fit_coefficient_em,
    normalise_rows,
    prior_variance,
    starting_shares,
)
from nmcstudio.shell.nugget import NuggetData, component_terms
from nmcstudio.shell.nugget_em import fit_nugget_em
from nmcstudio.shell.objective import Prior, Watcher

Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class CoefficientRoute:
    """EM on coefficients: closed form, for directions that determine the coefficients well.

    Attributes
    ----------
    coefficients
        Of all particles.
    weights
        float64 ``(n,)``, mean 1.
    starts, prior_strength
        As in `fit_coefficient_em`.
    """

    coefficients: ShellCoefficients
    weights: NDArray[np.float64]
    starts: int = 8
    prior_strength: float = 1.0

    @property
    def count(self) -> int:
        """Number of particles."""
        return len(self.weights)

    def rows(self, chosen: Rows, starts: int) -> CoefficientRoute:
        """The same for some of the particles, bool ``(n,)``, from fewer starts."""
        return CoefficientRoute(self.coefficients.rows(chosen), self.weights[chosen], starts, self.prior_strength)

    def fit(self, components: int, rng: np.random.Generator, monitor: Monitor, on_step: Watcher | None = None) -> MixtureFit:
        """The best mixture of so many components."""
        return fit_coefficient_em(
            self.coefficients, components, rng, weights=self.weights, starts=self.starts, prior_strength=self.prior_strength,
            monitor=monitor, on_step=on_step,
        )  # fmt: skip

    def log_likelihoods(self, fit: MixtureFit, degree: int) -> NDArray[np.float64]:
        """Of each particle, float64 ``(n,)``; degrees above `degree` count as noise alone, so that degrees can be compared."""
        c = self.coefficients
        spectra = fit.spectra_um2.copy()
        spectra[:, degree + 1 :] = 0
        variances = np.maximum(spectra + c.noise_um2, 1e-14)
        logs = component_log_densities(c.mean_part, c.power, c.dimensions, fit.means_um, variances)
        return normalise_rows(logs + np.log(np.maximum(fit.shares, 1e-300)))[1]


@dataclass(frozen=True)
class ExactRoute(CoefficientRoute):
    """The exact likelihood of the radii, on any directions, climbed from the fit in coefficient space.

    Attributes
    ----------
    data
        Of `nugget_data`.
    """

    data: NuggetData | None = None

    @property
    def _data(self) -> NuggetData:
        assert self.data is not None
        return self.data

    def rows(self, chosen: Rows, starts: int) -> ExactRoute:
        """The same for some of the particles, bool ``(n,)``, from fewer starts."""
        part = self._data.rows(chosen)
        return ExactRoute(self.coefficients.rows(chosen), self.weights[chosen], starts, self.prior_strength, part)

    def prior(self, components: int) -> Prior:
        """The prior that the climb shares with the EM on coefficients."""
        variances = prior_variance(self.coefficients, components, self.weights)
        return Prior(self.prior_strength, variances, self.coefficients.noise_um2)

    def fit(self, components: int, rng: np.random.Generator, monitor: Monitor, on_step: Watcher | None = None) -> MixtureFit:
        """The best mixture of so many components."""
        starts = [super().fit(components, rng, monitor.sub(0.0, 0.3), on_step)]
        if components > 1 and not self.coefficients.determined_well:
            # Coefficients that the directions hardly determine can lead EM astray: begin at sizes and at roughness as well.
            for shares in starting_shares(self.coefficients, components, 2, rng):
                with suppress(ComputationError):
                    starts.append(
                        fit_coefficient_em(
                            self.coefficients, components, rng, weights=self.weights, begin=shares, iterations=1,
                            prior_strength=self.prior_strength, monitor=monitor.sub(0.3, 0.3),
                        )
                    )  # fmt: skip
        best: MixtureFit | None = None
        for number, start in enumerate(starts):
            part = monitor.sub(0.3 + 0.7 * number / len(starts), 0.3 + 0.7 * (number + 1) / len(starts))
            fit = fit_nugget_em(self._data, start, prior=self.prior(components), iterations=100, monitor=part, on_step=on_step)
            if best is None or fit.history[-1] > best.history[-1]:
                best = fit
            if monitor.finish_requested:
                break
        assert best is not None
        return best

    def log_likelihoods(self, fit: MixtureFit, degree: int) -> NDArray[np.float64]:
        """Of each particle, float64 ``(n,)``; degrees above `degree` count as noise alone."""
        data = self._data
        spectra = np.maximum(fit.spectra_um2, 1e-6 * data.least_nugget_um2)
        spectra[:, degree + 1 :] = 1e-6 * data.least_nugget_um2
        nugget = max(fit.nugget_um2, data.least_nugget_um2)
        logs = [component_terms(data, float(mean), a, nugget).log_density for mean, a in zip(fit.means_um, spectra)]
        return normalise_rows(np.stack(logs, axis=1) + np.log(np.maximum(fit.shares, 1e-300)))[1]
