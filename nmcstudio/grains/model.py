"""The grain model of a fitted tessellation: point process, weights given distances, matrices, texture (models.md 8 to 10, 14)."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.grains import GrainModel, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.consistency import make_consistent
from nmcstudio.grains.fit_visible import fit_visible


def fit_grains(
    tessellation: Tessellation,
    *,
    rng: np.random.Generator,
    seeds: str = "matern",
    contrast: str = "palm",
    weights: str = "inverse-gamma",
    copula: str = "tawn",
    compare_laws: bool = True,
    envelopes: int = 99,
    correct_empty_cells: bool = True,
    windows: int = 8,
    steps: int = 6,
    minimum_cell_voxels: int = 20,
    fit_error: bool = False,
    bootstrap: int = 0,
    texture: str = "automatic",
    matrices: str = "isotropic",
    grains: LabelVolume | None = None,
    monitor: Monitor | None = None,
) -> GrainModel:
    """Fit the random grain model to a tessellation.

    Parameters
    ----------
    tessellation
        With its gauge fixed; generators of cells without a voxel are left out.
    rng
        Bootstrap, pseudo-likelihood and simulated windows.
    seeds
        "matern", "poisson" or "strauss".
    contrast
        How the Matérn process is fitted (`fit_matern.CONTRASTS`).
    weights, copula
        Kinds of the laws (`weights.WEIGHT_KINDS`, `copula.COPULA_KINDS`), or "auto" for the best by Akaike's criterion.
    compare_laws
        Fit the other laws and copulas too, and say which suits the data best.
    envelopes
        Simulated patterns behind the global envelopes of the seeds, 0 for none.
    correct_empty_cells
        Correct for seeds whose cells are empty (models.md 8.5); the values before stay in ``as_published``.
    windows, steps
        Of the correction.
    minimum_cell_voxels
        Grains of fewer voxels are left out, in the data and in simulated windows: so few hardly determine a generator.
    fit_error
        Fit the tessellation of one simulated window, and give simulated generators the error found.
    bootstrap
        Replicates of the parametric bootstrap behind standard errors and intervals; 0 for those of the fit.
    texture
        One of `fit_texture.TEXTURES`.
    matrices
        Law of the matrices of a GBPD: "isotropic", or jointly with the weights "gaussian", "radial" or "vine".
    grains
        Label volume behind the tessellation, for the shape of the observed region; None takes the window.
    monitor
        Progress, warnings, cancelling, finish now in the correction.

    Raises
    ------
    NmcError
        If there are too few seeds or weights, or the texture needs orientations that are not there.
    """
    monitor = monitor or Monitor()
    again = correct_empty_cells or bootstrap > 0
    fit = fit_visible(
        tessellation,
        rng=rng,
        seeds=seeds,
        contrast=contrast,
        weights=weights,
        copula=copula,
        compare_laws=compare_laws,
        envelopes=envelopes,
        minimum_cell_voxels=minimum_cell_voxels,
        texture=texture,
        matrices=matrices,
        grains=grains,
        monitor=monitor.sub(0.0, 0.3 if again else 1.0),
    )
    model = make_consistent(
        fit,
        rng=rng,
        correct=correct_empty_cells,
        windows=windows,
        steps=steps,
        fit_error=fit_error,
        bootstrap=bootstrap,
        agreement=tessellation.agreement,
        monitor=monitor.sub(0.3, 1.0),
    )
    monitor.report(1.0)
    return model
