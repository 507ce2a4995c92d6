"""What the views are made of, loaded in a worker before the first of them is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.colours import make_label_tables
from nmcstudio.gui.views.opengl import has_opengl

_QT = ("QtCore", "QtGui", "QtWidgets", "QtSvg", "QtTest")
_QT_3D = ("QtOpenGL", "QtOpenGLWidgets")
NAMES = (
    "pyqtgraph", "pyvista", "scipy.ndimage", "h5py", "nmcstudio.gui.views.area", "nmcstudio.gui.views.plots",
    "nmcstudio.gui.views.tables", "nmcstudio.gui.widgets.scenario", "nmcstudio.gui.widgets.label_tools",
    "nmcstudio.imaging.segmenter", "nmcstudio.imaging.align", "nmcstudio.io.volumes.registry",
)  # fmt: skip
LABELS = 1 << 15  # up to this one the colours of labels are made ready


def qt_classes() -> Iterator[str]:
    """Names of Qt's classes, each made by PySide as it is passed; for the GUI thread, before `load_libraries`.

    PySide makes a class when it is first asked for, and two threads that do so at once end the program: pyqtgraph asks for all of
    them while it is imported.
    """
    for name in (*_QT, *(_QT_3D if has_opengl() else ())):
        module = import_module(f"PySide6.{name}")
        for kind in dir(module):
            getattr(module, kind)
            yield kind


def load_libraries(monitor: Monitor) -> tuple[str, ...]:
    """Import them all; a second or two at the first time, nothing after that."""
    from nmcstudio.gui.panels.stack import SPECIAL  # which knows the controller, and that knows this module

    viewport = ("nmcstudio.gui.views.viewport",) if has_opengl() else ()
    names = (*NAMES, *viewport, *(f"nmcstudio.gui.panels.{module}" for module, _ in SPECIAL.values()))
    for name in names:
        monitor.check()
        import_module(name)
    make_label_tables(LABELS)
    return names
