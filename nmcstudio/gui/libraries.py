"""What the views are made of, loaded in a worker before the first of them is wanted."""

from __future__ import annotations

from importlib import import_module

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.colours import make_label_tables
from nmcstudio.gui.views.opengl import has_opengl

NAMES = (
    "pyqtgraph", "pyvista", "scipy.ndimage", "h5py", "nmcstudio.gui.views.area", "nmcstudio.gui.views.plots",
    "nmcstudio.gui.views.tables", "nmcstudio.gui.widgets.scenario", "nmcstudio.gui.widgets.label_tools",
    "nmcstudio.imaging.segmenter", "nmcstudio.imaging.align", "nmcstudio.io.volumes.registry",
)  # fmt: skip
LABELS = 1 << 15  # up to this one the colours of labels are made ready


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
