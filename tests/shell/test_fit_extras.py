"""Around the fit: radii above zero, bootstrap, choice of K and L, comparison of the methods, finishing early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.shell.coefficients import estimate_coefficients
from nmcstudio.shell.directions import gauss_legendre_grid, grid_for_degree, icosphere, octasphere
from nmcstudio.shell.fit import fit_shell, highest_degree
from nmcstudio.shell.harmonics import evaluate
from nmcstudio.shell.published import vector_mixture_responsibilities
from nmcstudio.shell.routes import CoefficientRoute
from nmcstudio.shell.sample import are_positive, draw_fields
from nmcstudio.shell.selection import PATIENCE, CrossValidation, most_components, select_components
from nmcstudio.shell.truncation import Positivity
from tests.shell.shell_data import mixture, simulate

GRID = gauss_legendre_grid(16, 32).directions
COARSE = octasphere(2).directions


def rough(cv: float, degree: int = 6) -> ShellModel:
    """One component of mean 30 whose radii vary by `cv` of it."""
    degrees = np.arange(degree + 1)
    spectrum = np.where(degrees == 0, 60.0, np.where(degrees == 1, 0.5, 8 * np.exp(-0.35 * (degrees - 2.0))))
    variance = (spectrum * (2 * degrees + 1)).sum() / (4 * np.pi)
    return ShellModel(degree, (ShellComponent(1.0, 30.0, spectrum * (30 * cv) ** 2 / variance),))


def kept(model: ShellModel, count: int, seed: int) -> RadiusFunctions:
    """Radii of fields that passed the rejection, with an error of 0.3."""
    rng = np.random.default_rng(seed)
    fields = draw_fields(model, 3 * count, rng)[0]
    fields = fields[are_positive(fields)][:count]
    radii, _ = simulate(model, count, COARSE, seed)
    return replace(radii, radii_um=evaluate(fields, COARSE) + 0.3 * rng.standard_normal((count, len(COARSE))))


def test_normaliser_is_the_share_of_kept_fields() -> None:
    for cv in (0.3, 0.4):
        model = rough(cv)
        fields = draw_fields(model, 1500, np.random.default_rng(1))[0]
        share = float(are_positive(fields).mean())
        found = Positivity(6, 600, np.random.default_rng(2)).log_probability(30.0, model.components[0].power_spectrum)
        assert np.exp(found[0]) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 1500) + 0.005)
    calm = Positivity(6, 10, np.random.default_rng(2)).log_probability(30.0, rough(0.1).components[0].power_spectrum)
    assert calm[0] == 0


@pytest.mark.slow
def test_standard_errors_know_of_the_rejected_shells() -> None:
    """With a third of all fields rejected the mean radius is known much less well; the bootstrap says the same."""
    truth = rough(0.4, 3)
    options = {"degree": 3, "components": 1, "cross_validate": False, "prior_strength": 0}
    model = fit_shell(kept(truth, 300, 5), bootstrap=16, rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]
    plain = fit_shell(kept(truth, 300, 5), positive_radii=False, rng=np.random.default_rng(0), **options)  # type: ignore[arg-type]
    assert model.truncated
    assert model.components[0].mean_se_um > 1.2 * plain.components[0].mean_se_um
    assert model.bootstrap is not None
    spread = model.bootstrap.standard_error(model.bootstrap.means_um)[0]
    assert model.components[0].mean_se_um == pytest.approx(spread, rel=3.5 / np.sqrt(2 * 16))


def test_normaliser_is_smooth() -> None:
    """Along a line of parameters there is no jump: second differences shrink with the square of the step."""
    positivity, spectrum = Positivity(6, 200, np.random.default_rng(2)), rough(0.35).components[0].power_spectrum
    bends = []
    for step in (0.02, 0.01):
        values = [positivity.log_probability(30.0, spectrum * np.exp(t))[0] for t in np.arange(-5, 6) * step]
        bends.append(np.abs(np.diff(values, 2)).max())
    assert bends[1] < 0.35 * bends[0]


def fits_of_kept(seeds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean radius, a_0, a_2 and rejected share of fits to what rejection kept: truth, plain and counted ``(seeds, 4)``."""
    truth = rough(0.3)
    plain, counted = [], []
    for seed in range(seeds):
        radii = kept(truth, 500, seed)
        options = {"degree": 6, "components": 1, "cross_validate": False, "prior_strength": 0}
        for allowed, found in ((False, plain), (True, counted)):
            monitor = Monitor()
            model = fit_shell(radii, positive_radii=allowed, rng=np.random.default_rng(0), monitor=monitor, **options)
            assert model.truncated is allowed
            assert any("rejected" in warning for warning in monitor.warnings)
            part = model.components[0]
            found.append((part.mean_um, part.power_spectrum[0], part.power_spectrum[2], model.rejection_probability))
    return np.array([30.0, *truth.components[0].power_spectrum[[0, 2]], 0.0637]), np.array(plain), np.array(counted)


SPREAD = np.array([0.19, 0.065 * 262, 0.03 * 35, 0.006])


def test_rejected_shells_count_in_the_likelihood() -> None:
    truth, plain, counted = fits_of_kept(1)
    assert np.all(np.abs(counted[0] - truth) < 4 * SPREAD)
    assert counted[0, 0] < plain[0, 0] - 0.2
    assert counted[0, 3] > plain[0, 3] + 0.008


@pytest.mark.slow
def test_parameters_are_recovered_where_shells_are_rejected() -> None:
    """Variation 0.3: 6 % are rejected, and the plain fit takes what was kept for the whole."""
    truth, plain, counted = fits_of_kept(8)
    error = counted.std(axis=0, ddof=1) / np.sqrt(8)
    assert np.all(np.abs(counted.mean(axis=0) - truth) < 4 * error)
    bias = (plain.mean(axis=0) - truth) / (plain.std(axis=0, ddof=1) / np.sqrt(8))
    assert bias[0] > 4
    assert bias[1] < -4
    assert bias[3] < -4


def test_shares_of_a_truncated_mixture_are_those_before_rejection() -> None:
    """A rough and a smooth component, half each: more of the rough ones are rejected, yet the model says half."""
    one = rough(0.4, 4).components[0]
    smooth = ShellComponent(0.5, 60.0, one.power_spectrum * 0.1)
    truth = ShellModel(4, (replace(one, probability=0.5), smooth))
    model = fit_shell(kept(truth, 800, 3), degree=4, components=2, cross_validate=False, rng=np.random.default_rng(0))
    assert model.truncated
    assert model.components[0].probability == pytest.approx(0.5, abs=0.05)
    assert model.components[0].rejection_probability > 0.2
    assert model.components[1].rejection_probability < 1e-6
    expected = sum(c.probability * c.rejection_probability for c in model.components)
    assert model.rejection_probability == pytest.approx(expected)


@pytest.mark.parametrize("method", ["em", "em-nugget"])
def test_bootstrap_agrees_with_the_closed_form(method: str) -> None:
    """Components far apart: the standard errors as if the components were known are right."""
    directions, count = (GRID, 120) if method == "em" else (COARSE, 30)
    truth = ShellModel(4, (
        ShellComponent(0.6, 20.0, np.array([20.0, 0.5, 4.0, 2.0, 1.0])),
        ShellComponent(0.4, 40.0, np.array([40.0, 0.5, 9.0, 3.0, 1.0])),
    ))  # fmt: skip
    radii, _ = simulate(truth, 150, directions, 2, error=0.2)
    options = {"degree": 4, "components": 2, "cross_validate": False, "bootstrap": count}
    model = fit_shell(radii, method=method, rng=np.random.default_rng(1), **options)  # type: ignore[arg-type]
    boot = model.bootstrap
    assert boot is not None
    assert len(boot) == boot.asked == count
    tolerance = 4 / np.sqrt(2 * count)
    for k, part in enumerate(model.components):
        assert boot.standard_error(boot.means_um)[k] == pytest.approx(part.mean_se_um, rel=tolerance)
        assert boot.standard_error(boot.probabilities)[k] == pytest.approx(part.probability_se, rel=tolerance)
        np.testing.assert_allclose(boot.standard_error(boot.power_spectra)[k], part.power_spectrum_se, rtol=1.2 * tolerance)
        low, high = boot.interval(boot.means_um)[:, k]
        assert low < part.mean_um < high


def test_standard_errors_of_the_exact_fit_are_those_of_the_closed_form() -> None:
    radii, _ = simulate(mixture(), 200, GRID, 6)
    quick, exact = (
        fit_shell(radii, degree=10, components=3, method=method, cross_validate=False, rng=np.random.default_rng(1))  # type: ignore[arg-type]
        for method in ("em", "em-nugget")
    )
    for one, other in zip(quick.components, exact.components):
        assert other.mean_se_um == pytest.approx(one.mean_se_um, rel=0.03)
        np.testing.assert_allclose(other.power_spectrum_se, one.power_spectrum_se, rtol=0.06)


def test_bootstrap_can_be_ended_and_cancelled() -> None:
    radii, _ = simulate(mixture(4), 80, GRID, 2)
    options = {"degree": 4, "components": 1, "bootstrap": 4000}

    def after_some(progress) -> None:
        if progress.partial and progress.partial.get("bootstrap", {}).get("done", 0) >= 5:
            early.finish()

    early = Monitor(after_some, interval_s=0)
    model = fit_shell(radii, rng=np.random.default_rng(0), monitor=early, **options)
    assert model.bootstrap is not None
    assert 5 <= len(model.bootstrap) < 4000
    assert any("of 4000 refits" in warning for warning in early.warnings)
    stop = Monitor(lambda progress: stop.cancel() if (progress.partial or {}).get("bootstrap") else None, interval_s=0)
    with pytest.raises(Cancelled):
        fit_shell(radii, rng=np.random.default_rng(0), monitor=stop, **options)


def test_replicates_do_not_depend_on_their_number() -> None:
    radii, _ = simulate(mixture(4), 80, GRID, 2)
    few, many = (
        fit_shell(radii, degree=4, components=1, bootstrap=count, rng=np.random.default_rng(0)).bootstrap for count in (3, 6)
    )
    assert few is not None
    assert many is not None
    np.testing.assert_array_equal(few.means_um, many.means_um[:3])


def test_curves_stand_with_the_model_and_end_after_two_that_do_not_help() -> None:
    radii, _ = simulate(mixture(8), 150, grid_for_degree(8).directions, 5)
    model = fit_shell(radii, degree=8, rng=np.random.default_rng(0))
    tried = [int(k) for k in model.bic_by_components]
    assert tried == list(range(1, len(model.components) + PATIENCE + 1))
    assert min(model.bic_by_components, key=lambda k: model.bic_by_components[k]) == str(len(model.components)) == "3"
    assert set(model.held_out_by_components) <= set(model.bic_by_components)
    assert model.held_out_by_components["3"] > model.held_out_by_components["1"]
    assert list(model.bic_by_degree) == list(model.held_out_by_degree) == [str(degree) for degree in range(1, 9)]
    assert model.history is not None
    other = fit_shell(radii, degree=8, criterion="held-out", rng=np.random.default_rng(0))
    best = max(other.held_out_by_components, key=lambda k: other.held_out_by_components[k])
    assert str(len(other.components)) == best


def test_degree_is_chosen_by_both_criteria() -> None:
    radii, _ = simulate(mixture(5), 150, GRID, 5)
    for criterion in ("bic", "held-out"):
        model = fit_shell(radii, degree="auto", components=3, criterion=criterion, rng=np.random.default_rng(0))  # type: ignore[arg-type]
        assert model.degree == 5
        assert len(model.components[0].power_spectrum) == 6
        assert max(int(degree) for degree in model.bic_by_degree) == highest_degree(GRID) == 8


def test_limits_of_auto() -> None:
    assert [most_components(n) for n in (5, 19, 20, 100, 239, 5000)] == [1, 1, 2, 10, 20, 20]
    assert highest_degree(grid_for_degree(15).directions) == 24
    assert highest_degree(octasphere().directions) == 10
    assert highest_degree(icosphere(4).directions) == 30


def test_folds_are_the_same_for_every_number() -> None:
    radii, _ = simulate(mixture(4), 60, GRID, 5)
    route = CoefficientRoute(estimate_coefficients(radii, 4), np.ones(60))
    folds = CrossValidation(route, np.random.default_rng(1))
    first = folds.held_out(1, [4], np.random.default_rng(2), Monitor())
    assert folds.held_out(1, [4], np.random.default_rng(3), Monitor()) == first
    _, curves = select_components(route, np.random.default_rng(2), most=2, validation=folds)
    assert curves.held_out[1] == pytest.approx(first[4])


def test_methods_are_compared_in_one_likelihood() -> None:
    radii, _ = simulate(mixture(), 60, octasphere().directions, 5)
    model = fit_shell(
        radii, degree=15, components=1, compare_methods=True, cross_validate=False, rng=np.random.default_rng(0)
    )  # fmt: skip
    assert list(model.methods) == ["em", "em-nugget", "published"]
    # Least squares on a mesh that does not determine all coefficients is behind the exact fit, and that is seen.
    assert model.methods["em"]["log_likelihood"] < model.methods["em-nugget"]["log_likelihood"] - 5
    assert model.methods["published"]["log_likelihood"] == pytest.approx(model.methods["em-nugget"]["log_likelihood"], abs=3)
    assert model.log_likelihood == pytest.approx(model.methods["em-nugget"]["log_likelihood"], abs=0.01)
    assert all(found["nugget_um"] == pytest.approx(0.5, rel=0.1) for found in model.methods.values())


@pytest.mark.parametrize("method", ["em", "em-nugget", "published"])
def test_every_method_recovers_the_spectrum_on_a_mesh_of_too_little_rank(method: str) -> None:
    """258 directions, degree 15, rank 249 of 256: all methods see each a_l within its standard error."""
    truth = mixture(15)
    one = ShellModel(15, (replace(truth.components[1], probability=1.0),))
    radii, _ = simulate(one, 200, octasphere().directions, 4)
    model = fit_shell(
        radii, degree=15, components=1, method=method, cross_validate=False, rng=np.random.default_rng(0)  # type: ignore[arg-type]
    )  # fmt: skip
    part = model.components[0]
    assert part.power_spectrum_se is not None
    score = (part.power_spectrum - one.components[0].power_spectrum) / part.power_spectrum_se
    assert np.abs(score[[0, *range(2, 16)]]).max() < 4
    assert model.nugget_um == pytest.approx(0.5, rel=0.05)


def test_radii_without_error_end_at_the_least_nugget() -> None:
    """Their likelihood has no maximum in tau; the fit stops at a ten-thousandth of the radius and stays finite."""
    radii, _ = simulate(mixture(4), 80, COARSE, 5, error=0.0)
    model = fit_shell(radii, degree=4, components=1, method="em-nugget", rng=np.random.default_rng(0))
    assert model.nugget_um == pytest.approx(1e-4 * radii.radii_um.mean(), rel=1e-6)
    assert np.isfinite(model.log_likelihood)


def test_weights_count_in_the_exact_fit() -> None:
    """A weight of two is a particle twice."""
    radii, _ = simulate(mixture(4), 60, COARSE, 5)
    twice = np.concatenate([np.arange(60), np.arange(20)])
    names = ("ids", "radii_um", "centres_um", "weights", "star_errors", "volumes_um3")
    doubled = replace(radii, flags=("",) * 80, **{name: getattr(radii, name)[twice] for name in names})
    weighted = replace(radii, weights=np.where(np.arange(60) < 20, 2.0, 1.0))
    options = {"degree": 4, "components": 1, "method": "em-nugget", "prior_strength": 0, "cross_validate": False}
    one, other = (fit_shell(r, rng=np.random.default_rng(0), **options) for r in (weighted, doubled))  # type: ignore[arg-type]
    assert one.components[0].mean_um == pytest.approx(other.components[0].mean_um, rel=1e-5)
    np.testing.assert_allclose(one.components[0].power_spectrum, other.components[0].power_spectrum, rtol=2e-3)


def test_spheres_of_one_size_do_not_stop_the_published_route() -> None:
    radii_um = np.full((12, 258), 5.0)
    shares = vector_mixture_responsibilities(radii_um, 2, np.ones(12))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
