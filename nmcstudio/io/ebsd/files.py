"""Which files make one map or stack: folders, lists, order, gaps and formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from nmcstudio.core.errors import NmcError
from nmcstudio.io.ebsd import ang, apex_h5, bruker_h5, crc, ctf, dream3d, edax_h5, h5oina, labdct_h5, nmcstudio_h5, table
from nmcstudio.io.ebsd.raw import Format
from nmcstudio.io.files import natural_key

FORMATS: tuple[Format, ...] = (
    ang.FORMAT,
    ctf.FORMAT,
    crc.FORMAT,
    h5oina.FORMAT,
    dream3d.FORMAT,
    nmcstudio_h5.FORMAT,
    labdct_h5.FORMAT,
    edax_h5.FORMAT,
    bruker_h5.FORMAT,
    apex_h5.FORMAT,
    table.FORMAT,
)
SUFFIXES = frozenset(suffix for known in FORMATS for suffix in known.suffixes)
_KNOWN = ".ang, .ctf, .cpr with .crc, .h5oina, .dream3d, Bruker, EDAX or LabDCT HDF5, or a table with column names (.txt, .csv)"


@dataclass(frozen=True)
class ChosenFiles:
    """The files of a map or stack, in natural order, their common format, and those of the folder that are no part of it."""

    files: tuple[Path, ...]
    format: Format
    passed_over: tuple[str, ...] = ()


def find_files(paths: str | Path | Iterable[str | Path]) -> ChosenFiles:
    """The map files behind what the user chose.

    Parameters
    ----------
    paths
        A file, files, or a folder; other kinds of files in a folder are passed over.

    Raises
    ------
    NmcError
        If something is missing, of no known or of several formats, or if several volumes are given.
    """
    given = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not given:
        raise NmcError("no files are chosen", f"choose a map, the maps of a stack, or their folder ({_KNOWN})", "files")
    files: list[Path] = []
    passed_over: list[str] = []
    for path in given:
        if path.is_dir():
            inside, others = _maps_inside(path)
            files += inside
            passed_over += others
        elif path.exists():
            files.append(path)
        else:
            raise NmcError(f"there is no file {path}", "check the path", "files")
    files = sorted({_header_of_pair(path) for path in files}, key=lambda path: natural_key(path.name))
    suffixes = sorted({path.suffix.lower() for path in files})
    if len(suffixes) > 1:
        counts = ", ".join(
            f"{sum(path.suffix.lower() == suffix for path in files)} {suffix or 'without ending'}" for suffix in suffixes
        )
        raise NmcError(f"these files are of different kinds ({counts})", "choose the files of one kind only", "files")
    found = format_of(files[0])
    if len(files) > 1 and not found.sections:
        raise NmcError(
            f"{len(files)} volumes are chosen, each of which is a map in three dimensions", "choose one of them", "files"
        )
    return ChosenFiles(tuple(files), found, tuple(sorted(passed_over, key=natural_key)))


def _maps_inside(folder: Path) -> tuple[list[Path], list[str]]:
    """Maps in a folder, and the names of all other files; tables of text count only where there is nothing else."""
    there = [child for child in folder.iterdir() if child.is_file() and not child.name.startswith(".")]
    maps = [child for child in there if child.suffix.lower() in SUFFIXES - set(table.FORMAT.suffixes)]
    if not maps:
        maps = [child for child in there if child.suffix.lower() in table.FORMAT.suffixes and table.FORMAT.recognises(child)]
    if not maps:
        raise NmcError(f"{folder} has no orientation maps", f"choose a folder with {_KNOWN} files", "files")
    return maps, [child.name for child in there if child not in maps]


def _header_of_pair(path: Path) -> Path:
    """The .cpr of Oxford's two files, whichever was chosen."""
    return crc.pair(path)[0] if path.suffix.lower() in crc.FORMAT.suffixes else path


def format_of(path: Path) -> Format:
    """Format of one file, by its ending and, for HDF5, by what is inside.

    Raises
    ------
    NmcError
        If it is none that is known.
    """
    suffix = path.suffix.lower()
    for known in FORMATS:
        if suffix in known.suffixes and known.recognises(path):
            return known
    if suffix in table.FORMAT.suffixes:
        table.probe(path)  # raises, and says why it is no table of orientations
    if suffix in SUFFIXES:
        raise NmcError(
            f"{path.name} is an HDF5 file, but not of EDAX, Bruker, LabDCT or this program", "export it as .ang or .ctf", "files"
        )
    raise NmcError(f"{path.name} is no orientation map that is known here", f"choose {_KNOWN}", "files")


def missing_before(names: Sequence[str]) -> list[int]:
    """How many numbers are missing before each name of a numbered series; zeros if it is not numbered.

    The running number is the group of digits that changes most often, its regular step the most frequent difference: a
    series of every second slice has no gaps.
    """
    groups = [[int(digits) for digits in re.findall(r"\d+", name)] for name in names]
    none = [0] * len(names)
    if len(names) < 3 or not groups[0] or len({len(group) for group in groups}) != 1:
        return none
    changes = [sum(a[k] != b[k] for a, b in pairwise(groups)) for k in range(len(groups[0]))]
    place = changes.index(max(changes))
    steps = [b[place] - a[place] for a, b in pairwise(groups)]
    usual = max(set(steps), key=lambda step: (steps.count(step), -step))
    if usual <= 0 or any(step <= 0 or step % usual for step in steps):
        return none
    return [0] + [step // usual - 1 for step in steps]
