"""Options of every command come from the step's parameters, and go back to them."""

from __future__ import annotations

import argparse
from typing import Literal

import pytest

from nmcstudio.cli.options import add_options, values_of
from nmcstudio.core.errors import NmcError
from nmcstudio.core.params import Params, param


class Example(Params):
    files: tuple[str, ...] = param((), "Files", widget="files")
    spacing_um: tuple[float, ...] | None = param(None, "Voxel size", unit="um")
    components: int | Literal["auto"] = param("auto", "Components")
    method: Literal["em", "em-nugget"] = param("em", "Method")
    correct: bool = param(True, "Correct")
    as_: Literal["particles", "grains"] = param("particles", "As")
    merge: tuple[tuple[int, ...], ...] = param((), "Merge")
    scenario: dict[str, float] = param({}, "Scenario")
    sigma: float | None = param(4.0, "Sigma", ge=0)


def parse(*argv: str) -> Params:
    parser = argparse.ArgumentParser()
    add_options(parser, Example)
    return Example(**values_of(parser.parse_args(list(argv)), Example))


def test_nothing_given_is_all_defaults() -> None:
    assert parse() == Example()


def test_every_kind_of_option() -> None:
    given = parse(
        "/a.tif", "/b.tif", "--spacing-um", "0.4", "0.2,0.2", "--components", "7", "--method", "em-nugget", "--no-correct",
        "--as", "grains", "--merge", "1,2", "3,4,5", "--scenario", "rough=1.5", "size=2", "--sigma", "none",
    )  # fmt: skip
    assert given == Example(
        files=("/a.tif", "/b.tif"),
        spacing_um=(0.4, 0.2, 0.2),
        components=7,
        method="em-nugget",
        correct=False,
        as_="grains",
        merge=((1, 2), (3, 4, 5)),
        scenario={"rough": 1.5, "size": 2.0},
        sigma=None,
    )
    assert parse("--components", "auto").components == "auto"  # type: ignore[attr-defined]


def test_files_become_absolute(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    (name,) = parse("Größe µm.tif").files  # type: ignore[attr-defined]
    assert name == f"{tmp_path}/Größe µm.tif"


def test_a_pair_without_equals_says_how_to_write_it() -> None:
    with pytest.raises(NmcError, match=r"write --scenario rough=1\.2"):
        parse("--scenario", "rough")
