"""What virtual particles and meshes show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.particles import Particle, ParticleSet
from nmcstudio.gui.views.content_images import density_plot, ipf_tables, label_layers, label_surfaces, object_figures
from nmcstudio.gui.views.content_shells import shell_surfaces
from nmcstudio.gui.views.contents import Content, Plot, SceneItem, Series, Surfaces


def particle_content(values: dict[str, Any], monitor: Monitor, choice: int = 0) -> Content:
    particles: ParticleSet = values["particle"]
    if not len(particles):
        return Content("particle", "Virtual particles")
    choice = min(max(choice, 0), len(particles) - 1)
    particle = particles.particles[choice]
    choices = tuple(f"Particle {p.index + 1}: {p.grain_count} grains, {p.diameter_um:.3g} µm" for p in particles.particles)
    found = one_particle(particle, monitor)
    return Content(
        "particle", "Virtual particle", "particle", found.layers, found.scene, choices=choices, choice=choice,
        ipf_key=found.ipf_key, simulated=True, note=found.note, rest=found.rest,
    )  # fmt: skip


def one_particle(particle: Particle, monitor: Monitor) -> Content:
    """What one composed particle shows (also the preview of a scenario)."""
    grains = particle.grains
    scene = (
        SceneItem("grains", "Grains", lambda m: label_surfaces(grains, "particle", m), subject="particle"),
        SceneItem("shell", "Shell", lambda m: particle_shell(particle), visible=False),
    )
    note = (
        f"{particle.grain_count} grains, diameter {particle.diameter_um:.3g} µm (shell {particle.shell_diameter_um:.3g} µm), "
        f"seed {particle.seed}"
    )
    if particle.scenario:
        note += ", scenario " + ", ".join(f"{name} {value:.4g}" for name, value in particle.scenario.items())
    return Content(
        "particle", "Virtual particle", "particle", tuple(label_layers(grains, "particle", False)), scene,
        simulated=True, note=note, rest=object_figures(grains, "particle", "model")[0],
        ipf_key=grains.point_group if grains.quaternions is not None else "",
    )  # fmt: skip


def particle_shell(particle: Particle) -> Surfaces:
    """The shell that the particle was composed in."""
    from nmcstudio.shell.directions import icosphere
    from nmcstudio.shell.harmonics import evaluate

    sphere = icosphere()
    radii = evaluate(particle.shell_coefficients, sphere.directions)
    return shell_surfaces(sphere.directions, radii[None], np.zeros((1, 3)), np.array([1]))


def mesh_content(values: dict[str, Any], monitor: Monitor) -> Content:
    mesh: SurfaceMesh | VolumeMesh = values["mesh"]
    # A mesh carries orientations without their crystal, which the particles know that it was made of.
    crystal = values["particle"].particles[0].grains.point_group if len(values.get("particle", ())) else ""
    if isinstance(mesh, SurfaceMesh):
        points, corners, labels = mesh.points_um, mesh.triangles, mesh.sides.max(axis=1)
        title, noun = "Surface mesh", "triangles"
    else:
        points, corners, labels = mesh.points_um, mesh.cells, mesh.labels
        title, noun = f"Mesh of {mesh.kind}", mesh.kind
    quality = cell_quality(points, corners)
    scene = (SceneItem("mesh", "Mesh", lambda m: mesh_surfaces(mesh, quality, crystal), subject="particle"),)
    counts, edges = np.histogram(quality, bins=60, range=(0.0, 1.0))
    shares = Series(
        "model", noun, edges, counts / max(counts.sum(), 1), float(quality.mean()) if len(quality) else np.nan, "bars"
    )
    caption = f"{len(corners):,} {noun}, {len(points):,} points; lowest quality {quality.min(initial=1):.3f}"
    plots = [
        Plot("mesh-quality", "Quality of the elements", "quality (1 is best)", f"share of {noun}", (shares,), caption=caption)
    ]
    volumes = np.bincount(labels)
    plots.append(
        density_plot(
            "elements-per-grain", "Elements of each grain", f"{noun} per grain", volumes[1:][volumes[1:] > 0], "model", lower=0.0
        )
    )
    return Content("mesh", title, "particle", (), scene, plots=tuple(p for p in plots if p), simulated=True, note=caption,
                   ipf_key=crystal)  # fmt: skip


def cell_quality(points: NDArray[np.float64], corners: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shape quality of triangles, tetrahedra (volume against edge lengths) or hexahedra (scaled Jacobian), 1 at best.

    Triangles: 4 sqrt(3) A / sum of squared edges. Tetrahedra: 12 (3 V)^(2/3) / sum of squared edges (mean ratio).
    """
    p = points[corners]
    count = corners.shape[1]
    if count == 3:
        edges = p - np.roll(p, -1, axis=1)
        area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) / 2
        return 4 * np.sqrt(3) * area / np.maximum((edges**2).sum(axis=(1, 2)), 1e-300)
    if count == 4:
        a, b, c = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0], p[:, 3] - p[:, 0]
        volume = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
        squares = sum(((p[:, i] - p[:, j]) ** 2).sum(axis=1) for i in range(4) for j in range(i))
        return np.where(volume > 0, 12 * np.cbrt(3 * np.abs(volume)) ** 2 / np.maximum(squares, 1e-300), 0.0)
    nodes = [(0, 1, 3, 4), (1, 2, 0, 5), (2, 3, 1, 6), (3, 0, 2, 7), (4, 7, 5, 0), (5, 4, 6, 1), (6, 5, 7, 2), (7, 6, 4, 3)]
    worst = np.ones(len(corners))
    for at, first, second, third in nodes:
        arms = [p[:, other] - p[:, at] for other in (first, second, third)]
        lengths = np.prod([np.linalg.norm(arm, axis=1) for arm in arms], axis=0)
        worst = np.minimum(worst, np.einsum("ij,ij->i", arms[0], np.cross(arms[1], arms[2])) / np.maximum(lengths, 1e-300))
    return np.maximum(worst, 0.0)


_FACES = {
    4: ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)),
    8: ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)),
}


def mesh_surfaces(mesh: SurfaceMesh | VolumeMesh, quality: NDArray[np.float64], crystal: str = "") -> Surfaces:
    """Faces of a mesh between two grains or a grain and the outside, with the quality of the element behind.

    Orientations are coloured where the point group of the `crystal` is known.
    """
    if isinstance(mesh, SurfaceMesh):
        return Surfaces(mesh, scalars={"quality": quality}, edges=True)
    faces = _FACES[mesh.cells.shape[1]]
    width = len(faces[0])
    corners = np.concatenate([mesh.cells[:, face] for face in faces])
    owner = np.tile(np.arange(len(mesh.cells)), len(faces))
    order = np.lexsort(np.sort(corners, axis=1).T)
    ordered = np.sort(corners, axis=1)[order]
    twin = np.all(ordered[1:] == ordered[:-1], axis=1)
    other = np.full(len(corners), -1)
    other[order[:-1][twin]] = owner[order[1:][twin]]
    second = np.zeros(len(corners), bool)
    second[order[1:][twin]] = True
    across = np.where(other >= 0, mesh.labels[other], 0)
    keep = ~second & (across != mesh.labels[owner])
    quads, behind, front = corners[keep], mesh.labels[owner[keep]], across[keep]
    triangles, repeat = (quads, 1) if width == 3 else (quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), 2)
    sides = np.repeat(np.stack([behind, front], axis=1), repeat, axis=0).astype(np.int32)
    used, local = np.unique(triangles, return_inverse=True)
    surface = SurfaceMesh(mesh.points_um[used], local.reshape(-1, 3), sides)
    colours = {f"IPF {name}": table for name, table in ipf_tables(mesh.quaternions, crystal).items()}
    return Surfaces(surface, colours, {"quality": np.repeat(quality[owner[keep]], repeat)}, edges=True)
