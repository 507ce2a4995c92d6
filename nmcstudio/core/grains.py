"""Grain structures: a fitted tessellation and the random model behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import NmcError
from nmcstudio.core.show import Shown, by

KINDS = ("laguerre", "gbpd-quadratic", "gbpd-sqrt")


@dataclass(frozen=True, repr=False)
class Tessellation(Shown):
    """Generators of a Laguerre tessellation or a generalized balanced power diagram.

    Attributes
    ----------
    kind
        "laguerre", "gbpd-quadratic" or "gbpd-sqrt" (models.md 6.2).
    labels
        int64 ``(n,)``, the data's grain label of each generator, ascending.
    seeds_um
        float64 ``(n, 3)``, (x, y, z) in um.
    weights
        float64 ``(n,)``: w in um^2, or r in um for "gbpd-sqrt".
    matrices
        float64 ``(n, 3, 3)``, symmetric positive definite, or None for Laguerre.
    window_um
        float64 ``(3, 2)``, lower and upper corner of the box as ``[[x0, x1], [y0, y1], [z0, z1]]``, um.
    gauge
        In words, which representative of the equivalent generators this is (models.md 6.3).
    agreement
        Share of the observed grain voxels whose label the tessellation gives back; NaN if unknown.
    centroids_um, volumes_um3
        Of the data's grains, ``(n, 3)`` and ``(n,)``; None if unknown.
    complete
        bool ``(n,)``, cell does not touch the border of the observed region; None if unknown.
    volume_errors
        float64 ``(n,)``, volume of the cell over that of the grain, minus 1; None if unknown.
    centroid_errors_um
        float64 ``(n,)``; None if unknown.
    agreements
        float64 ``(n,)``, share of each grain's voxels that its own cell holds; None if unknown.
    neighbour_precision, neighbour_recall
        Of the pairs of touching grains; NaN if unknown.
    empty_cells
        Number of generators without a voxel.
    observed_volume_um3
        Volume of the grain mask, the denominator of intensities (erratum E18); NaN if unknown.
    quaternions
        float64 ``(n, 4)``, mean orientation of each grain, or None.
    point_group
        Of the crystal, empty without orientations.
    """

    kind: str
    labels: NDArray[np.int64]
    seeds_um: NDArray[np.float64]
    weights: NDArray[np.float64]
    window_um: NDArray[np.float64]
    matrices: NDArray[np.float64] | None = None
    gauge: str = ""
    agreement: float = float("nan")
    centroids_um: NDArray[np.float64] | None = None
    volumes_um3: NDArray[np.float64] | None = None
    complete: NDArray[np.bool_] | None = None
    volume_errors: NDArray[np.float64] | None = None
    centroid_errors_um: NDArray[np.float64] | None = None
    neighbour_precision: float = float("nan")
    neighbour_recall: float = float("nan")
    empty_cells: int = 0
    observed_volume_um3: float = float("nan")
    quaternions: NDArray[np.float64] | None = None
    point_group: str = ""
    simulated: bool = False
    agreements: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise NmcError(f"unknown kind of tessellation {self.kind!r}", f"use one of {', '.join(KINDS)}")
        n = len(self.labels)
        object.__setattr__(self, "labels", frozen(self.labels, np.int64, (n,), "labels"))
        object.__setattr__(self, "seeds_um", frozen(self.seeds_um, np.float64, (n, 3), "seeds_um"))
        object.__setattr__(self, "weights", frozen(self.weights, np.float64, (n,), "weights"))
        object.__setattr__(self, "window_um", frozen(self.window_um, np.float64, (3, 2), "window_um"))
        if (self.kind == "laguerre") != (self.matrices is None):
            raise NmcError(
                f"a {self.kind} tessellation with{'out' if self.matrices is None else ''} matrices",
                "give matrices for GBPD only",
            )
        shapes = {
            "matrices": (n, 3, 3), "centroids_um": (n, 3), "volumes_um3": (n,), "volume_errors": (n,),
            "centroid_errors_um": (n,), "agreements": (n,), "quaternions": (n, 4),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name), np.float64, shape, name))
        if self.complete is not None:
            object.__setattr__(self, "complete", frozen(self.complete, bool, (n,), "complete"))

    def __len__(self) -> int:
        return len(self.labels)

    def in_words(self) -> str:
        said = "simulated " if self.simulated else ""
        fit = f", {100 * self.agreement:.1f} % of the voxels agree" if np.isfinite(self.agreement) else ""
        return f"{said}{self.kind}, {len(self)} cells in {by(np.diff(self.window_um)[:, 0], 'µm')}{fit}"


@dataclass(frozen=True, repr=False)
class Law(Shown):
    """A parametric law: seeds, weights, copula or texture.

    Attributes
    ----------
    kind
        Of the part that it stands for (seeds, weights, copula, texture, matrices): a key of `core.laws.LAWS`, which has the
        parameters of each kind in words, with units and ranges.
    parameters
        Name to value.
    errors
        Name to standard error, for those that were computed.
    """

    kind: str
    parameters: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.parameters[name]

    def in_words(self) -> str:
        values = [
            f"{name} {value:.4g}" + (f" ± {self.errors[name]:.2g}" if np.isfinite(self.errors.get(name, np.nan)) else "")
            for name, value in self.parameters.items()
        ]
        return ", ".join([self.kind, *values])


@dataclass(frozen=True, repr=False)
class MarkChoice(Shown):
    """One law of the weights with one copula, fitted to the data for comparison (models.md 9).

    Attributes
    ----------
    weights, copula
        The laws, without standard errors.
    log_likelihood
        At its maximum.
    aic
        Akaike's criterion; the smaller, the better.
    """

    weights: Law
    copula: Law
    log_likelihood: float
    aic: float


@dataclass(frozen=True, repr=False)
class MatrixJoint(Shown):
    """Joint law of the matrices of a GBPD and its weights (models.md 10 a, c).

    Attributes
    ----------
    kind
        "gaussian", "radial" (Gaussian, as frames see the matrices whose x axis leads away from the particle's centre) or "vine".
    means, sds
        float64 ``(6,)``, normal margins of the log-Euclidean vector: xx, yy, zz, then yz, xz, xy times sqrt(2).
    correlation
        float64 ``(7, 7)``, of these and of the normal score of the weight, which is the last.
    vine
        Vine copula of the seven as JSON of pyvinecopulib; empty for other kinds.
    """

    kind: str
    means: NDArray[np.float64]
    sds: NDArray[np.float64]
    correlation: NDArray[np.float64]
    vine: str = ""

    def __post_init__(self) -> None:
        for name, shape in {"means": (6,), "sds": (6,), "correlation": (7, 7)}.items():
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, shape, name))


@dataclass(frozen=True, repr=False)
class Envelope(Shown):
    """A curve of the data beside those of the fitted process, in a global envelope at 5 % (Myllymäki et al. 2017).

    Attributes
    ----------
    function
        "g" pair correlation, "F" empty space, or "D0" nearest-neighbour distance.
    process
        Kind of the law of the seeds behind the simulations.
    radii_um
        float64 ``(m,)``.
    data, low, high
        float64 ``(m,)``: the data's curve, and the band that holds a curve of the process as a whole in 95 % of cases.
    middle
        float64 ``(m,)``, median of the simulated curves at each distance.
    p
        Monte Carlo p-value of the data's curve.
    simulations
        Number of simulated patterns.
    """

    function: str
    process: str
    radii_um: NDArray[np.float64]
    data: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    middle: NDArray[np.float64]
    p: float
    simulations: int

    def __post_init__(self) -> None:
        m = len(self.radii_um)
        for name in ("radii_um", "data", "low", "high", "middle"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, (m,), name))


@dataclass(frozen=True, repr=False)
class CorrectionTrace(Shown):
    """How the correction for empty cells went: per step, what a fit says of simulated windows against what it says of the data.

    Attributes
    ----------
    names
        The compared statistics, in words; k of them.
    residuals
        float64 ``(steps, k)``, data minus simulation: of logarithms, or in units that the correction gives (a logarithm for
        shapes, standard deviations of the weights for their mean).
    parameters
        float64 ``(steps, k)``, where the model stood, as change against the model before the correction in the same units.
    fresh
        bool ``(steps,)``: the step drew random numbers of its own. The steps before share theirs and look for the solution; the
        fresh ones stand still, and their mean decides.
    noise
        float64 ``(k,)``, Monte Carlo standard error of the mean over the fresh steps; NaN where there are too few.
    allowed
        float64 ``(k,)``, largest mean residual that counts as agreement; NaN for statistics that do not decide.
    hidden_shares
        float64 ``(steps,)``, share of the simulated seeds without a visible cell.
    converged
        Simulation and data agree.
    errors
        float64 ``(k,)``, standard errors of the corrected numbers in the same units, from the scatter of single simulated windows
        and the Monte Carlo error; NaN where not known.
    doubt
        In words, why the data hardly bear the correction; empty where they do.
    """

    names: tuple[str, ...]
    residuals: NDArray[np.float64]
    parameters: NDArray[np.float64]
    fresh: NDArray[np.bool_]
    noise: NDArray[np.float64]
    allowed: NDArray[np.float64]
    hidden_shares: NDArray[np.float64]
    converged: bool
    errors: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    doubt: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        k = len(self.names)
        steps = len(self.residuals)
        shapes = {"residuals": (steps, k), "parameters": (steps, k), "noise": (k,), "allowed": (k,), "hidden_shares": (steps,)}
        if not len(self.errors):
            object.__setattr__(self, "errors", np.full(k, np.nan))
        for name, shape in {**shapes, "errors": (k,)}.items():
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64, shape, name))
        object.__setattr__(self, "fresh", frozen(self.fresh, bool, (steps,), "fresh"))


@dataclass(frozen=True, repr=False)
class GrainModel(Shown):
    """Random marked tessellation: seeds, weights given the nearest-neighbour distance, texture (models.md 7 to 10, 14).

    Attributes
    ----------
    seeds, weights, copula, texture
        The laws that simulation uses.
    as_published
        The same laws before the correction for empty cells ("seeds", "weights", "copula"); empty without correction.
    gauge
        As in `Tessellation`.
    distance_law
        "theory" or "empirical": which cdf of the nearest-neighbour distance the copula was fitted with (models.md 9.3).
    distances_um
        float64 ``(n,)``, sorted nearest-neighbour distances of the data where distance_law is "empirical"; else None.
    orientations
        float64 ``(n, 4)``, quaternions that the textures "resampled" and "correlated" draw from, or None.
    orientation_weights
        float64 ``(n,)``, grain volumes of these orientations, or None.
    neighbour_angles
        float64 ``(m,)``, sorted quantiles of the disorientation angle of touching grains, weighted by the area that they share,
        radians; None where it was not measured. The texture "correlated" follows it.
    point_group
        Of the crystal.
    minimum_cell_voxels
        Smallest cell that counts as visible in the correction.
    sample_size
        Number of generators behind the fit.
    notes
        What the fit has to say about itself (goodness, convergence of the correction).
    matrices
        Law of the matrices of a GBPD, whose kind is that of the tessellation; None for Laguerre.
    correction
        How the correction for empty cells went; None without one.
    intervals
        95 % percentile intervals of the parametric bootstrap: law ("seeds", "weights", "copula") to parameter to (low, high).
    replicates
        Bootstrap replicates behind the standard errors and intervals; 0 for none.
    choices
        Every law of the weights with every copula, the best first by Akaike's criterion; empty if not compared.
    envelopes
        Goodness of fit of the process of visible seeds, before the correction: of the chosen process first, then of others.
    matrix_joint
        Joint law of matrices and weights, which simulations take in place of `matrices`; None for the isotropic law alone.
    goodness
        Kind of process to the p-value of its three curves together.
    """

    seeds: Law
    weights: Law
    copula: Law
    texture: Law = field(default_factory=lambda: Law("uniform"))
    as_published: dict[str, Law] = field(default_factory=dict)
    gauge: str = ""
    distance_law: str = "theory"
    distances_um: NDArray[np.float64] | None = None
    orientations: NDArray[np.float64] | None = None
    orientation_weights: NDArray[np.float64] | None = None
    point_group: str = "-3m"
    minimum_cell_voxels: int = 1
    sample_size: int = 0
    notes: tuple[str, ...] = ()
    matrices: Law | None = None
    correction: CorrectionTrace | None = None
    intervals: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    replicates: int = 0
    neighbour_angles: NDArray[np.float64] | None = None
    choices: tuple[MarkChoice, ...] = ()
    envelopes: tuple[Envelope, ...] = ()
    goodness: dict[str, float] = field(default_factory=dict)
    matrix_joint: MatrixJoint | None = None

    @property
    def kind(self) -> str:
        """Kind of the tessellation that the model draws, as in `Tessellation`."""
        return "laguerre" if self.matrices is None else self.matrices.kind

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "choices", tuple(self.choices))
        object.__setattr__(self, "envelopes", tuple(self.envelopes))
        if self.distances_um is not None:
            object.__setattr__(self, "distances_um", frozen(self.distances_um, np.float64, (None,), "distances_um"))
        if self.orientations is not None:
            object.__setattr__(self, "orientations", frozen(self.orientations, np.float64, (None, 4), "orientations"))
        if self.orientation_weights is not None:
            object.__setattr__(self, "orientation_weights", frozen(self.orientation_weights, np.float64, (None,)))
        if self.neighbour_angles is not None:
            object.__setattr__(self, "neighbour_angles", frozen(self.neighbour_angles, np.float64, (None,), "neighbour_angles"))

    def in_words(self) -> str:
        laws = {"seeds": self.seeds, "weights": self.weights, "copula": self.copula, "texture": self.texture}
        corrected = ", corrected for empty cells" if self.as_published else ""
        return f"{'; '.join(f'{name}: {law.in_words()}' for name, law in laws.items())} (um, um^2){corrected}"
