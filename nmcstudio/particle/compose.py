"""Composition: a random shell filled with the grains whose centroids it holds (models.md 12.2, 12.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.particles import Particle, ParticleSet
from nmcstudio.core.rng import child
from nmcstudio.core.shells import ShellModel
from nmcstudio.core.volume import LabelVolume, Triple, index_to_um
from nmcstudio.particle.scenario import apply_scenario
from nmcstudio.particle.sizes import cell_diameter_um, default_voxel_um

if TYPE_CHECKING:
    from nmcstudio.shell.sphericity_match import SphericityMatch

Array = NDArray[np.float64]
Conditioning = Literal["exact", "rejection"]

# The streams below a particle's own: what one part draws does not shift what another gets.
_SHELL, _GRAINS, _MATRICES, _ORIENTATIONS = range(4)
# Seeds are drawn so far around the shell, in mean cell diameters; the grid of voxels starts smaller and grows if a cell is cut.
_FRAME_CELLS = 3.0
_MARGIN_CELLS = 1.5
_MOST_VOXELS = 2_000_000_000
_REMEMBERED = 32
_SHELLS: dict[object, tuple[Array, int]] = {}


@dataclass(frozen=True)
class _Cells:
    """Generator of each voxel of a grid; for each generator its voxel count, centroid and whether it touches the border."""

    grid: NDArray[np.int32]
    origin_um: Triple
    counts: NDArray[np.int64]
    centroids_um: Array
    on_border: NDArray[np.bool_]


def compose(
    shell_model: ShellModel,
    grain_model: GrainModel,
    rng: np.random.Generator,
    *,
    count: int = 1,
    diameter_um: float | None = None,
    tolerance: float = 0.02,
    conditioning: Conditioning = "exact",
    match: SphericityMatch | None = None,
    voxel_um: float | None = None,
    connected: bool = True,
    scenario: dict[str, float] | None = None,
    monitor: Monitor | None = None,
) -> ParticleSet:
    """Compose particles; number i depends on the stream of `rng`, i and the parameters, not on how many are made.

    Parameters
    ----------
    shell_model, grain_model
        The fitted models.
    rng
        Its stream gives each particle its own.
    count
        Number of particles.
    diameter_um, tolerance, conditioning, match, voxel_um, connected, scenario
        See `compose_particle`.

    Raises
    ------
    NmcError, ComputationError
        As `compose_particle`.
    """
    monitor = monitor or Monitor()
    particles: list[Particle] = []
    for index in range(count):
        if particles and monitor.finish_requested:
            monitor.warn(f"finished early: {len(particles)} of {count} particles")
            break
        part = monitor.sub(index / count, (index + 1) / count)
        particles.append(
            compose_particle(
                shell_model, grain_model, rng, index, diameter_um=diameter_um, tolerance=tolerance, conditioning=conditioning,
                match=match,
                voxel_um=voxel_um, connected=connected, scenario=scenario, monitor=part,
            )
        )  # fmt: skip
    return ParticleSet(tuple(particles))


def compose_particle(
    shell_model: ShellModel,
    grain_model: GrainModel,
    rng: np.random.Generator,
    index: int,
    *,
    diameter_um: float | None = None,
    tolerance: float = 0.02,
    conditioning: Conditioning = "exact",
    match: SphericityMatch | None = None,
    voxel_um: float | None = None,
    connected: bool = True,
    scenario: dict[str, float] | None = None,
    monitor: Monitor | None = None,
) -> Particle:
    """Particle number `index` of a series.

    The random numbers do not depend on the voxel size: a coarse preview shows the same shell and the same grains.

    Parameters
    ----------
    diameter_um
        Volume-equivalent diameter of the shell; None draws it from the model.
    tolerance
        Half width of the window of diameters, as a share ([0.98, 1.02] in the paper).
    conditioning
        "exact" (quick) or "rejection" (draw until the size fits, as published): the same law.
    match
        Keep shells so that their sphericities have the law of the data (`nmcstudio.shell.sphericity_match`); None for the
        model's own.
    voxel_um
        Voxel edge; None takes a fifteenth of the mean cell diameter.
    connected
        Keep only the largest group of grains that share voxel faces (6-connected).
    scenario
        Changes of the models' parameters by name (`nmcstudio.particle.scenario`).

    Raises
    ------
    NmcError
        If a parameter is out of range, or the grid would not fit into memory.
    ComputationError
        If no grain has its centroid in the shell.
    """
    from nmcstudio.grains.simulate import simulate_grains, simulate_matrices
    from nmcstudio.grains.textures import contacts_of, draw_orientations, needs_contacts
    from nmcstudio.shell.directions import icosphere
    from nmcstudio.shell.harmonics import equivalent_diameter, evaluate, shell_diameter

    monitor = monitor or Monitor()
    changes = dict(scenario or {})
    shell_model, grain_model, diameter_um = apply_scenario(changes, shell_model, grain_model, diameter_um)
    own = child(rng, index)
    monitor.report(0.0, "drawing the shell")
    coefficients, component = _draw_shell(shell_model, child(own, _SHELL), diameter_um, tolerance, conditioning, match, monitor)
    sphere = icosphere(4).directions
    surface = sphere * evaluate(coefficients, sphere)[:, None]
    box = np.stack([surface.min(axis=0), surface.max(axis=0)], axis=1)
    cell_um = cell_diameter_um(grain_model)
    voxel = voxel_um or default_voxel_um(grain_model)
    monitor.report(0.05, "placing the grains")
    frame = box + _FRAME_CELLS * cell_um * np.array([-1.0, 1.0])
    seeds, weights, _ = simulate_grains(grain_model, frame, child(own, _GRAINS), monitor.sub(0.05, 0.3))
    matrices = simulate_matrices(grain_model, weights, child(own, _MATRICES), seeds)
    monitor.report(0.3, "filling the shell with grains")
    generators = (grain_model.kind, seeds, weights, matrices)
    cells, kept = _cells_inside(generators, coefficients, box, cell_um, voxel, monitor.sub(0.3, 0.8))
    monitor.report(0.8, "numbering the grains")
    labels, order, origin = _number_grains(cells, kept, voxel, connected, monitor)
    contacts = contacts_of(labels) if needs_contacts(grain_model) else None
    orientations = draw_orientations(
        grain_model, cells.centroids_um[order], child(own, _ORIENTATIONS), contacts=contacts, monitor=monitor.sub(0.9, 1.0)
    )
    quaternions = np.concatenate([np.full((1, 4), np.nan), orientations])
    volume = LabelVolume(
        labels,
        (voxel, voxel, voxel),
        origin,
        kind="grains",
        quaternions=quaternions,
        point_group=grain_model.point_group,
        name=f"particle {index}",
        simulated=True,
    )
    monitor.report(1.0)
    return Particle(
        grains=volume,
        shell_coefficients=coefficients,
        component=component,
        seeds_um=seeds[order],
        weights=weights[order],
        kind=grain_model.kind,
        shell_diameter_um=float(shell_diameter(coefficients)),
        diameter_um=float(equivalent_diameter(np.asarray(np.count_nonzero(labels) * voxel**3))),
        index=index,
        seed=int(rng.bit_generator.seed_seq.entropy),  # type: ignore[attr-defined]
        matrices=None if matrices is None else matrices[order],
        scenario=changes,
    )


def _cells_inside(
    generators: tuple[str, Array, Array, Array | None],
    coefficients: Array,
    box: Array,
    cell_um: float,
    voxel: float,
    monitor: Monitor,
) -> tuple[_Cells, NDArray[np.bool_]]:
    """Cells around the shell, in a box as large as whole cells need, and which of them have their centroid in the shell."""
    from nmcstudio.shell.harmonics import evaluate_at

    margin = _MARGIN_CELLS
    while True:
        cells = _label_cells(*generators, box + margin * cell_um * np.array([-1.0, 1.0]), voxel, monitor)
        radii = np.full(len(cells.counts), -1.0)
        found = cells.counts > 0
        radii[found] = evaluate_at(coefficients, cells.centroids_um[found])
        kept = found & (np.linalg.norm(cells.centroids_um, axis=1) <= radii)
        if margin >= _FRAME_CELLS or not np.any(kept & cells.on_border):
            break
        margin = min(2.0 * margin, _FRAME_CELLS)
    if not kept.any():
        raise ComputationError(
            "no grain has its centroid inside the shell",
            "use a larger particle or smaller grains: the grains are as large as the particle",
        )
    return cells, kept


def _draw_shell(
    model: ShellModel,
    rng: np.random.Generator,
    diameter_um: float | None,
    tolerance: float,
    conditioning: Conditioning,
    match: SphericityMatch | None,
    monitor: Monitor,
) -> tuple[Array, int]:
    """Coefficients and component; the last few are remembered, since most sliders leave the shell as it is."""
    from nmcstudio.shell.sphericity_match import draw_series

    spectra = b"".join(c.power_spectrum.tobytes() for c in model.components)
    sizes = tuple((c.probability, c.mean_um) for c in model.components)
    stream = str(rng.bit_generator.seed_seq)  # type: ignore[attr-defined]
    key = (stream, spectra, sizes, diameter_um, tolerance, conditioning, match)
    known = _SHELLS.get(key)
    if known is None:
        shells = draw_series(
            model, 1, rng, match=match, diameter_um=diameter_um, monitor=monitor.sub(0.0, 0.05), tolerance=tolerance,
            conditioning=conditioning,
        )  # fmt: skip
        known = (shells.coefficients[0], int(shells.components[0]))
        if len(_SHELLS) >= _REMEMBERED:
            _SHELLS.pop(next(iter(_SHELLS)), None)
        _SHELLS[key] = known
    return known


def _label_cells(
    kind: str, seeds: Array, weights: Array, matrices: Array | None, box: Array, voxel: float, monitor: Monitor
) -> _Cells:
    from nmcstudio.grains.labelling import label_grid
    from nmcstudio.particle.kernels import gather_cells, slabs

    # voxel centres at whole multiples of the edge: a larger grid has the same ones
    low = np.floor(box[::-1, 0] / voxel).astype(int)
    high = np.ceil(box[::-1, 1] / voxel).astype(int)
    shape = tuple(int(n) for n in high - low + 1)
    if np.prod(shape, dtype=float) > _MOST_VOXELS:
        raise NmcError(
            f"the particle would need {np.prod(shape, dtype=float):.2g} voxels of {voxel:.3g} um", "use larger voxels", "voxel_um"
        )
    origin: Triple = (low[0] * voxel, low[1] * voxel, low[2] * voxel)
    grid = label_grid(kind, seeds, weights, matrices, shape, (voxel, voxel, voxel), origin, monitor.sub(0.0, 0.9))  # type: ignore[arg-type]
    counts = np.zeros(len(seeds), np.int64)
    sums = np.zeros((len(seeds), 3), np.int64)
    border = np.zeros(len(seeds), bool)
    for first, last in slabs(shape):
        monitor.report(0.95)
        gather_cells(grid, first, last, counts, sums, border)
    middles = sums / np.maximum(counts, 1)[:, None]
    return _Cells(grid, origin, counts, index_to_um(middles, (voxel, voxel, voxel), origin), border)


def _number_grains(
    cells: _Cells, kept: NDArray[np.bool_], voxel: float, connected: bool, monitor: Monitor
) -> tuple[NDArray[np.uint32], NDArray[np.int64], Triple]:
    """Labels 1 to n cut to the particle's box and one voxel around it, generators in their order, and the origin."""
    order = np.flatnonzero(kept)
    labels = _painted(cells.grid, order, len(kept), monitor)
    if connected:
        still = _largest_piece(labels, cells.counts[order], monitor)
        if not still.all():
            order = order[still]
            labels = _painted(cells.grid, order, len(kept), monitor)
    filled = [np.flatnonzero(labels.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    first = [int(f[0]) for f in filled]
    cut = labels[tuple(slice(int(f[0]), int(f[-1]) + 1) for f in filled)]
    origin = [o + (f - 1) * voxel for o, f in zip(cells.origin_um, first)]
    return np.pad(cut, 1), order, (origin[0], origin[1], origin[2])


def _largest_piece(labels: NDArray[np.uint32], voxels: NDArray[np.int64], monitor: Monitor) -> NDArray[np.bool_]:
    """Which grains belong to the largest group of grains that share voxel faces, ``(n,)``."""
    from nmcstudio.particle.kernels import join_neighbours, root_of, slabs

    parents = np.arange(len(voxels) + 1)
    for first, last in slabs(labels.shape):
        monitor.report(0.9, "looking for loose grains")
        join_neighbours(labels, first, last, parents)
    roots = np.array([root_of(parents, label) for label in range(1, len(voxels) + 1)])
    sizes = np.bincount(roots, voxels)
    return np.asarray(roots == np.argmax(sizes))


def _painted(grid: NDArray[np.int32], order: NDArray[np.int64], total: int, monitor: Monitor) -> NDArray[np.uint32]:
    from nmcstudio.particle.kernels import paint_labels, slabs

    kind = np.uint16 if len(order) < 65536 else np.uint32
    table = np.zeros(total, kind)
    table[order] = np.arange(1, len(order) + 1)
    labels = np.empty(grid.shape, kind)
    for first, last in slabs(grid.shape):
        monitor.report(None)
        paint_labels(grid, table, first, last, labels)
    return labels
