"""Hand work on sections as parameters: typed, in recipes, refused in words."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from nmcstudio.cli.options import add_options, values_of
from nmcstudio.core.errors import NmcError
from nmcstudio.pipeline.registry import step
from nmcstudio.pipeline.steps.align_ebsd import AlignEbsdParams, hand_work, preflight
from nmcstudio.pipeline.validation import params_of

NUDGES = ((12, 0.4, -0.2), (13, 0.4, 0.0))


def typed(*words: str) -> AlignEbsdParams:
    parser = argparse.ArgumentParser()
    add_options(parser, AlignEbsdParams)
    values = values_of(parser.parse_args(words), AlignEbsdParams)
    return params_of(step("align-ebsd"), values)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "words",
    [["12: 0.4 -0.2; 13: 0.4 0"], ["13: 0.4 0", "12: 0.4 -0.2"], ["12:0.4,-0.2;13:4e-1,0"], ["12: 0.4 -0.2; 13: 0.4 0; 5: 0 0"]],
)
def test_nudges_are_typed_readably(words: list[str]) -> None:
    assert typed("--nudges", *words).nudges == NUDGES


def test_sections_to_leave_out_are_numbers_and_ranges() -> None:
    assert typed("--leave-out", "7", "3", "12-14").leave_out == (3, 7, 12, 13, 14)
    assert typed("--leave-out", "3 7,12-14").leave_out == (3, 7, 12, 13, 14)


def test_a_recipe_holds_what_the_record_says() -> None:
    given = AlignEbsdParams(nudges="12: 0.4 -0.2; 13: 0.4 0", leave_out="7", missing="interpolate")
    assert given.nudges == NUDGES
    assert AlignEbsdParams(**given.model_dump(mode="json")) == given
    assert hand_work(given) == ({11: (0.4, -0.2), 12: (0.4, 0.0)}, (6,))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"nudges": "12 0.4"}, "write section: down right"),
        ({"nudges": "12: 1 1; 12: 2 2"}, "section 12 stands in it twice"),
        ({"nudges": [[0, 1.0, 1.0]]}, "counted from 1"),
        ({"leave_out": "3 to 5"}, "write numbers and ranges"),
        ({"leave_out": [0]}, "counted from 1"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(NmcError, match=words):
        params_of(step("align-ebsd"), values)


def test_numbers_beyond_the_stack_are_problems_at_their_fields() -> None:
    facts = {"ebsd": {"shape": (10, 20, 20)}}
    problems = preflight(facts, AlignEbsdParams(nudges="12: 0.4 -0.2", leave_out="10-11")).problems
    assert [problem.field for problem in problems] == ["nudges", "leave_out"]
    assert not preflight(facts, AlignEbsdParams(nudges="1: 0.4 -0.2", leave_out="10")).problems
