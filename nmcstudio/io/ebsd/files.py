"""Which files make one map or stack: folders, lists, order, gaps and formats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from nmcstudio.core.errors import NmcError
from nmcstudio.io.ebsd import ang, bruker_h5, ctf, edax_h5, labdct_h5, nmcstudio_h5
from nmcstudio.io.ebsd.raw import Format
from nmcstudio.io.files import natural_key

FORMATS: tuple[Format, ...] = (
    ang.FORMAT,
    ctf.FORMAT,
    nmcstudio_h5.FORMAT,
    labdct_h5.FORMAT,
    edax_h5.FORMAT,
    bruker_h5.FORMAT,
)
_SUFFIXES = {suffix for known in FORMATS for suffix in known.suffixes}
_KNOWN = ".ang, .ctf, Bruker, EDAX or LabDCT HDF5"


def find_files(paths: str | Path | Iterable[str | Path]) -> tuple[tuple[Path, ...], Format]:
    """The map files behind what the user chose, in natural order, and their common format.

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
    for path in given:
        if path.is_dir():
            inside = [child for child in path.iterdir() if child.is_file() and child.suffix.lower() in _SUFFIXES]
            if not inside:
                raise NmcError(f"{path} has no orientation maps", f"choose a folder with {_KNOWN} files", "files")
            files += [child for child in inside if not child.name.startswith(".")]
        elif path.exists():
            files.append(path)
        else:
            raise NmcError(f"there is no file {path}", "check the path", "files")
    files = sorted(set(files), key=lambda path: natural_key(path.name))
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
    return tuple(files), found


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
    if suffix in _SUFFIXES:
        raise NmcError(
            f"{path.name} is an HDF5 file, but not of EDAX, Bruker, LabDCT or this program", "export it as .ang or .ctf", "files"
        )
    raise NmcError(f"{path.name} is no orientation map that is known here", f"choose {_KNOWN}", "files")


def missing_before(files: tuple[Path, ...]) -> list[int]:
    """How many numbers are missing before each file of a numbered series; zeros if it is not numbered.

    The running number is the group of digits that changes most often, its regular step the most frequent difference: a
    series of every second slice has no gaps.
    """
    groups = [[int(digits) for digits in re.findall(r"\d+", path.stem)] for path in files]
    none = [0] * len(files)
    if len(files) < 3 or not groups[0] or len({len(group) for group in groups}) != 1:
        return none
    changes = [sum(a[k] != b[k] for a, b in pairwise(groups)) for k in range(len(groups[0]))]
    column = changes.index(max(changes))
    steps = [b[column] - a[column] for a, b in pairwise(groups)]
    usual = max(set(steps), key=lambda step: (steps.count(step), -step))
    if usual <= 0 or any(step <= 0 or step % usual for step in steps):
        return none
    return [0] + [step // usual - 1 for step in steps]
