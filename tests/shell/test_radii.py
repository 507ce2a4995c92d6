"""Radius functions of digital bodies whose surface is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, SurfaceLevel, Volume
from nmcstudio.shell.directions import gauss_legendre_grid, octasphere
from nmcstudio.shell.edge_weights import edge_weights
from nmcstudio.shell.radii import extract_radii, with_volumes

DIRECTIONS = octasphere().directions


def coordinates(shape, spacing=(1.0, 1.0, 1.0)):
    return [axis * step for axis, step in zip(np.indices(shape).astype(float), spacing)]


def ball(radius: float, centre=(0.3, -0.2, 0.1), margin: int = 8) -> np.ndarray:
    n = 2 * int(radius + margin) + 1
    z, y, x = coordinates((n, n, n))
    m = n // 2
    return (z - m - centre[0]) ** 2 + (y - m - centre[1]) ** 2 + (x - m - centre[2]) ** 2 <= radius**2


@pytest.mark.parametrize("radius", [10, 20])
@pytest.mark.parametrize(("surface", "sigma", "spread"), [("voxel", 0.0, 0.31), ("mask", 0.7, 0.12), ("mask", 1.5, 0.06)])
def test_a_digital_ball(radius: int, surface: str, sigma: float, spread: float) -> None:
    radii = extract_radii(
        LabelVolume(ball(radius).astype(np.uint16), 1.0), directions=DIRECTIONS, surface=surface, mask_sigma_voxels=sigma or 0.7
    )
    shift = radii.radii_um.mean() - radius
    assert shift == pytest.approx(-(sigma**2) / radius, abs=0.03)
    assert radii.radii_um.std() < spread
    assert abs(radii.star_errors[0]) < 1e-9
    assert radii.flags == ("",)


def test_the_filters_shift_is_said_and_can_be_taken_back() -> None:
    labels = LabelVolume(ball(10).astype(np.uint16), 0.5)
    monitor = Monitor()
    extract_radii(labels, directions=DIRECTIONS, mask_sigma_voxels=1.5, monitor=monitor)
    assert any("too small" in warning for warning in monitor.warnings)
    corrected = extract_radii(labels, directions=DIRECTIONS, mask_sigma_voxels=1.5, correct_blur=True)
    assert corrected.radii_um.mean() == pytest.approx(5.0, abs=0.015)
    assert corrected.smoothing_um == pytest.approx(0.75)


def grey_ball(radius: float, sigma: float, spacing: float = 0.128):
    """A noisy grey ball of 120 on 40, its labels from the filtered volume."""
    rng = np.random.default_rng(1)
    values = (40 + 80 * ball(radius, margin=20) + rng.normal(0, 8, ball(radius, margin=20).shape)).astype(np.float32)
    labels = gaussian_filter(values, sigma, mode="reflect") > 80
    particles = LabelVolume(labels.astype(np.uint16), spacing, surface=SurfaceLevel(sigma, 80.0))
    return particles, Volume(values, spacing)


def test_the_grey_surface_lies_between_the_voxels() -> None:
    particles, ct = grey_ball(20, 4)
    grey = extract_radii(particles, ct, directions=DIRECTIONS)
    mask = extract_radii(particles, directions=DIRECTIONS)
    assert grey.radii_um.mean() / 0.128 == pytest.approx(20 - 16 / 20, abs=0.07)
    assert grey.radii_um.std() < 0.5 * mask.radii_um.std()
    assert grey.smoothing_um == pytest.approx(4 * 0.128)
    corrected = extract_radii(particles, ct, directions=DIRECTIONS, correct_blur=True)
    assert corrected.radii_um.mean() / 0.128 == pytest.approx(20, abs=0.07)


def test_touching_particles_meet_at_their_common_face() -> None:
    z, y, x = coordinates((41, 41, 61))
    both = ((z - 20) ** 2 + (y - 20) ** 2 + (x - 20) ** 2 <= 144) | ((z - 20) ** 2 + (y - 20) ** 2 + (x - 40) ** 2 <= 144)
    values = gaussian_filter(both.astype(np.float32), 1.0)
    labels = np.where(values > 0.5, np.where(x <= 30, 1, 2), 0).astype(np.uint16)
    particles = LabelVolume(labels, 1.0, surface=SurfaceLevel(1.0, 0.5))
    radii = extract_radii(particles, Volume(both.astype(np.float32), 1.0), directions=DIRECTIONS)
    towards = int(np.argmax(DIRECTIONS[:, 0]))
    assert radii.centres_um[0, 0] + radii.radii_um[0, towards] == pytest.approx(30.5, abs=0.05)
    away = int(np.argmin(DIRECTIONS[:, 0]))
    assert radii.centres_um[0, 0] - radii.radii_um[0, away] == pytest.approx(8, abs=0.4)


def test_anisotropic_voxels_and_axes() -> None:
    spacing = (0.5, 0.25, 0.2)
    shape = (31, 61, 91)
    z, y, x = coordinates(shape, spacing)
    semi = np.array([6.0, 5.0, 4.0])
    body = ((x - 9) / semi[0]) ** 2 + ((y - 7.5) / semi[1]) ** 2 + ((z - 7.5) / semi[2]) ** 2 <= 1
    particles = LabelVolume(body.astype(np.uint16) * 7, spacing, origin_um=(10.0, 20.0, 30.0))
    radii = extract_radii(particles, directions=DIRECTIONS, surface="mask", mask_sigma_voxels=0.5)
    expected = 1 / np.sqrt((DIRECTIONS**2 / semi**2).sum(axis=1))
    assert radii.ids.tolist() == [7]
    np.testing.assert_allclose(radii.centres_um[0], [39.0, 27.5, 17.5], atol=0.02)
    assert np.abs(radii.radii_um[0] / expected - 1).max() < 0.08
    assert np.abs(radii.radii_um[0] / expected - 1).mean() < 0.02
    assert abs(np.mean(radii.radii_um[0] / expected - 1)) < 0.01
    assert radii.volumes_um3[0] == pytest.approx(4 / 3 * np.pi * semi.prod(), rel=0.01)


def test_mirrored_particles_have_mirrored_radii() -> None:
    rng = np.random.default_rng(3)
    body = gaussian_filter(rng.normal(size=(40, 40, 40)), 4)
    z, y, x = coordinates(body.shape)
    mask = np.sqrt((z - 19) ** 2 + (y - 20) ** 2 + (x - 18) ** 2) < 11 + 40 * body
    from scipy.ndimage import label

    part = label(mask)[0]
    mask = part == part[19, 20, 18]
    straight = extract_radii(LabelVolume(mask.astype(np.uint16), 0.3), directions=DIRECTIONS)
    flipped = extract_radii(LabelVolume(mask[:, :, ::-1].astype(np.uint16), 0.3), directions=DIRECTIONS * [-1, 1, 1])
    np.testing.assert_allclose(flipped.radii_um, straight.radii_um, atol=1e-3)


def test_particles_that_are_not_star_shaped_are_flagged() -> None:
    labels = np.zeros((40, 40, 110), np.uint16)
    z, y, x = coordinates(labels.shape)
    bent = (np.hypot(x - 20, y - 20) < 14) & (np.hypot(x - 20, y - 20) > 8) & (abs(z - 20) < 4) & ((y < 20) | (x > 20))
    labels[bent] = 1
    peanut = ((x - 57) ** 2 + (y - 20) ** 2 + (z - 20) ** 2 < 100) | ((x - 91) ** 2 + (y - 20) ** 2 + (z - 20) ** 2 < 100)
    peanut |= (np.hypot(y - 20, z - 20) < 2) & (x > 57) & (x < 91)
    labels[peanut] = 2
    monitor = Monitor()
    radii = extract_radii(LabelVolume(labels, 1.0), directions=gauss_legendre_grid(16, 32).directions, monitor=monitor)
    assert "centroid" in radii.flags[0]
    assert "star-shaped" in radii.flags[0]
    assert "star-shaped" in radii.flags[1]
    assert radii.star_errors[1] > 0.02
    assert np.all(radii.radii_um > 0)
    assert any("2 of 2" in warning for warning in monitor.warnings)


def test_cut_and_small_particles_are_left_out() -> None:
    labels = np.zeros((40, 40, 40), np.uint16)
    labels[0:10, 10:20, 10:20] = 1
    labels[15:25, 15:25, 15:25] = 2
    labels[30:33, 30:33, 30:33] = 3
    labels[15:25, 15:25, 28:36] = 4
    observed = np.ones(labels.shape, bool)
    observed[:, :, 36:] = False
    monitor = Monitor()
    radii = extract_radii(LabelVolume(labels, 0.1, observed=observed), directions=DIRECTIONS, monitor=monitor)
    assert radii.ids.tolist() == [2]
    assert any("border" in warning for warning in monitor.warnings)
    assert any("fewer than 100" in warning for warning in monitor.warnings)
    with pytest.raises(NmcError, match="none of the"):
        extract_radii(LabelVolume((labels == 1).astype(np.uint16), 0.1), directions=DIRECTIONS)
    with pytest.raises(NmcError, match="no particles"):
        extract_radii(LabelVolume(np.zeros((9, 9, 9), np.uint16), 0.1), directions=DIRECTIONS)


def test_the_ct_volume_must_fit() -> None:
    particles, ct = grey_ball(10, 2)
    other = Volume(ct.values[:20], 0.128)
    monitor = Monitor()
    assert len(extract_radii(particles, other, directions=DIRECTIONS, monitor=monitor)) == 1
    assert any("taken from the voxels" in warning for warning in monitor.warnings)
    with pytest.raises(NmcError, match="do not lie"):
        extract_radii(particles, other, directions=DIRECTIONS, surface="grey")
    with pytest.raises(NmcError, match="needs the CT"):
        extract_radii(particles, directions=DIRECTIONS, surface="grey")


def test_part_of_a_ct_volume() -> None:
    particles, ct = grey_ball(10, 2)
    part = LabelVolume(particles.labels[3:, 2:, 1:], 0.128, origin_um=(3 * 0.128, 2 * 0.128, 0.128), surface=particles.surface)
    whole = extract_radii(particles, ct, directions=DIRECTIONS)
    np.testing.assert_allclose(extract_radii(part, ct, directions=DIRECTIONS, surface="grey").radii_um, whole.radii_um, atol=1e-6)


def test_it_can_be_cancelled() -> None:
    monitor = Monitor(lambda progress: monitor.cancel())
    with pytest.raises(Cancelled):
        extract_radii(LabelVolume(ball(10).astype(np.uint16), 1.0), directions=DIRECTIONS, monitor=monitor)


def test_edge_weights_are_the_inverse_room() -> None:
    boxes = np.array([[50, 50, 50], [10, 20, 40]])
    weights = edge_weights(boxes, (100, 100, 100), None)
    room = np.array([0.5**3, 0.9 * 0.8 * 0.6])
    np.testing.assert_allclose(weights, (1 / room) / (1 / room).mean())


def test_edge_weights_in_a_cylinder() -> None:
    y, x = np.indices((96, 96)) - 47.5
    observed = np.broadcast_to(np.hypot(y, x) < 47, (60, 96, 96))
    boxes = np.array([[6, 6, 6], [20, 30, 30]])
    counted = []
    for depth, height, width in boxes:
        fits = np.count_nonzero(np.hypot(abs(y[:, :1]) + height / 2, abs(x[:1]) + width / 2) < 47.5)
        counted.append(fits * (61 - depth) / observed.sum())
    expected = 1 / np.array(counted)
    np.testing.assert_allclose(edge_weights(boxes, observed.shape, observed), expected / expected.mean(), rtol=0.05)


def test_volumes_of_imported_radii() -> None:
    radii = extract_radii(LabelVolume(ball(10).astype(np.uint16), 1.0), directions=DIRECTIONS)
    from dataclasses import replace

    unknown = replace(radii, volumes_um3=np.full(1, np.nan), centres_um=np.full((1, 3), np.nan))
    assert with_volumes(unknown).volumes_um3[0] == pytest.approx(radii.volumes_um3[0], rel=0.03)
    assert np.all(with_volumes(unknown).centres_um == 0)


def test_particles_across_slabs_are_found_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = LabelVolume(ball(12).astype(np.uint16) * 3, 1.0)
    whole = extract_radii(labels, directions=DIRECTIONS)
    monkeypatch.setattr("nmcstudio.shell.scan._SLAB_VOXELS", 5000)
    parts = extract_radii(labels, directions=DIRECTIONS)
    assert parts.ids.tolist() == [3]
    np.testing.assert_array_equal(parts.radii_um, whole.radii_um)
    np.testing.assert_array_equal(parts.volumes_um3, whole.volumes_um3)
