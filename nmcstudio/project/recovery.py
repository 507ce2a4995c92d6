"""Autosave into a recovery folder, offered at the next start."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import psutil

from nmcstudio.io.files import replacing
from nmcstudio.project.project import Project
from nmcstudio.project.shelf import SUFFIX
from nmcstudio.project.store import open_project, save_project


def recovery_folder() -> Path:
    """Where autosaves stand; NMCSTUDIO_RECOVERY names another place."""
    return Path(os.environ.get("NMCSTUDIO_RECOVERY") or platformdirs.user_state_path("nmcstudio") / "recovery")


@dataclass(frozen=True)
class Recovered:
    """An autosave that its program did not come back for."""

    file: Path
    original: Path | None
    saved_at: float


def autosave(project: Project, folder: Path | None = None) -> Path:
    """Write a copy of the project for this process; the project itself stays as it is."""
    folder = folder or recovery_folder()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{os.getpid()}.nmc"
    save_project(project, file, autosave=True)
    note = {"pid": os.getpid(), "original": str(project.path) if project.path else "", "saved_at": time.time()}
    with replacing(file.with_suffix(".json")) as part:
        part.write_text(json.dumps(note), encoding="utf-8")
    return file


def forget(folder: Path | None = None) -> None:
    """Remove this process's autosave, after a save or a clean end, and what crashed programs kept for undo."""
    folder = folder or recovery_folder()
    file = folder / f"{os.getpid()}.nmc"
    for kept in folder.glob(f"*{SUFFIX}"):
        if not psutil.pid_exists(int(kept.name.partition("-")[0])):
            kept.unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    file.with_suffix(".json").unlink(missing_ok=True)


def left_behind(folder: Path | None = None) -> list[Recovered]:
    """Autosaves whose program does not run any more, newest first."""
    folder = folder or recovery_folder()
    found = []
    for note in folder.glob("*.json") if folder.is_dir() else ():
        facts = json.loads(note.read_text(encoding="utf-8"))
        file = note.with_suffix(".nmc")
        if file.exists() and not psutil.pid_exists(int(facts["pid"])):
            found.append(Recovered(file, Path(facts["original"]) if facts["original"] else None, float(facts["saved_at"])))
    return sorted(found, key=lambda each: -each.saved_at)


def recover(recovered: Recovered) -> Project:
    """Open an autosave under its original path, marked as changed.

    Raises
    ------
    NmcError
        If the autosave cannot be read.
    """
    project = open_project(recovered.file)
    for key in project.keys:
        project.value(key)
    project.path = recovered.original
    project.changed = True
    return project


def discard(recovered: Recovered) -> None:
    """Remove an autosave for good."""
    recovered.file.unlink(missing_ok=True)
    recovered.file.with_suffix(".json").unlink(missing_ok=True)
