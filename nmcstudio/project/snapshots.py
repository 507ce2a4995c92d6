"""Copies of a project for a worker that writes it while the project itself goes on."""

from __future__ import annotations

from dataclasses import dataclass

from nmcstudio.project.project import Project
from nmcstudio.project.record import Record


def snapshot(project: Project) -> Project:
    """A second project with the same records, to be written by a worker while the first one goes on."""
    copy = Project(project.seed)
    copy.path = project.path
    copy.revision = project.revision
    copy.view = dict(project.view)
    copy.scenarios = dict(project.scenarios)
    copy.outputs = dict(project.outputs)
    for step in project.steps_with_params:
        copy.set_params(step, project.params(step))
    for key in project.keys:
        copy.put(key, project.record(key))
    return copy


@dataclass(frozen=True)
class Saving:
    """A save under way: the copy that is written, and the records that stood in the project when it began."""

    copy: Project
    records: dict[str, Record]


def begin_save(project: Project) -> Saving:
    """Take a copy to be written. From here on `project.changed` speaks of what the copy does not have."""
    saving = Saving(snapshot(project), {key: project.record(key) for key in project.keys})
    project.changed = False
    return saving


def end_save(project: Project, saving: Saving) -> None:
    """Tell a project that its copy is written: it has that file now, and reads from it what it has not read yet."""
    project.path = saving.copy.path
    project.revision = saving.copy.revision
    for key, record in saving.records.items():
        if project._records.get(key) is record:
            project._records[key] = saving.copy.record(key)
