"""Data beside model: samples of a descriptor, their curves and the distances between them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.show import Shown


@dataclass(frozen=True, repr=False)
class Curve(Shown):
    """One line of a plot.

    ``x`` and ``y`` are float64 ``(n,)``; `role` is "data", "fitted" (fitted tessellation), "model" or "theory".
    """

    role: str
    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    mean: float = float("nan")

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", frozen(self.x, np.float64, (None,), "x"))
        object.__setattr__(self, "y", frozen(self.y, np.float64, (len(self.x),), "y"))


@dataclass(frozen=True, repr=False)
class Sample(Shown):
    """Values of a descriptor: float64 ``(n,)``, with weights ``(n,)`` or None; `role` as in `Curve`."""

    role: str
    values: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float64, (None,), "values"))
        if self.weights is not None:
            object.__setattr__(self, "weights", frozen(self.weights, np.float64, self.values.shape, "weights"))


@dataclass(frozen=True, repr=False)
class Surface(Shown):
    """A bivariate density: ``x (n,)``, ``y (m,)``, ``z (m, n)``, and the mean of the sample; `role` as in `Curve`."""

    role: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    label: str = ""
    mean: tuple[float, float] = (float("nan"), float("nan"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", frozen(self.x, np.float64, (None,), "x"))
        object.__setattr__(self, "y", frozen(self.y, np.float64, (None,), "y"))
        object.__setattr__(self, "z", frozen(self.z, np.float64, (len(self.y), len(self.x)), "z"))


@dataclass(frozen=True, repr=False)
class Band(Shown):
    """What curves of the model lie between: ``x``, ``low``, ``high`` float64 ``(n,)``.

    A global envelope: a curve of a sample of the data's size lies wholly between with probability `coverage`, if the model is
    right. `simulations` is the number of samples behind it.
    """

    x: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    simulations: int
    coverage: float = 0.95

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", frozen(self.x, np.float64, (None,), "x"))
        for name in ("low", "high"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, (len(self.x),), name))


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """One figure of the validation.

    Attributes
    ----------
    key
        Short name ("grain-diameter", "pair-correlation", "weights-distances").
    title, x_label, y_label
        With units.
    subject
        "particles" or "grains".
    samples, curves, surfaces
        What is drawn.
    distances
        Name to value: "ks", "ks_p", "wasserstein", "energy", … of data and model; "model_ks", "model_ks_95", …: mean and 95 %
        quantile of the same between two samples of the model, each of the data's size; "envelope_p", with the p-interval
        "envelope_p_low" to "envelope_p_high": of the global envelope test.
    distance_unit
        Unit of "wasserstein".
    note
        What a reader has to know.
    bands
        What curves of the model lie between; none, or one for the curve of the data.
    log_y
        The y axis is to be logarithmic.
    """

    key: str
    title: str
    subject: str
    x_label: str
    y_label: str
    samples: tuple[Sample, ...] = ()
    curves: tuple[Curve, ...] = ()
    surfaces: tuple[Surface, ...] = ()
    distances: dict[str, float] = field(default_factory=dict)
    distance_unit: str = ""
    note: str = ""
    bands: tuple[Band, ...] = ()
    log_y: bool = False


@dataclass(frozen=True, repr=False)
class Validation(Shown):
    """All comparisons of one project."""

    comparisons: tuple[Comparison, ...]

    def __getitem__(self, key: str) -> Comparison:
        for comparison in self.comparisons:
            if comparison.key == key:
                return comparison
        raise KeyError(key)

    def in_words(self) -> str:
        return f"{len(self.comparisons)} comparisons: " + ", ".join(comparison.key for comparison in self.comparisons)
