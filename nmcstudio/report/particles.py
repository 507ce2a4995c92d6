"""Outer shells: data beside model, as the paper's Fig. 7 ([A]; models.md 13.1, 13.4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Comparison, Sample
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions, ShellModel
from nmcstudio.report.compare import compare_conditional, compare_pairs, compare_samples
from nmcstudio.shell.coefficients import estimate_coefficients
from nmcstudio.shell.harmonics import degree_of_index, shell_diameter, shell_sphericity
from nmcstudio.shell.sample import draw_shells

_SUBJECT = "particles"
_BLOCK = 250  # shells evaluated at once
_DEGREE = 15  # where no model says how far to look


def _size_and_shape(coefficients: NDArray[np.float64], monitor: Monitor) -> NDArray[np.float64]:
    """Diameter (um) and sphericity ``(n, 2)`` by exact quadrature."""
    parts = []
    for start in monitor.track(range(0, len(coefficients), _BLOCK), "measuring shells"):
        block = coefficients[start : start + _BLOCK]
        parts.append(np.stack([shell_diameter(block), shell_sphericity(block)], axis=1))
    return np.concatenate(parts)


def compare_particles(
    radii: RadiusFunctions | None,
    model: ShellModel | None,
    *,
    shells: int,
    monitor: Monitor,
    rng: np.random.Generator,
) -> list[Comparison]:
    """Diameter and sphericity of measured and drawn shells.

    Both are taken from harmonic coefficients up to the same degree, by exact quadrature. The drawn ones get the error that
    estimating coefficients from the measured radii has (models.md 4.3), so that model and data are seen through the same eyes.

    Parameters
    ----------
    radii, model
        Data and model; either may be None.
    shells
        Number of shells drawn from the model.

    Returns
    -------
    Densities of diameter and sphericity, their joint density, and sphericity given the median diameter.
    """
    found: dict[str, NDArray[np.float64]] = {}
    weights: dict[str, NDArray[np.float64] | None] = {}
    degree = model.degree if model is not None else _DEGREE
    noise = np.zeros(degree + 1)
    if radii is not None and len(radii):
        measured = estimate_coefficients(radii, degree)
        noise = measured.noise_um2
        found["data"] = _size_and_shape(measured.values, monitor)
        weights["data"] = radii.weights
    if model is not None:
        # Size and shape do not depend on where a shell is seen from: no need to move it to its centroid.
        drawn = draw_shells(model, shells, rng, recentre=False, monitor=monitor).coefficients
        error = np.sqrt(noise)[degree_of_index(degree)] * rng.standard_normal(drawn.shape)
        found["model"] = _size_and_shape(drawn + error, monitor)
        weights["model"] = None
    if not found:
        return []
    note = f"From harmonics up to degree {degree}. "
    note += "Measured particles are weighted by the inverse probability to lie wholly in the field of view."
    columns = (
        ("particle-diameter", "Volume-equivalent diameter", "diameter [µm]", "µm", None),
        ("particle-sphericity", "Sphericity", "sphericity", "", 1.0),
    )
    comparisons: list[Comparison | None] = []
    for index, (key, title, label, unit, upper) in enumerate(columns):
        samples = tuple(Sample(role, values[:, index], weights[role]) for role, values in found.items())
        comparisons.append(compare_samples(key, title, _SUBJECT, label, samples, rng, unit=unit, upper=upper, note=note))
        monitor.check()
    labels = ("diameter [µm]", "sphericity")
    comparisons.append(
        compare_pairs("particle-joint", "Diameter and sphericity", _SUBJECT, labels, found, weights, rng, y_upper=1.0)
    )  # fmt: skip
    reference = found.get("data", next(iter(found.values())))
    middle = float(np.median(reference[:, 0]))
    title = f"Sphericity given a diameter of {middle:.3g} µm"
    comparisons.append(
        compare_conditional("particle-sphericity-given-size", title, _SUBJECT, "sphericity", found, weights, middle, upper=1.0)
    )
    return [each for each in comparisons if each is not None]
