"""One call beside the thread that waits for it."""

from __future__ import annotations

import threading
import time

import pytest

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import beside


def test_cancelling_does_not_wait_for_a_call_that_cannot_be_interrupted() -> None:
    monitor, end = Monitor(), threading.Event()
    threading.Timer(0.05, monitor.cancel).start()
    started = time.monotonic()
    try:
        with pytest.raises(Cancelled):
            beside(lambda: end.wait(20), monitor)
        assert time.monotonic() - started < 5
    finally:
        end.set()


def test_results_and_errors_come_back() -> None:
    assert beside(lambda: 7, Monitor()) == 7

    def refuse() -> None:
        raise NmcError("no", "so", "field")

    with pytest.raises(NmcError, match="no: so") as caught:
        beside(refuse, Monitor())
    assert caught.value.field == "field"
