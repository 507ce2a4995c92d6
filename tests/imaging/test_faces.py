"""Which particles the faces of a volume cut: those that the face itself shows, not those that the filter pulls onto it."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.volume import Volume
from nmcstudio.imaging.faces import take_faces, whole_faces
from nmcstudio.imaging.segment_ct import segment_ct
from nmcstudio.imaging.segment_settings import SegmentSettings

SHAPE = (44, 40, 46)
RADIUS = 13


def ball(gap: float, axis: int, far: bool, noise: float = 0.0) -> Volume:
    """A ball whose surface is `gap` voxels inside a face; negative: that much is cut off."""
    centre = [n / 2 for n in SHAPE]
    # The face is half a voxel outside of the centre of the first voxel.
    centre[axis] = SHAPE[axis] - 0.5 - gap - RADIUS if far else gap + RADIUS - 0.5
    places = np.indices(SHAPE)
    inside = sum((p - c) ** 2 for p, c in zip(places, centre)) <= RADIUS**2
    grey = np.where(inside, 165.0, 65.0) + noise * np.random.default_rng(5).normal(size=SHAPE)
    return Volume(np.clip(grey, 0, 255).astype(np.uint8), (0.128,) * 3)


def kept(volume: Volume, **settings: object) -> bool:
    try:
        segment_ct(volume, SegmentSettings(threshold=115.0, **settings))  # type: ignore[arg-type]
    except ComputationError:
        return False
    return True


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("far", [False, True])
def test_a_whole_particle_close_to_a_face_stays(axis: int, far: bool) -> None:
    volume = ball(1.0, axis, far, noise=20.0)
    touching = segment_ct(volume, SegmentSettings(keep_cut=True, threshold=115.0)).labels
    assert np.take(touching, -1 if far else 0, axis).any(), "the filter pulls it onto the face"
    assert kept(volume)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("far", [False, True])
def test_a_cut_particle_goes(axis: int, far: bool) -> None:
    assert not kept(ball(-4.0, axis, far, noise=20.0))


def test_without_a_filter_what_touches_is_cut() -> None:
    assert not kept(ball(0.0, 0, False), sigma=0.0)
    assert kept(ball(1.0, 0, False), sigma=0.0)


def test_faces_are_the_six_planes() -> None:
    values = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    faces = take_faces(values.shape, lambda a, b: values[tuple(slice(p, q) for p, q in zip(a, b))])
    expected = (values[0], values[-1], values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1])
    assert all(np.array_equal(one, other) for one, other in zip(faces, expected))
    assert [face.shape for face in whole_faces((3, 4, 5))] == [face.shape for face in expected]
    assert all(face.all() for face in whole_faces((3, 4, 5)))
