"""Correction of a fitted grain model for seeds whose cells are empty, by indirect inference (models.md 8.5).

The fit sees only seeds of visible cells. Simulated windows of the model, looked at in the same way, tell what the fit would
have given; the parameters move until that agrees with what the data gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.grains.copula import copula_of_vector, copula_vector
from nmcstudio.grains.coupled import HEADROOM, CoupledWindows, VisiblePattern
from nmcstudio.grains.distance_laws import distance_law, empirical_cdf
from nmcstudio.grains.marks import fit_marks
from nmcstudio.grains.palm import palm_of_windows
from nmcstudio.grains.processes import intensity_of
from nmcstudio.grains.weights import weight_family, weight_moments, weight_of_vector, weight_vector
from nmcstudio.stats.point_patterns import find_pairs, nearest_neighbour_sample
from nmcstudio.stats.regions import BoxRegion

Array = NDArray[np.float64]

FULL_STEPS = 2
DAMPING = 0.8
VOXELS_ACROSS = 13.0  # per intensity^(-1/3): 15 per mean volume-equivalent diameter, as in the published data
_LARGEST_STEP = 0.7  # of a logarithm
_NORMAL_SKEWNESS = 0.23  # of an inverse gamma law with alpha = 300
_STRAUSS_POINTS = 20_000  # behind a distance law in each step
_CELLS = (150, 500)  # in one window


@dataclass(frozen=True)
class Correction:
    """Result of the correction.

    Attributes
    ----------
    model
        The corrected model, or the one given where the correction did not converge.
    converged
        The simulated fit agrees with the data's within the Monte Carlo error.
    notes
        What happened, with the Monte Carlo errors.
    hidden_share
        Share of seeds without a visible cell in the corrected model.
    """

    model: GrainModel
    converged: bool
    notes: tuple[str, ...]
    hidden_share: float


def correct_empty_cells(
    model: GrainModel,
    rng: np.random.Generator,
    *,
    clustered: bool = True,
    r_max_um: float = float("nan"),
    windows: int = 16,
    steps: int = 6,
    minimum_voxels: int = 1,
    monitor: Monitor | None = None,
) -> Correction:
    """Move the parameters until simulated visible cells give the fitted values.

    Parameters
    ----------
    model
        As fitted to visible cells; its `sample_size` sets the size of the windows.
    rng
        Two steps use the same random numbers, later ones fresh ones, over which the parameters are averaged.
    clustered
        False where a Matérn fit stands at its Poisson limit: of the seeds only the intensity is corrected then.
    r_max_um
        Range of the Palm likelihood of the fit.
    windows
        Simulated windows a step.
    steps
        Steps in all, at least four.
    minimum_voxels
        Smallest visible cell, on a raster of about 15 voxels across a mean cell.
    monitor
        Progress, cancelling, and finish now after the first averaged step.
    """
    monitor = monitor or Monitor()
    if model.seeds.kind == "matern-cluster" and not clustered:
        found = correct_empty_cells(
            _with_poisson(model), rng, windows=windows, steps=steps, minimum_voxels=minimum_voxels, monitor=monitor
        )
        return _as_poisson(model, found)
    target = _Vector.of(model)
    unit = intensity_of(model.seeds) ** (-1 / 3)
    cells = int(np.clip(model.sample_size, *_CELLS))
    plan = CoupledWindows(model, unit * cells ** (1 / 3), 0.8 * unit, unit / VOXELS_ACROSS, minimum_voxels)
    group = max(1, round(model.sample_size / cells))
    r_max = min(r_max_um, 0.45 * plan.edge_um)
    x, hidden = target.values.copy(), 0.0
    path: list[Array] = []
    residuals: list[Array] = []
    total = max(steps, FULL_STEPS + 2)
    for step in range(total):
        part = monitor.sub(step / total, (step + 1) / total)
        candidate = target.model(x)
        first = 0 if step < FULL_STEPS else step * windows
        law = distance_law(candidate.seeds, part, _STRAUSS_POINTS)
        patterns = []
        for w in range(windows):
            if monitor.finish_requested and not path:
                note = "The correction for empty cells was ended before its third step; the values are those of visible cells."
                return Correction(model, False, (note,), float("nan"))
            part.report(w / windows, f"Correcting for empty cells: step {step + 1} of {total}")
            patterns.append(plan.draw(candidate, law, child(rng, first + w), _Quiet(part)))
        seen = _seen(patterns, plan, candidate, target, group, r_max, part)
        residual = target.values - seen
        x = target.clip(x + np.clip(DAMPING * residual, -_LARGEST_STEP, _LARGEST_STEP))
        if step >= FULL_STEPS:
            path.append(x)
            residuals.append(residual)
            hidden = float(np.mean([p.hidden_share for p in patterns]))
        if monitor.finish_requested:
            break
    mean, noise = np.mean(path, axis=0), _noise(path)
    return _judge(model, target, mean, noise, np.mean(residuals, axis=0), _noise(residuals), hidden)


def _with_poisson(model: GrainModel) -> GrainModel:
    return replace(model, seeds=Law("poisson", {"intensity": intensity_of(model.seeds)}))


def _as_poisson(model: GrainModel, result: Correction) -> Correction:
    """Back to the Matérn law at its Poisson limit, whose parents follow the corrected intensity."""
    if not result.converged:
        return replace(result, model=model)
    factor = result.model.seeds["intensity"] / intensity_of(model.seeds)
    parameters = {**model.seeds.parameters, "parent_intensity": model.seeds["parent_intensity"] * factor}
    seeds = replace(model.seeds, parameters=parameters)
    published = {**result.model.as_published, "seeds": model.seeds}
    return replace(result, model=replace(result.model, seeds=seeds, as_published=published))


def _noise(rows: Sequence[Array]) -> Array:
    """Standard error of the mean of a few rows; infinite for one."""
    if len(rows) < 2:
        return np.full(len(rows[0]), np.inf)
    return np.std(rows, axis=0, ddof=1) / np.sqrt(len(rows))


def _judge(
    model: GrainModel, target: _Vector, mean: Array, noise: Array, residual: Array, residual_noise: Array, hidden: float
) -> Correction:
    """Accept the averaged parameters where the simulated fit agrees with the data's, and say how well."""
    allowed = np.maximum(4.0 * np.where(np.isfinite(residual_noise), residual_noise, 0.0), 0.12)
    # The sampling error of the dependence is larger than its correction, and the mean weight belongs to the gauge (a constant
    # added to all weights changes no cell): they do not decide.
    judged = np.array([name not in _DEPENDENCE and name != "mean weight" for name in target.names])
    error = _shape_error(model.weights)
    if error >= 1.0 or weight_moments(model.weights).skewness < _NORMAL_SKEWNESS:
        # At the normal limit of the weights, and where the data does not know it, the shape means nothing: it may wander.
        judged &= np.array([name != _SHAPE for name in target.names])
    elif np.isfinite(error):
        # Nothing can agree better than the data knows its own value.
        allowed[target.names.index(_SHAPE)] = max(allowed[target.names.index(_SHAPE)], error)
    astray = [n for n, bad in zip(target.names, (np.abs(residual) > allowed) & judged) if bad]
    astray += [n for n, v, (a, b) in zip(target.names, mean, target.bounds) if _at_limit(n, v, a, b) and n not in astray]
    words = ", ".join(f"{n} {100 * e:.1f} %" for n, e in zip(target.names, noise) if np.isfinite(e) and n in _RELATIVE)
    if astray:
        note = (
            f"The correction for empty cells did not converge ({', '.join(astray)}; {100 * hidden:.0f} % of the "
            "simulated seeds have no visible cell); the values are those of visible cells. Give it more simulated windows, or a "
            "larger volume."
        )
        return Correction(model, False, (note,), hidden)
    note = f"Corrected for empty cells ({100 * hidden:.1f} % of the seeds)"
    note += f"; Monte Carlo error about {words}." if words else "; ended early, Monte Carlo error not known."
    return Correction(target.corrected(mean, noise), True, (note,), hidden)


def _at_limit(name: str, value: float, low: float, high: float) -> bool:
    """A parameter of the seeds that ended at its limit."""
    return name in _RELATIVE and min(value - low, high - value) < 1e-6


class _Quiet(Monitor):
    """Passes cancelling on and keeps the messages of the work inside a window to itself."""

    def __init__(self, parent: Monitor) -> None:
        super().__init__()
        self._parent = parent

    def check(self) -> None:
        self._parent.check()

    @property
    def finish_requested(self) -> bool:
        return self._parent.finish_requested


def _shape_error(weights: Law) -> float:
    """Standard error of the free shape; NaN where there is none."""
    family = weight_family(weights.kind)
    if family.shape not in weights.errors:
        return float("nan")
    a, error = weights[family.shape], weights.errors[family.shape]
    return float(error * abs(family.free(a * (1 + 1e-6)) - family.free(a)) / (a * 1e-6))


_SHAPE = "shape of the weights"
_DEPENDENCE = ("dependence at 0.3", "dependence at 0.65")
_RELATIVE = ("parent intensity", "mean offspring", "cluster radius", "intensity")


@dataclass(frozen=True)
class _Vector:
    """The corrected parameters as numbers that move freely.

    Logarithms, the mean weight in standard deviations, and for the copula log A at two places (`copula.PICKANDS_AT`): psi2 and
    kappa themselves trade off, and psi2 of visible cells often ends at 1.
    """

    base: GrainModel
    names: tuple[str, ...]
    values: Array
    bounds: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, model: GrainModel) -> _Vector:
        """The vector of a fitted model."""
        rows: list[tuple[str, float, float, float]] = []
        room = np.log(HEADROOM)
        seeds = model.seeds
        if seeds.kind == "matern-cluster":
            for name, key in zip(_RELATIVE, ("parent_intensity", "mean_offspring", "cluster_radius")):
                value = float(np.log(seeds[key]))
                rows.append((name, value, value - room, value + room))
        else:
            value = float(np.log(intensity_of(seeds)))
            rows.append(("intensity", value, value - room, value + room))
        _, spread, *shape = weight_vector(model.weights)
        rows.append(("mean weight", 0.0, -3.0, 3.0))
        rows.append(("spread of the weights", float(spread), -np.inf, np.inf))
        rows += [(_SHAPE, float(value), *weight_family(model.weights.kind).bounds) for value in shape]
        if model.copula.kind == "tawn":
            if model.copula["kappa"] > 1.01:
                rows += [(name, float(value), -0.7, 0.0) for name, value in zip(_DEPENDENCE, copula_vector(model.copula))]
        else:
            rows += [(_DEPENDENCE[0], float(value), -1.8, 1.8) for value in copula_vector(model.copula)]
        names, values, low, high = zip(*rows)
        return cls(model, names, np.array(values), tuple(zip(low, high)))

    @property
    def _first_dependence(self) -> int:
        """Where the copula's numbers begin; the end where none is corrected."""
        return self.names.index(_DEPENDENCE[0]) if _DEPENDENCE[0] in self.names else len(self.names)

    def clip(self, x: Array) -> Array:
        low, high = np.array(self.bounds).T
        return np.clip(x, low, high)

    def model(self, x: Array) -> GrainModel:
        """The model of a vector."""
        base = self.base.seeds
        if base.kind == "matern-cluster":
            keys = ("parent_intensity", "mean_offspring", "cluster_radius")
            seeds = Law(base.kind, dict(zip(keys, np.exp(x[:3]).tolist())))
        else:
            # Only the intensity moves. beta of a Strauss process follows it as far as its own law says (Poisson-saddlepoint).
            key = {"poisson": "intensity", "strauss": "beta"}[base.kind]
            factor = float(np.exp(x[0] - self.values[0]))
            seeds = Law(base.kind, {**base.parameters, key: base[key] * factor})
        moments = weight_moments(self.base.weights)
        i, j = self.names.index("mean weight"), self._first_dependence
        weights = weight_of_vector(self.base.weights.kind, np.array([moments.mean + moments.sd * x[i], *x[i + 1 : j]]))
        copula = self.base.copula
        if j < len(x):
            copula = copula_of_vector(copula, x[j:])
        return replace(self.base, seeds=seeds, weights=weights, copula=copula)

    def of_laws(self, seeds: Sequence[float], weights: Law, copula: Law) -> Array:
        """The vector of laws fitted to a simulation."""
        scale = weight_moments(self.base.weights)
        mean, *others = weight_vector(weights)
        rows = [*np.log(seeds), (mean - scale.mean) / scale.sd, *others]
        if _DEPENDENCE[0] in self.names:
            rows += copula_vector(copula).tolist()
        return np.array(rows)

    def corrected(self, mean: Array, noise: Array) -> GrainModel:
        """The model of the averaged vector, with the fit's relative standard errors and the Monte Carlo error in quadrature."""
        model = self.model(mean)
        fitted = self.base.seeds
        extra = noise[0] if np.isfinite(noise[0]) else 0.0
        errors = {name: float(model.seeds[name] * np.hypot(error / fitted[name], extra)) for name, error in fitted.errors.items()}
        return replace(
            model,
            seeds=replace(model.seeds, errors=errors),
            weights=replace(model.weights, errors=dict(self.base.weights.errors)),
            copula=replace(model.copula, errors=dict(self.base.copula.errors)),
            as_published={"seeds": self.base.seeds, "weights": self.base.weights, "copula": self.base.copula},
        )


def _seen(
    patterns: list[VisiblePattern],
    plan: CoupledWindows,
    candidate: GrainModel,
    target: _Vector,
    group: int,
    r_max: float,
    monitor: Monitor,
) -> Array:
    """What the fit says of simulated visible patterns: the seeds from groups of windows of the data's size, the marks pooled."""
    window = BoxRegion(np.array([[0.0, plan.edge_um]] * 3))
    frame = BoxRegion(np.array([[-plan.margin_um, plan.edge_um + plan.margin_um]] * 3))
    intensity = float(np.mean([np.count_nonzero(p.inside) for p in patterns])) / window.volume_um3
    law = candidate.seeds
    if law.kind == "matern-cluster":
        start = (law["parent_intensity"], law["cluster_radius"])
        pairs = [find_pairs(p.seeds_um[p.inside], window, r_max) for p in patterns]
        size = group if len(pairs) >= 4 * group else len(pairs)
        estimates = [palm_of_windows(pairs[k : k + size], start, monitor) for k in range(0, len(pairs) - size + 1, size)]
        logs = np.log(np.array(estimates))
        # A window without clusters sends its estimate to a limit: a tenth is left out at either end.
        lam, radius = np.exp(_trimmed_mean(logs[:, 0])), np.exp(_trimmed_mean(logs[:, 2]))
        seeds = [lam, intensity / lam, radius]
        apparent = Law(law.kind, dict(zip(("parent_intensity", "mean_offspring", "cluster_radius"), seeds)))
    else:
        seeds = [intensity]
        key = {"poisson": "intensity", "strauss": "beta"}[law.kind]
        apparent = Law(law.kind, {**law.parameters, key: law[key] * intensity / intensity_of(law)})
    weights, distances = [], []
    for p in patterns:
        sample = nearest_neighbour_sample(p.seeds_um, frame)
        use = sample.known & p.inside[sample.index]
        weights.append(p.weights[sample.index][use])
        distances.append(sample.distances_um[use])
    w, d = np.concatenate(weights), np.concatenate(distances)
    u2 = empirical_cdf(d) if candidate.distance_law == "empirical" else distance_law(apparent, monitor, _STRAUSS_POINTS).cdf(d)
    start_laws = (candidate.weights, candidate.copula)
    fit = fit_marks(
        w, u2, law=candidate.weights.kind, copula=candidate.copula.kind, start=start_laws, errors=False, monitor=monitor
    )
    return target.of_laws(seeds, fit.weights, fit.copula)


def _trimmed_mean(values: Array) -> float:
    cut = len(values) // 10
    ordered = np.sort(values)
    return float(np.mean(ordered[cut : len(ordered) - cut]))
