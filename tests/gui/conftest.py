"""Qt for the tests: one collector in the GUI thread, a recovery folder and settings of their own."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("gui")
            if item.get_closest_marker("viewport") and not os.environ.get("DISPLAY"):
                item.add_marker(pytest.mark.skip(reason="draws with VTK inside Qt: run under xvfb-run"))


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NMCSTUDIO_RECOVERY", str(tmp_path / "recovery"))
    monkeypatch.setenv("NMCSTUDIO_SETTINGS", str(tmp_path / "settings.ini"))
    # Python's collector may run in a worker and destroy Qt objects there; the program collects in the GUI thread only.
    gc.disable()
    yield
    gc.collect()
    gc.enable()
