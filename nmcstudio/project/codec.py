"""Any of the program's data types to and from an HDF5 group, and to a digest.

A value is a frozen dataclass of `nmcstudio.core`, or what such a class is made of: arrays, numbers, texts, None, and
tuples and dicts of these. One walk over the fields serves storage and digest, so that two values with the same digest are
the same bytes in a project file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from nmcstudio.core import comparison, ebsd, grains, meshes, particles, shells, volume
from nmcstudio.project.digests import ArrayDigest, is_large

_LARGE = 32 << 20  # bytes of arrays that are looked at before they are packed
_CHUNK = (32, 128, 128)  # values of a packed volume that are read together
_SAMPLES, _SAMPLE = 16, 1 << 16  # slabs of a large array and values of each that are tried

_MODULES = (volume, ebsd, meshes, shells, grains, particles, comparison)


@cache
def _types() -> dict[str, type]:
    found: dict[str, type] = {}
    for module in _MODULES:
        for name, value in vars(module).items():
            if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__:
                found[name] = value
    return found


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, str | bool | int | float):
        return True
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return False


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def write(group: Any, name: str, value: Any, check: Callable[[], None] = lambda: None) -> None:
    """Write `value` below the h5py group `group` under `name`.

    Parameters
    ----------
    check
        Called between parts of large arrays; it may raise to end the writing.

    Raises
    ------
    TypeError
        For a value that is none of the program's data types.
    """
    value = _plain(value)
    if isinstance(value, np.ndarray):
        # Labels and masks shrink several times at little cost; the noise of a scan hardly does, and would take half a minute.
        packing = value.nbytes > 4096 and (value.nbytes < _LARGE or _packs_well(value))
        packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if packing else {}
        if value.size and value.ndim == 3 and packed:
            packed["chunks"] = tuple(min(n, m) for n, m in zip(value.shape, _CHUNK))
        if not value.ndim or value.nbytes < _LARGE:
            group.create_dataset(name, data=value, **packed)
            return
        stored = group.create_dataset(name, shape=value.shape, dtype=value.dtype, **packed)
        # Whole chunks at a time: none is packed twice.
        step = max(1, _LARGE * len(value) // value.nbytes // _CHUNK[0]) * _CHUNK[0]
        for start in range(0, len(value), step):
            check()
            stored[start : start + step] = value[start : start + step]
        return
    child = group.create_group(name)
    if _is_plain(value):
        child.attrs["type"] = "json"
        child.create_dataset("value", data=json.dumps(value, ensure_ascii=False))
    elif dataclasses.is_dataclass(value) and type(value).__name__ in _types():
        child.attrs["type"] = type(value).__name__
        for field in dataclasses.fields(value):
            write(child, field.name, getattr(value, field.name), check)
    elif isinstance(value, tuple | list):
        child.attrs["type"] = "tuple"
        child.attrs["length"] = len(value)
        for index, item in enumerate(value):
            write(child, str(index), item, check)
    elif isinstance(value, dict):
        child.attrs["type"] = "dict"
        for key, item in value.items():
            write(child, key, item, check)
    else:
        raise TypeError(f"{type(value).__name__} is not a type that a project can hold")


def _packs_well(value: np.ndarray[Any, Any]) -> bool:
    """True if a few slabs of a large array lose at least a third of their bytes."""
    step = max(1, len(value) // _SAMPLES)
    slabs = [np.ascontiguousarray(value[k : k + 1]).reshape(-1)[:_SAMPLE] for k in range(step // 2, len(value), step)]
    bytes_of = [np.ascontiguousarray(slab.view(np.uint8).reshape(-1, value.itemsize).T).tobytes() for slab in slabs]
    return 3 * sum(len(zlib.compress(one, 1)) for one in bytes_of) < 2 * sum(map(len, bytes_of))


def read(item: Any) -> Any:
    """The value that `write` wrote, from its h5py group or dataset. Fields that a newer version added take their defaults."""
    import h5py

    if isinstance(item, h5py.Dataset):
        return item[()]
    kind = item.attrs["type"]
    if kind == "json":
        return _tuples(json.loads(item["value"][()]))
    if kind == "tuple":
        return tuple(read(item[str(index)]) for index in range(int(item.attrs["length"])))
    if kind == "dict":
        return {key: read(item[key]) for key in item}
    known = _types()[kind]
    names = {field.name for field in dataclasses.fields(known)}
    return known(**{key: read(item[key]) for key in item if key in names})


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def digest(value: Any, known: Mapping[int, bytes] | None = None) -> str:
    """SHA-256 of a value's content: equal for equal bytes, types and shapes, whatever made it.

    Parameters
    ----------
    known
        `id` of large arrays inside the value to their `ArrayDigest`, so that they need not be read again.
    """
    state = hashlib.sha256()
    _feed(state, value, known or {})
    return state.hexdigest()


def _feed(state: Any, value: Any, known: Mapping[int, bytes]) -> None:
    value = _plain(value)
    if isinstance(value, np.ndarray):
        state.update(f"a{value.dtype.str}{value.shape}".encode())
        if is_large(value):
            state.update(known.get(id(value)) or ArrayDigest(value).value())
            return
        contiguous = np.ascontiguousarray(value)
        state.update(contiguous.data.cast("B") if contiguous.size else b"")
    elif _is_plain(value):
        state.update(b"j" + json.dumps(value, sort_keys=True, ensure_ascii=False).encode())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        state.update(f"d{type(value).__name__}".encode())
        for field in dataclasses.fields(value):
            state.update(field.name.encode())
            _feed(state, getattr(value, field.name), known)
    elif isinstance(value, dict):
        state.update(f"m{len(value)}".encode())
        for key in sorted(value):
            state.update(key.encode())
            _feed(state, value[key], known)
    elif isinstance(value, tuple | list):
        state.update(f"t{len(value)}".encode())
        for item in value:
            _feed(state, item, known)
    else:
        raise TypeError(f"{type(value).__name__} has no digest")
