"""Menus and toolbar of a window, made from its actions."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QSize, Qt, Slot
from PySide6.QtWidgets import QSizePolicy, QToolBar, QWidget

from nmcstudio.gui.settings import forget_projects, recent_projects
from nmcstudio.gui.workflow import LANES

TOOLBAR = (("new", "open", "save"), ("undo", "redo"), ("run", "finish", "cancel"), ("slices", "3d", "both", "compare"),
           ("screenshot",))  # fmt: skip


class Menus(QObject):
    """Builds them once; the lists of recent projects and of steps are filled when they open."""

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self.window = window
        actions = window.actions_
        bar = window.menuBar()
        menus = {name: bar.addMenu(name) for name in ("File", "Edit", "Steps", "Run", "View", "Help")}
        for name, menu in menus.items():
            menu.addActions(actions.of_menu(name))
        self._recent = menus["File"].addMenu("Recent projects")
        menus["File"].insertMenu(actions["save"], self._recent)
        for name in ("save", "sample", "quit"):
            menus["File"].insertSeparator(actions[name])
        self._steps = menus["Steps"]
        self._steps.aboutToShow.connect(self._fill_steps)
        self._recent.aboutToShow.connect(self._fill_recent)
        menus["View"].addSeparator()
        for dock in window.docks.values():
            menus["View"].addAction(dock.toggleViewAction())
        window.addToolBar(self._toolbar())

    def _toolbar(self) -> QToolBar:
        actions = self.window.actions_
        toolbar = QToolBar("Toolbar", self.window)
        toolbar.setObjectName("toolbar")
        toolbar.setMovable(False)
        toolbar.setIconSize(QSize(20, 20))
        for group in TOOLBAR:
            for name in group:
                toolbar.addAction(actions[name])
            toolbar.addSeparator()
        for name in ("run", "finish", "cancel"):
            toolbar.widgetForAction(actions[name]).setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        spring = QWidget()
        spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        toolbar.addWidget(spring)
        toolbar.addAction(actions["manual"])
        return toolbar

    @Slot()
    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in recent_projects():
            action = self._recent.addAction(path.name)
            action.setToolTip(str(path))
            action.triggered.connect(lambda checked=False, path=path: self.window.documents.open(path))
        self._recent.addSeparator()
        self._recent.addAction("Forget them").triggered.connect(forget_projects)

    @Slot()
    def _fill_steps(self) -> None:
        from nmcstudio.pipeline.registry import all_steps

        self._steps.clear()
        for lane, title in LANES:
            self._steps.addSection(title)
            for step in all_steps():
                if step.lane == lane:
                    action = self._steps.addAction(step.title)
                    action.setToolTip(step.about)
                    action.triggered.connect(lambda checked=False, key=step.key: self.window.controller.show_step(key))
