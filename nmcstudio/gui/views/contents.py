"""What a node shows, as plain values without Qt: layers of the slices, things in 3D, a table, plots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Band
from nmcstudio.core.meshes import SurfaceMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple


@dataclass(frozen=True)
class Legend:
    """What the colours of a layer mean.

    Attributes
    ----------
    kind
        "ipf" (key of a point group), "c-axis" (round key) or "classes" (one colour a line).
    title
        Plain words.
    point_group
        Of an IPF key.
    entries
        Colour (red, green, blue) and words of each class.
    tip
        Sentence for the tooltip.
    """

    kind: str
    title: str
    point_group: str = ""
    entries: tuple[tuple[tuple[int, int, int], str], ...] = ()
    tip: str = ""


@dataclass(frozen=True)
class Layer:
    """One image of the slices.

    Attributes
    ----------
    key, title
        Name for the settings, plain words.
    kind
        "grey" (values with a colour map), "labels" (hash colours), "outline" (lines between labels), "rgb" (uint8
        ``[z, y, x, 3]``) or "mask" (bool, one colour).
    values
        Array ``[z, y, x]`` or ``[z, y, x, 3]``, or a `PlaneSource`.
    table
        RGB ``(labels, 3)`` of the labels in place of the hash colours, or None.
    words
        ARGB32 words of the values, in place of `table`, or None; two rows where two colours make stripes.
    numbers
        Label of each value, where the values are only pieces of labelled objects, or None.
    limits
        Values of the darkest and the brightest colour; None for what is not grey.
    subject
        Whose labels they are (`Selection.subject`), empty if nobody's.
    pair_words
        ARGB32 words ``(n,)`` of lines between two arrays of labels ``(n,)``, in place of `colour`, or None; for "outline".
    legend
        What the colours mean, or None.
    """

    key: str
    title: str
    kind: str
    values: Any
    spacing_um: Triple
    origin_um: Triple = (0.0, 0.0, 0.0)
    unit: str = ""
    visible: bool = True
    opacity: float = 1.0
    colormap: str = "grey"
    colour: tuple[int, int, int] = (255, 255, 255)
    limits: tuple[float, float] | None = None
    table: NDArray[np.uint8] | None = None
    words: NDArray[np.uint32] | None = None
    numbers: NDArray[Any] | None = None
    subject: str = ""
    pair_words: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.uint32]] | None = None
    legend: Legend | None = None


class PlaneSource:
    """Values that are made plane by plane as they are looked at; takes the place of a layer's array.

    Attributes
    ----------
    shape, dtype
        Of the whole array.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        """The values ``[rows, columns]`` of one plane; None while they are not known."""
        raise NotImplementedError

    def value(self, index_zyx: tuple[int, int, int]) -> Any:
        """One value, or None while it is not known; costs no more than a plane that is there."""
        z, y, x = index_zyx
        plane = self.plane(0, z)
        return None if plane is None else plane[y, x]


@dataclass(frozen=True)
class Surfaces:
    """Triangles of labelled objects for 3D.

    Attributes
    ----------
    mesh
        Walls with the label on both sides.
    colours
        Name of a colouring to RGB ``(labels, 3)``; "id" (hash colours) is always there.
    scalars
        Name (with unit) of a value per triangle to the float array ``(triangles,)``.
    edges
        Draw the edges of the triangles.
    labels
        Voxel labels for the cap of a cut, with their grid, or None.
    quick
        A coarser mesh of the same objects for the time that the camera moves, or None.
    """

    mesh: SurfaceMesh
    colours: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    scalars: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    edges: bool = False
    labels: Layer | None = None
    quick: SurfaceMesh | None = None


@dataclass(frozen=True)
class GreyBlock:
    """A grey volume small enough for 3D: uint8 ``[z, y, x]``."""

    values: NDArray[np.uint8]
    spacing_um: Triple
    origin_um: Triple


@dataclass(frozen=True)
class SceneItem:
    """One thing in 3D, built in a worker when it is to be seen."""

    key: str
    title: str
    build: Callable[[Monitor], Surfaces | GreyBlock]
    visible: bool = True
    subject: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a table: numbers, words or yes and no; `name` is what a CSV file calls it, `tip` what it means."""

    title: str
    unit: str
    values: NDArray[Any]
    name: str = ""
    tip: str = ""


@dataclass(frozen=True)
class Table:
    """Objects, one a row; `ids` are labels of `subject`."""

    subject: str
    noun: str
    ids: NDArray[np.int64]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Series:
    """One line of a plot: `style` is "line", "dashed", "points" or "bars" (x are then the edges, one more than y)."""

    role: str
    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    mean: float = float("nan")
    style: str = "line"
    colour: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Image:
    """A density of two variables: ``x (n,)``, ``y (m,)``, ``z (m, n)``.

    `top` is the value of its strongest colour, NaN for its own; `label` names the sample, whose mean is `mean`.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    role: str = "model"
    top: float = float("nan")
    label: str = ""
    mean: tuple[float, float] = (float("nan"), float("nan"))

    @property
    def brightest(self) -> float:
        """Value of the brightest colour."""
        return self.top if np.isfinite(self.top) else float(np.nanpercentile(self.z, 99.5)) or 1.0

    def edges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Left and right, lower and upper edge of the picture; `x` and `y` are the middles of its cells."""
        dx, dy = self.x[1] - self.x[0], self.y[1] - self.y[0]
        return (
            (float(self.x[0] - dx / 2), float(self.x[-1] + dx / 2)),
            (float(self.y[0] - dy / 2), float(self.y[-1] + dy / 2)),
        )


@dataclass(frozen=True)
class Plot:
    """A figure with its axes (units in the labels, as in ``diameter [µm]``), the sentence below it and a note on its making.

    `bands` are what curves of the model lie between. In a `flat` plot both axes have one scale and no numbers (pole figures);
    `marks` are words at points of it, with x and y.
    """

    key: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...] = ()
    image: Image | None = None
    caption: str = ""
    log_y: bool = False
    note: str = ""
    bands: tuple[Band, ...] = ()
    flat: bool = False
    marks: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Content:
    """All that a node shows.

    Attributes
    ----------
    key
        Node.
    subject
        Of the objects that views and table share.
    choices
        Names of the values to choose from (particles of a set), the chosen one in `choice`.
    ipf_key
        Point group whose colour key is to be drawn, or empty.
    simulated
        Say so on every view.
    provisional
        A better one follows in a moment (the coarse particle while a slider moves): plots and table wait for that.
    rest
        Makes table and plots; None where they are there already. Pictures need not wait for them.
    later
        What takes longer still and takes the place of `rest` once that is done, or None.
    """

    key: str
    title: str = ""
    subject: str = ""
    layers: tuple[Layer, ...] = ()
    scene: tuple[SceneItem, ...] = ()
    table: Table | None = None
    plots: tuple[Plot, ...] = ()
    choices: tuple[str, ...] = ()
    choice: int = 0
    ipf_key: str = ""
    simulated: bool = False
    provisional: bool = False
    rest: Callable[[Monitor], tuple[Table | None, tuple[Plot, ...]]] | None = None
    later: Callable[[Monitor], tuple[Table | None, tuple[Plot, ...]]] | None = None
    note: str = ""

    @property
    def is_waiting(self) -> bool:
        """True while table and plots are still to come."""
        return self.provisional or self.rest is not None

    def completed(self, monitor: Monitor) -> Content:
        """With the table and the plots that take longer."""
        if self.rest is None:
            return self
        table, plots = self.rest(monitor)
        return replace(self, table=table, plots=plots, rest=self.later, later=None)


EMPTY = {
    "ct": "The CT volume will stand here: three linked slices and a 3D view.\nImport a CT volume to begin.",
    "particles": "The particles will stand here, coloured over the CT slices and as surfaces in 3D.\nRun “Segment particles”.",
    "radii": "The measured outer shells will stand here, each seen from its star point.\nRun “Extract radius functions”.",
    "shell-model": "The fitted shell model will stand here: spectra, mixture of radii, sample shells.\nRun “Fit shell model”.",
    "ebsd": "The orientation map will stand here in IPF colours, with its key and its quality.\nImport an EBSD map or stack.",
    "grains": "The grains will stand here, in slices and in 3D.\nRun “Segment grains”, or import labels.",
    "tessellation": "The fitted cells will stand here, their outlines over the grains.\nRun “Fit tessellation”.",
    "grain-model": "The laws of seeds, weights and copula will stand here as curves.\nRun “Fit grain model”.",
    "particle": "The virtual particles will stand here: grains in 3D, sections, orientations.\nRun “Compose particles”.",
    "mesh": "The mesh of the particle will stand here with its quality.\nRun “Mesh”.",
    "validation": "Data beside model will stand here: densities, means, distances.\nRun “Validate”.",
}
