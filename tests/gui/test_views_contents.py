"""Colours, slices of layers, skins and contents of nodes: no window needed."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.comparison import Comparison, Curve, Surface, Validation
from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions, ShellComponent, ShellModel
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.gui.views import colours, scene_actors, slicing
from nmcstudio.gui.views.content_results import cell_quality, mesh_surfaces
from nmcstudio.gui.views.contents import Column, Layer, Plot, Series, Surfaces, Table
from nmcstudio.gui.views.layer_model import Look, box_um
from nmcstudio.gui.views.plot_data import LiveCurves, plot_csv
from nmcstudio.gui.views.row_filter import parse_filter
from nmcstudio.gui.views.store import make_content

pytestmark = pytest.mark.gui


def look(**values):
    return Look(**({"visible": True, "opacity": 1.0, "colormap": "grey", "limits": None} | values))


def two_boxes() -> LabelVolume:
    labels = np.zeros((6, 8, 10), np.uint16)
    labels[1:5, 1:7, 1:5] = 3
    labels[1:5, 1:7, 5:9] = 7
    quaternions = np.full((8, 4), np.nan)
    quaternions[[3, 7]] = [[1, 0, 0, 0], [0.6, 0.8, 0, 0]]
    return LabelVolume(labels, (2.0, 1.0, 0.5), kind="grains", quaternions=quaternions, point_group="-3m")


def test_colours_depend_on_the_label_alone() -> None:
    first = colours.label_colours(np.array([5, 900, 70_000]))
    assert np.array_equal(first[1], colours.label_table(1000)[900])
    assert np.array_equal(first[2], colours.label_colours(np.array([70_000]))[0])
    assert colours.label_table(10)[0, 3] == 0
    assert len(np.unique(colours.label_table(255)[1:200, :3], axis=0)) > 190


def test_neighbouring_labels_differ_in_lightness_often() -> None:
    rgb = colours.label_colours(np.arange(1, 401))[:, :3].astype(float)
    light = rgb @ [0.2126, 0.7152, 0.0722]
    assert np.mean(np.abs(np.diff(light)) > 15) > 0.6


@pytest.mark.parametrize(("plane", "expected"), [("xy", (3, 4)), ("xz", (2, 4)), ("yz", (2, 3))])
def test_planes_take_the_axes_that_they_say(plane: str, expected: tuple[int, int]) -> None:
    normal, rows, columns = slicing.PLANES[plane]
    layer = Layer("a", "A", "grey", np.zeros((2, 3, 4)), (1.0, 1.0, 1.0))
    assert slicing.slice_of(layer, normal, 0).shape == expected
    assert {normal, rows, columns} == {0, 1, 2}


def test_position_finds_its_voxel_with_unequal_edges() -> None:
    layer = Layer("a", "A", "grey", np.zeros((5, 5, 5)), (2.0, 1.0, 0.5), (10.0, 0.0, -1.0))
    assert slicing.index_at(layer, 0, 10.9) == 0
    assert slicing.index_at(layer, 0, 11.1) == 1
    assert slicing.index_at(layer, 2, -1.3) == -1
    assert np.allclose(box_um(layer), [[-1.25, 1.25], [-0.5, 4.5], [9.0, 19.0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grey_limits_give_black_and_white(dtype: type) -> None:
    values = np.array([[0, 50, 100, 200]], dtype=dtype)
    words = slicing.grey_pixels(values, (50.0, 100.0), "grey")
    assert [hex(word) for word in words[0]] == ["0xff000000", "0xff000000", "0xffffffff", "0xffffffff"]


def test_missing_grey_values_are_transparent() -> None:
    words = slicing.grey_pixels(np.array([[np.nan, 1.0]], dtype=np.float32), (0.0, 1.0), "grey")
    assert words[0, 0] == 0
    assert words[0, 1] == 0xFFFFFFFF


def test_background_of_labels_is_transparent() -> None:
    volume = two_boxes()
    layer = Layer("labels", "L", "labels", volume.labels, volume.spacing_um)
    words = slicing.pixels(layer, look(), 0, 2)
    assert words[0, 0] == 0
    assert words[2, 2] >> 24 == 255
    assert words[2, 2] != words[2, 6]
    assert slicing.pixels(layer, look(), 0, 99) is None


def test_outlines_are_as_wide_as_a_screen_pixel_at_any_zoom() -> None:
    volume = two_boxes()
    layer = Layer("b", "B", "outline", volume.labels, volume.spacing_um)
    for step in (0.5, 0.05):
        # one screen row through the middle of the boxes: from outside into 3, into 7, and out
        labels = slicing.screen_labels(layer, slicing.PLANES["xy"], 2, (3.0, -0.2), step, (1, round(5.2 / step)))
        assert slicing.edges(labels).sum() == 3


@pytest.mark.parametrize(("width", "expected"), [(7.3, 5.0), (0.24, 0.2), (1000.0, 1000.0), (19.9, 10.0)])
def test_scale_bars_have_round_lengths(width: float, expected: float) -> None:
    assert slicing.nice_length_um(width) == pytest.approx(expected)


def test_scale_bars_say_their_unit() -> None:
    assert [slicing.length_text(v) for v in (0.2, 5.0, 2000.0)] == ["200 nm", "5 µm", "2 mm"]


def test_hiding_a_grain_bares_the_wall_of_its_neighbour() -> None:
    from nmcstudio.mesh.surfaces import mesh_surface

    mesh = mesh_surface(two_boxes(), iterations=0)
    whole = scene_actors.skin_of(mesh, frozenset())
    assert np.all((mesh.sides[whole.rows] == 0).any(axis=1))
    alone = scene_actors.skin_of(mesh, frozenset({7}))
    assert set(alone.labels) == {3}
    assert np.isin(7, mesh.sides[alone.rows])
    assert len(scene_actors.skin_of(mesh, frozenset({3, 7})).labels) == 0
    assert list(scene_actors.labels_of(mesh)) == [3, 7]


def test_selected_grains_stand_out_and_ipf_colours_follow_their_table() -> None:
    from nmcstudio.mesh.surfaces import mesh_surface

    table = np.zeros((8, 3), np.uint8)
    table[7] = (255, 0, 0)
    surfaces = Surfaces(mesh_surface(two_boxes(), iterations=0), {"IPF z": table})
    skin = scene_actors.skin_of(surfaces.mesh, frozenset())
    rgb = scene_actors.face_colours(surfaces, skin, "IPF z", ())
    assert np.all(rgb[skin.labels == 7] == (255, 0, 0))
    chosen = scene_actors.face_colours(surfaces, skin, "IPF z", (3,))
    assert chosen[skin.labels == 3][0, 0] > chosen[skin.labels == 7][0, 2]


def test_the_cap_of_a_cut_lies_on_the_cut() -> None:
    volume = two_boxes()
    layer = Layer("labels", "L", "labels", volume.labels, volume.spacing_um, subject="grains")
    points, quads, labels = scene_actors.cap_of(layer, 0, 4.0, frozenset())
    assert np.all(points[:, 2] == 4.0)
    assert len(quads) == 6 * 8
    assert set(labels) == {3, 7}
    assert points[:, 0].min() == pytest.approx(0.25)
    assert points[:, 1].max() == pytest.approx(6.5)
    assert set(scene_actors.cap_of(layer, 0, 4.0, frozenset({7}))[2]) == {3}
    assert scene_actors.cap_of(layer, 0, 40.0, frozenset()) is None


def test_vertex_normals_of_a_ball_point_outwards() -> None:
    from nmcstudio.shell.directions import icosphere

    sphere = icosphere(2)
    normals = scene_actors.vertex_normals(sphere.directions, sphere.triangles)
    assert np.min(np.einsum("ij,ij->i", normals, sphere.directions)) > 0.99


def test_element_quality_is_one_for_regular_and_zero_for_flat_elements() -> None:
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    flat = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], dtype=float)
    corners = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [4, 5, 6, 7]])
    quality = np.sort(cell_quality(np.concatenate([tetrahedron, flat]), corners))
    assert quality == pytest.approx([0, 0, 1])
    cube = np.array([[x, y, z] for z in (0, 1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))], dtype=float)
    assert cell_quality(cube, np.arange(8)[None]) == pytest.approx([1])
    triangle = np.array([[0, 0, 0], [1, 0, 0], [0.5, np.sqrt(0.75), 0]])
    assert cell_quality(triangle, np.array([[0, 1, 2]])) == pytest.approx([1])


def test_faces_inside_a_grain_are_not_drawn() -> None:
    points = np.array([[x, y, z] for z in range(2) for y in range(2) for x in range(4)], dtype=float)

    def cube(x: int) -> list[int]:
        square = [x, x + 1, x + 5, x + 4]
        return square + [i + 8 for i in square]

    mesh = VolumeMesh(points, np.array([cube(0), cube(1), cube(2)]), np.array([1, 1, 2]))
    made = mesh_surfaces(mesh, np.ones(3)).mesh
    assert len(made.triangles) == 2 * (14 + 1)
    assert np.count_nonzero((made.sides == [1, 2]).all(axis=1) | (made.sides == [2, 1]).all(axis=1)) == 2


def test_filter_keeps_what_all_conditions_hold_for() -> None:
    flags = np.array(["", "not star-shaped", ""], dtype=object)
    table = Table(
        "grains", "grains", np.array([4, 5, 60]),
        (Column("Diameter", "µm", np.array([1.0, 5.0, 9.0])), Column("Touches border", "", np.array([True, False, False])),
         Column("Flag", "", flags)),
    )  # fmt: skip
    assert parse_filter("  ", table) is None
    assert list(parse_filter("diam > 2, touches border = no", table)) == [False, True, True]
    assert list(parse_filter("star", table)) == [False, True, False]
    assert list(parse_filter("60", table)) == [False, False, True]
    assert list(parse_filter("flag != not star-shaped", table)) == [True, False, True]
    with pytest.raises(NmcError, match="no column"):
        parse_filter("weight > 2", table)
    with pytest.raises(NmcError, match="not a number"):
        parse_filter("diameter > big", table)


def test_csv_of_a_plot_holds_every_number() -> None:
    data = Series("data", "", np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    bars = Series("model", "m", np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0]), style="bars")
    plot = Plot("k", "T", "x [µm]", "y", (data, bars))
    lines = plot_csv(plot).splitlines()
    assert lines[1] == '"x [µm], data","y, data","x [µm], model (m)","y, model (m)"'
    assert lines[2:] == ["1,3,0,5", "2,4,1,6"]


def test_live_curves_take_lists_and_numbers() -> None:
    live = LiveCurves()
    live.start("fit-shell")
    live.add({"log_likelihood": [1.0, 2.0, 3.0], "spectra": np.zeros((2, 3))})
    live.add({"log_likelihood": [1.0, 2.0, 3.0, 4.0], "agreement": 0.5})
    live.add({"agreement": 0.75})
    plots = {plot.key: plot for plot in live.plots()}
    assert list(plots["live-log_likelihood"].series[0].y) == [1, 2, 3, 4]
    assert list(plots["live-agreement"].series[0].y) == [0.5, 0.75]


def radii() -> RadiusFunctions:
    from nmcstudio.shell.directions import octasphere

    sphere = octasphere()
    rng = np.random.default_rng(1)
    r = np.repeat(rng.normal(5, 0.5, (12, 1)), len(sphere.directions), axis=1)
    flags = tuple("not star-shaped" if i == 3 else "" for i in range(12))
    return RadiusFunctions(
        np.arange(1, 13),
        sphere.directions,
        r,
        rng.uniform(0, 30, (12, 3)),
        np.ones(12),
        np.zeros(12),
        flags,
        4.19 * r[:, 0] ** 3,
        0.128,
    )


def test_every_node_has_a_content() -> None:
    from nmcstudio.grains.labelling import label_grid

    grains = two_boxes()
    rng = np.random.default_rng(0)
    grey = Volume(rng.normal(100, 10, grains.shape).astype(np.float32), grains.spacing_um, simulated=True)
    fitted = Tessellation(
        "laguerre", np.array([3, 7]), np.array([[1.25, 3.5, 5.0], [3.25, 3.5, 5.0]]), np.zeros(2),
        np.array([[0, 5.0], [0, 8], [0, 12]]), agreement=1.0,
    )  # fmt: skip
    model = ShellModel(4, (ShellComponent(0.4, 3.0, np.full(5, 0.1)), ShellComponent(0.6, 5.0, np.full(5, 0.1))))
    laws = GrainModel(
        Law("matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129}),
        Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}),
        Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
    )
    curve = Curve("data", "data", np.arange(3.0), np.arange(3.0), 1.0)
    surface = Surface("model", np.arange(3.0), np.arange(2.0), np.ones((2, 3)))
    validation = Validation(
        (Comparison("c", "C", "grains", "x [µm]", "y", (), (curve,), (surface,), {"ks": 0.1, "model_ks": 0.05}),)
    )
    values = {
        "ct": grey, "particles": LabelVolume(grains.labels, grains.spacing_um), "radii": radii(), "shell-model": model,
        "grains": grains, "tessellation": fitted, "grain-model": laws, "validation": validation,
        "mesh": SurfaceMesh(np.eye(3), np.array([[0, 1, 2]]), np.array([[1, 0]])),
    }  # fmt: skip
    made = {key: make_content(key, values, Monitor()).completed(Monitor()) for key in values}
    assert made["ct"].simulated
    assert list(made["grains"].table.ids) == [3, 7]
    assert [layer.key for layer in made["particles"].layers] == ["grey", "labels", "boundaries"]
    assert "ipf-z" in [layer.key for layer in made["grains"].layers]
    cells = {layer.key: layer for layer in made["tessellation"].layers}
    index = label_grid("laguerre", fitted.seeds_um, fitted.weights, None, grains.shape, grains.spacing_um)
    assert np.array_equal(cells["cells"].values, np.where(grains.labels > 0, fitted.labels[index], 0))
    assert not cells["disagreement"].values.any()
    assert [plot.key for plot in made["grain-model"].plots] == ["pair-correlation", "weight-density", "copula"]
    # the published value of g at 0 (models.md 8.2), read off the curve
    assert made["grain-model"].plots[0].series[0].y[0] == pytest.approx(13.87, rel=0.03)
    assert "KS 0.1 (0.05)" in made["validation"].plots[0].caption
    assert len(made["validation"].plots) == 2
    mixture = made["shell-model"].plots[0].series[1]
    assert np.trapezoid(mixture.y, mixture.x) == pytest.approx(1.0, abs=0.01)
    assert mixture.mean == pytest.approx(4.2)
    for content in made.values():
        for item in content.scene:
            built = item.build(Monitor())
            assert built is not None
    flagged = made["radii"].scene[0].build(Monitor()).colours["flagged"]
    assert flagged[4, 0] > 200
    assert flagged[5, 0] < 200


def test_rows_made_again_from_crops_are_those_of_the_whole_volume() -> None:
    from nmcstudio.gui.views.object_table import crop_of, describe_crops, label_table, renewed
    from nmcstudio.imaging.label_index import LabelIndex

    made = np.zeros((12, 20, 30), np.uint16)
    made[1:9, 2:12, 3:13] = 2
    made[1:9, 2:12, 13:20] = 5
    made[0:3, 15:20, 20:30] = 9
    observed = np.ones(made.shape, bool)
    observed[:, :, 29] = False
    before = LabelVolume(made.copy(), (0.4, 0.3, 0.2), (1.0, 2.0, 3.0), observed)
    made[6:9, 2:12, 3:13] = 5
    made[0:3, 15:20, 20:30] = 0
    made[10, 3, 3] = 11
    after = LabelVolume(made, before.spacing_um, before.origin_um, observed)
    index = LabelIndex(after.labels)
    crops = [(label, crop_of(after, index.box(label))) for label in (2, 5, 11)]
    table = renewed(label_table(before, "particles", Monitor()), (2, 5, 9, 11), describe_crops(crops, 3, Monitor()), after, None)
    wanted = label_table(after, "particles", Monitor())
    assert list(table.ids) == [2, 5, 11] == list(wanted.ids)
    for one, other in zip(table.columns, wanted.columns, strict=True):
        assert one.name == other.name
        assert np.allclose(one.values, other.values, rtol=1e-9, equal_nan=True), one.name


def test_an_edited_particle_has_no_star_error_until_it_is_extracted_again() -> None:
    from nmcstudio.gui.views.object_table import label_table, values_of

    made = np.zeros((12, 12, 24), np.uint16)
    made[2:8, 2:8, 2:8] = 1
    made[2:8, 2:8, 12:18] = 2
    volume = LabelVolume(made, (1.0,) * 3)
    directions = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]])
    radii = RadiusFunctions(
        np.array([1, 2]), directions, np.full((2, 4), 3.0), np.zeros((2, 3)), np.array([0.9, 1.1]), np.array([0.01, 0.2]),
        ("", "not star-shaped"), np.array([216.0, 200.0]), 1.0,
    )  # fmt: skip
    table = label_table(volume, "particles", Monitor(), radii)
    assert np.array_equal(values_of(table, "star_error"), [1.0, np.nan], equal_nan=True)
    assert np.array_equal(values_of(table, "weight"), [0.9, np.nan], equal_nan=True)
    assert list(values_of(table, "flag")) == ["", ""]
    assert list(parse_filter("flagged", table)) == [False, False]


def test_a_tested_grain_model_shows_bands_laws_and_plain_parameters() -> None:
    from nmcstudio.core.grains import Envelope, MarkChoice

    r = np.linspace(0.05, 1.0, 12)
    laws = (Law("gamma", {"shape": 4.0, "scale": 0.02, "theta": -0.1}), Law("frank", {"theta": 2.0}))
    model = GrainModel(
        Law("poisson", {"intensity": 3.6}, {"intensity": 0.2}), *laws,
        choices=(MarkChoice(*laws, 20.0, -32.0), MarkChoice(Law("normal", {"mean": 0.0, "sd": 0.1}), laws[1], 12.0, -18.0)),
        envelopes=tuple(Envelope(f, "poisson", r, r + 2.0 * (f == "g"), r - 1, r + 1, r, 0.02, 99) for f in ("g", "F", "D0")),
        goodness={"poisson": 0.02}, intervals={"seeds": {"intensity": (3.2, 4.0)}}, replicates=20,
    )  # fmt: skip
    made = make_content("grain-model", {"grain-model": model}, Monitor()).completed(Monitor())
    assert [plot.key for plot in made.plots] == [
        "pair-correlation",
        "empty-space",
        "nearest-neighbour",
        "weight-density",
        "copula",
    ]
    assert made.plots[0].caption.startswith("Leaves the band")
    assert made.plots[1].caption.startswith("Inside the band")
    assert made.plots[1].bands[0].simulations == 99
    assert "normal with Frank +14.0" in made.plots[3].caption
    columns = {column.name: column.values for column in made.table.columns}
    assert (columns["parameter"][0], columns["unit"][0]) == ("seeds per volume (intensity)", "µm⁻³")
    assert (columns["value"][0], columns["low_95"][0], columns["high_95"][0]) == (3.6, 3.2, 4.0)
    assert list(columns["part"][-3:]) == ["Compared laws", "Compared laws", "Test of the seeds"]


def test_the_weights_of_a_grain_model_are_shown_without_the_cells_at_the_surface(rng: np.random.Generator) -> None:
    lattice = np.stack(np.meshgrid(*[np.arange(0.25, 10, 0.75)] * 3), axis=-1).reshape(-1, 3)
    seeds = lattice + rng.uniform(-0.05, 0.05, lattice.shape)  # nearest neighbours at 0.65 or more
    away = np.linalg.norm(seeds - 5, axis=1)
    seeds, away = seeds[away < 4.9], away[away < 4.9]
    weights = rng.normal(0, 0.1, len(seeds))
    weights[away > 4.7] = 50.0  # a cell at the surface may have any weight
    axis = np.arange(0.25, 10, 0.5) - 5
    ball = (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 <= 25).astype(np.uint16)
    grains = LabelVolume(ball, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), kind="grains")
    fitted = Tessellation("laguerre", np.arange(1, len(seeds) + 1), seeds, weights, np.array([[0.0, 10.0]] * 3))
    model = GrainModel(Law("poisson", {"intensity": 3.0}), Law("normal", {"mean": 0.0, "sd": 0.1}), Law("independence"))
    made = make_content("grain-model", {"grain-model": model, "tessellation": fitted, "grains": grains}, Monitor())
    plot = next(p for p in made.completed(Monitor()).plots if p.key == "weight-density")
    data = next(series for series in plot.series if series.role == "data")
    assert data.mean == pytest.approx(0.0, abs=0.02)
    assert data.x[-1] < 1.0
