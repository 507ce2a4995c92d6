"""A form made from any step's parameters."""

from __future__ import annotations

import math
import types
from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.core.params import Params, extra_of
from nmcstudio.gui.widgets.editors import (
    ChoiceEditor,
    Editor,
    FlagEditor,
    NumberEditor,
    SeveralEditor,
    TripleEditor,
    WordOrNumberEditor,
)
from nmcstudio.gui.widgets.number_box import in_micrometres, shown_unit
from nmcstudio.gui.widgets.text_editors import JsonEditor, ListEditor, PairsEditor, PathEditor, TextEditor

# Edits of one field that follow each other faster than this are one gesture of the undo history.
GESTURE_MS = 1500
ADVANCED = "Advanced"


def members(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, without None and without their limits."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for each in get_args(annotation) for part in members(each))
    return () if annotation is type(None) else (annotation,)


def all_limits(field: Any) -> list[Any]:
    """pydantic's limits of a field, also those that stand at one member of a union."""

    def inside(annotation: Any) -> list[Any]:
        if get_origin(annotation) is Annotated:
            return list(get_args(annotation)[1:])
        if get_origin(annotation) in (Union, types.UnionType):
            return [limit for each in get_args(annotation) for limit in inside(each)]
        return []

    flat = []
    for limit in [*field.metadata, *inside(field.annotation)]:
        flat += limit.metadata if hasattr(limit, "metadata") else [limit]
    return flat


def is_optional(annotation: Any) -> bool:
    """True if None is allowed."""
    if get_origin(annotation) in (Union, types.UnionType):
        return any(is_optional(each) for each in get_args(annotation))
    return annotation is type(None)


def limits_of(metadata: list[Any]) -> tuple[float, float]:
    """Lowest and highest value that pydantic's limits allow, for arrows and sliders."""
    low, high = -math.inf, math.inf
    for limit in metadata:
        for name in ("ge", "gt"):
            if getattr(limit, name, None) is not None:
                low = max(low, float(getattr(limit, name)))
        for name in ("le", "lt"):
            if getattr(limit, name, None) is not None:
                high = min(high, float(getattr(limit, name)))
    return low, high


def tooltip_of(name: str, field: Any) -> str:
    """Help, symbol, unit, limits and the option's name."""
    extra = extra_of(field)
    lines = [field.description or field.title or name]
    if extra.get("symbol"):
        lines.append(f"Symbol in the papers: <i>{extra['symbol']}</i>")
    if extra.get("unit"):
        lines.append(f"Unit: {shown_unit(extra['unit'])}")
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    found = [f"{word} {getattr(limit, mark):g}" for limit in all_limits(field) for mark, word in words.items()
             if isinstance(getattr(limit, mark, None), (int, float))]  # fmt: skip
    if found:
        lines.append(f"Limits: {', '.join(found)}")
    if is_optional(field.annotation):
        lines.append(f"Leave it empty for: {extra.get('optional_text') or 'none'}")
    lines.append(f"<span style='font-family:monospace'>--{name.rstrip('_').replace('_', '-')}</span>")
    return "<p>" + in_micrometres("<br>".join(lines)) + "</p>"


def editor_for(name: str, field: Any) -> Editor:
    """The control for one field of a Params class."""
    extra = extra_of(field)
    kinds = members(field.annotation)
    empty = in_micrometres(extra.get("optional_text") or "none") if is_optional(field.annotation) else None
    low, high = limits_of(all_limits(field))
    number = {
        "low": low,
        "high": high,
        "step": extra.get("step"),
        "decimals": extra.get("decimals"),
        "unit": extra.get("unit", ""),
    }
    widget = extra.get("widget", "")
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    others = [kind for kind in kinds if get_origin(kind) is not Literal]
    is_path = bool(others) and isinstance(others[0], type) and issubclass(others[0], PurePath)
    if is_path or widget in ("files", "file", "folder", "save"):
        many = any(get_origin(kind) in (tuple, list) for kind in kinds)
        mode = "save" if name == "to" and widget != "folder" else widget or "file"
        return PathEditor(mode, many, empty)
    if words and not others:
        return ChoiceEditor(words, empty)
    numbers = [kind for kind in others if kind in (int, float)]
    if words and numbers:
        return WordOrNumberEditor([str(word) for word in words], empty, whole=float not in numbers, **number)
    sequences = [kind for kind in others if get_origin(kind) in (tuple, list)]
    if sequences:
        longest = next((limit.max_length for limit in all_limits(field) if hasattr(limit, "max_length")), None)
        return _sequence_editor(sequences[0], empty, number, longest)
    if numbers:
        return NumberEditor(slider=widget == "slider", whole=float not in numbers, empty_text=empty, **number)
    if bool in others:
        return FlagEditor(field.title or name, empty)
    if str in others:
        return TextEditor(empty)
    dicts = [kind for kind in others if get_origin(kind) is dict]
    if dicts and get_args(dicts[0])[1] in (int, float, str):
        return PairsEditor(get_args(dicts[0])[1], empty)
    return JsonEditor(empty)


def _sequence_editor(kind: Any, empty: str | None, number: dict[str, Any], longest: int | None) -> Editor:
    inner = [each for each in get_args(kind) if each is not Ellipsis]
    fixed = get_origin(kind) is tuple and Ellipsis not in get_args(kind)
    if not fixed and longest == 3 and inner and inner[0] in (int, float):
        return TripleEditor(3, ("z", "y", "x"), empty, one_for_all=True, whole=inner[0] is int, **number)
    if fixed and 2 <= len(inner) <= 3 and set(inner) <= {int, float}:
        names = ("z", "y", "x") if len(inner) == 3 else ("", "") if number["unit"] else ("from", "to")
        names = names if any(names) else ()
        return TripleEditor(len(inner), names, empty, whole=float not in inner, **number)
    if fixed and (len(set(inner)) > 1 or not inner):
        return JsonEditor(empty)
    if inner and get_origin(inner[0]) is Literal:
        return SeveralEditor(get_args(inner[0]))
    if inner and inner[0] in (int, float, str):
        return ListEditor(inner[0], False, empty)
    if inner and get_origin(inner[0]) in (tuple, list):
        deeper = [each for each in get_args(inner[0]) if each is not Ellipsis]
        if deeper and set(deeper) <= {int, float, str} and len(set(deeper)) == 1:
            return ListEditor(deeper[0], True, empty)
    return JsonEditor(empty)


class Fold(QWidget):
    """Fields that few people need, below a title that opens them."""

    def __init__(self, title: str, grid: QGridLayout, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setArrowType(Qt.ArrowType.RightArrow)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.toggled.connect(self._toggled)
        self._inside = QWidget()
        grid.setContentsMargins(0, 0, 0, 0)
        self._inside.setLayout(grid)
        self._inside.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.button)
        column.addWidget(self._inside)

    @property
    def is_open(self) -> bool:
        return self.button.isChecked()

    def open(self) -> None:
        """Show the fields."""
        self.button.setChecked(True)

    def _toggled(self, is_open: bool) -> None:
        self._inside.setVisible(is_open)
        self.button.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)


class ParamsForm(QWidget):
    """Labels on the left, controls on the right, errors under the control, the rest under folds.

    `edited(name, value, drag)`: `drag` is the same for edits that belong to one gesture.
    """

    edited = Signal(str, object, str)

    def __init__(self, params: type[Params], hidden: tuple[str, ...] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editors: dict[str, Editor] = {}
        self.labels: dict[str, QLabel] = {}
        self.folds: dict[str, Fold] = {}
        self._errors: dict[str, QLabel] = {}
        self._last, self._gesture = "", 0
        self._clock = QElapsedTimer()
        self._clock.start()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        plain = {name: field for name, field in params.model_fields.items() if name not in hidden}
        advanced = {name: field for name, field in plain.items() if extra_of(field).get("advanced")}
        layout.addLayout(self._grid({name: field for name, field in plain.items() if name not in advanced}))
        groups: dict[str, dict[str, Any]] = {}
        for name, field in advanced.items():
            groups.setdefault(extra_of(field).get("group") or ADVANCED, {})[name] = field
        # What has a title of its own comes before the rest.
        for title in sorted(groups, key=lambda title: title == ADVANCED):
            self.folds[title] = Fold(title, self._grid(groups[title]))
            layout.addWidget(self.folds[title])
        self._fold_of = {name: self.folds[title] for title, fields in groups.items() for name in fields}
        layout.addStretch(1)
        for kind in (QLineEdit, QPlainTextEdit, QAbstractSpinBox):
            for field_ in self.findChildren(kind):
                field_.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave undo and redo to the window: every keystroke is in its history."""
        if event.type() == QEvent.Type.ShortcutOverride and (
            event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)
        ):
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _grid(self, fields: Mapping[str, Any]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for row, (name, field) in enumerate(fields.items()):
            editor = editor_for(name, field)
            tip = tooltip_of(name, field)
            editor.setToolTip(tip)
            editor.setAccessibleName(field.title or name)
            editor.edited.connect(self._editor_edited)
            editor.setObjectName(f"field:{name}")
            wide = isinstance(editor, (JsonEditor, PathEditor)) or (isinstance(editor, TripleEditor) and editor.named)
            label = QLabel(field.title or name)
            label.setToolTip(tip)
            label.setWordWrap(True)
            label.setMinimumWidth(96)
            label.setMaximumWidth(136)
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            label.setBuddy(editor)
            error = QLabel()
            error.setObjectName("fieldError")
            error.setWordWrap(True)
            error.hide()
            top = Qt.AlignmentFlag.AlignVCenter if not wide else Qt.AlignmentFlag.AlignTop
            if isinstance(editor, FlagEditor) and not is_optional(field.annotation):
                label.clear()
            if wide:
                label.setMaximumWidth(400)
                grid.addWidget(label, 3 * row, 0, 1, 2)
                grid.addWidget(editor, 3 * row + 1, 0, 1, 2)
            else:
                grid.addWidget(label, 3 * row, 0, top)
                grid.addWidget(editor, 3 * row, 1)
            grid.addWidget(error, 3 * row + 2, 0 if wide else 1, 1, 2 if wide else 1)
            self.editors[name], self.labels[name], self._errors[name] = editor, label, error
        return grid

    def _editor_edited(self, value: Any) -> None:
        name = self.sender().objectName().removeprefix("field:")
        if name != self._last or self._clock.elapsed() > GESTURE_MS:
            self._gesture += 1
        self._last = name
        self._clock.restart()
        self.edited.emit(name, value, f"form-{id(self)}-{self._gesture}")

    def values(self) -> dict[str, Any]:
        """What the form says, JSON."""
        return {name: editor.value() for name, editor in self.editors.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values; tells nobody. Fields that are not named stay as they are."""
        for name, value in values.items():
            if name in self.editors:
                self.editors[name].set_value(value)

    def set_errors(self, errors: Mapping[str, str]) -> None:
        """Show one text under each field that is wrong, and none under the others."""
        for name, label in self._errors.items():
            text = errors.get(name, "")
            label.setText(text)
            label.setVisible(bool(text))
        for name in errors:
            if name in self._fold_of:
                self._fold_of[name].open()

    def show_fields(self, names: Collection[str], shown: bool) -> None:
        """Show or hide fields that only some input has a use for."""
        for name in names:
            if name in self.editors:
                self.editors[name].setVisible(shown)
                self.labels[name].setVisible(shown)
                self._errors[name].setVisible(shown and bool(self._errors[name].text()))

    def focus(self, name: str) -> None:
        """Put the keyboard into a field."""
        if name in self.editors:
            if name in self._fold_of:
                self._fold_of[name].open()
            self.editors[name].setFocus(Qt.FocusReason.OtherFocusReason)
