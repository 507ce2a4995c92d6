"""The three fits of the mixture: likelihoods against scipy, monotone EM, gradients, scaling, guards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.coefficients import estimate_coefficients
from nmcstudio.shell.directions import gauss_legendre_grid, icosphere, octasphere
from nmcstudio.shell.em import MixtureFit, fit_coefficient_em
from nmcstudio.shell.fit import fit_shell
from nmcstudio.shell.gram import gram_of
from nmcstudio.shell.harmonics import degree_of_index, harmonics
from nmcstudio.shell.nugget import NuggetData, component_terms, nugget_data
from nmcstudio.shell.nugget_em import fit_nugget_em
from nmcstudio.shell.objective import MixtureObjective, Prior
from nmcstudio.shell.published import spectra_by_least_squares
from nmcstudio.shell.routes import CoefficientRoute, ExactRoute
from nmcstudio.shell.sample import draw_fields
from nmcstudio.shell.selection import CrossValidation
from nmcstudio.shell.truncation import Positivity
from tests.shell.shell_data import mixture, simulate

GRID = gauss_legendre_grid(18, 36).directions
UNEVEN = icosphere(1).directions[:40] @ np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
SHARES = np.array([0.3, 0.7])
MEANS = np.array([30.0, 34.0])


def small_problem(degree: int, directions: np.ndarray):
    rng = np.random.default_rng(4)
    radii = 32 + 2 * rng.standard_normal((7, len(directions)))
    spectra = np.stack([4 * np.exp(-0.4 * np.arange(degree + 1)), 9 * np.exp(-0.7 * np.arange(degree + 1))])
    return radii, spectra, rng.uniform(0.5, 1.5, 7)


def normal_log_densities(radii: np.ndarray, directions: np.ndarray, spectra: np.ndarray, nugget: float) -> np.ndarray:
    """log p_k f_k(r_i) by scipy."""
    basis = harmonics(directions, spectra.shape[1] - 1)
    groups = degree_of_index(spectra.shape[1] - 1)
    size = len(directions)
    return np.stack(
        [
            np.log(p) + multivariate_normal(np.full(size, mu), basis * a[groups] @ basis.T + nugget * np.eye(size)).logpdf(radii)
            for p, mu, a in zip(SHARES, MEANS, spectra)
        ],
        axis=1,
    )


def start_of(spectra: np.ndarray, nugget: float) -> MixtureFit:
    return MixtureFit(SHARES, MEANS, spectra, np.nan, np.zeros((0, 2)), nugget, (), False)


@pytest.mark.parametrize(("degree", "directions"), [(3, octasphere(2).directions), (4, octasphere(1).directions), (7, UNEVEN)])
def test_nugget_likelihood_is_the_normal_density(degree: int, directions: np.ndarray) -> None:
    """Also where the basis has less than full rank (25 coefficients on 18 points), and in blocks of many coefficients."""
    radii, spectra, weights = small_problem(degree, directions)
    objective = MixtureObjective(nugget_data(radii, directions, degree, weights), 2)
    point = objective.at(objective.pack(start_of(spectra, 0.3)))
    logs = normal_log_densities(radii, directions, spectra, 0.3)
    assert point.log_likelihood == pytest.approx(weights @ logsumexp(logs, axis=1), rel=1e-10)
    np.testing.assert_allclose(point.responsibilities, np.exp(logs - logsumexp(logs, axis=1)[:, None]), atol=1e-9)


@pytest.mark.parametrize("directions", [octasphere(2).directions, UNEVEN])
@pytest.mark.parametrize("truncated", [False, True])
def test_gradient_is_that_of_finite_differences(directions: np.ndarray, truncated: bool) -> None:
    radii, spectra, weights = small_problem(3, directions)
    spectra = spectra * (25.0 if truncated else 1.0)
    prior = Prior(1.0, np.array([3.0, 2.0, 1.0, 0.5]), np.full(4, 0.01))
    positivity = Positivity(3, 60, np.random.default_rng(1)) if truncated else None
    objective = MixtureObjective(nugget_data(radii, directions, 3, weights), 2, prior=prior, positivity=positivity)
    at = objective.pack(start_of(spectra, 0.3))
    steps = 1e-5 * np.eye(len(at))
    expected = [(objective.at(at + step).value - objective.at(at - step).value) / 2e-5 for step in steps]
    np.testing.assert_allclose(objective.at(at).gradient, expected, rtol=2e-4, atol=1e-4)


def test_information_is_the_variance_of_the_score() -> None:
    """One component: the scores of many simulated radii have the information as their covariance, and mean zero."""
    degree, directions = 2, octasphere(1).directions
    spectrum = np.array([[4.0, 1.0, 2.0]])
    rng = np.random.default_rng(3)
    fields = rng.standard_normal((6000, 9)) * np.sqrt(spectrum[0, degree_of_index(degree)])
    radii = 30 + fields @ harmonics(directions, degree).T + 0.7 * rng.standard_normal((6000, len(directions)))
    data = nugget_data(radii, directions, degree, np.ones(6000))
    terms = component_terms(data, 30.0, spectrum[0], 0.49)
    scores = np.vstack([terms.mean_score, terms.spectrum_score, terms.nugget_score])
    information = np.zeros((5, 5))
    information[0, 0], information[1:, 1:] = terms.mean_information, terms.information
    spread = np.sqrt(np.diag(information))
    assert np.abs(scores.mean(axis=1) / spread).max() < 4.5 / np.sqrt(6000)
    np.testing.assert_allclose(np.cov(scores) / spread / spread[:, None], information / spread / spread[:, None], atol=0.1)


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_coefficient_em_never_falls(prior: float) -> None:
    radii, _ = simulate(mixture(), 120, GRID, 1)
    coefficients = estimate_coefficients(radii, 2)
    weights = np.random.default_rng(2).uniform(0.5, 1.5, 120)
    fit = fit_coefficient_em(
        coefficients, 3, np.random.default_rng(0), weights=weights, starts=3, prior_strength=prior, tolerance=0, iterations=60
    )
    steps = np.diff(fit.history)
    assert len(steps) > 5
    assert steps.min() > -1e-7 * abs(fit.history[-1])


def plain_nugget_em(data: NuggetData, fit: MixtureFit, basis: np.ndarray, radii: np.ndarray, steps: int) -> float:
    """models.md 4.4 written out with dense matrices: the log-likelihood after so many EM steps."""
    groups, size = degree_of_index(data.degree), len(basis)
    p, mu, spectra, nugget = fit.shares.copy(), fit.means_um.copy(), np.maximum(fit.spectra_um2, 1e-4), fit.nugget_um2
    for _ in range(steps):
        logs, posteriors = np.empty((len(radii), len(p))), []
        for k in range(len(p)):
            variances = spectra[k][groups]
            inverse = np.linalg.inv(basis * variances @ basis.T + nugget * np.eye(size))
            deviation = radii - mu[k]
            logs[:, k] = np.log(p[k]) - 0.5 * (size * np.log(2 * np.pi) - np.linalg.slogdet(inverse)[1])
            logs[:, k] -= 0.5 * np.einsum("ij,jk,ik->i", deviation, inverse, deviation)
            gain = (variances[:, None] * basis.T) @ inverse
            posteriors.append((deviation @ gain.T, np.diag(variances) - gain @ basis * variances))
        gamma = np.exp(logs - logsumexp(logs, axis=1)[:, None])
        sizes, error = gamma.sum(axis=0), 0.0
        p = sizes / sizes.sum()
        for k, (mean, covariance) in enumerate(posteriors):
            residual = ((radii - mu[k] - mean @ basis.T) ** 2).sum(axis=1) + np.trace(basis @ covariance @ basis.T)
            error += gamma[:, k] @ residual
            shift = gamma[:, k] @ mean[:, 0] / sizes[k]
            mean[:, 0] -= shift
            mu[k] += shift / np.sqrt(4 * np.pi)
            squares = gamma[:, k] @ mean**2 / sizes[k] + np.diag(covariance)
            spectra[k] = np.bincount(groups, squares) / np.bincount(groups)
        nugget = error / radii.size
    return float(logsumexp(logs, axis=1).sum())


def test_accelerated_em_never_falls_and_ends_where_plain_em_goes() -> None:
    radii, _ = simulate(mixture(4), 80, octasphere(2).directions, 1)
    start = fit_coefficient_em(estimate_coefficients(radii, 4), 2, np.random.default_rng(0), prior_strength=0)
    data = nugget_data(radii.radii_um, radii.directions, 4, np.ones(80))
    fit = fit_nugget_em(data, start)
    assert fit.converged
    assert np.diff(fit.history).min() >= 0
    plain = plain_nugget_em(data, start, harmonics(radii.directions, 4), radii.radii_um, 120)
    assert fit.log_likelihood >= plain - 2e-3
    assert fit.log_likelihood == pytest.approx(plain, abs=0.5)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.0))
def test_no_em_ever_falls(seed: int, components: int, prior: float, error: float) -> None:
    """Whatever the data, weights, prior and error: each step of both fits gains."""
    radii, _ = simulate(mixture(3), 45, octasphere(2).directions, seed, error=error)
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, 45)
    coefficients = estimate_coefficients(radii, 3)
    options = {"weights": weights, "starts": 2, "prior_strength": prior}
    try:
        start = fit_coefficient_em(coefficients, components, np.random.default_rng(seed), tolerance=0, iterations=40, **options)
    except ComputationError:
        return
    assert np.diff(start.history).min(initial=0) > -1e-7 * abs(start.history[-1])
    data = nugget_data(radii.radii_um, radii.directions, 3, weights)
    exact = fit_nugget_em(data, start, prior=ExactRoute(coefficients, weights, 2, prior, data).prior(components))
    assert np.diff(exact.history).min(initial=0) >= 0


def test_a_weight_of_two_is_a_particle_twice() -> None:
    radii, _ = simulate(mixture(), 60, GRID, 5)
    coefficients = estimate_coefficients(radii, 6)
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    twice = np.concatenate([np.arange(60), np.arange(20)])
    from dataclasses import replace

    doubled = replace(coefficients, values=coefficients.values[twice])
    options = {"starts": 1, "tolerance": 1e-12}
    once = fit_coefficient_em(coefficients, 1, np.random.default_rng(0), weights=weights, **options)
    again = fit_coefficient_em(doubled, 1, np.random.default_rng(0), **options)
    np.testing.assert_allclose(once.spectra_um2, again.spectra_um2, rtol=1e-9)
    np.testing.assert_allclose(once.means_um, again.means_um, rtol=1e-12)


def test_another_unit_scales_means_and_spectra() -> None:
    from dataclasses import replace

    radii, _ = simulate(mixture(), 100, octasphere().directions, 6)
    q = 0.128
    scaled = replace(radii, radii_um=radii.radii_um * q)
    a, b = (fit_shell(r, degree=8, components=2, rng=np.random.default_rng(1)) for r in (radii, scaled))
    for one, other in zip(a.components, b.components):
        assert other.probability == pytest.approx(one.probability, rel=1e-6)
        assert other.mean_um == pytest.approx(q * one.mean_um, rel=1e-6)
        np.testing.assert_allclose(other.power_spectrum, q**2 * one.power_spectrum, rtol=1e-5, atol=1e-12)
    assert b.log_likelihood == pytest.approx(a.log_likelihood - radii.radii_um.size * np.log(q), rel=1e-9)


@pytest.mark.parametrize("directions", [GRID, octasphere().directions])
def test_all_methods_reach_the_same_maximum(directions: np.ndarray) -> None:
    radii, _ = simulate(mixture(), 160, directions, 7)
    models = {
        method: fit_shell(radii, degree=10, components=3, method=method, prior_strength=0, rng=np.random.default_rng(1))  # type: ignore[arg-type]
        for method in ("em", "em-nugget", "published")
    }
    exact = models["em-nugget"]
    assert exact.log_likelihood >= models["em"].log_likelihood
    for model in models.values():
        assert model.log_likelihood == pytest.approx(exact.log_likelihood, abs=4)
        np.testing.assert_allclose([c.mean_um for c in model.components], [c.mean_um for c in exact.components], rtol=3e-3)
        np.testing.assert_allclose(
            [c.probability for c in model.components], [c.probability for c in exact.components], atol=0.01
        )
        spectra = np.stack([c.power_spectrum for c in model.components])
        np.testing.assert_allclose(spectra[:, 2:7], np.stack([c.power_spectrum for c in exact.components])[:, 2:7], rtol=0.02)
        assert model.nugget_um == pytest.approx(0.5, rel=0.02)
        assert model.bic == pytest.approx(-2 * model.log_likelihood + (3 * 12 + 2) * np.log(160))


def test_a_mesh_with_too_little_rank_is_fitted_exactly() -> None:
    radii, _ = simulate(mixture(), 50, octasphere().directions, 8)
    monitor = Monitor()
    model = fit_shell(radii, degree=15, components=1, rng=np.random.default_rng(1), monitor=monitor)
    assert model.method == "em-nugget"
    assert any("249 of 256" in warning for warning in monitor.warnings)
    assert model.nugget_um == pytest.approx(0.5, rel=0.05)
    assert all(c.power_spectrum[11:].max() < 0.02 for c in model.components)


def test_coefficients_by_quadrature_and_by_least_squares_agree() -> None:
    rng = np.random.default_rng(1)
    values, _ = draw_fields(mixture(8), 5, rng)
    for directions in (GRID, octasphere().directions, icosphere(3).directions):
        radii, _ = simulate(mixture(8), 1, directions, 0)
        from dataclasses import replace

        exact = values @ harmonics(directions, 8).T
        five = replace(
            radii, ids=np.arange(5), radii_um=exact, centres_um=np.zeros((5, 3)), weights=np.ones(5), star_errors=np.zeros(5),
            flags=("",) * 5, volumes_um3=np.zeros(5),
        )  # fmt: skip
        found = estimate_coefficients(five, 8)
        np.testing.assert_allclose(found.values, values, atol=1e-9)
        assert found.nugget_um2 < 1e-18


def test_noise_of_a_coefficient() -> None:
    """models.md 4.3: 0.0073 on a 16 x 32 grid and 0.0126 on the 258 points at tau = 0.5."""
    grid, _ = simulate(mixture(10), 400, gauss_legendre_grid(18, 36).directions, 3)
    assert estimate_coefficients(grid, 10).noise_um2.mean() == pytest.approx(
        0.25 * 0.0073 / 0.25 * (16 * 32) / (18 * 36), rel=0.03
    )
    mesh, _ = simulate(mixture(10), 400, octasphere().directions, 3)
    assert estimate_coefficients(mesh, 10).noise_um2.mean() == pytest.approx(0.0127, rel=0.03)


def test_blocks_hold_all_of_the_gram_matrix() -> None:
    for directions, largest in ((GRID, 6), (octasphere().directions, 36), (octasphere().directions[:200], 121)):
        gram = gram_of(directions, 10)
        basis = harmonics(directions, 10)
        np.testing.assert_allclose(gram.matrix, basis.T @ basis, atol=1e-7)
        assert sorted(np.concatenate(gram.blocks).tolist()) == list(range(121))
        assert max(len(block) for block in gram.blocks) <= largest


def test_least_squares_finds_the_spectrum_of_many_fields() -> None:
    model = mixture(8)
    single = model.components[1]
    from nmcstudio.core.shells import ShellComponent, ShellModel

    one = ShellModel(8, (ShellComponent(1.0, single.mean_um, single.power_spectrum),))
    radii, _ = simulate(one, 3000, octasphere(2).directions, 1, error=0.0)
    means, spectra = spectra_by_least_squares(radii.radii_um, radii.directions, 8, np.ones((3000, 1)))
    assert means[0] == pytest.approx(38, abs=0.3)
    np.testing.assert_allclose(spectra[0, [0, 2, 3, 4]], single.power_spectrum[[0, 2, 3, 4]], rtol=0.08)


def test_watching_finishing_and_cancelling() -> None:
    radii, _ = simulate(mixture(), 150, GRID, 2)
    seen: list[dict] = []
    watch = Monitor(lambda progress: seen.append(progress.partial) if progress.partial else None, interval_s=0)
    fit_shell(radii, degree=10, components=3, method="em-nugget", rng=np.random.default_rng(0), monitor=watch)
    assert {"log_likelihood", "spectra", "means", "shares"} <= set(seen[-1])
    assert np.shape(seen[-1]["spectra"]) == (3, 11)

    early = Monitor(lambda progress: early.finish() if progress.partial else None, interval_s=0)
    model = fit_shell(radii, degree=10, method="published", rng=np.random.default_rng(0), monitor=early)
    assert model.sample_size == 150
    assert np.isfinite(model.log_likelihood)

    stop = Monitor(lambda progress: stop.cancel() if progress.partial else None, interval_s=0)
    with pytest.raises(Cancelled):
        fit_shell(radii, degree=10, components=3, rng=np.random.default_rng(0), monitor=stop)


def test_too_few_particles_or_directions() -> None:
    radii, _ = simulate(mixture(), 12, GRID, 2)
    with pytest.raises(NmcError, match="too few for 3"):
        fit_shell(radii, degree=10, components=3, rng=np.random.default_rng(0))
    few, _ = simulate(mixture(4), 30, octasphere(2).directions, 2)
    with pytest.raises(NmcError, match="directions determine") as caught:
        fit_shell(few, degree=10, components=1, rng=np.random.default_rng(0))
    assert caught.value.field == "degree"
    lonely, _ = simulate(mixture(), 20, GRID, 2)
    with pytest.raises(ComputationError, match="no start"):
        fit_coefficient_em(estimate_coefficients(lonely, 4), 4, np.random.default_rng(0), starts=2, prior_strength=0)


def test_a_criterion_that_is_not_computed_is_refused() -> None:
    radii, _ = simulate(mixture(), 60, GRID, 4)
    with pytest.raises(NmcError, match="held-out likelihood is not computed"):
        fit_shell(radii, criterion="held-out", cross_validate=False, rng=np.random.default_rng(0))


def test_flagged_particles_and_weights_are_options() -> None:
    from dataclasses import replace

    radii, _ = simulate(mixture(), 60, GRID, 9)
    flagged = replace(radii, flags=("odd",) * 20 + ("",) * 40, weights=np.linspace(0.5, 1.5, 60))
    assert fit_shell(flagged, degree=4, components=1, leave_out_flagged=True, rng=np.random.default_rng(0)).sample_size == 40
    plain = fit_shell(flagged, degree=4, components=1, use_weights=False, rng=np.random.default_rng(0))
    same = fit_shell(radii, degree=4, components=1, rng=np.random.default_rng(0))
    assert plain.components[0].mean_um == pytest.approx(same.components[0].mean_um)
    weighted = fit_shell(flagged, degree=4, components=1, rng=np.random.default_rng(0))
    expected = np.average(estimate_coefficients(radii, 4).mean_part, weights=flagged.weights) / np.sqrt(4 * np.pi)
    assert weighted.components[0].mean_um == pytest.approx(expected)


def test_held_out_likelihood_prefers_the_true_number() -> None:
    radii, _ = simulate(mixture(), 200, GRID, 4)
    route = CoefficientRoute(estimate_coefficients(radii, 10), np.ones(200))
    folds = CrossValidation(route, np.random.default_rng(1))
    values = {k: folds.held_out(k, [10], np.random.default_rng(1), Monitor())[10] for k in (1, 3)}
    assert values[3] > values[1] + 1


def test_components_are_sorted() -> None:
    fit = MixtureFit(
        np.array([0.2, 0.8]), np.array([5.0, 3.0]), np.ones((2, 3)), 0.0, np.array([[0.1, 0.9]]), 0.1, (), True
    ).sorted()
    assert fit.means_um.tolist() == [3.0, 5.0]
    assert fit.responsibilities.tolist() == [[0.9, 0.1]]
