"""Projects on disk: one HDF5 file, written beside and renamed, so that a kill at any moment leaves the old or the new file."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.version import VERSION
from nmcstudio.io.files import check_place, replacing_hdf5
from nmcstudio.project import codec
from nmcstudio.project.lock import alone
from nmcstudio.project.migrations import SCHEMA, migrate
from nmcstudio.project.nodes import NODES
from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record, from_facts

FORMAT = "nmcstudio/project"

# what h5py, json and the data types raise on a file that is damaged
_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError)


class ChangedElsewhere(NmcError):
    """Another program has saved the project's file since it was opened."""


class _InFile:
    """A value that stays in the project file until somebody asks for it."""

    in_file = True

    def __init__(self, path: Path, key: str, digest: str) -> None:
        self.path = path
        self.key = key
        self.digest = digest
        self._value: Any = None

    def __call__(self) -> Any:
        if self._value is None:
            import h5py

            try:
                with h5py.File(self.path, "r") as file:
                    stored = file[f"nodes/{self.key}"]
                    if json.loads(stored["facts"][()])["digest"] != self.digest:
                        raise NmcError(f"{self.path} was changed by another program", "open the project again")
                    self._value = codec.read(stored["value"])
            except _DAMAGE as error:
                raise _unreadable(self.path, error) from error
        return self._value


def _unreadable(path: Path, error: Exception) -> NmcError:
    return NmcError(f"{path} cannot be read as a project ({error})", "restore a copy, or look in the recovery folder (Help menu)")


def open_project(path: Path | str) -> Project:
    """Read a project. Values stay in the file until they are used.

    Raises
    ------
    NmcError
        If the file is missing, is not a project, is damaged, or was written by a newer version.
    """
    import h5py

    path = Path(path)
    if not path.exists():
        raise NmcError(f"{path} does not exist", "check the name, or make one with: nmcstudio new PROJECT.nmc")
    if path.is_dir():
        raise NmcError(f"{path} is a folder", "give a project file (.nmc)")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise NmcError(f"{path} is an HDF5 file, but not a project", "import it with import-ct or import-ebsd")
            schema = int(file.attrs["schema"])
            if schema > SCHEMA:
                raise NmcError(
                    f"{path} was written by a newer version of nmcstudio ({file.attrs.get('version', '?')})",
                    "update nmcstudio to open it",
                )
            head = migrate(json.loads(file["head"][()]), schema)
            project = Project(seed=int(head["seed"]))
            project.revision = str(file.attrs.get("revision", ""))
            project._params = head["params"]
            project.view = head["view"]
            project.scenarios = head["scenarios"]
            project.outputs = head["outputs"]
            for key in NODES:
                if f"nodes/{key}" in file:
                    facts = json.loads(file[f"nodes/{key}/facts"][()])
                    project._records[key] = from_facts(facts, _InFile(path, key, facts["digest"]))
    except NmcError:
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    project.path = path
    project.changed = False
    return project


def save_project(
    project: Project, path: Path | str | None = None, *, autosave: bool = False, monitor: Monitor | None = None
) -> Path:
    """Write a project to its file, or to another.

    An autosave leaves the project's own path and its unsaved mark as they are, and bears the revision that it builds on. With a
    monitor the writing can be cancelled; the old file then stands as it was.

    Raises
    ------
    ChangedElsewhere
        If another program has saved the project's file since it was opened; that file is then untouched.
    NmcError
        If the project has no path yet, or the place cannot be written; the old file is then untouched.
    """
    target = Path(path) if path is not None else project.path
    if target is None:
        raise NmcError("the project has no file yet", "save it under a name")
    check_place(target)
    revision = project.revision if autosave else uuid.uuid4().hex
    with alone(target):
        if not autosave and target == project.path and _changed_elsewhere(project):
            raise ChangedElsewhere(
                f"{target} was saved by another program since it was opened", "save under another name, or open it again"
            )
        with replacing_hdf5(target) as file:
            _write(file, project, revision, monitor or Monitor())
    if not autosave:
        project.path = target
        project.revision = revision
        project.changed = False
        _let_go_of_memory(project, target)
    return target


def _changed_elsewhere(project: Project) -> bool:
    """True if another program has saved the project's file since it was opened or saved here."""
    import h5py

    if project.path is None or not project.path.exists():
        return False
    try:
        with h5py.File(project.path, "r") as file:
            return bool(file.attrs.get("revision", "") != project.revision)
    except _DAMAGE as error:
        raise _unreadable(project.path, error) from error


def _write(file: Any, project: Project, revision: str, monitor: Monitor) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["schema"] = SCHEMA
    file.attrs["version"] = VERSION
    file.attrs["revision"] = revision
    head = {
        "seed": project.seed,
        "params": {step: project.params(step) for step in project.steps_with_params},
        "view": project.view,
        "scenarios": project.scenarios,
        "outputs": project.outputs,
    }
    file["head"] = json.dumps(head, ensure_ascii=False)
    for number, key in enumerate(project.keys):
        monitor.report(number / len(project.keys), f"{NODES[key].title}, {number + 1} of {len(project.keys)}")
        _write_node(file, key, project.record(key), monitor)


def _write_node(file: Any, key: str, record: Record, monitor: Monitor) -> None:
    import h5py

    group = file.create_group(f"nodes/{key}")
    group["facts"] = json.dumps(record.facts(), ensure_ascii=False)
    stored = record.load
    if isinstance(stored, _InFile) and stored.path.exists():
        with h5py.File(stored.path, "r") as source:
            same = f"nodes/{key}/value" in source and json.loads(source[f"nodes/{key}/facts"][()])["digest"] == record.digest
            if same:
                source.copy(f"nodes/{key}/value", group, "value")
                return
    codec.write(group, "value", record.load(), monitor.check)


def _let_go_of_memory(project: Project, target: Path) -> None:
    """Values that were loaded stay; those that never were are now read from the new file."""
    for key in project.keys:
        record = project.record(key)
        if isinstance(record.load, _InFile) and record.load.path != target:
            value = record.load._value
            load = Held(value) if value is not None else _InFile(target, key, record.digest)
            project._records[key] = record.with_load(load)
