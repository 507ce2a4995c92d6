"""Scenes of touching particles whose labels are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack

Scene = Callable[..., NDArray[np.uint16]]


def _touching(
    seed: int, count: int, size: int, radii: tuple[float, float], elongation: float, overlap: float
) -> NDArray[np.uint16]:
    """Ellipsoids that touch or overlap a little, as labels; a voxel of two belongs to the one it lies deeper in."""
    rng = np.random.default_rng(seed)
    centres: list[NDArray] = []
    shapes: list[NDArray] = []

    def reach(shape: NDArray, direction: NDArray) -> float:
        return 1 / np.sqrt(direction @ shape @ direction)

    def new_shape() -> NDArray:
        axes = rng.uniform(*radii) * np.array([elongation, 1.0, 1 / elongation]) ** rng.uniform(0, 1)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        return turn @ np.diag(axes**-2.0) @ turn.T

    while len(centres) < count:
        shape = new_shape()
        if centres:
            base = rng.integers(len(centres))
            direction = rng.normal(size=3)
            direction /= np.linalg.norm(direction)
            centre = centres[base] + direction * (reach(shapes[base], direction) + reach(shape, direction)) * (1 - overlap)
        else:
            centre = np.full(3, size / 2)
        if np.any(centre < 0.05 * size) or np.any(centre > 0.95 * size):
            continue
        gaps = []
        for other, its in zip(centres, shapes):
            away = centre - other
            distance = np.linalg.norm(away)
            gaps.append(distance - (1 - overlap) * (reach(its, away / distance) + reach(shape, away / distance)))
        if not gaps or min(gaps) > -1e-9:
            centres.append(centre)
            shapes.append(shape)
    grid = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1).astype(np.float32)
    best = np.ones((size, size, size), np.float32)
    labels = np.zeros(best.shape, np.uint16)
    for k, (centre, shape) in enumerate(zip(centres, shapes)):
        away = grid - centre.astype(np.float32)
        depth = np.einsum("...i,ij,...j->...", away, shape.astype(np.float32), away, optimize=True)
        inner = depth < best
        best[inner], labels[inner] = depth[inner], k + 1
    return labels


@pytest.fixture(scope="session")
def touching() -> Scene:
    return _touching


@pytest.fixture(scope="session")
def balls() -> NDArray[np.uint16]:
    """Thirty balls in 96^3."""
    return _touching(3, 30, 96, (8.0, 14.0), 1.0, 0.04)


@pytest.fixture(scope="session")
def ellipsoids() -> NDArray[np.uint16]:
    """Twenty-five ellipsoids of axis ratios up to 1.5 in 96^3."""
    return _touching(4, 25, 96, (9.0, 14.0), 1.22, 0.04)


def _adjusted_rand(a: NDArray, b: NDArray) -> float:
    """Adjusted Rand index of two labellings of the same points (Hubert and Arabie 1985, eq. 5)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a.ravel(), b.ravel()), 1)

    def pairs(n: NDArray) -> float:
        return float((n * (n - 1) / 2).sum())

    both, one, two, all_pairs = pairs(table), pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array([table.sum()]))
    expected = one * two / all_pairs
    return (both - expected) / ((one + two) / 2 - expected)


@pytest.fixture(scope="session")
def adjusted_rand() -> Callable[[NDArray, NDArray], float]:
    return _adjusted_rand


@pytest.fixture(scope="session", params=["middle", pytest.param("whole", marks=pytest.mark.slow)])
def labdct(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, EbsdStack]:
    """The LabDCT aluminium map with the grains of its file, and what of it: the middle 24 sections of 64, or the whole."""
    from nmcstudio.io.ebsd.registry import read_ebsd

    whole = read_ebsd(shared_data / "dct_al1050_crispy" / "lab_dct_Al1050.h5")
    part = slice(20, 44) if request.param == "middle" else slice(None)
    assert whole.grain_ids is not None
    return request.param, EbsdStack(
        quaternions=whole.quaternions[part], phase=whole.phase[part], phases=whole.phases, quality=whole.quality[part],
        confidence=whole.confidence[part], observed=whole.observed[part], spacing_um=whole.spacing_um,
        grain_ids=whole.grain_ids[part],
    )  # fmt: skip
