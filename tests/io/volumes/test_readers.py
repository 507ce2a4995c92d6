"""What holds for every format of the registry; a reader without a sample fails here."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import FORMATS, open_volume, probe, read_labels, read_plane, read_volume
from nmcstudio.io.volumes.sources import whole
from tests.io.volumes.samples import ORIGIN, SAMPLES, SPACING

SHAPE = (9, 11, 13)
CASES = [(name, order, dtype) for name, one in SAMPLES.items() for order in one.orders for dtype in one.dtypes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people name them."""
    place = tmp_path / "Größe µm, neue Daten"
    place.mkdir()
    return place


def _values(dtype: str = "uint16") -> np.ndarray:
    rng = np.random.default_rng(3)
    if dtype.startswith("f"):
        return rng.normal(size=SHAPE).astype(dtype)
    low, high = (-900, 900) if dtype.startswith("i") else (1, 250 if dtype == "uint8" else 60000)
    return rng.integers(low, high, SHAPE).astype(dtype)


def _options(name: str, values: np.ndarray, **more: object) -> ReadOptions:
    said = SAMPLES[name].options(values, "<")
    return ReadOptions(**{**said.__dict__, **more})  # type: ignore[arg-type]


def test_every_reader_has_a_sample() -> None:
    assert set(SAMPLES) == set(FORMATS)


@pytest.mark.parametrize(("name", "order", "dtype"), CASES)
def test_values_size_and_place_come_back(folder: Path, name: str, order: str, dtype: str) -> None:
    sample, values = SAMPLES[name], _values(dtype)
    path = sample.write(folder, values, order)
    options = _options(name, values)
    info = probe(path, options)
    assert (info.format, info.shape, info.dtype, info.missing) == (name, SHAPE, dtype, ())
    volume = read_volume(path, None, options)
    assert volume.values.dtype == dtype
    assert volume.values.dtype.isnative
    assert np.array_equal(volume.values, values)
    assert volume.spacing_um == pytest.approx(sample.spacing, rel=1e-6)
    assert volume.origin_um == pytest.approx(sample.origin, abs=1e-9)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_crop_reads_its_part_and_moves_the_origin(folder: Path, name: str) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[-1])
    volume = read_volume(path, None, _options(name, values, crop=(2, 8, 3, 11, 5, 6)))
    assert np.array_equal(volume.values, values[2:8, 3:11, 5:6])
    size, start = SAMPLES[name].spacing, SAMPLES[name].origin
    assert size is not None
    assert volume.origin_um == pytest.approx([o + k * s for o, k, s in zip(start, (2, 3, 5), size)])
    # With another voxel size the crop begins elsewhere.
    given = read_volume(path, (1.0, 2.0, 3.0), _options(name, values, crop=(2, 8, 3, 11, 5, 6)))
    assert given.origin_um == pytest.approx([o + k * s for o, k, s in zip(start, (2, 3, 5), (1, 2, 3))])
    for bad in ((2, 2, 0, 1, 0, 1), (0, 10, 0, 1, 0, 1), (-1, 3, 0, 1, 0, 1)):
        with pytest.raises(NmcError, match="along z is not inside") as raised:
            read_volume(path, None, _options(name, values, crop=bad))
        assert raised.value.field == "crop"


@pytest.mark.parametrize("name", SAMPLES)
def test_planes_for_a_preview(folder: Path, name: str) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    options = _options(name, values, crop=(2, 4, 0, 3, 0, 3))
    assert np.array_equal(read_plane(path, "z", 8, options), values[8])
    assert np.array_equal(read_plane(path, "y", 4, options), values[:, 4])
    assert np.array_equal(read_plane(path, "x", 0, options), values[:, :, 0])
    with pytest.raises(NmcError, match="no plane 13 along x"):
        read_plane(path, "x", 13, options)


@pytest.mark.parametrize("name", SAMPLES)
def test_axes_that_the_file_gets_wrong(folder: Path, name: str) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    size, start = SAMPLES[name].spacing, SAMPLES[name].origin
    assert size is not None
    options = _options(name, values, axis_order="yxz", flip=("x",))  # what the file calls z is y, and so on
    volume = read_volume(path, None, options)
    expected = values.transpose(2, 0, 1)[:, :, ::-1]
    assert np.array_equal(volume.values, expected)
    assert volume.spacing_um == pytest.approx((size[2], size[0], size[1]))
    assert volume.origin_um == pytest.approx((start[2], start[0], start[1]))
    cut = read_volume(path, None, _options(name, values, axis_order="yxz", flip=("x",), crop=(1, 4, 2, 9, 0, 5)))
    assert np.array_equal(cut.values, expected[1:4, 2:9, 0:5])
    assert np.array_equal(read_plane(path, "y", 3, options), expected[:, 3])


@pytest.mark.parametrize("name", SAMPLES)
def test_labels_of_every_format(folder: Path, name: str) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[-1])
    labels = read_labels(path, None, _options(name, values))
    assert labels.labels.dtype == np.uint16
    assert np.array_equal(labels.labels, values)


@pytest.mark.parametrize("name", SAMPLES)
def test_any_box_is_the_same_as_a_part_of_the_whole(folder: Path, name: str) -> None:
    values, rng = _values(), np.random.default_rng(8)
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    opened, box = open_volume(path, _options(name, values))
    assert opened.source is not None
    assert box == whole(SHAPE)
    for _ in range(6):
        part = tuple(tuple(sorted(rng.choice(n + 1, 2, replace=False).tolist())) for n in SHAPE)
        assert np.array_equal(opened.source.read(part), values[tuple(slice(*ends) for ends in part)])  # type: ignore[arg-type]


def _file_with_voxels(name: str, path: Path) -> Path:
    kind = SAMPLES[name].data
    if kind == "folder":
        files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".z")]
        files = [file for file in files if not {"s1", "1"} & set(file.parts[-6:-3])]  # not level 1 and channel 1
        return max(files, key=lambda file: (file.stat().st_size, file.name))
    return next(path.parent.glob(f"*.{kind}")) if kind else path


@pytest.mark.parametrize("share", [0.05, 0.4, 0.8, 0.98])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_ends_too_early_is_one_clear_error(folder: Path, name: str, share: float) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    file = _file_with_voxels(name, path)
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(NmcError) as raised:
        read_volume(path, 0.1, _options(name, values))
    assert raised.value.field is not None
    assert raised.value.hint


@pytest.mark.parametrize("name", SAMPLES)
def test_an_empty_file_says_so(folder: Path, name: str) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    _file_with_voxels(name, path).write_bytes(b"")
    with pytest.raises(NmcError) as raised:
        read_volume(path, 0.1, _options(name, values))
    assert raised.value.hint


@pytest.mark.parametrize("name", SAMPLES)
def test_noise_behind_the_right_mark(folder: Path, name: str) -> None:
    """A file that begins as it should and goes on as it should not: an error, no traceback; or the values as they stand."""
    values, rng = _values(), np.random.default_rng(5)
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    file = _file_with_voxels(name, path)
    data = file.read_bytes()
    for start in (16, 140, 600):
        file.write_bytes(data[:start] + rng.integers(0, 256, max(0, len(data) - start)).astype(np.uint8).tobytes())
        with suppress(NmcError):  # anything else fails
            assert read_volume(path, 0.1, _options(name, values)).values.size > 0


@pytest.mark.parametrize("name", SAMPLES)
def test_reading_can_be_cancelled(folder: Path, name: str) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        read_volume(path, None, _options(name, values), monitor)


@pytest.mark.parametrize("name", SAMPLES)
def test_options_of_other_formats_are_said_to_be_ignored(folder: Path, name: str) -> None:
    values = _values()
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    if name == "RAW":
        assert "--level, --dataset say" not in " ".join(probe(path).warnings)
        assert "--level says nothing about RAW and is ignored" in probe(path, ReadOptions(level=1)).warnings
    else:
        said = probe(path, _options(name, values, raw_shape=SHAPE)).warnings
        assert any("--raw-shape says nothing about" in one and "is ignored" in one for one in said)


def test_unlikely_voxel_sizes_are_said(folder: Path) -> None:
    path = SAMPLES["HDF5"].write(folder, _values(), "<")
    for size, word in ((25400.0, "check the unit"), ((9.0, 0.1, 0.1), "distance of the slices"), (0.0001, "check the unit")):
        monitor = Monitor()
        read_volume(path, size, monitor=monitor)
        assert any(word in one for one in monitor.warnings)
    assert probe(path).spacing_um == pytest.approx(SPACING)
    assert probe(path).origin_um == ORIGIN


@pytest.mark.parametrize("axis_order", ["zyx", "xzy"])
@pytest.mark.parametrize("name", [name for name, one in SAMPLES.items() if "float32" in one.dtypes])
def test_what_is_no_label_is_found_in_every_format(folder: Path, name: str, axis_order: str) -> None:
    values = np.rint(np.abs(_values("float32")) * 9)
    values[3, 4, 5] = 70000
    path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
    options = _options(name, values, axis_order=axis_order)
    expected = values.transpose([axis_order.index(one) for one in "zyx"])
    labels = read_labels(path, None, options).labels
    assert labels.dtype == np.uint32
    assert type(labels) is np.ndarray
    assert np.array_equal(labels, expected)
    for wrong, words in ((0.5, "not whole numbers"), (-1.0, "labels outside"), (5e9, "labels outside")):
        values[8, 10, 12] = wrong
        path = SAMPLES[name].write(folder, values, SAMPLES[name].orders[0])
        with pytest.raises(NmcError, match=words):
            read_labels(path, None, options)
