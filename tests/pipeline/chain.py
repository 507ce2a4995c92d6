"""A small project's way through every step: inputs that a test makes in a moment, and parameters for each step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from nmcstudio.core.resources import resource
from nmcstudio.grains.labelling import label_grid

SPACING_UM = 0.25


def write_ct(file: Path) -> None:
    """Sixteen blurred balls, some of them touching, with noise; 12-bit grey values in uint16."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(4)
    z, y, x = np.indices((64, 72, 72), dtype=np.float32)
    solid = np.zeros(z.shape, bool)
    for centre in np.stack(np.meshgrid([16, 46], [12, 36, 60], [12, 36, 60], indexing="ij"), -1).reshape(-1, 3):
        at, radius = centre + rng.uniform(-2, 2, 3), rng.uniform(7.0, 10.5)
        stretch = rng.uniform(0.9, 1.1, 3)
        solid |= sum(((axis - c) / (radius * s)) ** 2 for axis, c, s in zip((z, y, x), at, stretch)) < 1
    grey = gaussian_filter(np.where(solid, 2600.0, 900.0), 1.0) + rng.normal(0, 120, z.shape)
    tifffile.imwrite(file, np.clip(grey, 0, 4095).astype(np.uint16))


def write_ebsd(folder: Path) -> None:
    """Sections of a Poisson-Laguerre grain structure as .ang files; drifts by a point now and then."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    shape, step = (16, 34, 36), 0.1
    count = 60
    seeds = rng.uniform(-0.3, 1, (count, 3)) * np.array([3.9, 3.7, 1.9])
    labels = label_grid("laguerre", seeds, rng.normal(0, 0.02, count), None, shape, (step,) * 3, (0.0,) * 3)
    angles = np.stack(
        [rng.uniform(0, 2 * np.pi, count), np.arccos(rng.uniform(-1, 1, count)), rng.uniform(0, 2 * np.pi, count)], 1
    )
    head = [
        "# TEM_PIXperUM          1.000000", "# x-star 0.5", "# y-star 0.5", "# z-star 0.5", "# WorkingDistance 15", "#",
        "# Phase 1", "# MaterialName  \tNMC", "# Formula     \tLiNiO2", "# Info \t\t",
        "# Symmetry              32",
        "# LatticeConstants      2.870 2.870 14.230  90.000  90.000 120.000",
        "# NumberFamilies        0",
        "# GRID: SqrGrid", f"# XSTEP: {step}", f"# YSTEP: {step}", "# NCOLS_ODD: 36", "# NCOLS_EVEN: 36", "# NROWS: 34", "#",
    ]  # fmt: skip
    for k in range(shape[0]):
        section = np.roll(labels[k], rng.integers(0, 2), axis=1)
        edges = (section != np.roll(section, 1, 0)) | (section != np.roll(section, 1, 1))
        lines = [
            "{:9.5f} {:9.5f} {:9.5f} {:9.3f} {:9.3f} {:6.1f} {:6.3f} 1 1 0.5".format(
                *angles[section[j, i]], i * step, j * step, 60.0 if edges[j, i] else 160.0, 0.9
            )
            for j in range(shape[1])
            for i in range(shape[2])
        ]
        (folder / f"slice_{k:03d}.ang").write_text("\n".join(head + lines) + "\n")


def make_inputs(folder: Path) -> None:
    """All files that the chain reads, below `folder`."""
    write_ct(folder / "Größe µm.tif")
    write_ebsd(folder / "ebsd")
    spectrum = [0.05, 0.0001] + [0.02 * 0.6**k for k in range(5)]
    shells = {
        "format": "nmcstudio/shell-model", "version": 1, "unit": "um", "degree": 6,
        "components": [{"probability": 1.0, "mean": 1.2, "power_spectrum": spectrum}],
    }  # fmt: skip
    (folder / "shell-model.json").write_text(json.dumps(shells))


def chain(inputs: Path, outputs: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every step with its parameters, in an order in which each finds what it reads."""
    return [
        ("import-ct", {"files": (str(inputs / "Größe µm.tif"),), "spacing_um": (SPACING_UM,)}),
        ("segment-ct", {"sigma": 1.0, "border": "keep"}),
        ("edit-labels", {"on": "particles", "merge": ((2, 3),), "delete": (1,)}),
        ("extract-radii", {"degree": 6}),
        ("fit-shell", {"degree": 6, "components": 1}),
        ("import-ebsd", {"files": (str(inputs / "ebsd"),), "slice_spacing_um": 0.1}),
        ("align-ebsd", {}),
        ("segment-ebsd", {"min_voxels": 10}),
        ("fit-tessellation", {"kind": "laguerre"}),
        ("fit-grains", {"seeds": "poisson", "correct_empty_cells": False}),
        ("export", {"node": "radii", "to": str(outputs / "radii.h5")}),
        ("export", {"node": "tessellation", "to": str(outputs / "tessellation.csv")}),
        ("import-radii", {"files": (str(outputs / "radii.h5"),)}),
        ("import-tessellation", {"files": (str(outputs / "tessellation.csv"),)}),
        ("import-shell-model", {"files": (str(inputs / "shell-model.json"),)}),
        ("import-grain-model", {"files": (str(resource("samples/published-grain-model.json")),)}),
        ("sample-shells", {"count": 5, "to": str(outputs / "shells.h5"), "directions": "octasphere-258"}),
        ("compose", {"diameter_um": 2.4, "count": 2, "voxel_um": 0.1}),
        ("mesh", {"kind": "tetrahedra", "edge_um": 0.3}),
        ("validate", {"shells": 60, "windows": 1}),
        ("export", {"node": "particles", "to": str(outputs / "labels.tif")}),
        ("import-labels", {"files": (str(outputs / "labels.tif"),), "as_": "particles"}),
        ("generate", {"count": 2, "to": str(outputs / "many"), "diameter_um": 2.0, "voxel_um": 0.15}),
        ("report", {"to": str(outputs / "report.html")}),
    ]
