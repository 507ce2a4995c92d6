"""All comparisons of the sections of a stack, in threads, with each section prepared once and kept while it is needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads
from nmcstudio.imaging.section_shift import Matching, Section, SectionShift, find_shift, prepare_section

# Sections that agree at fewer points say nothing about their shift (ends of a particle, empty sections).
LEAST_POINTS = 25
_AT_A_TIME = 8
_PREPARED, _MATCHED = 0.2, 0.5  # shares of the time after the two first parts


def compare_sections(
    stack: EbsdStack, numbers: Sequence[int], reach: int, matching: Matching, monitor: Monitor
) -> dict[tuple[int, int], SectionShift]:
    """Shift between each section and its `reach` next ones.

    Parameters
    ----------
    stack
        Sections.
    numbers
        Those to compare, ascending.
    reach
        How many following ones each is compared with.
    matching
        How two of them are compared.
    monitor
        Its `partial` is the drift (y, x) in um so far, from neighbours alone, ``(n, 2)``.

    Returns
    -------
    Shifts by places in `numbers`, the lower one first.
    """
    edges = np.asarray(stack.spacing_um[1:])
    sections: dict[int, Section] = {}
    found: dict[tuple[int, int], SectionShift] = {}
    so_far = [np.zeros(2)]
    for start in range(0, len(numbers), _AT_A_TIME):
        stop = min(start + _AT_A_TIME, len(numbers))
        part = monitor.sub(start / len(numbers), stop / len(numbers))
        places = range(start, stop)
        sections = {place: section for place, section in sections.items() if place >= start - reach}
        made = in_threads(
            lambda place: prepare_section(stack, numbers[place], matching), places, part.sub(0, _PREPARED), "looking at sections"
        )
        sections |= dict(zip(places, made))
        held = sections

        def match(pair: tuple[int, int], held: dict[int, Section] = held) -> SectionShift:
            a, b = pair
            # Further ones lie where those between them say, more or less.
            guess = None if b == a + 1 else tuple(((so_far[b] - so_far[a]) / edges).tolist())
            return find_shift(held[a], held[b], matching, guess)

        next_ones = [(place - 1, place) for place in places if place > 0]
        shifts = in_threads(match, next_ones, part.sub(_PREPARED, _MATCHED), "comparing sections")
        found |= dict(zip(next_ones, shifts))
        for shift in shifts:
            moved = shift.shift if shift.points >= LEAST_POINTS else (0.0, 0.0)
            so_far.append(so_far[-1] + np.array(moved) * edges)
        part.report(_MATCHED, "comparing sections", partial=np.array(so_far))
        further = [(place - d, place) for place in places for d in range(2, reach + 1) if place >= d]
        found |= dict(zip(further, in_threads(match, further, part.sub(_MATCHED, 1.0), "comparing sections")))
    return found
