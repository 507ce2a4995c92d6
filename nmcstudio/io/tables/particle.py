"""``particle.json``: what makes a particle again, and its figures."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.particles import Particle
from nmcstudio.core.version import VERSION
from nmcstudio.io.files import replacing


def write_particle(path: str | os.PathLike[str], particle: Particle, made: Mapping[str, Any]) -> None:
    """Write seeds, parameters, versions, figures and the shell's coefficients.

    Parameters
    ----------
    path
        The file to write; it appears whole or not at all.
    particle
        The particle.
    made
        How it was made beyond what it knows itself: step, parameters, where the models are.
    """
    volume = particle.grains
    data = {
        "format": "nmcstudio/particle",
        "version": 1,
        "unit": "um",
        "simulated": True,
        "seed": particle.seed,
        "index": particle.index,
        "scenario": dict(particle.scenario),
        "made": dict(made),
        "versions": {"nmcstudio": VERSION, "numpy": np.__version__, "python": platform.python_version()},
        "grains": particle.grain_count,
        "diameter": particle.diameter_um,
        "shell_diameter": particle.shell_diameter_um,
        "voxel": list(reversed(volume.spacing_um)),
        "first_voxel": list(reversed(volume.origin_um)),
        "shape": list(reversed(volume.shape)),
        "tessellation": particle.kind,
        "point_group": volume.point_group,
        "shell": {
            "component": particle.component,
            "harmonics": "orthonormal real, index l^2 + l + m",
            "coefficients": particle.shell_coefficients.tolist(),
        },
    }
    with replacing(Path(path)) as part:
        part.write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
