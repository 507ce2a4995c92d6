"""Forms: a control for every parameter of every step, and values that come back as they were given."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from nmcstudio.core.params import Params, param
from nmcstudio.gui.controller import _plain
from nmcstudio.gui.forms import ParamsForm
from nmcstudio.gui.widgets.editors import ChoiceEditor, FlagEditor, NumberEditor, SeveralEditor, TripleEditor, WordOrNumberEditor
from nmcstudio.gui.widgets.number_box import NumberBox
from nmcstudio.gui.widgets.text_editors import JsonEditor, ListEditor, PairsEditor, PathEditor
from nmcstudio.pipeline import registry


class Many(Params):
    files: tuple[str, ...] = param((), "Files", widget="files")
    to: str = param(..., "To", widget="file")
    folder: str | None = param(None, "Folder", widget="folder")
    sigma: float = param(4.0, "Smoothing", unit="voxel", symbol="σ", ge=0, le=20, step=0.5, decimals=2, help="Against noise.")
    tiny: float = param(1.234567890123e-7, "Intensity", unit="um^-3")
    level: float | None = param(None, "Threshold", optional_text="Otsu")
    degree: int = param(15, "Degree", ge=1, le=60)
    components: Annotated[int, Field(ge=1, le=12)] | Literal["auto"] = param("auto", "Components")
    kind: Literal["laguerre", "gbpd-sqrt"] = param("laguerre", "Kind")
    maybe: Literal["a", "b"] | None = param(None, "Maybe")
    fill: bool = param(True, "Fill")
    perhaps: bool | None = param(None, "Perhaps")
    spacing_um: tuple[float, ...] | None = param(None, "Voxel size", unit="um", min_length=1, max_length=3)
    centre_um: tuple[float, float] | None = param(None, "Centre", unit="um")
    box: tuple[int, int, int, int, int, int] | None = param(None, "Box")
    delete: tuple[int, ...] = param((), "Delete")
    merge: tuple[tuple[int, ...], ...] = param((), "Merge")
    factors: dict[str, float] = param({}, "Factors", advanced=True)
    formats: tuple[Literal["vti", "tif", "csv"], ...] = param(("csv", "vti"), "Formats")
    models: tuple[dict[str, Any], ...] = param((), "Models", advanced=True)


OTHER = {
    "files": ["/a b/µ.tif", "/c.tif"], "to": "/out.vti", "folder": "/f", "sigma": 2.25, "tiny": 9.87654321e-12, "level": 131.5,
    "degree": 7, "components": 4, "kind": "gbpd-sqrt", "maybe": "b", "fill": False, "perhaps": True,
    "spacing_um": [0.4, 0.1, 0.1], "centre_um": [1.0, 2.0], "box": [0, 1, 2, 3, 4, 5], "delete": [3, 5],
    "merge": [[1, 2], [3, 4, 5]], "factors": {"mean_radius": 1.2},
    "formats": ["tif", "vti"], "models": [{"probability": 0.5, "mean": 3.0}],
}  # fmt: skip

KINDS = {
    "files": PathEditor, "to": PathEditor, "folder": PathEditor, "sigma": NumberEditor, "level": NumberEditor,
    "components": WordOrNumberEditor, "kind": ChoiceEditor, "fill": FlagEditor, "perhaps": FlagEditor,
    "spacing_um": TripleEditor, "centre_um": TripleEditor, "box": ListEditor, "delete": ListEditor, "merge": ListEditor,
    "factors": PairsEditor, "models": JsonEditor, "formats": SeveralEditor,
}  # fmt: skip


@pytest.fixture
def form(qtbot) -> ParamsForm:
    made = ParamsForm(Many)
    qtbot.addWidget(made)
    return made


def test_types_get_their_controls(form):
    assert {name: type(form.editors[name]) for name in KINDS} == KINDS


def test_values_come_back_as_they_were_given(form):
    form.set_values(OTHER)
    assert form.values() == OTHER
    Many(**form.values())


def test_setting_values_tells_nobody(qtbot, form):
    with qtbot.assertNotEmitted(form.edited):
        form.set_values(OTHER)
        form.set_values(dict.fromkeys(OTHER))


@pytest.mark.parametrize("key", registry.KEYS)
def test_every_step_has_a_form_whose_defaults_come_back(qtbot, key):
    params = registry.step(key).params
    form = ParamsForm(params)
    qtbot.addWidget(form)
    assert set(form.editors) == set(params.model_fields)
    defaults = {
        name: _plain(field.get_default(call_default_factory=True))
        for name, field in params.model_fields.items()
        if not field.is_required()
    }
    form.set_values(defaults)
    assert {name: form.values()[name] for name in defaults} == defaults
    for name, editor in form.editors.items():
        assert editor.accessibleName(), name
        assert editor.toolTip(), name


def test_one_number_stands_for_three(form):
    editor = form.editors["spacing_um"]
    editor.set_value([0.128])
    assert editor.value() == [0.128]
    editor.set_value([0.4, 0.1, 0.1])
    assert editor.value() == [0.4, 0.1, 0.1]


def test_typing_is_one_gesture_and_carries_the_number(qtbot, form):
    form.show()
    seen = []
    form.edited.connect(lambda *edit: seen.append(edit))
    box = form.editors["sigma"].box
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "12.5")
    assert [edit[1] for edit in seen] == [1.0, 12.0, 12.5]
    assert len({edit[2] for edit in seen}) == 1
    box = form.editors["degree"].box
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert seen[-1][:2] == ("degree", 1)
    assert seen[-1][2] != seen[0][2]


def test_the_unit_stands_in_the_field_and_help_in_the_tooltip(form):
    form.set_values({"sigma": 4.0})
    assert form.editors["sigma"].box.text() == "4.00 voxel"
    tip = form.editors["sigma"].toolTip()
    for part in ("Against noise.", "σ", "voxel", "at least 0", "at most 20", "--sigma"):
        assert part in tip


def test_an_empty_field_means_none_and_says_what_that_is(form):
    box = form.editors["level"].box
    box.set_value(3.0)
    box.selectAll()
    QTest.keyClick(box, Qt.Key.Key_Backspace)
    assert form.editors["level"].value() is None
    assert box.lineEdit().placeholderText() == "Otsu"


def test_an_error_at_an_advanced_field_opens_the_fold(form):
    assert not form.folds["Advanced"].is_open
    form.set_errors({"factors": "Wrong."})
    assert form.folds["Advanced"].is_open
    form.set_errors({})


def test_what_has_a_group_stands_under_its_title(qtbot):
    class Grouped(Params):
        plain: int = param(1, "Plain")
        rare: int = param(1, "Rare", advanced=True)
        ring: int = param(1, "Ring", advanced=True, group="Corrections")

    form = ParamsForm(Grouped)
    qtbot.addWidget(form)
    assert list(form.folds) == ["Corrections", "Advanced"]
    form.show()
    form.set_errors({"ring": "Wrong."})
    assert form.editors["ring"].isVisible()
    assert not form.editors["rare"].isVisible()


def test_scrolling_over_a_field_changes_nothing(qtbot, form):
    form.show()
    form.set_values({"sigma": 4.0})
    box = form.editors["sigma"].box
    box.clearFocus()
    from PySide6.QtCore import QPoint, QPointF
    from PySide6.QtGui import QWheelEvent

    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    box.wheelEvent(event)
    assert box.value() == 4.0


@pytest.mark.parametrize(("typed", "value"), [("1,5", 1.5), ("1e-6", 1e-6), ("−3", -3.0), ("2.5 µm", 2.5), ("7", 7.0)])
def test_numbers_are_read_as_people_write_them(qtbot, typed, value):
    box = NumberBox(unit="um")
    qtbot.addWidget(box)
    box._typed(typed)
    assert box.value() == value


def test_arrows_stay_within_the_limits(qtbot):
    box = NumberBox(low=0.0, high=1.0, step=0.3)
    qtbot.addWidget(box)
    box.set_value(0.9)
    box.stepBy(1)
    assert box.value() == 1.0
    box.stepBy(-10)
    assert box.value() == 0.0
