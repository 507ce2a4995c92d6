"""Which views are seen, when the camera moves, what layers keep: the rules without a window."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PySide6")

from nmcstudio.gui.views.arrangement import Arrangement, arrange
from nmcstudio.gui.views.contents import Content, Layer, Plot, SceneItem
from nmcstudio.gui.views.layer_model import LayerModel
from nmcstudio.gui.views.scene_camera import is_alike
from nmcstudio.gui.views.scene_key import scene_legend

pytestmark = pytest.mark.gui
ALL = frozenset({"xy", "xz", "yz"})


def layer(key: str = "grey", planes: int = 4, **given: object) -> Layer:
    return Layer(key, "Grey value", "grey", np.zeros((planes, 5, 6)), (1.0, 1.0, 1.0), **given)  # type: ignore[arg-type]


def content(*, scene: bool = True, plots: bool = True) -> Content:
    item = SceneItem("grey", "Grey", lambda monitor: None)  # type: ignore[arg-type, return-value]
    return Content("ct", scene=(item,) if scene else (), plots=(Plot("p", "P", "x", "y"),) if plots else ())


@pytest.mark.parametrize(
    ("layout", "maximised", "planes", "expected"),
    [
        ("both", "", 4, Arrangement(ALL, scene=True)),
        ("slices", "", 4, Arrangement(ALL)),
        ("3d", "", 4, Arrangement(scene=True)),
        ("both", "xz", 4, Arrangement(frozenset({"xz"}))),
        ("both", "", 1, Arrangement(frozenset({"xy"}))),
        ("3d", "", 1, Arrangement(scene=True)),
    ],
)
def test_layouts_show_what_they_say(layout: str, maximised: str, planes: int, expected: Arrangement) -> None:
    assert arrange(content(), (layer(planes=planes),), layout, maximised) == expected


def test_what_has_no_pictures_shows_its_plots() -> None:
    assert arrange(content(), (), "slices", "") == Arrangement(scene=True, plots=True)
    assert arrange(content(scene=False), (), "both", "") == Arrangement(plots=True)
    assert arrange(content(scene=False), (layer(),), "3d", "") == Arrangement(ALL)
    assert arrange(None, (), "both", "").is_empty


def test_things_of_nearly_one_size_and_place_share_a_camera() -> None:
    box = np.array([[0.0, 10.0], [0.0, 10.0], [0.0, 10.0]])
    assert is_alike(box, box)
    assert is_alike(1.05 * box, box)
    assert not is_alike(1.5 * box, box)
    assert not is_alike(0.5 * box, box)
    assert not is_alike(box + 3.0, box)


def test_layers_of_another_project_look_as_new_ones(qtbot: object) -> None:
    model = LayerModel()
    model.set_layers([layer()])
    model.set_look("grey", visible=False, opacity=0.2)
    model.toggle_overlays()
    model.set_layers([layer(visible=True)])
    assert not model.look("grey").visible
    model.forget()
    assert (model.look("grey").visible, model.look("grey").opacity, model.overlays) == (True, 1.0, True)
    assert model.state() == {}


def test_the_key_in_3d_is_that_of_its_colours() -> None:
    assert scene_legend("id", "m-3m", False) is None
    assert scene_legend("flagged", "m-3m", False) is None
    assert scene_legend("IPF z", "", False) is None
    key = scene_legend("IPF y", "m-3m", False)
    assert key is not None
    assert (key.kind, key.point_group, key.title) == ("ipf", "m-3m", "IPF y, m-3m")
    scale = scene_legend("quality", "", True)
    assert scale is not None
    assert [words for _, words in scale.entries] == ["1.00", "0.75", "0.50", "0.25", "0.00"]
