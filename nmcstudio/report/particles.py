"""Outer shells: data beside model, as the paper's Fig. 7 ([A]; models.md 13.1, 13.4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Comparison, Sample
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions, ShellModel
from nmcstudio.report.compare import compare_conditional, compare_pairs, compare_samples
from nmcstudio.shell.directions import mesh_of, octasphere
from nmcstudio.shell.harmonics import equivalent_diameter, evaluate, mesh_area, mesh_volume, sphericity
from nmcstudio.shell.sample import draw_shells

_SUBJECT = "particles"


def _size_and_shape(radii_um: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    mesh = mesh_of(directions)
    volume, area = mesh_volume(radii_um, mesh), mesh_area(radii_um, mesh)
    return np.stack([equivalent_diameter(volume), sphericity(volume, area)], axis=1)


def compare_particles(
    radii: RadiusFunctions | None,
    model: ShellModel | None,
    *,
    shells: int,
    monitor: Monitor,
    rng: np.random.Generator,
) -> list[Comparison]:
    """Diameter and sphericity of measured and drawn shells.

    Both are taken on the same triangulated directions, and drawn radii carry the measurement error of the fit, so that model
    and data are seen through the same eyes.

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
    directions = radii.directions if radii is not None else octasphere(3).directions
    if radii is not None and len(radii):
        found["data"] = _size_and_shape(radii.radii_um, directions)
        weights["data"] = radii.weights
    if model is not None:
        # Size and shape do not depend on where a shell is seen from: no need to move it to its centroid.
        drawn = draw_shells(model, shells, rng, recentre=False, monitor=monitor)
        seen = evaluate(drawn.coefficients, directions)
        if np.isfinite(model.nugget_um):
            seen = seen + model.nugget_um * rng.standard_normal(seen.shape)
        found["model"] = _size_and_shape(seen, directions)
        weights["model"] = None
    if not found:
        return []
    note = "Both on the mesh of the measured directions"
    if model is not None and np.isfinite(model.nugget_um):
        note += f"; the model's radii carry the measurement error of the fit ({model.nugget_um:.2g} µm)"
    note += ". Particles are weighted by the inverse probability to lie wholly in the field of view."
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
