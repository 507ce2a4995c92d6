"""The table of labelled objects: made from the whole volume, or again for the objects that an edit has touched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.core.volume import LabelVolume
from nmcstudio.gui.views.contents import Column, Table

_WHOLE = 80_000_000  # voxels up to which all objects are described in one pass

# Title, unit and sentence of the columns, by their name in descriptors.csv, in the order on the screen.
_COLUMNS = {
    "diameter_um": (
        "Diameter",
        "µm",
        "Diameter of the ball of the same volume; of a single section, of the circle of the same area",
    ),
    "sphericity": ("Sphericity", "", "Surface of the ball of the same volume over the object's surface"),
    "touches_border": ("Touches border", "", "Reaches the border of the volume or something that was not imaged"),
    "star_error": (
        "Star error",
        "%",
        "Volume seen from the star point over the volume, minus 1; dash: not extracted since the edit",
    ),
    "weight": ("Edge weight", "", "One over the chance to lie wholly in the field of view; dash: not extracted since the edit"),
    "flag": ("Flag", "", "Why the shape should be looked at, from the extraction of radius functions"),
    "volume_um3": ("Volume", "µm³", "Voxels times their volume"),
    "surface_um2": ("Surface", "µm²", "Crofton's formula with 13 directions"),
    "neighbours": ("Neighbours", "", "Objects that share a voxel face"),
    "aspect_ratio": ("Aspect ratio", "", "Longest over shortest axis of the ellipsoid of the same moments"),
    "area_um2": ("Area", "µm²", "Area in this section"),
    "voxels": ("Voxels", "", "Number of voxels"),
    "x_um": ("x", "µm", "Centroid"),
    "y_um": ("y", "µm", "Centroid"),
    "z_um": ("z", "µm", "Centroid"),
    "axis_a_um": ("Semi-axis a", "µm", "Of the ellipsoid of the same moments, the longest"),
    "axis_b_um": ("Semi-axis b", "µm", "Of the ellipsoid of the same moments"),
    "axis_c_um": ("Semi-axis c", "µm", "Of the ellipsoid of the same moments, the shortest"),
    "background_share": ("Background share", "", "Share of the faces that faces the background"),
    "c_axis_deg": ("Angle of c to z", "°", "Tilt of the crystal's c-axis against z"),
}

Rows = dict[str, NDArray[Any]]


def object_words(title: str, subject: str, label: int, table: Table | None) -> str:
    """One object in words: what it is, and the first column of a table that has it."""
    words = f"{title.rstrip('s').lower()} {label}"
    if table is not None and table.subject == subject:
        row = np.flatnonzero(table.ids == label)
        if len(row):
            column = table.columns[0]
            words += f"   ·   {column.title.lower()} {column.values[row[0]]:.3g} {column.unit}"
    return words


def is_large(volume: LabelVolume) -> bool:
    """True where describing all objects takes so long that their sizes come first."""
    return volume.labels.size > _WHOLE


def label_table(volume: LabelVolume, subject: str, monitor: Monitor, radii: RadiusFunctions | None = None) -> Table:
    """One row an object of a volume."""
    from nmcstudio.stats.descriptors import describe_labels

    if not is_large(volume):
        found = describe_labels(volume, monitor=monitor)
        return _table(subject, found.labels, dict(found.columns()), volume, radii)
    from nmcstudio.imaging.label_index import LabelIndex

    index = LabelIndex(volume.labels, monitor.sub(0.0, 0.1))
    labels = np.flatnonzero(index.sizes[1:]) + 1
    crops = ((int(label), crop_of(volume, index.box(int(label)))) for label in labels)
    return _table(subject, labels, describe_crops(crops, len(labels), monitor.sub(0.1, 1.0)), volume, radii)


def size_table(volume: LabelVolume, subject: str, monitor: Monitor, radii: RadiusFunctions | None = None) -> Table:
    """Sizes alone, for the time that the shapes of a large volume take."""
    from nmcstudio.imaging.label_index import LabelIndex

    sizes = LabelIndex(volume.labels, monitor).sizes
    labels = np.flatnonzero(sizes[1:]) + 1
    if volume.shape[0] == 1:
        areas = sizes[labels] * float(np.prod(volume.spacing_um[1:]))
        rows = {"diameter_um": np.sqrt(4 / np.pi * areas), "area_um2": areas, "voxels": sizes[labels]}
    else:
        volumes = sizes[labels] * float(np.prod(volume.spacing_um))
        rows = {"diameter_um": np.cbrt(6 / np.pi * volumes), "volume_um3": volumes, "voxels": sizes[labels]}
    return _table(subject, labels, rows, volume, radii)


def crop_of(volume: LabelVolume, box: tuple[slice, slice, slice]) -> LabelVolume:
    """A copy of a box of a volume with a margin of one voxel, where the volume has one."""
    wider = tuple(slice(max(0, part.start - 1), min(n, part.stop + 1)) for part, n in zip(box, volume.shape))
    spacing = volume.spacing_um
    origin = tuple(o + part.start * s for o, part, s in zip(volume.origin_um, wider, spacing))
    observed = None if volume.observed is None else volume.observed[wider].copy()
    return LabelVolume(volume.labels[wider].copy(), spacing, origin, observed, volume.kind)  # type: ignore[arg-type]


def describe_crops(crops: Iterable[tuple[int, LabelVolume]], count: int, monitor: Monitor) -> Rows:
    """Columns of objects, each from a crop that holds it with a margin: the same as from the whole volume."""
    from nmcstudio.stats.descriptors import describe_labels

    found: dict[str, list[Any]] = {}
    for label, crop in monitor.track(crops, "Describing the objects", total=count):
        described = describe_labels(crop)
        row = int(np.searchsorted(described.labels, label))
        for name, values in described.columns().items():
            found.setdefault(name, []).append(values[row])
    return {name: np.array(values) for name, values in found.items()}


def renewed(table: Table, touched: Iterable[int], rows: Rows, volume: LabelVolume, radii: RadiusFunctions | None) -> Table:
    """A table with the rows of touched objects replaced by others (of those that still exist)."""
    keep = ~np.isin(table.ids, list(touched))
    new = rows["label"] if rows else np.empty(0, np.int64)
    labels = np.concatenate([table.ids[keep], new]).astype(np.int64)
    order = np.argsort(labels)
    joined: Rows = {}
    for column in table.columns:
        if column.name in rows or not rows:
            more = rows[column.name] if rows else column.values[:0]
            joined[column.name] = np.concatenate([column.values[keep], more])[order]
    return _table(table.subject, labels[order], joined, volume, radii)


def _table(subject: str, labels: NDArray[Any], rows: Rows, volume: LabelVolume, radii: RadiusFunctions | None) -> Table:
    rows = rows | _orientations(volume, labels)
    if radii is not None and "volume_um3" in rows:
        rows |= _measured(labels, rows["volume_um3"], radii)
    columns = [
        Column(title, unit, rows[name], name=name, tip=tip) for name, (title, unit, tip) in _COLUMNS.items() if name in rows
    ]
    return Table(subject, "particles" if subject == "particles" else "grains", labels.astype(np.int64), tuple(columns))


def _measured(labels: NDArray[Any], volumes_um3: NDArray[np.float64], radii: RadiusFunctions) -> Rows:
    """What the radius functions say of objects that are still the same: a particle that was edited has another volume."""
    rows: Rows = {
        "star_error": np.full(len(labels), np.nan),
        "weight": np.full(len(labels), np.nan),
        "flag": np.full(len(labels), "", dtype=object),
    }
    place = {int(label): row for row, label in enumerate(labels)}
    for number, label in enumerate(radii.ids.tolist()):
        row = place.get(label)
        if row is not None and np.isclose(volumes_um3[row], radii.volumes_um3[number], rtol=1e-9):
            rows["star_error"][row] = 100 * radii.star_errors[number]
            rows["weight"][row] = radii.weights[number]
            rows["flag"][row] = radii.flags[number]
    return rows


def _orientations(volume: LabelVolume, labels: NDArray[Any]) -> Rows:
    if volume.quaternions is None or not len(labels) or int(labels.max()) >= len(volume.quaternions):
        return {}
    _, x, y, _ = volume.quaternions[labels].T
    # The c-axis in the sample frame is the third row of the matrix that turns sample into crystal directions.
    c_axis = 1 - 2 * (x**2 + y**2)
    return {"c_axis_deg": np.degrees(np.arccos(np.clip(np.abs(c_axis), 0, 1)))}


def values_of(table: Table, name: str) -> NDArray[Any] | None:
    """A column by its name; None if the table does not have it."""
    return next((column.values for column in table.columns if column.name == name), None)


def centre_of(table: Table | None, label: int) -> NDArray[np.float64] | None:
    """Centroid (z, y, x) in um of an object, or None."""
    if table is None:
        return None
    rows = np.flatnonzero(table.ids == label)
    axes = [values_of(table, f"{axis}_um") for axis in "zyx"]
    if not len(rows) or any(values is None for values in axes):
        return None
    return np.array([values[rows[0]] for values in axes if values is not None], float)
