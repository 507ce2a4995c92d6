"""What a dropped file or folder is, and what its import can have filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError

EBSD_ENDINGS = (".ang", ".ctf", ".cpr", ".crc", ".oh5", ".h5oina", ".h5ebsd", ".osc")
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
    if any(ending in EBSD_ENDINGS for ending in inside) or _is_ebsd(names):
        return Guess("import-ebsd", {_file_field("import-ebsd"): names})
    if _is_volume(names):
        return Guess("import-ct", {_file_field("import-ct"): names})
    raise NmcError(
        f"{first.name} is neither a volume nor an orientation map that can be read here",
        "drop TIFF, HDF5, VTI or NRRD for CT, .ang, .ctf or HDF5 for EBSD, or a project (.nmc)",
    )


def _is_ebsd(names: list[str]) -> bool:
    from nmcstudio.io.ebsd.registry import probe

    return _known(probe, names)


def _is_volume(names: list[str]) -> bool:
    from nmcstudio.io.volumes.registry import probe

    return _known(probe, names)


def _known(probe: Any, names: list[str]) -> bool:
    try:
        probe(names)
    except NmcError:
        return False
    return True


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
