"""Grey-value corrections on scenes whose shading, rings, noise and outliers are known."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from scipy import ndimage
from skimage.restoration import denoise_nl_means

from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Volume
from nmcstudio.imaging.corrections import Corrections, fit_corrections
from nmcstudio.imaging.foreground import find_foreground
from nmcstudio.imaging.rings import find_axis
from nmcstudio.imaging.samples import noise_level, robust_range, sample
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.shading import fit_shading


def _scene(labels: np.ndarray, noise: float, seed: int = 1) -> np.ndarray:
    """Blurred two-phase grey values with noise, float64."""
    rng = np.random.default_rng(seed)
    return ndimage.gaussian_filter(np.where(labels > 0, 160.0, 60.0), 0.7) + rng.normal(0, noise, labels.shape)


@pytest.fixture(scope="module")
def scene(balls: np.ndarray) -> np.ndarray:
    return _scene(balls, 12.0)


def _field(shape: tuple[int, ...]) -> np.ndarray:
    """A quadratic field between 0.8 and 1.2."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    field = 0.6 * x - 0.5 * y + 0.3 * z + 0.4 * x * y - 0.5 * y * y
    return 0.8 + 0.4 * (field - field.min()) / np.ptp(field)


def _grid(shape: tuple[int, ...]) -> np.ndarray:
    return np.argwhere(np.ones((7, 7, 7))) / 6 * (np.array(shape) - 1)


@pytest.mark.parametrize("noise", [2.0, 12.0, 25.0])
def test_shading_of_a_fifth_is_recovered_within_two_percent(balls: np.ndarray, noise: float) -> None:
    labels = np.tile(balls, (1, 2, 2))
    field = _field(labels.shape)
    shaded = (_scene(labels, noise) * field).clip(0, 255).astype(np.uint8)
    found = fit_shading(sample(shaded), shaded.shape).at(_grid(shaded.shape))
    true = field[tuple(_grid(shaded.shape).round().astype(int).T)]
    off = found / true
    assert np.abs(off / off.mean() - 1).max() < 0.02


def test_additive_shading_is_recovered(scene: np.ndarray) -> None:
    field = 100 * (_field(scene.shape) - 1)
    found = fit_shading(sample(scene + field), scene.shape, "additive").at(_grid(scene.shape))
    off = found - field[tuple(_grid(scene.shape).round().astype(int).T)]
    # two percent of the contrast between the phases
    assert np.abs(off - off.mean()).max() < 2.0


def test_a_cup_is_recovered_about_its_axis(scene: np.ndarray) -> None:
    _, y, x = np.ogrid[: scene.shape[0], : scene.shape[1], : scene.shape[2]]
    field = 0.8 + 0.3 * ((y - 40) ** 2 + (x - 55) ** 2) / 48**2 + np.zeros(scene.shape)
    shading = fit_shading(sample(scene * field), scene.shape, "cup", centre=(40.0, 55.0))
    points = _grid(scene.shape)
    off = shading.at(points) / field[tuple(points.round().astype(int).T)]
    assert np.abs(off / off.mean() - 1).max() < 0.02


def test_more_particles_on_one_side_are_no_shading(balls: np.ndarray) -> None:
    emptied = np.where(np.arange(96)[None, None, :] < 40, 0, balls)
    field = fit_shading(sample(_scene(emptied, 12.0)), balls.shape).at(_grid(balls.shape))
    assert np.ptp(field) < 0.06


def test_shading_is_mentioned_and_not_corrected_unasked(balls: np.ndarray) -> None:
    large = np.tile(balls, (1, 2, 2))
    plain = _scene(large, 12.0).clip(0, 255)
    shaded = (plain * _field(large.shape)).clip(0, 255)
    for values, expected in ((plain, False), (shaded, True)):
        fitted = fit_corrections(values.astype(np.uint8))
        assert fitted.changes_nothing
        assert any("drift" in note for note in fitted.notes) == expected


def test_shading_that_explains_nothing_is_refused() -> None:
    with pytest.raises(ComputationError, match="grey values are the same"):
        fit_corrections(np.full((8, 40, 40), 7, np.uint8), None, Corrections(shading="multiplicative"))


def _rings(shape: tuple[int, ...], centre: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Sixty rings two voxels wide, of a standard deviation of 30 grey values, a little different in each slice."""
    y, x = np.ogrid[: shape[1], : shape[2]]
    radius = np.hypot(y - centre[0], x - centre[1])
    profile = np.zeros(int(radius.max()) + 3)
    profile[rng.choice(np.arange(12, len(profile)), len(profile) // 4, replace=False)] = rng.normal(0, 30, len(profile) // 4)
    profile = np.convolve(profile, [0.25, 0.5, 0.25], "same")
    plane = np.interp(radius, np.arange(len(profile)), profile)
    return plane * rng.uniform(0.8, 1.2, (shape[0], 1, 1))


def test_rings_fade_and_edges_stay(balls: np.ndarray) -> None:
    labels = np.tile(balls[:24], (1, 3, 3))
    rings = _rings(labels.shape, (143.2, 150.7), np.random.default_rng(2))
    plain = _scene(labels, 6.0)
    spoiled = (plain + rings).astype(np.float32)
    fitted = fit_corrections(spoiled, None, Corrections(ring_width=3))
    assert fitted.rings is not None
    assert fitted.rings.centre == pytest.approx((143.2, 150.7), abs=0.3)
    corrected = fitted.correct(spoiled)
    assert np.std(corrected - plain) < 0.4 * np.std(rings)
    # Surfaces: the volume above the middle grey value of the smoothed scene, and where it lies.
    before, after = (ndimage.gaussian_filter(v, 1.5) > 110 for v in (plain, corrected))
    surface = np.count_nonzero(before ^ ndimage.binary_erosion(before))
    assert abs(int(after.sum()) - int(before.sum())) < 0.02 * surface
    assert np.count_nonzero(before ^ after) < 0.1 * surface


def test_a_volume_without_rings_is_left_alone(scene: np.ndarray) -> None:
    assert find_axis(scene) is None
    with pytest.raises(NmcError, match="no rotation axis") as raised:
        fit_corrections(scene, None, Corrections(ring_width=3))
    assert raised.value.field == "ring_width"
    fitted = fit_corrections(scene, None, Corrections(ring_width=3, ring_centre=(47.5, 47.5)))
    _, y, x = np.ogrid[:96, :96, :96]
    away = np.broadcast_to(np.hypot(y - 47.5, x - 47.5) > 10, scene.shape)
    assert np.std((fitted.correct(scene) - scene)[away]) < 0.15 * 12


@pytest.mark.parametrize("radius", [1, 2])
def test_median_is_scipys(radius: int) -> None:
    values = np.random.default_rng(4).integers(0, 65535, (14, 22, 150)).astype(np.uint16)
    expected = ndimage.median_filter(values, 2 * radius + 1, mode="reflect")
    assert np.array_equal(fit_corrections(values, None, Corrections(False, median_radius=radius)).correct(values), expected)
    one = fit_corrections(values[:1], None, Corrections(False, median_radius=radius)).correct(values[:1])
    assert np.array_equal(one[0], ndimage.median_filter(values[0], 2 * radius + 1, mode="reflect"))


def _averaged(values: np.ndarray, at: tuple[int, ...], reach: int, noise: float, strength: float) -> float:
    """Non-local mean of one voxel, directly."""
    cube = np.pad(values, reach + 1, mode="symmetric")
    z, y, x = (a + reach + 1 for a in at)

    def patch(k: int, j: int, i: int) -> np.ndarray:
        return cube[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2]

    total = weights = 0.0
    for k in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            for i in range(-reach, reach + 1):
                gap = np.mean((patch(z, y, x) - patch(z + k, y + j, x + i)) ** 2)
                likeness = max(gap - 2 * noise**2, 0) / strength**2
                weight = np.exp(-likeness) if likeness <= 5 else 0.0
                total += weight * cube[z + k, y + j, x + i]
                weights += weight
    return total / weights


def test_non_local_means_are_those_of_the_formula(scene: np.ndarray) -> None:
    piece = scene[:14, 30:50, 30:60]
    fitted = fit_corrections(piece, None, Corrections(alike_strength=0.8))
    found = fitted.correct(piece)
    for at in ((0, 0, 0), (7, 10, 15), (13, 3, 29), (5, 19, 8)):
        assert found[at] == pytest.approx(_averaged(piece, at, 2, fitted.noise, 0.8 * fitted.noise), rel=1e-4)


def test_non_local_means_do_as_well_as_scikit_images(balls: np.ndarray) -> None:
    labels = balls[30:60, 20:70, 20:70]
    truth, noisy = _scene(labels, 0.0), _scene(labels, 20.0)
    fitted = fit_corrections(noisy, None, Corrections(alike_strength=0.8, alike_reach=3))
    theirs = denoise_nl_means(noisy, 3, 3, 0.8 * fitted.noise, sigma=fitted.noise, fast_mode=True, preserve_range=True)
    error = [np.sqrt(np.mean((found - truth) ** 2)) for found in (fitted.correct(noisy), theirs, noisy)]
    assert error[0] < 1.02 * error[1]
    assert error[0] < 0.5 * error[2]


@pytest.mark.parametrize("noise", [1.0, 8.0, 30.0])
def test_noise_is_measured(balls: np.ndarray, noise: float) -> None:
    # The surfaces of many small particles add to it.
    assert noise_level(_scene(balls, noise)) == pytest.approx(noise, rel=0.2, abs=0.35)
    assert noise_level(_scene(np.zeros_like(balls), noise).astype(np.uint8)) == pytest.approx(np.hypot(noise, 0.29), rel=0.04)


WAYS = {
    "shading": Corrections(shading="multiplicative"),
    "cup": Corrections(shading="cup"),
    "rings": Corrections(ring_width=2, ring_centre=(40.0, 44.0)),
    "median": Corrections(median_radius=1),
    "alike": Corrections(alike_strength=0.8),
    "all": Corrections(True, 2, (40.0, 44.0), "additive", 3, 1, 0.8, 2),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_plane_has_the_values_of_the_whole(scene: np.ndarray, way: str, dtype: type) -> None:
    values = (scene[:20, :60, :70] * 1.2).clip(0, 255).astype(dtype)
    values[3, 4, 5] = 250
    fitted = fit_corrections(values, None, WAYS[way])
    whole = fitted.correct(values)
    assert whole.dtype == values.dtype
    assert not np.array_equal(whole, values)
    for axis, index in ((0, 0), (0, 11), (1, 59), (2, 31)):
        assert np.array_equal(fitted.correct_plane(values, axis, index), np.take(whole, index, axis))
    assert np.array_equal(fitted.correct_block(values, [5, 6, 0], [9, 33, 64]), whole[5:9, 6:33, :64])


def test_unobserved_voxels_are_not_fitted_on(scene: np.ndarray) -> None:
    field = _field(scene.shape)
    observed = np.zeros(scene.shape, bool)
    observed[:, 10:86, 12:84] = True
    spoiled = np.where(observed, scene * field, 1000.0)
    found = fit_shading(sample(spoiled, observed), scene.shape)
    points = _grid(scene.shape)
    points = points[observed[tuple(points.round().astype(int).T)]]
    off = found.at(points) / field[tuple(points.round().astype(int).T)]
    assert np.abs(off / off.mean() - 1).max() < 0.02


def test_outliers_are_held_and_phases_are_not(scene: np.ndarray) -> None:
    low, high = robust_range(sample(scene))
    assert low < scene.min()
    assert high > scene.max()
    assert fit_corrections(scene).changes_nothing
    spoiled = scene.copy()
    spoiled[40:50, 40:50, 40:48] = 1600.0
    fitted = fit_corrections(spoiled)
    assert fitted.limits[1] < 300
    assert any("outliers" in note for note in fitted.notes)
    assert fitted.correct(spoiled).max() == pytest.approx(fitted.limits[1])
    # A rare phase is a phase.
    rare = np.where(np.random.default_rng(3).random(scene.shape) < 0.01, 200.0, 60.0)
    assert fit_corrections(rare).changes_nothing


@pytest.mark.parametrize("where", ["scattered", "in lumps", "dark"])
def test_outliers_do_not_move_the_threshold(balls: np.ndarray, where: str) -> None:
    """One voxel in a thousand at ten times the grey value of the material."""
    plain = (10 * _scene(balls, 12.0)).clip(0, 65535).astype(np.float32)
    spoiled = plain.copy()
    rng = np.random.default_rng(5)
    wrong = np.zeros(plain.shape, bool)
    if where == "in lumps":
        for at in rng.integers(0, 86, (1, 3)):
            wrong[tuple(slice(a, a + 10) for a in at)] = True
    else:
        wrong.ravel()[rng.choice(plain.size, plain.size // 1000, replace=False)] = True
    spoiled[wrong] = -16000 if where == "dark" else 16000
    levels = []
    for values in (plain, spoiled):
        found = find_foreground(Volume(values, (0.5,) * 3), SegmentSettings(sigma=1.0, fill_closed_pores=False))
        assert found.surface is not None
        levels.append(found.surface.threshold)
    assert levels[1] == pytest.approx(levels[0], rel=0.01)


def test_corrections_stop_when_asked(scene: np.ndarray) -> None:
    values = np.tile(scene, (1, 3, 3)).astype(np.float32)
    fitted = fit_corrections(values, None, Corrections(alike_strength=0.8, alike_reach=3))
    monitor, asked = Monitor(), [0.0]

    def ask() -> None:
        asked[0] = time.perf_counter()
        monitor.cancel()

    timer = threading.Timer(0.3, ask)
    timer.start()
    with pytest.raises(Cancelled):
        fitted.correct(values, monitor)
    assert time.perf_counter() - asked[0] < 1
    timer.join()


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_non_local_means_go_round_voxels_without_a_number(scene: np.ndarray, lost: float) -> None:
    spoiled = scene[:16, :24, :24].astype(np.float32)
    wanted = Corrections(alike_strength=0.8, hold_outliers=False)
    plain = fit_corrections(spoiled, None, wanted)
    before = plain.correct(spoiled)
    spoiled[8, 12, 12] = lost
    after = plain.correct(spoiled)
    assert np.argwhere(~np.isfinite(after)).tolist() == [[8, 12, 12]]
    far = np.ones(after.shape, bool)
    far[4:13, 8:17, 8:17] = False
    assert np.array_equal(after[far], before[far])


@pytest.mark.parametrize("axis", [(9000.0, 20.0), (np.nan, 20.0)])
def test_an_axis_that_no_direction_reaches_is_refused_at_once(scene: np.ndarray, axis: tuple[float, float]) -> None:
    with pytest.raises(NmcError, match="rotation axis lies") as raised:
        fit_corrections(scene, None, Corrections(ring_width=3, ring_centre=axis))
    assert raised.value.field == "ring_centre_um"
