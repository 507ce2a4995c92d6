"""nmcstudio: from CT and EBSD images to simulation-ready virtual cathode particles.

``nmcstudio.run("fit-shell", {"radii": radii}, degree=15)`` runs any step of the program on plain values and returns its
result; the window, the command line and recipes call the same function. The rooms of the library (``nmcstudio.shell``,
``nmcstudio.grains``, …) hold the functions behind the steps.
"""

from __future__ import annotations

from typing import Any

from nmcstudio.core.version import VERSION as __version__

__all__ = ["__version__", "run", "steps"]


def __getattr__(name: str) -> Any:
    # Imported on first use: `import nmcstudio` has to stay fast and must not need a display.
    if name in ("run", "steps"):
        from nmcstudio.pipeline import direct

        return getattr(direct, name)
    raise AttributeError(f"module 'nmcstudio' has no attribute {name!r}")
