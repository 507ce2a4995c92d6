"""What the views are made of, loaded in a worker before the first of them is wanted."""

from __future__ import annotations

from importlib import import_module

from nmcstudio.core.monitor import Monitor

NAMES = (
    "pyqtgraph", "pyvista", "scipy.ndimage", "h5py", "nmcstudio.gui.views.area", "nmcstudio.gui.views.plots",
    "nmcstudio.gui.views.tables", "nmcstudio.gui.widgets.scenario", "nmcstudio.gui.widgets.label_tools",
    "nmcstudio.gui.views.viewport", "nmcstudio.gui.panels.segment_ct", "nmcstudio.imaging.segmenter",
    "nmcstudio.io.volumes.registry",
)  # fmt: skip


def load_libraries(monitor: Monitor) -> tuple[str, ...]:
    """Import them all; a second or two at the first time, nothing after that."""
    for name in NAMES:
        monitor.check()
        import_module(name)
    return NAMES
