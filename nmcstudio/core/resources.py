"""Where the files that come along with the program are: icons, styles, samples, recipes, manual."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def resource(name: str) -> Path:
    """Path of a bundled file or folder, for example ``"recipes/sample.yaml"``.

    Raises
    ------
    FileNotFoundError
        If it does not come along.
    """
    # Beside the package in a checkout, inside it once installed from a wheel.
    for root in (_PACKAGE.parent / "resources", _PACKAGE / "resources"):
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"nmcstudio has no bundled file {name!r}")
