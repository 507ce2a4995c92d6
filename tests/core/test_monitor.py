"""What the listener of running work hears."""

from __future__ import annotations

from nmcstudio.core.monitor import Monitor, Progress


def heard(interval_s: float = 60.0) -> tuple[Monitor, list[Progress]]:
    reports: list[Progress] = []
    return Monitor(reports.append, interval_s), reports


def test_counting_steps_does_not_bury_the_listener() -> None:
    monitor, reports = heard()
    for step in range(1000):
        monitor.report(step / 1000, f"exact EM, step {step}, log-likelihood {-57.5 + step:.1f}")
        monitor.report(step / 1000, f"fold {step % 5} of 5")
    assert [progress.message for progress in reports] == ["exact EM, step 0, log-likelihood -57.5", "fold 0 of 5"]
    monitor.report(1.0, "7 components")
    assert reports[-1].message == "7 components"


def test_a_partial_result_that_comes_too_soon_goes_with_the_next_call() -> None:
    monitor, reports = heard()
    monitor.report(0.25, "fitting")
    monitor.sub(0.2, 0.4).report(None, partial={"step": 1})
    monitor.report(None, partial={"step": 2})
    assert [progress.partial for progress in reports] == [None]
    monitor.report(0.5, "drawing")
    monitor.report(1.0)
    assert [progress.partial for progress in reports] == [None, {"step": 2}, None]


def test_a_partial_result_alone_leaves_the_bar_where_it_is() -> None:
    monitor, reports = heard(interval_s=0.0)
    monitor.report(0.5, "fitting")
    monitor.report(None, partial="state")
    monitor.report(None, "counting")
    assert [progress.fraction for progress in reports] == [0.5, 0.5, None]
