"""RAW: any layout, guesses, and the file beside it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.raw_guess import guess_layouts
from nmcstudio.io.volumes.raw_layout import RawLayout, Sidecar, read_sidecar, sidecar_path, write_sidecar
from nmcstudio.io.volumes.registry import probe, read_volume, remember_layout
from tests.io.volumes.samples import smooth

LAYOUTS = st.builds(
    RawLayout,
    shape=st.tuples(st.integers(1, 7), st.integers(1, 6), st.integers(1, 5)),
    dtype=st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]),
    byte_order=st.sampled_from(["little", "big"]),
    offset=st.integers(0, 70),
    axis_order=st.sampled_from(["zyx", "zxy", "yzx", "yxz", "xzy", "xyz"]),
    row_padding=st.integers(0, 9),
    slice_padding=st.integers(0, 20),
)


@settings(max_examples=60, deadline=None)
@given(layout=LAYOUTS, seed=st.integers(0, 2**32 - 1), data=st.data())
def test_any_raw_layout_is_read_as_it_was_written(tmp_path_factory: Any, layout: RawLayout, seed: int, data: Any) -> None:
    """Written voxel by voxel in plain Python; read whole, and any crop of it."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 100, layout.shape).astype(layout.dtype)
    lengths = dict(zip("zyx", layout.shape))
    slow, middle, fast = layout.axis_order
    order = ">" if layout.byte_order == "big" else "<"
    code = order + {"uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q",
                    "int64": "q", "float32": "f", "float64": "d"}[layout.dtype]  # fmt: skip
    written = bytearray(rng.integers(0, 256, layout.offset).astype(np.uint8).tobytes())
    for a in range(lengths[slow]):
        for b in range(lengths[middle]):
            for c in range(lengths[fast]):
                place = {slow: a, middle: b, fast: c}
                written += struct.pack(code, values[place["z"], place["y"], place["x"]].item())
            written += bytes(layout.row_padding)
        written += bytes(layout.slice_padding)
    folder = tmp_path_factory.mktemp("raw µ")
    path = folder / "a.raw"
    path.write_bytes(bytes(written))
    said = {f"raw_{name}": value for name, value in layout.__dict__.items()}
    found = read_volume(path, 0.1, ReadOptions(**said))
    assert found.values.dtype == layout.dtype
    assert np.array_equal(found.values, values)
    write_sidecar(path, Sidecar(layout, (0.3, 0.2, 0.1), (1.0, 2.0, 3.0)))
    crop = tuple(data.draw(st.integers(low, high)) for n in layout.shape for low, high in ((0, n - 1),))
    box = tuple(v for low, n in zip(crop, layout.shape) for v in (low, data.draw(st.integers(low + 1, n))))
    again = read_volume(path, options=ReadOptions(crop=box))  # type: ignore[arg-type]
    assert np.array_equal(again.values, values[box[0] : box[1], box[2] : box[3], box[4] : box[5]])
    assert again.spacing_um == (0.3, 0.2, 0.1)
    path.write_bytes(bytes(written[: layout.end - 1]))
    with pytest.raises(NmcError) as raised:
        read_volume(path)
    assert raised.value.field == ("raw_shape" if layout.end > 1 else "files")


def test_the_layout_is_asked_for_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "scan.bin"
    values = smooth((20, 30, 40), "uint16")
    path.write_bytes(values.tobytes())
    info = probe(path)
    assert (info.shape, info.format, info.missing[0].field) == ((0, 0, 0), "RAW", "raw_shape")
    with pytest.raises(NmcError, match="no header") as raised:
        read_volume(path, 0.1)
    assert raised.value.field == "raw_shape"
    with pytest.raises(NmcError, match="type of its values") as raised:
        read_volume(path, 0.1, ReadOptions(raw_shape=(20, 30, 40)))
    assert raised.value.field == "raw_dtype"
    with pytest.raises(NmcError, match="voxel size") as raised:
        read_volume(path, options=ReadOptions(raw_shape=(20, 30, 40), raw_dtype="uint16"))
    said = ReadOptions(raw_shape=(20, 30, 40), raw_dtype="uint16", axis_order="yxz")
    volume = read_volume(path, (0.1, 0.2, 0.3), said)
    remember_layout(path, said, volume.spacing_um, Monitor())
    content = json.loads(sidecar_path(path).read_text())
    assert (content["format"], content["shape"], content["spacing_um"]) == ("nmcstudio/raw-layout", [20, 30, 40], [0.2, 0.3, 0.1])
    again = read_volume(path)
    assert np.array_equal(again.values, values)
    assert again.spacing_um == (0.2, 0.3, 0.1)
    assert read_sidecar(path) == Sidecar(RawLayout((20, 30, 40), "uint16"), (0.2, 0.3, 0.1))
    sidecar_path(path).write_text('{"format": "nmcstudio/raw-layout", "version": 1, "shape": [1, 2]}')
    with pytest.raises(NmcError, match=r"scan\.bin\.raw\.json"):
        probe(path)


def test_a_raw_file_with_too_much_and_in_the_wrong_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "scan_30x20x12.raw"
    values = smooth((12, 20, 30), "uint16")
    path.write_bytes(bytes(64) + values.astype(">u2").tobytes())
    info = probe(path, ReadOptions(raw_shape=(12, 20, 30), raw_dtype="uint16", raw_offset=64))
    assert any("as big-endian" in one for one in info.warnings)
    info = probe(path, ReadOptions(raw_shape=(12, 20, 30), raw_dtype="uint16", raw_byte_order="big"))
    assert any("64 bytes more" in one for one in info.warnings)


@pytest.mark.parametrize(
    ("name", "dtype", "order", "offset"),
    [
        ("scan_23x31x47.raw", "uint8", "<", 0),
        ("47x31x23 uint16.raw", "uint16", "<", 0),
        ("Probe_23x31x47_16bit_be.raw", "uint16", ">", 0),
        ("a_23_31_47_float32.raw", "float32", "<", 128),
        ("23x31x47.raw", "int16", "<", 512),
    ],
)
def test_guesses_from_name_size_and_neighbours(tmp_path: Path, name: str, dtype: str, order: str, offset: int) -> None:
    """The true layout stands first, whatever order the name gives the axes in."""
    values = smooth((47, 31, 23), dtype)
    values = values - 9000 if dtype == "int16" else values
    (tmp_path / name).write_bytes(bytes(offset) + values.astype(values.dtype.newbyteorder(order)).tobytes())  # type: ignore[arg-type]
    best = guess_layouts(tmp_path / name)[0]
    assert (best.shape, best.dtype, best.byte_order, best.offset) == (
        (47, 31, 23),
        dtype,
        "big" if order == ">" else "little",
        offset,
    )
    assert probe(tmp_path / name).guesses[0] == best


def test_a_guess_without_numbers_in_the_name(tmp_path: Path) -> None:
    values = smooth((20, 128, 128), "uint16")
    (tmp_path / "scan.raw").write_bytes(values.tobytes())
    best = guess_layouts(tmp_path / "scan.raw")[0]
    assert (best.shape, best.dtype, best.byte_order) == ((20, 128, 128), "uint16", "little")
