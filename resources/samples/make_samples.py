"""Makes the bundled CT sample: ``python resources/samples/make_samples.py``.

Star-shaped particles are drawn from ``simulated-shell-model.json``, packed so that they touch, imaged (blur, rings around the
axis of rotation, noise, the empty corners of a cylindrical scan) and written beside this file:

- ``simulated-ct.tif``: grey values, uint8, voxel 0.256 um;
- ``simulated-ct-truth.tif``: the label of each particle.

Everything is seeded: the same numpy and scipy give the same files.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child, stream
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.io.tables.shell_model import read_shell_model
from nmcstudio.io.volumes.registry import write_labels, write_volume
from nmcstudio.shell.harmonics import evaluate, shell_diameter
from nmcstudio.shell.sample import draw_shells

SEED = 20210707
SHAPE = (140, 160, 160)
SPACING_UM = 0.256
MARGIN = 12  # voxels around the volume in which particles are packed too, so that its border cuts some
CONTACT = 0.04  # share of its skin beyond which touching more makes a place no better
COARSE = 2  # packing is done on voxels of this many
CANDIDATES = 68  # shells to pack; nearly all must find room, or the sample would have a size law of its own
CLEARANCE = 3  # voxels that whole particles keep from the border, or smoothing would make them touch it
WHOLE = 0.9  # share of the particles that must lie inside the field of view
OVERLAP = 0.003  # of its own volume a particle may share with those that lie there
PORE, MATERIAL = 72.0, 164.0  # grey values
NOISE, BLUR = 9.0, 1.0  # standard deviations: grey values, voxels
RINGS = 3.0  # standard deviation of the grey value of a ring
CYLINDER = 0.62  # radius of the field of view over the width of the volume
HERE = Path(__file__).resolve().parent


def main() -> None:
    rng = stream(SEED, "simulated CT")
    model = read_shell_model(HERE / "simulated-shell-model.json")
    shells = draw_shells(model, CANDIDATES, child(rng, 0)).coefficients
    # Large particles first: small ones still find room then.
    shells = radius_tables(shells[np.argsort(-shell_diameter(shells), kind="stable")])
    centres = pack(shells, child(rng, 1))
    labels = draw_labels(shells, centres)
    grey, labels = image(labels, child(rng, 2))
    facts = {"spacing_um": (SPACING_UM,) * 3, "simulated": True}
    write_volume(Volume(grey, name="simulated CT of touching particles", **facts), HERE / "simulated-ct.tif")
    truth = LabelVolume(labels.astype(np.uint16), name="simulated particles, the truth", **facts)
    write_labels(truth, HERE / "simulated-ct-truth.tif", Monitor())
    touching = border_of(labels) | ndimage.binary_dilation(grey == 0)
    whole = np.setdiff1d(np.unique(labels), np.unique(labels[touching]))
    share = np.count_nonzero(labels) / labels.size
    print(f"{np.isnan(centres).any(axis=1).sum()} of {len(shells)} shells found no room")
    print(f"{len(np.unique(labels)) - 1} particles, {len(whole)} whole, {share:.3f} of the volume")
    for name in ("simulated-ct.tif", "simulated-ct-truth.tif"):
        print(f"{name}: {(HERE / name).stat().st_size / 1e6:.2f} MB")


def border_of(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The outermost voxels."""
    border = np.ones(labels.shape, bool)
    border[1:-1, 1:-1, 1:-1] = False
    return border


def radius_tables(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radii ``(n, 91, 181)`` in um at every two degrees of colatitude and longitude."""
    theta, phi = np.meshgrid(np.radians(np.arange(0, 181, 2)), np.radians(np.arange(0, 361, 2)), indexing="ij")
    directions = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    return evaluate(coefficients, directions.reshape(-1, 3)).reshape(-1, *theta.shape)


def inside(radii: NDArray[np.float64], offsets_um: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the centre over the radius in that direction, for points (z, y, x) in um."""
    z, y, x = np.moveaxis(offsets_um, -1, 0)
    distance = np.sqrt(z * z + y * y + x * x)
    theta = np.degrees(np.arccos(np.divide(z, distance, out=np.ones_like(z), where=distance > 0)))
    phi = np.degrees(np.arctan2(y, x)) % 360
    return distance / ndimage.map_coordinates(radii, [theta / 2, phi / 2], order=1, mode="nearest")


def grid_around(reach_um: float, edge_um: float) -> NDArray[np.float64]:
    """Points (z, y, x) in um of a cube of voxels around the origin."""
    n = math.ceil(reach_um / edge_um)
    axis = np.arange(-n, n + 1) * edge_um
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def pack(shells: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Centres (z, y, x) in voxels of the volume, NaN for shells that found no room.

    Each particle goes to a random one of the places where it overlaps by less than `OVERLAP` and touches by at least `CONTACT`
    (or as much as can be); every twentieth goes anywhere.
    """
    shape = tuple((n + 2 * MARGIN) // COARSE for n in SHAPE)
    edge = SPACING_UM * COARSE
    occupied = np.zeros(shape, np.float32)
    centres = np.full((len(shells), 3), np.nan)
    outside = (~coarse_view(shape)).astype(np.float32)
    size = [fft.next_fast_len(n, real=True) for n in shape]
    for number, radii in enumerate(shells):
        body = (inside(radii, grid_around(radii.max(), edge)) <= 1).astype(np.float32)
        skin = ndimage.binary_dilation(body, iterations=1) & (body == 0)
        forbidden = np.maximum(occupied, outside) if rng.random() < WHOLE else occupied
        spectra = {id(array): fft.rfftn(array, size) for array in (occupied, forbidden)}

        def shared(kernel: NDArray, array: NDArray, spectra: dict[int, NDArray] = spectra) -> NDArray:
            """Voxels that the kernel, centred on each place, shares with an array."""
            n = kernel.shape[0] // 2
            product = spectra[id(array)] * np.conj(fft.rfftn(kernel.astype(np.float32), size))
            return np.roll(fft.irfftn(product, size), (n, n, n), (0, 1, 2))[: shape[0], : shape[1], : shape[2]]

        free = np.rint(shared(body, forbidden)) <= OVERLAP * body.sum()
        if number % 20 == 0:
            places = np.flatnonzero(free)
            place = int(rng.choice(places)) if len(places) else -1
        else:
            touching = (
                np.where(free, np.minimum(np.rint(shared(skin, occupied)), CONTACT * skin.sum()), -1).ravel()
                + rng.random(free.size) * 0.5
            )
            place = int(touching.argmax()) if free.any() else -1
        if place < 0:
            continue
        centre = np.array(np.unravel_index(place, shape))
        centres[number] = centre * COARSE - MARGIN
        put(occupied, body, centre)
    return centres


def coarse_view(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The field of view on the voxels of the packing."""
    z, y, x = np.meshgrid(*[np.arange(n) * COARSE - MARGIN for n in shape], indexing="ij")
    volume = np.ones(shape, bool)
    for place, n in ((z, SHAPE[0]), (y, SHAPE[1]), (x, SHAPE[2])):
        volume &= (place >= CLEARANCE) & (place < n - CLEARANCE)
    return volume & (np.hypot(y - (SHAPE[1] - 1) / 2, x - (SHAPE[2] - 1) / 2) <= CYLINDER * SHAPE[2] - CLEARANCE)


def put(occupied: NDArray[np.float32], body: NDArray[np.float32], centre: NDArray[np.int64]) -> None:
    """Mark a particle as occupied; what lies beyond the array is left out."""
    n = body.shape[0] // 2
    low, high = np.maximum(centre - n, 0), np.minimum(centre + n + 1, occupied.shape)
    there = tuple(slice(a, b) for a, b in zip(low, high))
    here = tuple(slice(a, b) for a, b in zip(low - centre + n, high - centre + n))
    occupied[there] = np.maximum(occupied[there], body[here])


def draw_labels(shells: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.int64]:
    """Particles on the voxels of the volume; a voxel of two belongs to the one in which it lies deeper."""
    labels, depth = np.zeros(SHAPE, np.int64), np.ones(SHAPE)
    for number, (radii, centre) in enumerate(zip(shells, centres), start=1):
        if np.isnan(centre).any():
            continue
        n = math.ceil(radii.max() / SPACING_UM)
        low, high = np.maximum(centre - n, 0).astype(int), np.minimum(centre + n + 1, SHAPE).astype(int)
        if np.any(high <= low):
            continue
        part = tuple(slice(a, b) for a, b in zip(low, high))
        axes = [(np.arange(a, b) - c) * SPACING_UM for a, b, c in zip(low, high, centre)]
        found = inside(radii, np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))
        deeper = found < depth[part]
        depth[part][deeper], labels[part][deeper] = found[deeper], number
    return labels


def image(labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """What a scanner would see, and the labels inside its field of view, numbered without gaps."""
    grey = ndimage.gaussian_filter(np.where(labels > 0, MATERIAL, PORE), BLUR)
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    radius = np.hypot(y - (SHAPE[1] - 1) / 2, x - (SHAPE[2] - 1) / 2)
    rings = RINGS * rng.standard_normal(int(radius.max()) + 2) * (rng.random(int(radius.max()) + 2) < 0.4)
    grey += np.interp(radius, np.arange(len(rings)), rings)
    grey += NOISE * rng.standard_normal(SHAPE)
    seen = np.broadcast_to(radius <= CYLINDER * SHAPE[2], SHAPE)
    grey = np.where(seen, np.clip(np.rint(grey), 1, 255), 0).astype(np.uint8)
    numbered = np.unique(np.where(seen, labels, 0), return_inverse=True)[1].reshape(SHAPE)
    return grey, numbered


if __name__ == "__main__":
    main()
