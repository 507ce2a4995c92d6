"""Where the cells of a DREAM.3D file lie, for label volumes that are taken out of one (`nmcstudio.io.ebsd.dream3d_layout`)."""

from __future__ import annotations

import json
from typing import Any

import h5py
import numpy as np

from nmcstudio.core.volume import Triple
from nmcstudio.io.ebsd.dream3d_layout import CONTAINERS, GEOMETRY, OWN_NOTES, STRUCTURE

LABELS = "FeatureIds"


def is_dream3d(file: h5py.File) -> bool:
    """True for files of DREAM.3D and DREAM3D-NX."""
    return CONTAINERS in file or STRUCTURE in file


def is_simulated(file: h5py.File) -> bool:
    """What this program noted when it wrote the file; False for files of others."""
    noted = file.attrs.get(OWN_NOTES, b"{}")
    return bool(json.loads(noted.decode() if isinstance(noted, bytes) else str(noted)).get("simulated", False))


def cell_grid(file: h5py.File, name: str) -> tuple[Triple, Triple] | None:
    """Voxel size and centre of the first voxel (z, y, x), um, of a cell array; None without an image geometry around it."""
    group: Any = file[name].parent
    while group.name != "/":
        holder, mark = (group[GEOMETRY], "") if GEOMETRY in group else (group.attrs, "_")
        if f"{mark}SPACING" in holder and f"{mark}ORIGIN" in holder:
            spacing, corner = (_decimals(holder[f"{mark}{what}"]) for what in ("SPACING", "ORIGIN"))
            if spacing.shape == corner.shape == (3,) and np.all(np.isfinite(spacing) & (spacing > 0)):
                centre = np.round(corner + 0.5 * spacing, 9)
                return tuple(spacing[::-1].tolist()), tuple(centre[::-1].tolist())
        group = group.parent
    return None


def _decimals(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers as they were meant: 0.3 in single precision is 0.3."""
    return np.array([float(str(value)) for value in np.ravel(np.asarray(values[()]))])
