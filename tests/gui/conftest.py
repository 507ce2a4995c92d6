"""Qt for the tests: one collector in the GUI thread, a recovery folder and settings of their own."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nmcstudio.pipeline import registry

sys.path.insert(0, str(Path(__file__).parent))

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


@pytest.fixture
def quick_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """import-ct and segment-ct do what a test wants (`doubles`), everywhere in the program."""
    import doubles

    for step in (doubles.MAKE, doubles.SPLIT):
        name = f"nmcstudio.pipeline.steps.{step.key.replace('-', '_')}"
        # Other steps may use what stands beside a STEP.
        beside = vars(import_module(name)) | {"STEP": step}
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**beside))  # type: ignore[misc]
    registry.step.cache_clear()
    yield
    registry.step.cache_clear()


@pytest.fixture
def controller(qtbot: Any, quick_steps: None) -> Iterator[Any]:
    """A controller with an empty project and quick steps."""
    from nmcstudio.gui.controller import Controller

    made = Controller()
    yield made
    made.close()
