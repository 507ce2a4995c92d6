"""The command `nmcstudio`: arguments, exit codes and the one-line error."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.threads import configure_threads
from nmcstudio.core.version import VERSION

OTHER_COMMANDS = {
    "gui": "open the window",
    "demo": "the main job on the bundled sample",
    "new": "make an empty project",
    "run": "run a recipe",
    "show": "what is in a project",
    "segment-blocks": "particles of a volume larger than memory",
}


_SMALL_OR_LARGE = re.compile(r"-\d*\.?\d+[eE][-+]?\d{1,3}")


class _Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        # Scripts would hold on to abbreviations, and the next option that begins like one would break them.
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> None:  # type: ignore[override]
        raise NmcError(message, f"see {self.prog} --help")


def _common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for every command")
    group.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print the result's summary as one JSON object"
    )
    group.add_argument("--seed", type=int, default=argparse.SUPPRESS, help="seed of the project's random streams")
    group.add_argument("--threads", type=int, default=argparse.SUPPRESS, help="number of threads")
    group.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS, help="no progress, no words for people")


def _parser(command: str | None) -> argparse.ArgumentParser:
    """Parser of all commands; only the options of `command` are filled in, so that one command imports one step."""
    from nmcstudio.cli.options import add_options
    from nmcstudio.pipeline.registry import KEYS, step

    parser = _Parser(prog="nmcstudio", description="From CT and EBSD images to simulation-ready virtual cathode particles.")
    parser.add_argument("--version", action="version", version=f"nmcstudio {VERSION}")
    _common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for key in KEYS:
        about = step(key).title if command in (None, key) else ""
        sub = commands.add_parser(key, help=about, description=step(key).about if command == key else "")
        if command == key:
            sub.add_argument("project", type=Path, metavar="PROJECT.nmc")
            add_options(sub, step(key).params)
        _common(sub)
    for name, about in OTHER_COMMANDS.items():
        sub = commands.add_parser(name, help=about, description=about)
        _common(sub)
        if name == "gui":
            sub.add_argument("project", type=Path, nargs="?", metavar="PROJECT.nmc")
        elif name == "demo":
            sub.add_argument("--output", type=Path, default=Path("demo-output"), metavar="FOLDER", help="where the results go")
            sub.add_argument("--no-window", action="store_true", help="leave pictures instead of opening the window")
        elif name == "segment-blocks":
            if command == name:
                from nmcstudio.pipeline.block_segmentation import STEP

                sub.description = STEP.about
                add_options(sub, STEP.params)
        elif name == "run":
            sub.add_argument("recipe", type=Path, metavar="RECIPE.yaml")
            sub.add_argument("-o", "--output", type=Path, metavar="PROJECT.nmc", help="project file (default: the recipe's name)")
            sub.add_argument(
                "-D", "--define", action="append", default=[], metavar="NAME=VALUE", help="value of a recipe's variable"
            )
        else:
            sub.add_argument("project", type=Path, metavar="PROJECT.nmc")
    return parser


def _parse(argv: list[str]) -> argparse.Namespace:
    """Arguments of the command, wherever its options stand.

    Raises
    ------
    NmcError
        For wrong use.
    """
    from nmcstudio.cli.options import files_field
    from nmcstudio.pipeline.registry import KEYS, step

    # argparse takes -1e3 for an option and -1000 for a number.
    words = [format(Decimal(word), "f") if _SMALL_OR_LARGE.fullmatch(word) else word for word in argv]
    command = next((word for word in words if word in KEYS or word in OTHER_COMMANDS), None)
    parser = _parser(command)
    arguments, left = parser.parse_known_args(words)
    if left and not any(word.startswith("-") for word in left):
        # argparse fills a positional argument that may be absent before the first option; what follows belongs to it.
        files = files_field(step(command).params) if command in KEYS else None
        if files is not None:
            setattr(arguments, files, [*getattr(arguments, files, []), *left])
            left = []
        elif command == "gui" and arguments.project is None and len(left) == 1:
            arguments.project, left = Path(left[0]), []
    if left:
        raise NmcError(f"not understood: {' '.join(left)}", f"see nmcstudio {command} --help")
    return arguments


def _dispatch(arguments: argparse.Namespace) -> None:
    from nmcstudio.cli import execute

    command = arguments.command
    seed = getattr(arguments, "seed", None)
    as_json, quiet = hasattr(arguments, "json"), hasattr(arguments, "quiet")
    if seed is not None and seed < 0:
        raise NmcError(f"--seed {seed} is negative", "give a whole number of 0 or more")
    if command in (None, "gui"):
        from nmcstudio.gui.app import main as open_window

        project = getattr(arguments, "project", None)
        sys.exit(open_window([str(project)] if project else []))
    elif command == "demo":
        from nmcstudio.cli.demo import run_demo

        run_demo(arguments.output, window=not arguments.no_window, as_json=as_json, quiet=quiet)
    elif command == "new":
        execute.new(arguments.project, seed=seed, as_json=as_json, quiet=quiet)
    elif command == "show":
        execute.show(arguments.project, as_json=as_json)
    elif command == "segment-blocks":
        execute.segment_blocks(arguments, as_json=as_json, quiet=quiet)
    elif command == "run":
        variables = execute.variables_of(arguments.define)
        execute.run_recipe(arguments.recipe, arguments.output, variables, seed=seed, as_json=as_json, quiet=quiet)
    else:
        from nmcstudio.cli.options import values_of
        from nmcstudio.pipeline.registry import step

        values = values_of(arguments, step(command).params)
        execute.run_step(command, arguments.project, values, seed=seed, as_json=as_json, quiet=quiet)


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 bad input, 3 the computation failed, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # "µm" on a terminal or in a pipe that has no µ.
        sys.stdout.reconfigure(errors="replace")
    try:
        arguments = _parse(sys.argv[1:] if argv is None else argv)
        threads = getattr(arguments, "threads", None)
        if threads is not None and threads < 1:
            raise NmcError(f"--threads {threads} is too small", "give 1 or more")
        configure_threads(threads)
        _dispatch(arguments)
    except ComputationError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 3
    except NmcError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except MemoryError:
        print("error: not enough memory: take a smaller region or larger voxels, or close other programs", file=sys.stderr)
        return 3
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has gone; Python would complain again while it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}: check the name, free space and permissions", file=sys.stderr)
        return 2
    except (Cancelled, KeyboardInterrupt):
        print("interrupted, the project is as it was", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()
        print("error: this is a fault of nmcstudio: please report it with the lines above", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
