"""What a dropped file or folder is, and what its import can have filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError

EBSD_ENDINGS = (".ang", ".ctf", ".cpr", ".crc", ".oh5", ".h5oina", ".edaxh5", ".h5ebsd", ".dream3d", ".osc")
MODEL_STEPS = {"nmcstudio/shell-model": "import-shell-model", "nmcstudio/grain-model": "import-grain-model"}


@dataclass(frozen=True)
class Guess:
    """What to do with dropped paths: "open" a project, or a step with parameters to start from."""

    what: str
    values: dict[str, Any] = field(default_factory=dict)


def guess(paths: Sequence[str | Path]) -> Guess:
    """Look into dropped files; takes milliseconds to a second, reads no volume.

    Raises
    ------
    NmcError
        If no importer knows the files.
    """
    files = [Path(path) for path in paths]
    first = files[0]
    if first.suffix.lower() == ".nmc":
        return Guess("open", {"path": str(first)})
    if first.suffix.lower() == ".json":
        return _model(first)
    if first.suffix.lower() == ".csv":
        head = first.read_text(encoding="utf-8", errors="replace")[:400]
        tessellation = head.startswith(("# laguerre", "# gbpd"))
        step = "import-tessellation" if tessellation else "import-radii"
        return Guess(step, {_file_field(step): _file_value(step, [str(first)])})
    names = [str(file) for file in files]
    inside = [file.suffix.lower() for file in (sorted(first.iterdir()) if first.is_dir() else files)]
    if any(ending in EBSD_ENDINGS for ending in inside):
        return Guess("import-ebsd", {_file_field("import-ebsd"): names})
    return _probed(names, inside)


def _probed(names: list[str], endings: list[str]) -> Guess:
    """What the readers of maps and volumes make of the content."""
    from nmcstudio.io.ebsd.registry import probe as probe_map
    from nmcstudio.io.volumes.registry import SUFFIXES
    from nmcstudio.io.volumes.registry import probe as probe_volume

    said = []
    for step, probe in (("import-ebsd", probe_map), ("import-ct", probe_volume)):
        try:
            probe(names)
        except NmcError as error:
            said.append(error)
        else:
            return Guess(step, {_file_field(step): names})
    if any(ending in SUFFIXES for ending in endings) and not any(ending.startswith(".h") for ending in endings):
        # Named like a volume: what its reader says is to the point.
        error = NmcError(said[-1].message, said[-1].hint)
    else:
        error = NmcError(
            f"{Path(names[0]).name} is neither a volume nor an orientation map that can be read here",
            "drop TIFF, TXM, HDF5, VTI, NRRD, MetaImage, VGI, RAW, DICOM or OME-Zarr for CT, "
            ".ang, .ctf, .cpr with .crc, .h5oina, .dream3d, other HDF5 or a table with column names for EBSD, "
            "or a project (.nmc)",
        )
    for each in (f"File: {names[0]}", f"As an orientation map: {said[0]}", f"As a volume: {said[1]}"):
        error.add_note(each)
    raise error


def _model(file: Path) -> Guess:
    import json

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NmcError(f"{file.name} is not JSON ({error})", "drop a model that was exported") from error
    kind = content.get("format") if isinstance(content, dict) else None
    if kind not in MODEL_STEPS:
        raise NmcError(f"{file.name} is no model of this program", f"its format must be one of {', '.join(MODEL_STEPS)}")
    step = MODEL_STEPS[kind]
    return Guess(step, {_file_field(step): _file_value(step, [str(file)])})


def _file_field(step: str) -> str:
    """Name of the parameter that takes the files of an import."""
    from nmcstudio.core.params import extra_of
    from nmcstudio.pipeline.registry import step as step_of

    for name, declared in step_of(step).params.model_fields.items():
        if extra_of(declared).get("widget") in ("files", "file"):
            return name
    raise NmcError(f"{step} takes no files", "choose another import")


def _file_value(step: str, names: list[str]) -> Any:
    from nmcstudio.core.params import extra_of
    from nmcstudio.pipeline.registry import step as step_of

    declared = step_of(step).params.model_fields[_file_field(step)]
    many = extra_of(declared).get("widget") == "files"
    return names if many and declared.annotation is not str else names[0]
