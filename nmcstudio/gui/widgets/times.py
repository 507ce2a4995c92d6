"""Seconds and bytes in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """ "40 s", "3 min 20 s", "1 h 5 min"."""
    if seconds < 0.95:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def memory(mib: float) -> str:
    """ "312 MB", "3.1 GB"."""
    megabytes = mib * 1.048576
    if megabytes < 1:
        return "under 1 MB"
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


def left(seconds: float | None) -> str:
    """Time to the end, rounded so that it does not flicker."""
    if seconds is None:
        return ""
    rounded = seconds if seconds < 10 else 5 * round(seconds / 5) if seconds < 120 else 30 * round(seconds / 30)
    return f"{duration(max(rounded, 1))} left"
