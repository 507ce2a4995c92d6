"""Outer shells: data beside model, as the paper's Fig. 7 a to d ([A]; models.md 13.1, 13.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Comparison, Sample
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import RadiusFunctions, ShellModel
from nmcstudio.report.compare import FEWEST_REPLICATES, Replicates, compare_pairs, compare_samples
from nmcstudio.report.shell_samples import ShellSample, draw_replicates, draw_sample, measure_data
from nmcstudio.report.shell_spectra import compare_correlation, compare_spectra
from nmcstudio.stats.densities import effective_size, silverman_bandwidth, weights_near

Array = NDArray[np.float64]
_SUBJECT = "particles"
_DEGREE = 15  # of the data's shells where no model says how far to look
_COLUMNS = (
    ("particle-diameter", "Volume-equivalent diameter", "diameter [µm]", "µm", 0.0, None),
    ("particle-sphericity", "Sphericity", "sphericity", "", 0.0, 1.0),
)
_SKEWNESS = ("particle-skewness", "Bulges and dents: skewness of the radius", "skewness", "", None, None)


def compare_particles(
    radii: RadiusFunctions | None,
    model: ShellModel | None,
    *,
    shells: int,
    replicates: int = 99,
    at_um: float | None = None,
    composed_um: float | None = None,
    monitor: Monitor,
    rng: np.random.Generator,
) -> list[Comparison]:
    """Diameter, sphericity and roughness of measured and drawn shells.

    Diameter and sphericity are taken from harmonic coefficients up to the same degree, by exact quadrature. The drawn ones get
    the error that estimating coefficients from the measured radii has (models.md 4.3), so that model and data are seen through
    the same eyes.

    Parameters
    ----------
    radii, model
        Data and model; either may be None.
    shells
        Number of shells drawn from the model for its curves.
    replicates
        Samples of the data's size drawn from the model, for envelopes and for what two of them differ by; 0 for none.
    at_um
        Diameter at which sphericity is looked at; None for the data's median and `composed_um`.
    composed_um
        Diameter that particles were composed with, if there are any.

    Returns
    -------
    Densities of diameter and sphericity, their joint density, sphericity given each diameter, and covariance and power of the
    radii.
    """
    found: dict[str, ShellSample] = {}
    many: list[ShellSample] = []
    degree = model.degree if model is not None else _DEGREE
    data = measure_data(radii, degree, monitor.sub(0.0, 0.02)) if radii is not None and len(radii) else None
    if data is not None:
        found["data"] = data.sample
    if model is not None:
        noise = data.noise_um2 if data is not None else np.zeros(model.degree + 1)
        found["model"] = draw_sample(model, shells, noise, child(rng, 0), monitor.sub(0.02, 0.1))
        if data is not None and replicates:
            many = draw_replicates(model, data, replicates, child(rng, 1), monitor.sub(0.1, 0.75))
    if not found:
        return []
    reference = found.get("data", next(iter(found.values())))
    chosen = (at_um,) if at_um is not None else _usual_diameters(reference, composed_um)
    return [
        *_comparisons(found, many, degree, chosen, child(rng, 2), monitor.sub(0.75, 1.0)),
        *compare_correlation(found, many),
        *compare_spectra(found, many, degree, data.noise_um2 if data is not None else None),
    ]


def _comparisons(
    found: dict[str, ShellSample],
    many: list[ShellSample],
    degree: int,
    diameters_um: Sequence[float],
    rng: np.random.Generator,
    monitor: Monitor,
) -> list[Comparison]:
    note = f"From harmonics up to degree {degree}."
    if found.get("data") is not None and found["data"].weights is not None:
        note += " Measured particles are weighted by the inverse probability to lie wholly in the field of view."
    if 0 < len(many) < FEWEST_REPLICATES:
        note += f" {len(many)} samples of the model are too few for an envelope of 95 %: {FEWEST_REPLICATES} are needed."
    made: list[Comparison | None] = []
    for column, about in enumerate(_COLUMNS):
        values = {role: each.pairs[:, column] for role, each in found.items()}
        simulated = [each.pairs[:, column] for each in many]
        made.append(_one(about, values, found, simulated, many, note, rng, monitor.sub(0.2 * column, 0.2 * column + 0.2)))
    made.append(
        compare_pairs(
            "particle-joint", "Diameter and sphericity", _SUBJECT, ("diameter [µm]", "sphericity"),
            {role: each.pairs for role, each in found.items()}, {role: each.weights for role, each in found.items()}, rng,
            y_upper=1.0, replicates=[(each.pairs, each.weights) for each in many], monitor=monitor.sub(0.4, 0.7),
        )
    )  # fmt: skip
    for number, at in enumerate(diameters_um):
        part = monitor.sub(0.7 + 0.25 * number / len(diameters_um), 0.7 + 0.25 * (number + 1) / len(diameters_um))
        made.append(_given_size(found, many, at, number, rng, part))
    values = {role: skewness(each, degree) for role, each in found.items()}
    simulated = [skewness(each, degree) for each in many]
    meaning = (
        "Of the radius over each shell: above 0 few bulges stand out, below 0 few dents. Of a Gaussian field it is 0 on average."
    )
    made.append(_one(_SKEWNESS, values, found, simulated, many, meaning, rng, monitor.sub(0.95, 1.0)))
    return [each for each in made if each is not None]


def _one(
    about: tuple[str, str, str, str, float | None, float | None],
    values: dict[str, Array],
    found: dict[str, ShellSample],
    simulated: list[Array],
    many: list[ShellSample],
    note: str,
    rng: np.random.Generator,
    monitor: Monitor,
) -> Comparison | None:
    """One number a shell, of data, model and the samples of the model."""
    key, title, label, unit, lower, upper = about
    samples = tuple(Sample(role, values[role], each.weights) for role, each in found.items())
    replicates = [(each, sample.weights) for each, sample in zip(simulated, many)]
    return compare_samples(
        key, title, _SUBJECT, label, samples, rng,
        unit=unit, lower=lower, upper=upper, note=note, replicates=replicates, monitor=monitor,
    )  # fmt: skip


def skewness(sample: ShellSample, degree: int) -> Array:
    """Skewness of the radius over each shell ``(n,)``, by harmonics up to `degree`.

    The integral of r^3 is three times the volume; with r = m + d, m the mean radius, it is 4 pi m^3 + 3 m P + the integral of
    d^3, where P is the power of the degrees above 0.
    """
    mean = np.sqrt(sample.power[:, 0] / (4 * np.pi))
    power = sample.power[:, 1 : degree + 1].sum(axis=1)
    third = np.pi / 2 * sample.pairs[:, 0] ** 3 - 4 * np.pi * mean**3 - 3 * mean * power
    return np.sqrt(4 * np.pi) * third / power**1.5


def _given_size(
    found: dict[str, ShellSample], many: list[ShellSample], at_um: float, number: int, rng: np.random.Generator, monitor: Monitor
) -> Comparison | None:
    """Sphericity of the shells of one diameter: each counts by how near its size is (erratum E17)."""
    reference = found.get("data", next(iter(found.values())))
    widths = [silverman_bandwidth(reference.pairs[:, column], reference.weights, 2) for column in (0, 1)]

    def near(sample: ShellSample) -> tuple[Array, Array] | None:
        if np.abs(sample.pairs[:, 0] - at_um).min() > 3 * widths[0]:
            return None
        mass = weights_near(sample.pairs[:, 0], at_um, widths[0], sample.weights)
        return sample.pairs[mass > 0, 1], mass[mass > 0]

    samples, labels = [], {}
    for role, sample in found.items():
        chosen = near(sample)
        if chosen is not None:
            samples.append(Sample(role, *chosen))
            labels[role] = f"{role} (n = {len(chosen[0])}, counting as {effective_size(chosen[1], len(chosen[0])):.0f})"
    replicates: Replicates = [chosen for chosen in map(near, many) if chosen is not None and len(chosen[0]) > 1]
    if len(replicates) < len(many):
        # The rest have no shell near this size: those that have would look more alike than they are.
        replicates = []
    key = "particle-sphericity-given-size" + (f"-{number + 1}" if number else "")
    note = f"Shells of about this size: Gaussian weight of {widths[0]:.2g} µm in the diameter."
    return compare_samples(
        key, f"Sphericity given a diameter of {at_um:.3g} µm", _SUBJECT, "sphericity", tuple(samples), rng,
        upper=1.0, bandwidth=widths[1], labels=labels, replicates=replicates, note=note, monitor=monitor,
    )  # fmt: skip


def _usual_diameters(sample: ShellSample, composed_um: float | None) -> tuple[float, ...]:
    median = _weighted_median(sample.pairs[:, 0], sample.weights)
    return (median,) if composed_um is None else (median, composed_um)


def _weighted_median(values: Array, weights: Array | None) -> float:
    order = np.argsort(values)
    mass = np.ones(len(values)) if weights is None else weights[order]
    sums = np.cumsum(mass) - 0.5 * mass
    return float(np.interp(0.5 * mass.sum(), sums, values[order]))
