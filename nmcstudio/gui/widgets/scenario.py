"""The scenario dock: sliders on the fitted models, the particle follows in the views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.contents import Content
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.gui.widgets.scenario_slider import ScenarioSlider
from nmcstudio.gui.widgets.scenario_work import Draw, scenario_content
from nmcstudio.gui.widgets.sweep import SweepForm, sweep_folder
from nmcstudio.particle.scenario import Control, controls

_MODELS = ("shell-model", "grain-model")
_MISSING = (
    "The sliders change the fitted models' main parameters, and the particle on view follows.\n\n"
    "They need a shell model and a grain model: run “Fit shell model” and “Fit grain model”, or import models."
)


class ScenarioPanel(QWidget):
    """Sliders, another draw, A and B, saved scenarios, a sweep. Nothing here changes the project but Save and Compose."""

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._store = ContentStore.of(controller)
        self._background = self._store.worker()
        self._models: tuple[Any, Any] | None = None
        self._mark: tuple = ()
        self._index = 0
        self._running = ""
        self._wanted = ""
        self._keep_as: list[str] = []
        self.sliders: dict[str, ScenarioSlider] = {}
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(250)
        self._settle.timeout.connect(self._compose_fine)
        self._make()
        for signal in (controller.node_changed, controller.project_replaced):
            signal.connect(self._refresh)
        controller.scenarios_changed.connect(self._fill_names)
        self._refresh()

    def _make(self) -> None:
        self._missing = QLabel(_MISSING, self)
        self._missing.setWordWrap(True)
        self._missing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._missing.setObjectName("muted")
        self._missing.setContentsMargins(16, 16, 16, 16)
        body = QWidget(self)
        column = QVBoxLayout(body)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(4)
        self._names = QComboBox(self)
        self._names.setEditable(True)
        self._names.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._names.lineEdit().setPlaceholderText("Name of the scenario")
        self._names.activated.connect(self._name_chosen)
        row.addWidget(self._names, 1)
        for text, tip, slot in (
            ("Save", "Save the sliders under this name in the project", self.save),
            ("Delete", "Forget the scenario of this name", self.forget),
        ):
            row.addWidget(self._button(text, tip, slot))
        column.addLayout(row)
        self._holder = QVBoxLayout()
        self._holder.setSpacing(12)
        column.addLayout(self._holder)
        grid = QGridLayout()
        grid.setSpacing(4)
        buttons = (
            ("Reset all", "All sliders back to the fitted values", self.reset_all),
            ("Dice", "Another draw from the same models", self.dice),
            ("Keep as A", "Put this particle on side A of the comparison", lambda: self.keep("A")),
            ("Keep as B", "Put this particle on side B of the comparison", lambda: self.keep("B")),
            ("A | B", "Show A and B side by side with one camera", self.compare),
            ("Fitted result", "Show the particle of the project again", self.show_project),
        )
        for number, (text, tip, slot) in enumerate(buttons):
            grid.addWidget(self._button(text, tip, slot), number // 3, number % 3)
        column.addLayout(grid)
        self.words = QLabel("", self)
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        self.words.setMinimumHeight(2 * self.fontMetrics().height())
        column.addWidget(self.words)
        compose = QPushButton("Compose", self)
        compose.setObjectName("primary")
        compose.setToolTip("Make this particle at full resolution and put it into the project")
        compose.clicked.connect(self.compose)
        column.addWidget(compose)
        self._fold = QToolButton(self)
        self._fold.setText("Sweep")
        self._fold.setCheckable(True)
        self._fold.setArrowType(Qt.ArrowType.RightArrow)
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.setAutoRaise(True)
        self._fold.toggled.connect(self._unfold)
        column.addWidget(self._fold)
        self.sweep = SweepForm(self)
        self.sweep.asked.connect(self.run_sweep)
        self.sweep.hide()
        column.addWidget(self.sweep)
        column.addStretch(1)
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(body)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._missing)
        self._stack.addWidget(self._scroll)

    def _button(self, text: str, tip: str, slot: Any) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.clicked.connect(lambda checked=False: slot())
        return button

    @Slot(bool)
    def _unfold(self, open_: bool) -> None:
        self._fold.setArrowType(Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow)
        self.sweep.setVisible(open_)

    # The models and their sliders

    @Slot()
    def _refresh(self) -> None:
        """Read the models when they have changed."""
        project = self._controller.project
        if any(key not in project.keys for key in _MODELS):
            self._models, self._mark = None, ()
            self._background.drop("models")
            self._stack.setCurrentWidget(self._missing)
            return
        records = [project.record(key) for key in _MODELS]
        mark = tuple(record.digest for record in records)
        if mark == self._mark:
            return
        self._mark = mark

        def work(monitor: Monitor) -> tuple[Any, Any, tuple[Control, ...]]:
            shell_model, grain_model = (record.load() for record in records)
            return shell_model, grain_model, controls(shell_model, grain_model)

        self._background.ask("models", work, self._deliver_models, self._fail)

    def _deliver_models(self, found: tuple[Any, Any, tuple[Control, ...]]) -> None:
        shell_model, grain_model, made = found
        values = self.values()
        self._models = (shell_model, grain_model)
        while (item := self._holder.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        self.sliders = {}
        for control in made:
            slider = ScenarioSlider(control, self)
            slider.moved.connect(self._moved)
            slider.settled.connect(self._settled)
            self._holder.addWidget(slider)
            self.sliders[control.key] = slider
        self.set_values(values)
        self.sweep.set_controls(made)
        self._fill_names()
        self._stack.setCurrentWidget(self._scroll)

    def values(self) -> dict[str, float]:
        """What differs from the fitted models: name to value."""
        return {key: slider.value for key, slider in self.sliders.items() if not slider.is_fitted}

    def set_values(self, values: Mapping[str, float]) -> None:
        """Put the sliders on a scenario."""
        for key, slider in self.sliders.items():
            slider.set_value(values.get(key, slider.control.fitted))

    # The particle follows

    @Slot()
    def _moved(self) -> None:
        self._ask("coarse")

    @Slot()
    def _settled(self) -> None:
        self._settle.start()

    @Slot()
    def _compose_fine(self) -> None:
        self._ask("fine")

    def _ask(self, quality: str) -> None:
        """Compose with what the sliders say now. A coarse one that runs is let finish, so that a long drag shows something."""
        if self._models is None:
            return
        self._wanted = quality
        if self._running == "coarse" and quality == "coarse":
            return
        if quality == "coarse":
            self._settle.stop()
        self._start()

    def _start(self) -> None:
        quality, self._wanted = self._wanted, ""
        if not quality or self._models is None:
            return
        self._running = quality
        project = self._controller.project
        diameter = project.params("compose").get("diameter_um")
        draw = Draw(*self._models, project.seed, self._index, self.values(), diameter)
        self.words.setText("Composing …" if quality == "fine" else "Composing a coarse preview …")
        work = lambda monitor: scenario_content(draw, quality == "coarse", monitor)  # noqa: E731
        self._background.ask("scenario", work, self._deliver, self._fail_compose)

    def _deliver(self, content: Content) -> None:
        quality, self._running = self._running, ""
        self.words.setText(content.note)
        self._store.show_content(content)
        if quality == "fine":
            for name in self._keep_as:
                self._store.keep(f"Scenario {name}", content)
            self._keep_as.clear()
        self._start()

    def _fail_compose(self, error: Exception) -> None:
        self._running = ""
        self._keep_as.clear()
        self.words.setText(str(error))
        self._start()

    def _fail(self, error: Exception) -> None:
        self._missing.setText(str(error))
        self._stack.setCurrentWidget(self._missing)

    # Buttons

    @Slot()
    def reset_all(self) -> None:
        """The fitted models again."""
        self.set_values({})
        with QSignalBlocker(self._names):
            self._names.setCurrentIndex(-1)
        self._ask("fine")

    @Slot()
    def dice(self) -> None:
        """The next particle of the same series."""
        self._index += 1
        self._ask("fine")

    def keep(self, side: str) -> None:
        """Put the particle of these sliders on a side of the comparison."""
        self._keep_as.append(side)
        self._ask("fine")

    @Slot()
    def compare(self) -> None:
        """Show the comparison."""
        if not all(f"Scenario {side}" in self._store.kept for side in "AB"):
            self.words.setText("Keep one particle as A and another one as B first.")
            return
        self._store.layout_asked.emit("compare")

    @Slot()
    def show_project(self) -> None:
        """Show what stands in the project again."""
        self._background.drop("scenario")
        self._running = self._wanted = ""
        self._settle.stop()
        self.words.setText("")
        self._store.refresh()

    @Slot()
    def compose(self) -> None:
        """Run compose with these sliders; the draw on view is among the particles."""
        count = max(int(self._controller.params("compose").get("count", 1)), self._index + 1)
        self._controller.run_step("compose", {"scenario": self.values(), "count": count})

    @Slot()
    def save(self) -> None:
        """Save the sliders in the project."""
        name = self._names.currentText().strip()
        if not name:
            self.words.setText("Type a name for the scenario first.")
            return
        self._controller.project.set_scenario(name, self.values())
        self._controller.message.emit(f"Scenario “{name}” is saved in the project")

    @Slot()
    def forget(self) -> None:
        """Forget the scenario of the name that stands in the field."""
        name = self._names.currentText().strip()
        if name in self._controller.project.scenarios:
            self._controller.project.set_scenario(name, None)
            self._names.setCurrentText("")

    @Slot()
    def _fill_names(self) -> None:
        text = self._names.currentText()
        with QSignalBlocker(self._names):
            self._names.clear()
            self._names.addItems(sorted(self._controller.project.scenarios))
            self._names.setCurrentIndex(-1)
            self._names.setCurrentText(text)

    @Slot(int)
    def _name_chosen(self, index: int) -> None:
        values = self._controller.project.scenarios.get(self._names.itemText(index))
        if values is not None:
            self.set_values(values)
            self._ask("fine")

    @Slot(str, object, int, str)
    def run_sweep(self, key: str, values: list[float], particles: int, folder: str) -> None:
        """Queue one run of generate for each value of one slider."""
        title = self.sliders[key].control.title
        for value in values:
            scenario = self.values() | {key: value}
            given = {"scenario": scenario, "count": particles, "to": sweep_folder(folder, key, value)}
            self._controller.run_step("generate", given, title=f"Sweep: {title.lower()} {value:g}")
        self.words.setText(f"{len(values)} runs wait in the list of jobs.")
