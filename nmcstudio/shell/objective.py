"""What the exact fits climb: the mixture's log-likelihood, a weak prior and the normaliser, with gradient and information."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.em import MixtureFit, normalise_rows
from nmcstudio.shell.nugget import NuggetData, component_terms
from nmcstudio.shell.truncation import Positivity


@dataclass(frozen=True)
class Prior:
    """Inverse-gamma prior on v_kl = a_kl + N_l (models.md 4.3): strength nu_0, variances s_0 ``(L + 1,)``, noise N_l."""

    strength: float
    variances: NDArray[np.float64]
    noise: NDArray[np.float64]

    def value(self, spectra: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Log density, up to a constant, and its derivative by log a_kl."""
        if self.strength <= 0:
            return 0.0, np.zeros_like(spectra)
        v = spectra + self.noise
        extra = self.strength + 2
        value = -0.5 * float((extra * np.log(v) + self.strength * self.variances / v).sum())
        return value, -0.5 * spectra / v * (extra - self.strength * self.variances / v)


@dataclass(frozen=True)
class Point:
    """The objective at one set of parameters: `gradient` ``(P,)`` and `information` ``(P, P)`` in the climbed coordinates."""

    value: float
    gradient: NDArray[np.float64]
    information: NDArray[np.float64]
    log_likelihood: float
    responsibilities: NDArray[np.float64]
    normalisers: NDArray[np.float64]


class MixtureObjective:
    """Log-likelihood (i) of a mixture as a function of logits of the shares, mean radii, log a_kl and log tau^2.

    With a normaliser, the shares are those of the particles that exist, p_k P_k / sum p_j P_j, while a model's p_k are those
    before rejection; `fit_of` converts.

    Parameters
    ----------
    data
        Of `nugget_data`.
    components
        K.
    prior
        Of the spectra, None for plain maximum likelihood.
    positivity
        The normaliser of the truncation, None where it does not matter.
    fixed_nugget_um2
        tau^2 where it is known, None to fit it.
    """

    def __init__(
        self,
        data: NuggetData,
        components: int,
        *,
        prior: Prior | None = None,
        positivity: Positivity | None = None,
        fixed_nugget_um2: float | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        self.data, self.components, self.degrees = data, components, data.degree + 1
        self._prior, self._positivity, self._fixed = prior, positivity, fixed_nugget_um2
        self._monitor = monitor or Monitor()
        k, spectra = components, components * self.degrees
        self.logits, self.means = slice(0, k), slice(k, 2 * k)
        self.spectra, self.nugget = slice(2 * k, 2 * k + spectra), 2 * k + spectra
        self.least_spectrum_um2 = 1e-6 * data.least_nugget_um2

    @property
    def truncated(self) -> bool:
        """Whether the normaliser is part of it."""
        return self._positivity is not None

    @property
    def size(self) -> int:
        """Number of coordinates; tau^2 is the last."""
        return self.nugget + 1

    def pack(self, fit: MixtureFit) -> NDArray[np.float64]:
        """Coordinates of a fit; zeros become the least values, from where a climb can still leave."""
        shares = np.maximum(fit.shares * np.exp(self._log_normalisers(fit.means_um, fit.spectra_um2)[0]), 1e-6)
        nugget = self._fixed if self._fixed is not None else max(fit.nugget_um2, self.data.least_nugget_um2)
        floor = np.maximum(1e-4 * nugget * 4 * np.pi / self.data.directions, self.least_spectrum_um2)
        spectra = np.log(np.maximum(fit.spectra_um2, floor))
        return np.concatenate([np.log(shares / shares.sum()), fit.means_um, spectra.ravel(), [np.log(nugget)]])

    def unpack(self, at: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
        """Shares, mean radii, spectra and tau^2."""
        shares = np.exp(at[self.logits] - at[self.logits].max())
        spectra = np.exp(at[self.spectra]).reshape(self.components, self.degrees)
        return shares / shares.sum(), at[self.means], spectra, float(np.exp(at[self.nugget]))

    def bounded(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """The nearest allowed coordinates."""
        out = at.copy()
        out[self.logits] -= out[self.logits].max()
        out[self.spectra] = np.maximum(out[self.spectra], np.log(self.least_spectrum_um2))
        out[self.nugget] = max(out[self.nugget], np.log(self.data.least_nugget_um2))
        if self._fixed is not None:
            out[self.nugget] = np.log(self._fixed)
        return out

    def _log_normalisers(
        self, means: NDArray[np.float64], spectra: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        values, by_mean, by_spectrum = np.zeros(len(means)), np.zeros(len(means)), np.zeros_like(spectra)
        if self._positivity is not None:
            for k in range(len(means)):
                found = self._positivity.log_probability(float(means[k]), spectra[k], self._monitor)
                values[k], by_mean[k], by_spectrum[k] = found
        return values, by_mean, by_spectrum

    def curvature_of_normalisers(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """What one particle of each component knows less of its parameters because others were rejected: ``(K, L + 2, L + 2)``.

        In the mean radius and log a_0 … log a_L; zero without a normaliser.
        """
        _, means, spectra, _ = self.unpack(coordinates)
        out = np.zeros((self.components, self.degrees + 1, self.degrees + 1))
        if self._positivity is not None:
            for k in range(self.components):
                out[k] = self._positivity.curvature(float(means[k]), spectra[k], self._monitor)
        return out

    def at(self, coordinates: NDArray[np.float64]) -> Point:
        """Value, gradient and the information of the complete data (each particle's component known)."""
        shares, means, spectra, nugget = self.unpack(coordinates)
        data, k_count, l_count = self.data, self.components, self.degrees
        normalisers, by_mean, by_spectrum = self._log_normalisers(means, spectra)
        terms, logs = [], np.empty((len(data.squares), k_count))
        for k in range(k_count):
            self._monitor.check()
            part = component_terms(data, float(means[k]), spectra[k], nugget)
            terms.append(part)
            logs[:, k] = part.log_density + np.log(max(shares[k], 1e-300)) - normalisers[k]
        responsibilities, totals = normalise_rows(logs)
        log_likelihood = float(data.weights @ totals)
        weighted = responsibilities * data.weights[:, None]
        sizes = weighted.sum(axis=0)
        gradient, information = np.zeros(self.size), np.zeros((self.size, self.size))
        gradient[self.logits] = sizes - sizes.sum() * shares
        information[self.logits, self.logits] = np.diag(sizes.sum() * np.maximum(shares, 1e-6))
        for k, part in enumerate(terms):
            gamma, size = weighted[:, k], sizes[k]
            own = slice(self.spectra.start + k * l_count, self.spectra.start + (k + 1) * l_count)
            gradient[k_count + k] = part.mean_score @ gamma - size * by_mean[k]
            gradient[own] = part.spectrum_score @ gamma - size * by_spectrum[k]
            gradient[self.nugget] += part.nugget_score @ gamma
            information[k_count + k, k_count + k] = size * part.mean_information
            information[own, own] = size * part.information[:-1, :-1]
            information[own, self.nugget] = information[self.nugget, own] = size * part.information[:-1, -1]
            information[self.nugget, self.nugget] += size * part.information[-1, -1]
        value = log_likelihood
        if self._prior is not None:
            more, slope = self._prior.value(spectra)
            value += more
            gradient[self.spectra] += slope.ravel()
        if self._fixed is not None:
            gradient[self.nugget] = 0
            information[self.nugget] = information[:, self.nugget] = 0
            information[self.nugget, self.nugget] = 1
        return Point(value, gradient, information, log_likelihood, responsibilities, normalisers)

    def fit_of(self, coordinates: NDArray[np.float64], point: Point, history: list[float], converged: bool) -> MixtureFit:
        """The parameters as a mixture."""
        shares, means, spectra, nugget = self.unpack(coordinates)
        before = shares * np.exp(-point.normalisers)
        return MixtureFit(
            before / before.sum(), means, spectra, point.log_likelihood, point.responsibilities, nugget, tuple(history), converged
        )


Watcher = Callable[[MixtureFit], None]
