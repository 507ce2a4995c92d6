"""The texture of a fitted tessellation: what orientations are drawn from, and whether neighbours know of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.observed import centre_of
from nmcstudio.grains.placement import Contacts, Placement, judge_placement
from nmcstudio.grains.textures import fit_radial_texture
from nmcstudio.stats.contacts import count_contacts

Array = NDArray[np.float64]

TEXTURES = ("automatic", "uniform", "resampled", "correlated", "radial")
_CELL_VOXELS = 12.0  # across a mean cell, where contacts are looked for in the tessellation
_LEAST_PAIRS = 10


@dataclass(frozen=True)
class TextureFit:
    """Law of the texture and what it draws from, as the fields of `nmcstudio.core.grains.GrainModel`.

    Attributes
    ----------
    law
        "uniform", "resampled", "correlated" or "radial" (k).
    orientations, volumes_um3, neighbour_angles
        ``(n, 4)``, ``(n,)``, quantiles in radians; None where the law does not need them or they are not known.
    notes
        What the test of the placement found.
    """

    law: Law
    orientations: Array | None = None
    volumes_um3: Array | None = None
    neighbour_angles: Array | None = None
    notes: tuple[str, ...] = ()


def fit_texture(
    tessellation: Tessellation,
    used: NDArray[np.bool_],
    texture: str,
    grains: LabelVolume | None,
    rng: np.random.Generator,
    monitor: Monitor | None = None,
) -> TextureFit:
    """Fit a texture.

    Parameters
    ----------
    tessellation
        With orientations, unless the texture is to be uniform.
    used
        bool ``(n,)``, generators that count.
    texture
        One of `TEXTURES`; "automatic" is "resampled" where there are orientations, else "uniform".
    grains
        Labels behind the tessellation, for contacts; without them the cells' are taken.
    rng
        Of the test of the placement.
    monitor
        Progress.

    Raises
    ------
    NmcError
        If the texture is unknown, or needs orientations or contacts that are not there.
    """
    if texture not in TEXTURES:
        raise NmcError(f"unknown texture {texture!r}", f"use one of {', '.join(TEXTURES)}", "texture")
    quaternions = tessellation.quaternions
    known = None if quaternions is None else used & np.all(np.isfinite(quaternions), axis=1)
    if texture == "automatic":
        texture = "resampled" if known is not None and known.any() else "uniform"
    if texture == "uniform":
        return TextureFit(Law("uniform"))
    if quaternions is None or known is None or not known.any():
        raise NmcError(
            f"the {texture} texture needs orientations and the tessellation has none",
            "use --texture uniform, or fit the tessellation to grains of an orientation map",
            "texture",
        )
    volumes = None if tessellation.volumes_um3 is None else tessellation.volumes_um3[known]
    if texture == "radial":
        places = tessellation.seeds_um if tessellation.centroids_um is None else tessellation.centroids_um
        return TextureFit(fit_radial_texture(quaternions[known], places[known] - centre_of(tessellation, known)))
    contacts = _contacts(tessellation, known, grains, monitor)
    if texture == "resampled" and len(contacts.pairs) < _LEAST_PAIRS:
        return TextureFit(Law("resampled"), quaternions[known], volumes)
    found = judge_placement(quaternions[known], contacts, tessellation.point_group or "-3m", rng, monitor)
    return TextureFit(Law(texture), quaternions[known], volumes, found.angles, (_words(found, texture),))


def _words(found: Placement, texture: str) -> str:
    """What the test says, as a sentence."""
    numbers = f"{np.degrees(found.shift):.2g}° mean shift of the disorientation angles, p = {found.p:.2g}"
    if found.p > 0.05:
        return f"Orientations of neighbouring grains are as if placed at random ({numbers})."
    advice = "" if texture == "correlated" else "; the correlated texture simulates it"
    return f"Orientations of neighbouring grains depend on each other ({numbers}){advice}."


def _contacts(
    tessellation: Tessellation, known: NDArray[np.bool_], grains: LabelVolume | None, monitor: Monitor | None
) -> Contacts:
    """Contacts among the known grains, as rows of these."""
    row_of_known = np.cumsum(known) - 1
    if grains is not None:
        pairs, faces = count_contacts(grains.labels, monitor)
        rows = np.searchsorted(tessellation.labels, pairs)
        there = np.all(rows < len(tessellation), axis=1)
        there[there] = np.all(tessellation.labels[rows[there]] == pairs[there], axis=1)
        rows, faces = rows[there], faces[there]
    else:
        window = tessellation.window_um
        edge = float(np.cbrt(np.prod(window[:, 1] - window[:, 0]) / max(len(tessellation), 1))) / _CELL_VOXELS
        nx, ny, nz = (int(n) for n in np.maximum(np.rint((window[:, 1] - window[:, 0]) / edge), 1))
        x, y, z = (float(v) for v in window[:, 0] + 0.5 * edge)
        index = label_grid(
            tessellation.kind, tessellation.seeds_um, tessellation.weights, tessellation.matrices,
            (nz, ny, nx), (edge, edge, edge), (z, y, x), monitor or Monitor(),
        )  # fmt: skip
        rows, faces = count_contacts(index + 1, monitor)
        rows = rows - 1
    both = known[rows].all(axis=1)
    return Contacts(row_of_known[rows[both]], faces[both].astype(float))
