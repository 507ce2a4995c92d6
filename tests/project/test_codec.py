"""How arrays are stored: packed where that pays, and the same bytes again in any case."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.project import codec


def test_large_arrays_are_packed_only_where_that_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_LARGE", 100_000)
    rng = np.random.default_rng(3)
    labels = np.repeat(np.repeat(rng.integers(0, 500, (40, 12, 12)), 8, axis=1), 8, axis=2).astype(np.uint16)
    noise = rng.integers(0, 256, (40, 96, 96)).astype(np.uint8)
    half = np.where(np.arange(40)[:, None, None] < 20, noise, 0).astype(np.uint8)
    arrays = {"labels": labels, "noise": noise, "small": noise[:2], "half": half, "mask": noise > 250, "wide": noise / 7.0}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, value in arrays.items():
            codec.write(file, name, value)
        packed = {name for name in arrays if file[name].compression is not None}
        for name, value in arrays.items():
            assert codec.digest(codec.read(file[name])) == codec.digest(value)
    assert packed == {"labels", "small", "half", "mask", "wide"}
