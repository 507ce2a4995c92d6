"""What a running fit lets its watchers see."""

from __future__ import annotations

from typing import Any

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import ShellBootstrap
from nmcstudio.shell.em import MixtureFit
from nmcstudio.shell.selection import Curves
from nmcstudio.shell.uncertainty import Replicates


class LiveFit:
    """Hands the state of a fit to a monitor as a partial result.

    A dict with "log_likelihood" (list, what the run at hand maximises, after each step), "spectra" ``(K, L + 1)``, "means" and
    "shares" ``(K,)``; as soon as they are known, "components" and "degrees" (each with "bic" and "held_out", number to value)
    and "bootstrap" (with "done", "asked", and standard errors and intervals of the spectra, "low" and "high" ``(K, L + 1)``).
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._state: dict[str, Any] = {}

    def __call__(self, fit: MixtureFit) -> None:
        """Show a mixture on its way."""
        self._show(log_likelihood=list(fit.history), spectra=fit.spectra_um2, means=fit.means_um, shares=fit.shares)

    def components(self, curves: Curves) -> None:
        """Show BIC and held-out likelihood against K so far."""
        self._show(components={"bic": dict(curves.bic), "held_out": dict(curves.held_out)})

    def degrees(self, curves: Curves) -> None:
        """Show BIC and held-out likelihood against L."""
        self._show(degrees={"bic": dict(curves.bic), "held_out": dict(curves.held_out)})

    def replicates(self, found: Replicates, asked: int) -> None:
        """Show the refits of the bootstrap so far."""
        low, high = ShellBootstrap.interval(found.spectra_um2)
        self._show(bootstrap={"done": len(found), "asked": asked, "low": low, "high": high})

    def _show(self, **news: Any) -> None:
        self._state = self._state | news
        self._monitor.report(None, partial=self._state)
