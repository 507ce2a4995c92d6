"""Which of the equivalent sets of Laguerre generators stands for a tessellation (models.md 0.2, 6.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Tessellation

Array = NDArray[np.float64]
_ENOUGH_CELLS = 100  # complete cells that the stationarity gauge needs


@dataclass(frozen=True)
class Gauge:
    """The change s' = c s + t, w' = |c s + t|^2 - c |s|^2 + c w + u, which moves no face.

    Attributes
    ----------
    scale
        c, positive.
    shift_um
        t ``(3,)``, um.
    level_um2
        u, um^2.
    """

    scale: float
    shift_um: Array
    level_um2: float = 0.0

    def apply(self, seeds_um: Array, weights_um2: Array) -> tuple[Array, Array]:
        """Seeds ``(n, 3)`` and weights ``(n,)`` in this gauge; the labels of the tessellation stay the same.

        Raises
        ------
        NmcError
            If the scale is not positive.
        """
        if not self.scale > 0:
            raise NmcError(f"a gauge with the scale {self.scale:.4g}", "the scale must be above 0")
        seeds = self.scale * seeds_um + self.shift_um
        growth = ((seeds - seeds_um) * (seeds + seeds_um)).sum(axis=1) + (1.0 - self.scale) * (seeds_um**2).sum(axis=1)
        return seeds, growth + self.scale * weights_um2 + self.level_um2


def stationarity_gauge(seeds_um: Array, weights_um2: Array) -> Gauge:
    """The gauge in which weights have no linear and no quadratic trend in space.

    Regression of w on (1, s, |s|^2): c = 1 - b, t = -a / 2 (models.md 6.3, 1).
    """
    middle = seeds_um.mean(axis=0)
    centred = seeds_um - middle
    size = float(np.sqrt((centred**2).sum(axis=1).mean()))
    scaled = centred / size
    design = np.column_stack([np.ones(len(scaled)), scaled, (scaled**2).sum(axis=1)])
    # weights about the same origin: moving seeds and origin together does not change them
    solution = np.linalg.lstsq(design, weights_um2, rcond=None)[0]
    scale = 1.0 - float(solution[4]) / size**2
    shift = -solution[1:4] / (2.0 * size)
    return Gauge(scale, shift + (1.0 - scale) * middle)


def centroid_gauge(seeds_um: Array, centroids_um: Array, volumes_um3: Array) -> Gauge:
    """The gauge that brings seeds nearest to the centroids of their cells, weighted by volume (models.md 6.3, 2)."""
    v = volumes_um3 / volumes_um3.sum()
    s_mean, m_mean = v @ seeds_um, v @ centroids_um
    s, m = seeds_um - s_mean, centroids_um - m_mean
    scale = float((v[:, None] * s * m).sum() / (v[:, None] * s * s).sum())
    return Gauge(scale, m_mean - scale * s_mean)


def fix_sqrt_gauge(tessellation: Tessellation) -> Tessellation:
    """The same diagram with determinants of geometric mean 1 and radii whose mean is that of the grains.

    Both changes that move no face of the sqrt form are used up: (M, r) -> (k^2 M, k r) and r -> r + const (models.md 6.3). Radii
    have the mean of the grains' equivalent radii, or 0 where volumes are not known.
    """
    t = tessellation
    assert t.matrices is not None
    k = float(np.exp(-np.linalg.slogdet(t.matrices)[1].mean() / 6.0))
    mean = 0.0 if t.volumes_um3 is None else float(np.cbrt(3.0 * t.volumes_um3 / (4.0 * np.pi)).mean())
    radii = k * t.weights
    level = mean - float(radii.mean())
    words = f"determinants of mean 1, radii of the grains' mean (of the generators before: scale {k:.4f}, level {level:.4g} um)"
    return replace(t, matrices=k**2 * t.matrices, weights=radii + level, gauge=words)


def fix_quadratic_gauge(tessellation: Tessellation) -> Tessellation:
    """The same diagram with determinants of geometric mean 1 and mean weight zero.

    That fixes two of eleven parameters: scale and level. A quadratic form and a linear one that all generators have in common
    stay as the fit has left them, held to the grains' centroids and second moments by its ridge: no canonical choice is known.
    """
    t = tessellation
    assert t.matrices is not None
    c = float(np.exp(-np.linalg.slogdet(t.matrices)[1].mean() / 3.0))
    weights = c * t.weights
    words = (
        f"determinants of mean 1, mean weight zero (of the generators before: scale {c:.4f}); a common quadratic form is held to "
        "the grains' centroids and second moments only"
    )
    return replace(t, matrices=c * t.matrices, weights=weights - weights.mean(), gauge=words)


def fix_gauge(tessellation: Tessellation, method: str = "auto") -> Tessellation:
    """The same tessellation with generators in a fixed gauge and mean weight zero; both gauges are named in ``gauge``.

    Parameters
    ----------
    tessellation
        With centroids, volumes and `complete`. GBPD have gauges of their own, whatever the method: `fix_sqrt_gauge`,
        `fix_quadratic_gauge`.
    method
        "stationarity", "centroid" or "auto": stationarity from 100 complete cells on.

    Raises
    ------
    NmcError
        If the method is unknown, or the centroids that it needs are.
    """
    if method not in ("auto", "stationarity", "centroid"):
        raise NmcError(f"unknown gauge {method!r}", "use auto, stationarity or centroid", "gauge")
    if tessellation.kind == "gbpd-sqrt":
        return fix_sqrt_gauge(tessellation)
    if tessellation.kind == "gbpd-quadratic":
        return fix_quadratic_gauge(tessellation)
    found: dict[str, Gauge] = {}
    seeds, weights = tessellation.seeds_um, tessellation.weights
    complete = np.ones(len(seeds), bool) if tessellation.complete is None else tessellation.complete
    used = complete if complete.sum() >= 5 else np.ones(len(seeds), bool)
    if tessellation.centroids_um is not None and tessellation.volumes_um3 is not None and used.sum() >= 2:
        found["centroid"] = centroid_gauge(seeds[used], tessellation.centroids_um[used], tessellation.volumes_um3[used])
    if used.sum() >= 6:
        found["stationarity"] = stationarity_gauge(seeds[used], weights[used])
    found = {name: gauge for name, gauge in found.items() if gauge.scale > 0}
    if method == "auto":
        method = "stationarity" if complete.sum() >= _ENOUGH_CELLS and "stationarity" in found else "centroid"
        if method not in found:
            return replace(tessellation, gauge="as given: too few cells to fix it")
    elif method not in found:
        raise NmcError(
            f"the {method} gauge cannot be found for {used.sum()} cells", "choose another gauge or add grains", "gauge"
        )
    moved, levels = found[method].apply(seeds, weights)
    words = ", ".join(f"{name} scale {gauge.scale:.4f}" for name, gauge in sorted(found.items()))
    words = f"{method} ({int(complete.sum())} complete cells; of the generators before: {words})"
    return replace(tessellation, seeds_um=moved, weights=levels - levels[used].mean(), gauge=words)
