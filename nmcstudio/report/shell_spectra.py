"""Roughness of shells, data beside model: covariance of the radius by angle, and power by degree (models.md 4.1).

What a degree L leaves out shows here: the data's power goes on above L, the model's ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Band, Comparison, Curve
from nmcstudio.report.compare import FEWEST_REPLICATES, ROLES, compare_curves, envelope_of
from nmcstudio.report.shell_samples import ShellSample

Array = NDArray[np.float64]
_SUBJECT = "particles"
_ANGLES = 181


def _mean_power(sample: ShellSample) -> Array:
    """Weighted mean of the power of each degree, um^2, float64 ``(l + 1,)``; nothing at degree 0."""
    power: Array = np.average(sample.power, axis=0, weights=sample.weights)
    power[0] = 0.0
    return power


def _covariance(power: Array, cosines: Array) -> Array:
    """Covariance of the radius about its mean over the sphere: sum of S_l P_l / (4 pi), by the addition theorem."""
    return np.asarray(np.polynomial.legendre.legval(cosines, power / (4 * np.pi)))


def compare_correlation(found: dict[str, ShellSample], many: list[ShellSample]) -> list[Comparison]:
    """Covariance of the radii of one shell in two directions, as a function of the angle between them."""
    angles = np.linspace(0.0, 180.0, _ANGLES)
    cosines = np.cos(np.radians(angles))
    curves = tuple(
        Curve(role, f"{ROLES[role]} (n = {len(each)})", angles, _covariance(_mean_power(each), cosines))
        for role, each in found.items()
    )
    simulated = np.stack([_covariance(_mean_power(each), cosines) for each in many]) if many else None
    note = "Of the radius about each shell's own mean radius, measuring error included. "
    note += "At 0 it is the variance; where it crosses 0 tells the size of bumps."
    labels = ("angle [°]", "covariance [µm²]")
    title = "Covariance of the radius in two directions"
    return [compare_curves("particle-covariance", title, _SUBJECT, labels, curves, replicates=simulated, note=note)]


def compare_spectra(
    found: dict[str, ShellSample], many: list[ShellSample], degree: int, noise_um2: Array | None
) -> list[Comparison]:
    """Mean power per coefficient by degree, as far as the data's directions show it.

    Parameters
    ----------
    degree
        L of the model.
    noise_um2
        Part of the power that measuring adds, or None without data.
    """

    def spectrum(sample: ShellSample) -> Array:
        power = _mean_power(sample)
        return power[1:] / (2 * np.arange(1, len(power)) + 1)

    curves = []
    for role, each in found.items():
        y = spectrum(each)
        label = f"{ROLES[role]} (n = {len(each)})"
        curves.append(Curve(role, label, np.arange(1.0, len(y) + 1), y))
    if any(np.any(curve.y <= 0) for curve in curves):
        # A model with a degree left out and no measuring error: no logarithm to draw.
        curves = [Curve(c.role, c.label, c.x[c.y > 0], c.y[c.y > 0]) for c in curves]
    distances: dict[str, float] = {}
    bands: tuple[Band, ...] = ()
    if len(many) >= FEWEST_REPLICATES and "data" in found:
        simulated = np.stack([spectrum(each)[:degree] for each in many])
        bands, distances = envelope_of(np.arange(1.0, degree + 1), spectrum(found["data"])[:degree], simulated)
    note = f"Mean square of the harmonic coefficients of each degree; the model has degrees up to {degree}"
    note += ", and above it nothing but the error of measuring." if len(curves[0].x) > degree else "."
    if noise_um2 is not None and np.all(noise_um2[1:] > 0):
        at = np.arange(1.0, len(noise_um2))
        curves.append(Curve("theory", "error of measuring", at, noise_um2[1:]))
    return [
        Comparison(
            "particle-spectrum", "Power of the radius by degree", _SUBJECT, "degree l", "mean square [µm²]", (), tuple(curves),
            (), distances, "", note, bands, True,
        )
    ]  # fmt: skip
