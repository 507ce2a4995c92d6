"""What the panels with a preview share: planes made beside the window, a preview of any step, and rows of buttons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.panels.live_preview import LivePreview
from nmcstudio.gui.panels.piece_colours import PieceColours
from nmcstudio.gui.panels.plane_store import PlaneStore, PlaneWishes
from nmcstudio.gui.widgets.choice_row import ChoiceRow


class Numbers(PlaneStore):
    """Planes that are their own index; plane 7 cannot be made, and plane 9 is not needed."""

    def __init__(self, wanted: Callable[[int, int], None]) -> None:
        super().__init__(wanted)
        self.made: list[tuple[int, int]] = []
        self.gate = Event()

    def work(self, axis: int, index: int) -> Callable[[Monitor], int] | None:
        def make(monitor: Monitor) -> int:
            self.gate.wait(20)
            if index == 7:
                raise NmcError("there is no plane 7", "take another")
            self.made.append((axis, index))
            return index

        return None if index == 9 else make


@pytest.fixture
def background(qtbot: Any) -> Iterator[Background]:
    made = Background()
    yield made
    made.close()


def test_of_each_axis_the_plane_looked_at_last_is_made(qtbot: Any, background: Background) -> None:
    wishes = PlaneWishes(background, "planes")
    store = Numbers(wishes.add)
    wishes.serve(store)
    for axis, index in ((0, 1), (0, 2), (1, 5), (0, 3), (2, 9)):
        wishes.add(axis, index)
    assert wishes.busy
    store.gate.set()
    qtbot.waitUntil(lambda: not wishes.busy)
    # The first was begun at once; of those that waited the latest comes first, and 2 was scrolled past.
    assert store.made == [(0, 1), (0, 3), (1, 5)]
    assert store.held(0, 3) == 3
    assert store.held(0, 2) is None
    with qtbot.waitSignal(wishes.failed) as failed:
        wishes.add(0, 7)
    assert "no plane 7" in str(failed.args[0])
    wishes.add(1, 6)
    qtbot.waitUntil(lambda: store.held(1, 6) == 6)


def test_planes_of_a_store_that_was_left_go_nowhere(qtbot: Any, background: Background) -> None:
    wishes = PlaneWishes(background, "planes")
    before, after = Numbers(wishes.add), Numbers(wishes.add)
    wishes.serve(before)
    wishes.add(0, 1)
    wishes.add(0, 2)
    wishes.serve(after)
    after.gate.set()
    wishes.add(0, 4)
    before.gate.set()
    qtbot.waitUntil(lambda: after.held(0, 4) == 4)
    assert before.held(0, 1) is None
    assert before.held(0, 2) is None
    assert after.made == [(0, 4)]


def test_a_store_keeps_what_was_made_last() -> None:
    store = PlaneStore(lambda axis, index: None)
    for index in range(200):
        store.put(0, index, index)
    kept = [index for index in range(200) if store.held(0, index) is not None]
    assert kept == list(range(kept[0], 200))
    assert 30 < len(kept) < 150


class Doubling(LivePreview):
    """Doubles a number beside the window."""

    key = "segment-ct"
    modes = ("off", "on")
    rest_ms = 1

    def _begin(self, value: int | None) -> None:
        self.value, self.factor, self.found, self.gate = value, 0, None, Event()

    def _follow(self, params: int) -> None:
        if params < 0:
            raise NmcError("the factor is negative", "take a positive one")
        self.factor, self.found = params, None
        self._rest()

    def _ask(self) -> None:
        value, factor, gate = self.value, self.factor, self.gate

        def work(monitor: Monitor) -> int:
            monitor.report(0.5, "half way")
            while not gate.wait(0.01):
                monitor.check()
            return value * factor

        if value is not None and self.found is None:
            self._work_beside(factor, work, "Doubling")

    def _take(self, answer: int) -> None:
        self.found = answer
        self._show()

    def layers(self) -> tuple[()]:
        return ()

    def words(self) -> str:
        return self.trouble


def test_a_preview_follows_stops_and_goes_on(qtbot: Any, controller: Any) -> None:
    live = Doubling(controller)
    said: list[Any] = []
    live.working.connect(said.append)
    live.follow(3)
    assert not live.is_working, "there is no input yet"
    live.begin(7)
    live.follow(3)
    assert live.is_working
    qtbot.waitUntil(lambda: any(each is not None and each.message == "half way" for each in said))
    live.stop()
    assert said[-1] is None
    assert not live.is_working
    live.gate.set()
    qtbot.wait(30)
    assert live.found is None, "what was cancelled does not come"
    live.resume()
    qtbot.waitUntil(lambda: live.found == 21)
    live.follow(-1)
    assert live.words() == "the factor is negative: take a positive one"
    live.follow(4)
    assert live.words() == ""
    qtbot.waitUntil(lambda: live.found == 28)
    live.begin(None)
    assert not live.has_input
    with pytest.raises(ValueError, match="no view"):
        live.set_mode("upside down")


def test_a_group_of_pieces_has_the_colour_of_its_largest() -> None:
    colours = PieceColours(np.array([0, 5, 9, 2, 7]))
    alone = colours.words(np.array([0, 1, 2, 3, 4]))
    assert len(set(alone[1:].tolist())) == 4
    joined = colours.words(np.array([0, 1, 1, 2, 2]))
    np.testing.assert_array_equal(joined[1:], alone[[2, 2, 4, 4]])


def test_one_button_of_a_row_is_down(qtbot: Any) -> None:
    row = ChoiceRow([("One", "the first"), ("Two", "the second")])
    qtbot.addWidget(row)
    told: list[int] = []
    row.chosen.connect(told.append)
    row.button(1).click()
    assert (row.current, told) == (1, [1])
    row.choose(0)
    assert [button.isChecked() for button in row.buttons()] == [True, False]
    assert told == [1], "what the program chooses it knows"
