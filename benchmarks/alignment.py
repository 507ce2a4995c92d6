"""Measuring the drift of a stack of sections: `measure_drift` against scikit-image's phase correlation of the quality.

A seeded Voronoi structure is cut by sections that lie off each other by a known drift of fractions of voxels. Both ways run
in turn in one process; the peer sees neighbouring sections only, at a tenth of a voxel, and adds the shifts up.

    python -m benchmarks.alignment [SECTIONS [SIZE [ROUNDS]]]
    python -m benchmarks.alignment growth    errors against the number of sections and of grains per section
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Measured, interleaved, measure, table
from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.crystal.quaternions import multiply, normalise, random_orientations

_EDGE_UM, _SPACING_VOXELS, _GRAIN_VOXELS = 0.05, 4.0, 16.0
_LARGEST_STEP = 3.0
_NOT_INDEXED = 0.05


def make_stack(
    sections: int,
    size: int,
    seed: int = 1,
    *,
    spacing: float = _SPACING_VOXELS,
    grain: float = _GRAIN_VOXELS,
    smooth: bool = False,
) -> tuple[EbsdStack, NDArray[np.float64]]:
    """Sections of grains with orientation noise, points that are not indexed and noisy quality.

    Parameters
    ----------
    sections, size
        Number of sections, voxels along their sides.
    seed
        Of everything.
    spacing, grain
        Distance of the sections, and the size of grains (cube root of their volume), in voxels of a section.
    smooth
        A drift that bends slowly, trembles by a voxel and jumps every 25 sections, instead of one of random steps; and every 20th
        section is foreign (its orientations are those of other grains).

    Returns
    -------
    The stack, and the drift (y, x) of each section in its voxels ``(sections, 2)``, the first one at zero.
    """
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.uniform(-_LARGEST_STEP, _LARGEST_STEP, (sections, 2)), axis=0)
    if smooth:
        turns = np.arange(sections)[:, None] / 40 + rng.uniform(size=2)
        drift = 8 * np.sin(2 * np.pi * turns) + rng.uniform(-1, 1, (sections, 2))
        drift += np.cumsum(np.where(np.arange(sections)[:, None] % 25 == 24, rng.uniform(-9, 9, (sections, 2)), 0), axis=0)
    drift -= drift[0]
    margin = 2 * grain + np.abs(drift).max()
    room = np.array([sections * spacing + 4 * grain, size + 2 * margin, size + 2 * margin])
    points = rng.uniform(size=(int(room.prod() / grain**3), 3)) * room - (2 * grain, margin, margin)
    tree, crystals = cKDTree(points), random_orientations(len(points), rng)
    q = np.empty((sections, size, size, 4), np.float32)
    quality = np.empty((sections, size, size), np.float32)
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:size, :size])
    for k in range(sections):
        seen = crystals[::-1] if smooth and k % 20 == 13 else crystals
        where = np.stack([np.full(y.shape, k * spacing), y - drift[k, 0], x - drift[k, 1]], axis=1)
        distance, nearest = tree.query(where, k=2, workers=-1)
        noise = normalise(np.concatenate([np.ones((len(y), 1)), rng.normal(0, 0.004, (len(y), 3))], axis=1))
        q[k] = multiply(noise, seen[nearest[:, 0]]).reshape(size, size, 4)
        bright = np.minimum(distance[:, 1] - distance[:, 0], 3) * 30 + rng.normal(0, 10, len(y))
        quality[k] = bright.reshape(size, size)
    phase = (rng.uniform(size=quality.shape) >= _NOT_INDEXED).astype(np.uint8)
    q[phase == 0] = np.nan
    stack = EbsdStack(
        quaternions=q, phase=phase, phases=(Phase("NMC", "-3m"),), quality=quality,
        confidence=np.full(quality.shape, np.nan, np.float32), observed=np.ones(quality.shape, bool),
        spacing_um=(spacing * _EDGE_UM, _EDGE_UM, _EDGE_UM),
    )  # fmt: skip
    return stack, drift


def ours(stack: EbsdStack) -> NDArray[np.float64]:
    """Drift in voxels by `measure_drift` with the step's defaults."""
    from nmcstudio.imaging.drift import measure_drift

    return measure_drift(stack).drift_um / _EDGE_UM


def by_area_only(stack: EbsdStack) -> NDArray[np.float64]:
    """The same without the boundaries: from the shares of points that agree alone, section against section."""
    from unittest import mock

    from nmcstudio.imaging import drift

    def unchanged(_stack: Any, _numbers: Any, position: NDArray[np.float64], *_: Any) -> Any:
        return position, np.full(2, np.nan)

    with mock.patch.object(drift, "_refined", unchanged):
        return drift.measure_drift(stack).drift_um / _EDGE_UM


def neighbours_only(stack: EbsdStack) -> NDArray[np.float64]:
    """The same from neighbouring sections alone."""
    from nmcstudio.imaging.drift import measure_drift

    return measure_drift(stack, reach=1).drift_um / _EDGE_UM


def scikit_image(stack: EbsdStack) -> NDArray[np.float64]:
    """Drift in voxels by phase correlation of the quality of neighbouring sections."""
    from skimage.registration import phase_cross_correlation

    steps = [-phase_cross_correlation(a, b, upsample_factor=10)[0] for a, b in zip(stack.quality, stack.quality[1:])]
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


_WAYS = {
    "ours, boundaries of all grains": ours,
    "ours, neighbours only": neighbours_only,
    "without the boundaries": by_area_only,
    "scikit-image, quality only": scikit_image,
}


def errors(found: NDArray[np.float64], drift: NDArray[np.float64]) -> tuple[float, float, float]:
    """Root mean square error of the steps and of the positions in voxels, and the share of positions that round to the true ones
    (both up to a common displacement)."""
    step = float(np.sqrt(np.mean((np.diff(found, axis=0) - np.diff(drift, axis=0)) ** 2)))
    off = found - drift
    off -= np.median(off, axis=0)
    return step, float(np.sqrt(np.mean(off**2))), float(np.mean((np.abs(off) < 0.5).all(axis=1)))


def _peak(way: str, sections: int, size: int) -> Any:
    return _WAYS[way](make_stack(sections, size)[0])


def growth(seeds: int = 3) -> None:
    """Errors of positions against the number of sections and of grains, with bends, jumps and foreign sections."""
    ways = {"ours": ours, "without the boundaries": by_area_only, "scikit-image": scikit_image}
    print("  root mean square (largest) error in voxels: of steps, of positions, of positions without their straight part")
    for sections in (20, 40, 100, 300):
        for size, grain in ((100, 25.0), (150, 16.0)):
            rows: dict[str, list[list[float]]] = {name: [] for name in ways}
            for seed in range(seeds if sections < 100 else 1):
                stack, drift = make_stack(sections, size, seed, grain=grain, smooth=True)
                sound = np.flatnonzero(np.arange(sections) % 20 != 13)
                for name, way in ways.items():
                    off = (way(stack) - drift)[sound]
                    line = np.polynomial.polynomial.polyfit(sound, off, 1)
                    bent = off - np.polynomial.polynomial.polyval(sound, line).T
                    off = off - off.mean(axis=0)
                    rows[name].append([_rms(np.diff(off, axis=0)), _rms(off), float(np.abs(off).max()), _rms(bent)])
            count = 1.46 * (size / grain) ** 2
            for name, each in rows.items():
                step, place, most, bend = np.mean(each, axis=0)
                print(
                    f"  {sections:4d} sections, {count:4.0f} grains  {name:<23}{step:6.2f}{place:7.2f} ({most:6.2f}) {bend:6.2f}",
                    flush=True,
                )


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))


def main(sections: int = 40, size: int = 300, rounds: int = 3) -> None:
    stack, drift = make_stack(sections, size)
    rows = interleaved(_WAYS, (stack,), rounds)
    for name, row in rows.items():
        if isinstance(row, Measured):
            rows[name] = row.with_peak(measure(_peak, name, sections, size, repeats=1, warm_up=False).peak_mib)
    table(f"drift of {sections} sections of {size} x {size}; peak memory with making the stack", rows)
    base = measure(make_stack, sections, size, repeats=1, warm_up=False)
    print(f"  making the stack alone: {base.peak_mib:.0f} MiB")
    for name, row in rows.items():
        if isinstance(row, Measured):
            step, place, share = errors(row.check, drift)
            print(f"  {name:<44} error {step:.3f} voxels a step, {place:.2f} of positions; {share:.0%} within half a voxel")


if __name__ == "__main__":
    if sys.argv[1:] == ["growth"]:
        growth()
    else:
        main(*(int(each) for each in sys.argv[1:]))
