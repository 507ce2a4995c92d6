"""The formats: which one a file, a folder or a choice of slices is of, and their headers, remembered while nothing changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from types import ModuleType

from nmcstudio.core.errors import NmcError
from nmcstudio.core.params import option_name
from nmcstudio.io.files import natural_key
from nmcstudio.io.volumes import dicom, hdf5, metaimage, nrrd, omezarr, raw, tiff, tiff_folder, txm, vgi, vti
from nmcstudio.io.volumes.info import Opened
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.raw_layout import sidecar_path

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
FORMATS: dict[str, ModuleType] = {
    "TIFF": tiff, "HDF5": hdf5, "VTI": vti, "NRRD": nrrd, "MetaImage": metaimage, "VGI": vgi, "TXM": txm, "DICOM": dicom,
    "OME-Zarr": omezarr, "RAW": raw,
}  # fmt: skip
SUFFIXES = tuple(suffix for module in FORMATS.values() for suffix in module.SUFFIXES)
KNOWN = "TIFF (stack or folder of slices), TXM, HDF5, VTI, NRRD, MetaImage, VGI, OME-Zarr, DICOM or RAW"
_KEPT = 8  # files whose headers are remembered
_RECENT: dict[tuple[tuple[Path, ...], ReadOptions], tuple[tuple[tuple[str, int, int], ...], Opened]] = {}
_LOCK = Lock()


def listed(paths: Paths) -> tuple[Path, ...]:
    """The files that were chosen. Raises `NmcError` (field "files") if there are none, or one is not there."""
    given = (paths,) if isinstance(paths, (str, os.PathLike)) else tuple(paths)
    if not given:
        raise NmcError("no file is chosen", f"choose {KNOWN}", "files")
    chosen = tuple(Path(p).expanduser() for p in given)
    for path in chosen:
        try:
            there = path.exists()
        except OSError as error:  # a folder that may not be entered, a name that is too long
            said = f"{path} cannot be reached ({error.strerror or error})"
            raise NmcError(said, "check the name, the folder and its permissions", "files") from error
        if not there:
            raise NmcError(f"there is no file {path}", "check the name and the folder", "files")
        if not (path.is_file() or path.is_dir()):  # opening a pipe waits for its writer, for ever
            raise NmcError(f"{path} is a device or a pipe, not a file", "save the data as a file first", "files")
        if len(chosen) > 1 and path.is_dir():
            raise NmcError(f"{path} is a folder among several files", "choose one folder, or the files themselves", "files")
    return chosen


def opened(chosen: tuple[Path, ...], options: ReadOptions) -> Opened:
    """Header and source of what was chosen; at once where none of its files has changed since the last time.

    Raises
    ------
    NmcError
        If it is no volume, or something is wrong with it.
    """
    touched = list(chosen)
    if chosen[0].is_dir():
        touched += sorted(chosen[0].iterdir())
    elif sidecar_path(chosen[0]).is_file():
        touched.append(sidecar_path(chosen[0]))
    key = (chosen, options)
    with _LOCK:
        found = _RECENT.pop(key, None)
    if found is None or found[0] != _stamps((*touched, *found[1].beside)):
        before = _stamps(touched)
        new = _opened(chosen, options)
        found = (before + _stamps(new.beside), new)
    with _LOCK:
        _RECENT[key] = found
        while len(_RECENT) > _KEPT:
            del _RECENT[next(iter(_RECENT))]
    return found[1]


def _stamps(files: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of files; of one that is gone, zeros."""
    facts = ((path, path.stat()) if path.exists() else (path, None) for path in files)
    return tuple((str(path), fact.st_mtime_ns, fact.st_size) if fact else (str(path), 0, 0) for path, fact in facts)


def _opened(chosen: tuple[Path, ...], options: ReadOptions) -> Opened:
    """Header and source of a file as its format says."""
    path = chosen[0]
    if len(chosen) > 1:
        slices = sorted(chosen, key=lambda p: natural_key(p.name))
        many: ModuleType = dicom if _head(path)[128:132] == b"DICM" else tiff_folder
        opened, known = many.open_volume(slices, options), many.OPTIONS
    elif path.is_dir() and not omezarr.is_zarr(path):
        slices = dicom.slices_in(path)
        many = dicom if slices else tiff_folder
        opened, known = many.open_volume(slices or tiff_folder.slices_in(path), options), many.OPTIONS
    else:
        module = omezarr if path.is_dir() else _module(path, options)
        opened, known = module.open_volume(path, options), module.OPTIONS
    unused = [option_name(name) for name in options.unused_by(known)]
    if unused:
        verbs = ("says", "is") if len(unused) == 1 else ("say", "are")
        said = f"{', '.join(unused)} {verbs[0]} nothing about {opened.info.format} and {verbs[1]} ignored"
        return replace(opened, info=replace(opened.info, warnings=(*opened.info.warnings, said)))
    return opened


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1024)


def _module(path: Path, options: ReadOptions) -> ModuleType:
    head = _head(path)
    if not head:
        raise NmcError(f"{path.name} is empty", "copy or export it again")
    for module in FORMATS.values():
        if module.recognizes(head):
            return module
    if head.startswith(b"PK") and omezarr.is_zarr(path):
        return omezarr
    if path.suffix.lower() in raw.SUFFIXES or options.says_raw or sidecar_path(path).is_file():
        return raw
    named = next((name for name, module in FORMATS.items() if path.suffix.lower() in module.SUFFIXES), "")
    text = b"\0" not in head
    what = (
        f"is named like {named} but holds {'text' if text else 'something else'}"
        if named
        else "is not a volume file that is known here"
    )
    raise NmcError(f"{path.name} {what}", f"choose {KNOWN}; a file without a header needs --raw-shape")
