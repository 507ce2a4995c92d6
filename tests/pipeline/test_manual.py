"""Every step has a page whose parameters are those of its declaration, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nmcstudio.core.params import extra_of
from nmcstudio.pipeline.manual import page, write_manual
from nmcstudio.pipeline.registry import KEYS, step


@pytest.mark.parametrize("key", KEYS)
def test_every_step_has_a_page_with_all_its_parameters(key: str) -> None:
    text = page(key)
    assert "{{" not in text
    for name, field in step(key).params.model_fields.items():
        assert field.title, name
        assert field.description, f"{key}.{name} has no help"
        assert field.title in text
        if extra_of(field).get("widget") != "files":
            assert f"`--{name.rstrip('_').replace('_', '-')}`" in text


def test_links_between_pages_lead_somewhere(tmp_path: Path) -> None:
    written = {file.name for file in write_manual(tmp_path)}
    for name in written:
        for target in re.findall(r"\]\(([^)#]+)\)", (tmp_path / name).read_text(encoding="utf-8")):
            assert (tmp_path / target).exists(), (name, target)
    assert {f"{key}.md" for key in KEYS} <= written


def test_commands_in_the_manual_are_commands(tmp_path: Path) -> None:
    for file in write_manual(tmp_path):
        for key in re.findall(r"`nmcstudio ([a-z-]+) PROJECT", file.read_text(encoding="utf-8")):
            assert key in KEYS
