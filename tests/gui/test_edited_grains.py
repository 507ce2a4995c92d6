"""Colours of grains that are edited by hand follow their orientations."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.ipf import ipf_colours
from nmcstudio.crystal.quaternions import random_orientations
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.label_editing import LabelEditing
from nmcstudio.gui.views.edited_content import EditedContent
from nmcstudio.gui.views.store import ContentStore, make_content
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.imaging.grains import segment_grains
from nmcstudio.imaging.label_orientations import Orientations
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.label_session import LabelSession
from nmcstudio.project.codec import digest
from nmcstudio.project.nodes import summarise
from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record


def record_of(value: Any, step: str) -> Record:
    return Record(
        digest=digest(value), step=step, params={}, inputs={}, seed=1, seconds=0.0, peak_rss_mib=0.0, version="0",
        created="2026-01-01T00:00:00+00:00", summary=summarise(value), load=Held(value),
    )  # fmt: skip


def test_ipf_colours_follow_an_act_and_its_undo() -> None:
    truth = np.broadcast_to(np.repeat([0, 1, 2], 8), (4, 8, 24))
    nan = np.full(truth.shape, np.nan)
    stack = EbsdStack(
        quaternions=random_orientations(3, np.random.default_rng(1))[truth], phase=np.ones(truth.shape, np.uint8),
        phases=(Phase("NMC", "-3m"),), quality=nan, confidence=nan, observed=np.ones(truth.shape, bool), spacing_um=(1, 1, 1),
    )  # fmt: skip
    grains = segment_grains(stack, GrainSettings(min_voxels=5))
    project = Project()
    project.put("ebsd", record_of(stack, "import-ebsd"))
    project.put("grains", record_of(grains, "segment-ebsd"))
    session = LabelSession("grains", project.record("grains"), None, project.record("ebsd"))
    content = make_content("grains", {"grains": grains}, Monitor())
    edited = EditedContent(session, project)

    def colours(content: Any) -> np.ndarray:
        return next(layer.table for layer in content.layers if layer.key == "ipf-z")

    first = colours(content)
    act = session.act(project.record("grains"), {"split": [[2, 10.0, 4.0, 2.0, 14.0, 4.0, 2.0]]}, "split")
    content, _ = edited.follow(content)
    assert len(colours(content)) == 5
    np.testing.assert_array_equal(colours(content), ipf_colours(session.volume.quaternions, "-3m", "z"))
    np.testing.assert_array_equal(colours(content)[4], first[2])
    session.act(act.after, {"merge": [[1, 3]]}, "merge")
    content, _ = edited.follow(content)
    np.testing.assert_array_equal(colours(content), ipf_colours(session.volume.quaternions, "-3m", "z"))
    session.follow_map(None)
    assert session.editor.orientations is None


def test_orientations_of_a_cut_are_looked_for_beside_the_window(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The act is the command's; what takes long never runs in the window's thread."""
    truth = np.broadcast_to(np.repeat([0, 1, 2], 8), (4, 8, 24))
    nan = np.full(truth.shape, np.nan)
    stack = EbsdStack(
        quaternions=random_orientations(3, np.random.default_rng(2))[truth], phase=np.ones(truth.shape, np.uint8),
        phases=(Phase("NMC", "-3m"),), quality=nan, confidence=nan, observed=np.ones(truth.shape, bool), spacing_um=(1, 1, 1),
        grain_ids=np.where(truth < 2, 1, 2).astype(np.uint32),
    )  # fmt: skip
    grains = segment_grains(stack, GrainSettings(min_voxels=5))
    threads = []
    whole = Orientations._clusters

    def watched(self: Orientations, *rest: Any) -> Any:
        threads.append(threading.current_thread())
        return whole(self, *rest)

    monkeypatch.setattr(Orientations, "_clusters", watched)
    controller = Controller()
    controller.project.put("ebsd", record_of(stack, "import-ebsd"))
    controller.project.put("grains", record_of(grains, "segment-ebsd"))
    editing = LabelEditing.of(controller)
    said: list[str] = []
    editing.refused.connect(said.append)
    editing.split_by_orientation(1, 2)
    qtbot.waitUntil(lambda: len(controller.history.commands) == 1, timeout=30_000)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
    command = run("edit-labels", {"grains": grains, "ebsd": stack}, on="grains", split_orientation=((1, 2),))
    assert controller.project.record("grains").digest == digest(command)
    editing.split_by_orientation(2, 2)  # one orientation only
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert "no 2 different orientations" in said[0]
    assert len(controller.history.commands) == 1
    ContentStore.of(controller).close()
    controller.close()
