"""Grain structures: image, fitted tessellation and model, as the paper's Figs 6 and 9 ([A]; models.md 8, 9, 11, 13)."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.comparison import Comparison, Sample
from nmcstudio.core.grains import GrainModel, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.processes import intensity_of
from nmcstudio.report.compare import compare_pairs, compare_samples
from nmcstudio.report.grain_generators import compare_generators, enough
from nmcstudio.report.grain_samples import (
    Frame,
    GrainSample,
    PatternScale,
    SeedPattern,
    fitted_labels,
    frame_of,
    seed_regions,
    simulate_window,
)

_SUBJECT = "grains"
_DESCRIPTORS = (
    ("grain-diameter", "Volume-equivalent diameter of grains", "diameter [µm]", "µm", None, False),
    ("grain-area", "Surface area of grains", "area [µm²]", "µm²", None, False),
    ("grain-sphericity", "Sphericity of grains", "sphericity", "", 1.0, False),
    ("grain-neighbours", "Neighbours of grains", "number of neighbours", "", None, True),
)
# A section shows neither the surface of a grain nor its shape in space.
_IN_SECTION = {
    "grain-diameter": "Circle-equivalent diameter of grains in the section",
    "grain-area": "Area of grains in the section",
    "grain-neighbours": "Neighbours of grains in the section",
}
_NOTE = "Whole grains of 20 voxels or more, weighted by the inverse probability to lie wholly in the window."


def compare_grains(
    grains: LabelVolume | None,
    tessellation: Tessellation | None,
    model: GrainModel | None,
    *,
    windows: int,
    monitor: Monitor,
    rng: np.random.Generator,
) -> list[Comparison]:
    """Descriptors of grains and statistics of generators: image, fitted tessellation, model, theory.

    The model is simulated in windows of the image's size and voxels, with the image's unobserved parts, and carved to the
    image's particle where that shows its surface: grains there have fewer neighbours. Only whole cells count, each weighted by
    the inverse of its probability to lie wholly in the window. Of the model's seeds those with a cell stand beside the data, as
    an image shows no others; the theory is that of all seeds. With 19 windows or more each of them is a sample of the data's size
    behind envelopes.

    Parameters
    ----------
    grains, tessellation, model
        Whatever there is.
    windows
        Number of simulated windows; "finish now" ends after the one at work.
    """
    frame = frame_of(grains, tessellation, model)
    if frame is None:
        return []
    seen = {role: GrainSample() for role in ("data", "fitted", "model")}
    if grains is not None:
        monitor.report(0.0, "describing the image's grains")
        seen["data"].add(grains, monitor.sub(0.0, 0.1))
    fitted = tessellation if tessellation is not None and len(tessellation) else None
    if fitted is not None:
        monitor.report(0.1, "describing the fitted cells")
        seen["fitted"].add(fitted_labels(fitted, frame, monitor.sub(0.1, 0.15)), monitor.sub(0.15, 0.25))
    region, model_region = seed_regions(frame, fitted)
    scale = PatternScale.of(_intensity(fitted, model, frame, region.volume_um3), region)
    data, visible, every = (SeedPattern(scale) for _ in range(3))
    if fitted is not None:
        data.add(fitted.seeds_um, fitted.weights, region, child(rng, windows))
    if model is not None:
        for index in range(windows):
            if index and monitor.finish_requested:
                break
            part = monitor.sub(0.25 + 0.6 * index / windows, 0.25 + 0.6 * (index + 1) / windows)
            part.report(0.0, f"simulating window {index + 1} of {windows}")
            simulate_window(model, frame, model_region, child(rng, index), seen["model"], visible, every, part)
    monitor.report(0.87, "comparing grains")
    kind = fitted.kind if fitted is not None else model.kind if model is not None else "laguerre"
    return _compare_descriptors(seen, frame.shape[0] == 1, rng, monitor) + compare_generators(
        data, visible, every, model, kind, rng, monitor
    )


def _intensity(tessellation: Tessellation | None, model: GrainModel | None, frame: Frame, observed_um3: float) -> float:
    if tessellation is not None and len(tessellation) > 2:
        return len(tessellation) / observed_um3
    if model is not None:
        return intensity_of(model.seeds)
    return 1.0 / float(np.prod(np.ptp(frame.window_um, axis=1)))


def _compare_descriptors(
    seen: dict[str, GrainSample], in_section: bool, rng: np.random.Generator, monitor: Monitor
) -> list[Comparison]:
    found = []
    used = {role: each for role, each in seen.items() if each.windows}
    simulated = seen["model"].windows
    for column, (key, title, label, unit, upper, whole) in enumerate(_DESCRIPTORS):
        if in_section and key not in _IN_SECTION:
            continue
        title = _IN_SECTION[key] if in_section else title
        samples = tuple(Sample(role, each.table[:, column], each.mass) for role, each in used.items())
        replicates = enough([(table[:, column], mass) for table, mass in simulated])
        monitor.check()
        found.append(
            compare_samples(
                key, title, _SUBJECT, label, samples, rng, unit=unit, upper=upper, whole=whole, note=_NOTE,
                replicates=replicates, monitor=monitor,
            )
        )  # fmt: skip
    if in_section:
        return [each for each in found if each is not None]
    found.append(
        compare_pairs(
            "grain-joint", "Diameter and sphericity of grains", _SUBJECT, ("diameter [µm]", "sphericity"),
            {role: each.table[:, [0, 2]] for role, each in used.items()}, {role: each.mass for role, each in used.items()}, rng,
            x_lower=0.0, y_upper=1.0, replicates=enough([(table[:, [0, 2]], mass) for table, mass in simulated]), note=_NOTE,
            monitor=monitor,
        )
    )  # fmt: skip
    return [each for each in found if each is not None]
