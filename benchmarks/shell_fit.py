"""Fit of the shell model, L = 15, K = 7, 239 particles, 258 directions: ours against Adam on the same likelihood (torch, dense).

Same radii, same nugget, same start; both results are judged by one formula, written out here with dense matrices. Ours ends where
a further step promises less than 0.001 of log-likelihood. Adam runs the 1,000 steps of the peers, with --long N also N whose rate
falls to nothing, that is to its own convergence. The radii come from `shared/bench` beside the checkout where it is there,
else from a generator of the same kind.

    .venv/bin/python benchmarks/shell_fit.py [--long 5000] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from common import measure, table

DEGREE, COMPONENTS, PARTICLES, DIRECTIONS = 15, 7, 239, 258
Found = tuple[np.ndarray, np.ndarray, np.ndarray, int]
_PEERS = Path(__file__).resolve().parents[2] / "shared" / "bench"


def data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Radii ``(n, m)`` of a mixture of seven fields, and directions."""
    if (_PEERS / "gen.py").exists():
        # Behind our own folder, which has a module of the same name as one of theirs.
        sys.path.append(str(_PEERS))
        import gen

        return gen.grf_radii(seed=seed)[:2]
    rng = np.random.default_rng(seed)
    height = 1 - (2 * np.arange(DIRECTIONS) + 1) / DIRECTIONS
    turn = np.pi * (1 + np.sqrt(5)) * (np.arange(DIRECTIONS) + 0.5)
    ring = np.sqrt(1 - height**2)
    directions = np.column_stack([ring * np.cos(turn), ring * np.sin(turn), height])
    basis = covariances(directions)
    means, shares = np.linspace(3, 9, COMPONENTS), rng.dirichlet(np.full(COMPONENTS, 4.0))
    which = rng.choice(COMPONENTS, PARTICLES, p=shares)
    radii = np.empty((PARTICLES, DIRECTIONS))
    for k, mean in enumerate(means):
        a = (0.35 * mean / 3) ** 2 * np.exp(-0.45 * np.arange(DEGREE + 1) + rng.normal(0, 0.3, DEGREE + 1))
        a[1] *= 0.1
        values, vectors = np.linalg.eigh(np.tensordot(a, basis, 1))
        rows = np.flatnonzero(which == k)
        radii[rows] = mean + rng.standard_normal((len(rows), DIRECTIONS)) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    return radii, directions


def covariances(directions: np.ndarray) -> np.ndarray:
    """(2 l + 1) / (4 pi) P_l(u . u') for every degree: ``(L + 1, m, m)``."""
    from scipy.special import eval_legendre

    cosines = np.clip(directions @ directions.T, -1, 1)
    return np.stack([(2 * l + 1) / (4 * np.pi) * eval_legendre(l, cosines) for l in range(DEGREE + 1)])  # noqa: E741


def nugget_of(radii: np.ndarray) -> float:
    return 1e-4 * float(radii.var())


def log_likelihood(radii: np.ndarray, basis: np.ndarray, shares: np.ndarray, means: np.ndarray, spectra: np.ndarray) -> float:
    """The judge: Gaussian densities with covariance sum a_l (2 l + 1) / (4 pi) P_l + nugget, by dense Cholesky factors."""
    from scipy.linalg import solve_triangular
    from scipy.special import logsumexp

    logs = np.empty((len(radii), len(shares)))
    for k in range(len(shares)):
        lower = np.linalg.cholesky(np.tensordot(spectra[k], basis, 1) + nugget_of(radii) * np.eye(radii.shape[1]))
        white = solve_triangular(lower, (radii - means[k]).T, lower=True)
        logs[:, k] = np.log(shares[k]) - 0.5 * (white**2).sum(axis=0) - np.log(np.diag(lower)).sum()
    return float((logsumexp(logs, axis=1) - 0.5 * radii.shape[1] * np.log(2 * np.pi)).sum())


def start(radii: np.ndarray, basis: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares, means and spectra to begin with.

    "flat": means at quantiles of size and one spectrum for all, as the peers' script begins. "sizes": each seventh of the
    particles by size is a component; its spectrum by least squares on its covariance.
    """
    size = radii.mean(axis=1)
    if kind == "flat":
        means = np.quantile(size, (np.arange(COMPONENTS) + 0.5) / COMPONENTS)
        spectra = np.tile(radii.var() * np.exp(-0.4 * np.arange(DEGREE + 1)), (COMPONENTS, 1))
        return np.full(COMPONENTS, 1 / COMPONENTS), means, spectra
    from scipy.optimize import nnls

    part = np.argsort(np.argsort(size)) * COMPONENTS // len(size)
    means = np.array([size[part == k].mean() for k in range(COMPONENTS)])
    columns = basis.reshape(DEGREE + 1, -1).T
    found = [nnls(columns, ((r := radii[part == k] - means[k]).T @ r / len(r)).ravel())[0] for k in range(COMPONENTS)]
    shares = np.bincount(part, minlength=COMPONENTS) / len(size)
    return shares, means, np.maximum(found, 1e-4 * radii.var() * np.exp(-0.4 * np.arange(DEGREE + 1)))


def ours(seed: int, kind: str) -> Found:
    """From the radii to the maximum: coefficients, EM on them from the start's responsibilities, exact climb."""
    from nmcstudio.core.blas import one_blas_thread
    from nmcstudio.core.shells import RadiusFunctions
    from nmcstudio.shell.coefficients import estimate_coefficients
    from nmcstudio.shell.em import MixtureFit, fit_coefficient_em
    from nmcstudio.shell.nugget import nugget_data
    from nmcstudio.shell.nugget_em import fit_nugget_em
    from nmcstudio.shell.objective import MixtureObjective

    radii, directions = _input(seed)
    shares, means, spectra = _start(seed, kind)
    n, nugget, nothing = len(radii), nugget_of(radii), np.zeros(len(radii))
    with one_blas_thread():
        measured = RadiusFunctions(
            np.arange(n), directions, radii, np.zeros((n, 3)), np.ones(n), nothing, ("",) * n, nothing, 1.0
        )
        data = nugget_data(radii, directions, DEGREE, np.ones(n))
        at = MixtureFit(shares, means, spectra, np.nan, np.zeros((n, COMPONENTS)), nugget, (), False)
        objective = MixtureObjective(data, COMPONENTS, fixed_nugget_um2=nugget)
        first = objective.at(objective.pack(at))
        coefficients = estimate_coefficients(measured, DEGREE)
        begin = fit_coefficient_em(coefficients, COMPONENTS, np.random.default_rng(0), begin=first.responsibilities)
        fit = fit_nugget_em(data, begin, fixed_nugget_um2=nugget)
    return fit.shares, fit.means_um, fit.spectra_um2, len(fit.history)


def adam(seed: int, kind: str, steps: int, decay: bool, threads: int) -> Found:
    """Adam in torch at rate 0.05, falling to zero along a cosine with `decay`."""
    import torch

    torch.set_num_threads(threads)
    radii, directions = _input(seed)
    basis = covariances(directions)
    shares, means, spectra = _start(seed, kind)
    x, b = torch.tensor(radii), torch.tensor(basis)
    mu = torch.tensor(means, requires_grad=True)
    log_a = torch.tensor(np.log(spectra), requires_grad=True)
    logits = torch.tensor(np.log(shares), requires_grad=True)
    optimizer = torch.optim.Adam([mu, log_a, logits], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if decay else None
    eye = nugget_of(radii) * torch.eye(radii.shape[1], dtype=torch.float64)
    for _ in range(steps):
        lower = torch.linalg.cholesky(torch.einsum("kl,lij->kij", log_a.exp(), b) + eye)
        white = torch.linalg.solve_triangular(lower, (x[None] - mu[:, None, None]).transpose(1, 2), upper=False)
        halves = torch.log(torch.diagonal(lower, dim1=1, dim2=2)).sum(1)[:, None] + 0.5 * (white**2).sum(1)
        loss = -torch.logsumexp(torch.log_softmax(logits, 0)[:, None] - halves, 0).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return torch.softmax(logits, 0).detach().numpy(), mu.detach().numpy(), log_a.exp().detach().numpy(), steps


_inputs: dict[int, tuple[np.ndarray, np.ndarray]] = {}
_starts: dict[tuple[int, str], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}


def _input(seed: int) -> tuple[np.ndarray, np.ndarray]:
    if seed not in _inputs:
        _inputs[seed] = data(seed)
    return _inputs[seed]


def _start(seed: int, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if (seed, kind) not in _starts:
        radii, directions = _input(seed)
        _starts[seed, kind] = start(radii, covariances(directions), kind)
    return _starts[seed, kind]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", nargs="+", choices=("flat", "sizes"), default=["flat", "sizes"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2], help="of torch")
    parser.add_argument(
        "--long", type=int, default=0, metavar="STEPS", help="also Adam with a rate that falls to nothing, say 5000"
    )
    options = parser.parse_args()
    for kind in options.start:
        rows = {"nmcstudio": measure(ours, options.seed, kind, repeats=options.repeats)}
        try:
            import torch
        except ImportError:
            rows["torch"] = "not installed"
        else:
            for threads in options.threads:
                name = f"Adam, torch {torch.__version__}, 1,000 steps, threads: {threads}"
                rows[name] = measure(adam, options.seed, kind, 1000, False, threads, repeats=1, warm_up=False)
            if options.long:
                rows[f"Adam, {options.long:,} steps, rate falling"] = measure(
                    adam, options.seed, kind, options.long, True, 1, repeats=1, warm_up=False
                )
            rows["nmcstudio, again"] = measure(ours, options.seed, kind, repeats=options.repeats)
        table(f"Shell fit from the start '{kind}', seed {options.seed}", rows)
        radii, directions = _input(options.seed)
        for name, row in rows.items():
            if not isinstance(row, str):
                *found, steps = row.check
                print(
                    f"  {name:<44} log-likelihood {log_likelihood(radii, covariances(directions), *found):12.3f}  steps {steps}"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
