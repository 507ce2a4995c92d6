"""The plots of a shell model, fitted and on its way, from what a real fit reports."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import ShellModel
from nmcstudio.gui.views.content_shell_model import curve_plots, live_plots, shell_model_content
from nmcstudio.gui.views.plot_data import LiveCurves, plot_csv
from nmcstudio.shell.directions import gauss_legendre_grid
from nmcstudio.shell.fit import fit_shell
from tests.shell.shell_data import mixture, simulate


@pytest.fixture(scope="module")
def watched() -> tuple[ShellModel, list[dict]]:
    seen: list[dict] = []
    radii, _ = simulate(mixture(3), 60, gauss_legendre_grid(12, 24).directions, 2)
    monitor = Monitor(lambda progress: seen.append(progress.partial) if progress.partial else None, interval_s=0)
    model = fit_shell(radii, degree=3, starts=2, bootstrap=4, compare_methods=True, rng=np.random.default_rng(0), monitor=monitor)
    return model, seen


def test_every_state_of_a_fit_can_be_drawn(watched: tuple[ShellModel, list[dict]]) -> None:
    model, seen = watched
    live = LiveCurves()
    live.start("fit-shell")
    for partial in seen:
        live.add(partial)
        plots = {plot.key: plot for plot in live.plots()}
        assert {"live-log_likelihood", "power-spectra", "live-shares"} <= set(plots)
        for plot in plots.values():
            assert all(series.x.shape == series.y.shape for series in plot.series)
            assert plot_csv(plot)
    assert {"bic-components", "held-out-components", "bic-degree"} <= set(plots)
    assert "4 of 4" in plots["power-spectra"].title
    assert len(plots["power-spectra"].series) == 2 * len(model.components)
    live.start("segment-ct")
    assert not live.plots()


def test_result_says_how_it_came_about(watched: tuple[ShellModel, list[dict]]) -> None:
    model, _ = watched
    content = shell_model_content({"shell-model": model}, Monitor())
    keys = [plot.key for plot in content.plots]
    assert keys[:2] == ["mean-radius-mixture", "power-spectra"]
    assert {"bic-components", "held-out-components", "bic-degree", "held-out-degree"} <= set(keys)
    chosen = next(plot for plot in content.plots if plot.key == "bic-components").series[-1]
    assert (chosen.x.tolist(), chosen.y.tolist()) == ([len(model.components)], [1.0])
    for words in ("measurement error", "em-nugget", "published", "rejected", "4 of 4 refits"):
        assert words in content.note
    titles = [column.title for column in content.table.columns]
    assert {"Share", "± share", "± share, bootstrap", "Rejected"} <= set(titles)


def test_a_typed_model_shows_what_it_has() -> None:
    content = shell_model_content({"shell-model": mixture(4)}, Monitor())
    assert [plot.key for plot in content.plots] == ["mean-radius-mixture", "power-spectra"]
    assert "± share" not in [column.title for column in content.table.columns]


def test_curves_count_from_the_best() -> None:
    bic, held = curve_plots("components", {"1": 10.0, "2": 4.0, "3": 7.0}, {"1": -9.0, "2": -2.0, "3": -1.5}, 2)
    assert bic.series[0].y.tolist() == [7.0, 1.0, 4.0]
    assert held.series[0].y.tolist() == [8.5, 1.5, 1.0]
    assert "Best: 2" in bic.caption
    assert "Best: 3" in held.caption
    assert curve_plots("degree", {"3": 1.0}, {}, 3) == []
    assert live_plots({"agreement": 1.0}) == ()
