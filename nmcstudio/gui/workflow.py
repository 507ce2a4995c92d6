"""The left dock: what the project holds, what is stale, what is missing."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QMenu, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.icons import scaled_pixmap
from nmcstudio.gui.widgets.marks import SHAPES, WORDS, colour_of, state_of, why_stale
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.project.nodes import NODES

LANES = (("particles", "Particles"), ("grains", "Grains"), ("virtual", "Virtual particles"))
# Steps that write files stand below the nodes of their lane.
FILE_STEPS = {"virtual": ("generate", "sample-shells", "export", "report")}


class Row(QFrame):
    """One node, or one step that writes files: shape, name, one line about it, state in a word."""

    clicked = Signal(str)
    menu_wanted = Signal(str, QPoint)

    def __init__(self, key: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoFillBackground(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(lambda point: self.menu_wanted.emit(self.key, self.mapToGlobal(point)))
        self._shape = QLabel()
        self._shape.setFixedSize(16, 16)
        self._title = QLabel(title)
        # A bold name in a narrow dock must not push the state out of sight.
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._word = QLabel()
        self._line = QLabel()
        self._line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        small = self._line.font()
        small.setPointSizeF(small.pointSizeF() * 0.9)
        self._line.setFont(small)
        self._word.setFont(small)
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 3, 8, 3)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        grid.addWidget(self._shape, 0, 0, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(self._title, 0, 1)
        grid.addWidget(self._word, 0, 2)
        grid.addWidget(self._line, 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self._full = ""
        self._shown: tuple[object, ...] = ()

    def show_state(self, controller: Controller, state: str, line: str, tip: str, chosen: bool) -> None:
        theme = controller.theme
        shown = (theme, state, line, tip, chosen, self.devicePixelRatioF())
        if shown == self._shown:
            # Every parameter that is dragged comes by here, and style rules are slow to apply.
            return
        self._shown = shown
        colour = colour_of(controller, state)
        self._shape.setPixmap(scaled_pixmap(f"state-{SHAPES.get(state, state)}", colour, 16, self.devicePixelRatioF()))
        self._word.setText(WORDS[state] if state not in ("empty",) else "")
        self._word.setStyleSheet(f"color: {colour}")
        faded = state == "stale"
        self._line.setStyleSheet(f"color: {theme.muted}; {'font-style: italic;' if faded else ''}")
        self._full = line
        self._line.setVisible(bool(line))
        self._elide()
        self.setToolTip(tip)
        self.setAccessibleName(f"{self._title.text()}, {WORDS[state]}, {line}")
        font = self._title.font()
        font.setBold(chosen)
        self._title.setFont(font)
        palette = self.palette()
        ground = theme.note_ground if chosen else theme.base
        palette.setColor(QPalette.ColorRole.Window, QColor(ground))
        self.setPalette(palette)

    def _elide(self) -> None:
        width = max(self.width() - 52, 40)
        self._line.setText(self._line.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, width))

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._elide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.key)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            # A frame of Qt shows nothing of the keyboard by itself.
            painter = QPainter(self)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Text), 1))
            painter.drawRect(self.rect().adjusted(1, 1, -2, -2))
            painter.end()

    def keyPressEvent(self, event) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.clicked.emit(self.key)
        else:
            super().keyPressEvent(event)


class WorkflowPanel(QScrollArea):
    """Three groups of rows. A click shows the node and the panel of its step."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(224)
        self.rows: dict[str, Row] = {}
        inside = QWidget()
        inside.setBackgroundRole(QPalette.ColorRole.Base)
        inside.setAutoFillBackground(True)
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 4, 0, 8)
        self._column.setSpacing(0)
        for lane, title in LANES:
            head = QLabel(title)
            font = head.font()
            font.setBold(True)
            head.setFont(font)
            head.setObjectName("muted")
            head.setContentsMargins(12, 10, 8, 4)
            self._column.addWidget(head)
            for kind in NODES.values():
                if kind.lane == lane:
                    self._add(kind.key, kind.title)
            for key in FILE_STEPS.get(lane, ()):
                self._add(key, step_of(key).title)
        self._column.addStretch(1)
        self.setWidget(inside)
        for signal in (controller.state_changed, controller.project_replaced, controller.theme_changed):
            signal.connect(self.refresh)
        controller.current_node_changed.connect(self._chosen_changed)
        controller.current_step_changed.connect(self._chosen_changed)
        self.refresh()

    def _add(self, key: str, title: str) -> None:
        row = Row(key, title)
        row.clicked.connect(self.choose)
        row.menu_wanted.connect(self._menu)
        self.rows[key] = row
        self._column.addWidget(row)

    @Slot(str)
    def choose(self, key: str) -> None:
        """Show a node and the panel of the step that made it, or that would."""
        if key not in NODES:
            self.controller.show_step(key)
            return
        if key in self.controller.project.keys:
            self.controller.show_node(key)
        self.controller.show_step(self.step_for(key))

    def step_for(self, node: str) -> str:
        """The step whose panel belongs to a node now."""
        if node in self.controller.project.keys:
            made_by = self.controller.project.record(node).step
            if made_by in NODES[node].steps:
                return made_by
        return NODES[node].steps[0]

    @Slot()
    def refresh(self) -> None:
        project = self.controller.project
        for key, row in self.rows.items():
            node = key if key in NODES else None
            steps = NODES[key].steps if node else (key,)
            state = state_of(self.controller, node, steps)
            line, tip = "", ""
            if node and key in project.keys:
                record = project.record(key)
                simulated = "simulated, " if record.summary.get("simulated") else ""
                line = simulated + str(record.summary.get("headline", ""))
                because = why_stale(self.controller, key)
                made = f"{line}\nmade by {step_of(record.step).title}, {record.created}"
                tip = made + (f"\nStale: {because}." if because else "")
            elif node:
                tip = f"Nothing yet. {step_of(NODES[key].steps[0]).title} makes it."
            else:
                tip = step_of(key).about
            current = self.controller.step in steps if not node else self.controller.step in steps and self._is_current(key)
            row.show_state(self.controller, state, line, tip, current)

    def _is_current(self, node: str) -> bool:
        shared = [key for key, kind in NODES.items() if self.controller.step in kind.steps]
        return len(shared) == 1 or self.controller.node == node

    @Slot(str)
    def _chosen_changed(self, key: str) -> None:
        self.refresh()

    @Slot(str, QPoint)
    def _menu(self, key: str, where: QPoint) -> None:
        menu = QMenu(self)
        for step in NODES[key].steps if key in NODES else (key,):
            menu.addAction(step_of(step).title).setData(("step", step))
        if key in self.controller.project.keys:
            menu.addSeparator()
            menu.addAction("Show").setData(("show", key))
            menu.addAction("Export…").setData(("export", key))
        menu.triggered.connect(self._menu_chosen)
        menu.popup(where)

    def _menu_chosen(self, action) -> None:
        what, key = action.data()
        if what == "step":
            self.controller.show_step(key)
        elif what == "show":
            self.controller.show_node(key)
        else:
            self.controller.edit_params("export", {"node": key})
            self.controller.show_step("export")
