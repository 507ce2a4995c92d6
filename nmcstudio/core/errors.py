"""What can go wrong, in words a user can act on."""

from __future__ import annotations


class NmcError(Exception):
    """Bad input or a request that cannot be met.

    Parameters
    ----------
    message
        What happened.
    hint
        What to do about it.
    field
        Name of the parameter that is wrong, if it is one; the form shows the error there.
    """

    def __init__(self, message: str, hint: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[type, tuple[str, str, str | None]]:
        return type(self), (self.message, self.hint, self.field)


class ComputationError(NmcError):
    """The input was fine, and the computation failed all the same (no convergence, nothing found)."""


class Cancelled(Exception):
    """Raised by `Monitor.report` after somebody asked the work to stop."""
