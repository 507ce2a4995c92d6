"""The manual: one page a step, the same text for the window and the web; parameters come from their declaration."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from nmcstudio.core.params import extra_of, option_name
from nmcstudio.core.resources import resource
from nmcstudio.pipeline.registry import KEYS, step

_MARK = "{{parameters}}"


def parameter_table(key: str) -> str:
    """Markdown table of a step's parameters: option, default, unit, meaning."""
    lines = ["| parameter | option | default | meaning |", "|---|---|---|---|"]
    for name, field in step(key).params.model_fields.items():
        extra = extra_of(field)
        option = "FILES" if extra.get("widget") == "files" else f"`{option_name(name)}`"
        default = "" if field.is_required() else field.get_default(call_default_factory=True)
        shown = extra.get("optional_text") or "none" if default is None else "" if default in ((), {}) else str(default)
        unit = f" {extra['unit']}" if extra.get("unit") and shown and default is not None else ""
        symbol = f" (symbol {extra['symbol']})" if extra.get("symbol") else ""
        meaning = f"{field.description or ''}{symbol}".replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {field.title} | {option} | {shown}{unit} | {meaning} |")
    return "\n".join(lines)


def page(name: str) -> str:
    """A page of the manual as Markdown; `name` is a step's key or the name of a general page.

    Raises
    ------
    FileNotFoundError
        If there is no such page.
    """
    text = resource(f"manual/{name}.md").read_text(encoding="utf-8")
    return text.replace(_MARK, parameter_table(name)) if _MARK in text else text


def write_manual(folder: Path) -> list[Path]:
    """Write all pages as Markdown for the web, with their parameter tables filled in and their pictures beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(resource("manual/screens"), folder / "screens", dirs_exist_ok=True)
    written = []
    for source in sorted(resource("manual").glob("*.md")):
        target = folder / source.name
        target.write_text(page(source.stem), encoding="utf-8")
        written.append(target)
    return written


if __name__ == "__main__":
    write_manual(Path(sys.argv[1]))
    missing = [key for key in KEYS if not (Path(sys.argv[1]) / f"{key}.md").exists()]
    sys.exit(f"no page for {', '.join(missing)}" if missing else 0)
