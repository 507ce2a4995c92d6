"""What the window remembers between sessions: theme, recent projects, folders, docks of an empty window."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from PySide6.QtCore import QSettings

RECENT_LIMIT = 8


def settings() -> QSettings:
    """The settings; NMCSTUDIO_SETTINGS names another file."""
    other = os.environ.get("NMCSTUDIO_SETTINGS")
    if other:
        return QSettings(other, QSettings.Format.IniFormat)
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "nmcstudio", "nmcstudio")


def recent_projects() -> list[Path]:
    """Projects that were open lately and still exist, newest first."""
    stored = settings().value("recent", [])
    names = [stored] if isinstance(stored, str) else list(stored or [])
    return [Path(name) for name in names if Path(name).exists()]


def remember_project(path: Path) -> None:
    """Put a project at the head of the recent ones."""
    path = Path(path).resolve()
    names = [str(path), *(str(each) for each in recent_projects() if each != path)]
    settings().setValue("recent", names[:RECENT_LIMIT])


def forget_projects() -> None:
    """Empty the list of recent projects."""
    settings().remove("recent")


def thumbnail_file(path: Path) -> Path:
    """Where the picture of a project for the welcome page stands."""
    import hashlib

    name = hashlib.sha256(str(Path(path).resolve()).encode()).hexdigest()[:24]
    folder = (
        Path(settings().fileName()).parent if os.environ.get("NMCSTUDIO_SETTINGS") else platformdirs.user_cache_path("nmcstudio")
    )
    return folder / "thumbnails" / f"{name}.png"


def last_folder() -> str:
    """Folder of the last file dialog."""
    return str(settings().value("folder", ""))


def remember_folder(path: Path | str) -> None:
    settings().setValue("folder", str(Path(path).parent))
