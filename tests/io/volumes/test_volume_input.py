"""What users bring: other programs' TIFFs, folders of slices, broken files. Each a right result or one clear error."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_labels, read_volume


@pytest.fixture(scope="module")
def stack() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 60000, (12, 20, 24)).astype(np.uint16)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
@pytest.mark.parametrize("big", [False, True])
def test_stacks_of_either_byte_order(tmp_path: Path, stack: np.ndarray, order: str, compression: str | None, big: bool) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack, byteorder=order, compression=compression, bigtiff=big, photometric="minisblack")
    volume = read_volume(tmp_path / "a.tif", 0.5)
    assert volume.values.dtype.isnative
    assert np.array_equal(volume.values, stack)


@pytest.mark.parametrize("unit", ["um", "micron", "µm", "\\u00B5m", "nm"])
def test_imagej_spacing(tmp_path: Path, stack: np.ndarray, unit: str) -> None:
    scale = 1000 if unit == "nm" else 1
    tifffile.imwrite(
        tmp_path / "a.tif",
        stack,
        imagej=True,
        resolution=(1 / (0.1 * scale), 1 / (0.2 * scale)),
        metadata={"axes": "ZYX", "spacing": 0.5 * scale, "unit": unit.replace("µ", "\\xb5")},
    )
    info = probe(tmp_path / "a.tif")
    assert info.spacing_um == pytest.approx((0.5, 0.2, 0.1), rel=1e-4)


def test_ome_spacing(tmp_path: Path, stack: np.ndarray) -> None:
    metadata = {"axes": "ZYX", "PhysicalSizeX": 100.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.1, "PhysicalSizeZ": 0.3}
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata=metadata)
    assert probe(tmp_path / "a.ome.tif").spacing_um == pytest.approx((0.3, 0.1, 0.1))


def test_resolution_tags(tmp_path: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack, resolution=(50000, 50000), resolutionunit="CENTIMETER", photometric="minisblack")
    info = probe(tmp_path / "a.tif")
    assert info.spacing_um == pytest.approx((0.2,) * 3)
    assert "distance of the slices" in info.warnings[0]
    monitor = Monitor()
    read_volume(tmp_path / "a.tif", monitor=monitor)
    assert monitor.warnings == list(info.warnings)
    tifffile.imwrite(tmp_path / "b.tif", stack, resolution=(72, 72), resolutionunit="INCH", photometric="minisblack")
    with pytest.raises(NmcError, match="72 dots per inch is a screen's") as raised:
        read_volume(tmp_path / "b.tif")
    assert raised.value.field == "spacing_um"


def test_a_given_spacing_wins_and_the_difference_is_said(tmp_path: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack, resolution=(50000, 50000), resolutionunit="CENTIMETER", photometric="minisblack")
    monitor = Monitor()
    assert read_volume(tmp_path / "a.tif", (0.4, 0.3, 0.2), monitor=monitor).spacing_um == (0.4, 0.3, 0.2)
    assert any("differs from the file's" in warning for warning in monitor.warnings)


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), (1.0, 2.0), (1.0, 2.0, 0.0)])
def test_unusable_spacings(tmp_path: Path, stack: np.ndarray, spacing: object) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    with pytest.raises(NmcError, match="voxel size") as raised:
        read_volume(tmp_path / "a.tif", spacing)  # type: ignore[arg-type]
    assert raised.value.field == "spacing_um"


def _slices(folder: Path, stack: np.ndarray, names: list[str]) -> Path:
    folder.mkdir()
    for name, plane in zip(names, stack):
        tifffile.imwrite(folder / name, plane)
    return folder


def test_a_folder_is_read_in_natural_order(tmp_path: Path, stack: np.ndarray) -> None:
    folder = _slices(tmp_path / "Größe µm", stack, [f"scan2_{k}.tif" for k in range(5, 17)])
    (folder / "readme.txt").write_text("not a slice")
    (folder / "._scan2_5.tif").write_bytes(b"junk")
    info = probe(folder)
    assert (info.shape, info.warnings, info.name) == ((12, 20, 24), (), "Größe µm")
    assert np.array_equal(read_volume(folder, 0.1).values, stack)
    chosen = sorted(folder.glob("scan*.tif"), reverse=True)
    assert np.array_equal(read_volume(chosen, 0.1).values, stack)


def test_missing_slices_are_noticed(tmp_path: Path, stack: np.ndarray) -> None:
    names = [f"s{k:03d}.tif" for k in (1, 2, 3, 6, 7, 8, 9, 10, 12, 13, 14, 15)]
    folder = _slices(tmp_path / "gaps", stack, names)
    monitor = Monitor()
    read_volume(folder, 0.1, monitor=monitor)
    assert "between s003.tif and s006.tif" in monitor.warnings[0]
    assert "between s010.tif and s012.tif" in monitor.warnings[0]
    every_second = _slices(tmp_path / "even", stack, [f"s{2 * k:03d}.tif" for k in range(12)])
    assert probe(every_second).warnings == ()


def test_odd_slices_are_named(tmp_path: Path, stack: np.ndarray) -> None:
    folder = _slices(tmp_path / "odd", stack, [f"s{k}.tif" for k in range(12)])
    tifffile.imwrite(folder / "s7.tif", stack[0, :10])
    with pytest.raises(NmcError, match=r"s7\.tif has 10×24 pixels"):
        read_volume(folder, 0.1)
    (folder / "s7.tif").write_text("hello")
    with pytest.raises(NmcError, match=r"s7\.tif is not a TIFF file"):
        read_volume(folder, 0.1)
    (folder / "s7.tif").write_bytes(b"")
    with pytest.raises(NmcError, match=r"s7\.tif is empty"):
        read_volume(folder, 0.1)
    tifffile.imwrite(folder / "s7.tif", stack, photometric="minisblack")
    with pytest.raises(NmcError, match="12 pages among files of one slice"):
        read_volume(folder, 0.1)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("style", ["plain", "zlib", "imagej", "pages", "big"])
def test_truncated_tiffs(tmp_path: Path, stack: np.ndarray, share: float, style: str) -> None:
    path = tmp_path / "a.tif"
    if style == "pages":
        with tifffile.TiffWriter(path) as writer:
            for plane in stack:
                writer.write(plane, contiguous=False, metadata=None)
    else:
        tifffile.imwrite(
            path,
            stack,
            imagej=style == "imagej",
            bigtiff=style == "big",
            compression="zlib" if style == "zlib" else None,
            photometric="minisblack",
        )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(NmcError) as raised:
        read_volume(path, 0.1)
    assert "incomplete" in raised.value.message
    assert raised.value.field == "files"
    assert "copy" in raised.value.hint


def test_a_damaged_page_is_named(tmp_path: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        offset = tif.pages[4].dataoffsets[0]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[offset : offset + 200] = bytes(200)
    (tmp_path / "a.tif").write_bytes(bytes(data))
    with pytest.raises(NmcError, match=r"page 5 of a\.tif cannot be read"):
        read_volume(tmp_path / "a.tif", 0.1)


def test_what_is_no_volume(tmp_path: Path, stack: np.ndarray) -> None:
    text, empty, other = tmp_path / "text.tif", tmp_path / "empty.tif", tmp_path / "notes.docx"
    text.write_text("this is not a picture")
    empty.write_bytes(b"")
    other.write_bytes(b"PK\x03\x04\0\0")
    folder = tmp_path / "folder"
    folder.mkdir()
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["image"] = stack[0]
    (tmp_path / "cut.h5").write_bytes((tmp_path / "flat.h5").read_bytes()[:1500])
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(50))
    for path, words in (
        (text, "named like TIFF but holds text"),
        (empty, "is empty"),
        (other, "not a volume file"),
        (folder, "holds no TIFF files"),
        (tmp_path / "gone.tif", "there is no file"),
        (tmp_path / "flat.h5", "no 3-D dataset"),
        (tmp_path / "cut.h5", "incomplete"),
        (tmp_path / "bad.h5", "cannot be opened"),
    ):
        with pytest.raises(NmcError, match=words) as raised:
            read_volume(path, 0.1)
        assert raised.value.field == "files"
        assert raised.value.hint


def test_colour_and_more_dimensions(tmp_path: Path, stack: np.ndarray) -> None:
    colours = np.random.default_rng(2).integers(0, 255, (5, 20, 24, 3)).astype(np.uint8)
    for name, compression in (("rgb.tif", None), ("packed.tif", "zlib")):
        tifffile.imwrite(tmp_path / name, colours, photometric="rgb", compression=compression)
        with pytest.raises(NmcError, match="colour image") as raised:
            read_volume(tmp_path / name, 0.1)
        assert raised.value.field == "channel"
        green = read_volume(tmp_path / name, 0.1, ReadOptions(channel=1)).values
        assert np.array_equal(green, colours[..., 1])
    tifffile.imwrite(tmp_path / "tz.tif", np.stack([stack, stack + 1]), imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(NmcError, match="2 times") as raised:
        read_volume(tmp_path / "tz.tif", 0.1)
    assert raised.value.field == "time"
    assert np.array_equal(read_volume(tmp_path / "tz.tif", 0.1, ReadOptions(time=1)).values, stack + 1)
    tifffile.imwrite(
        tmp_path / "q.tif", np.zeros((2, 3, 5, 20, 24), np.uint8), metadata={"axes": "QZQYX"}, photometric="minisblack"
    )
    with pytest.raises(NmcError, match="5 dimensions"):
        read_volume(tmp_path / "q.tif", 0.1)
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as writer:
        writer.write(stack[0], metadata=None)
        writer.write(stack[0, :10], metadata=None)
    with pytest.raises(NmcError, match="different sizes"):
        read_volume(tmp_path / "mixed.tif", 0.1)


def test_one_page_is_one_slice(tmp_path: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack[0])
    assert read_volume(tmp_path / "a.tif", 0.1).shape == (1, 20, 24)


def test_bits_become_bytes(tmp_path: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack > 30000, photometric="minisblack")
    volume = read_volume(tmp_path / "a.tif", 0.1)
    assert volume.values.dtype == np.uint8
    assert np.array_equal(volume.values, stack > 30000)


def test_missing_values_are_unobserved(tmp_path: Path, stack: np.ndarray) -> None:
    values = stack.astype(np.float32)
    values[3, 4, 5] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    observed = read_volume(tmp_path / "a.tif", 0.1).observed
    assert observed is not None
    assert (~observed).sum() == 1


def test_labels_must_be_whole(tmp_path: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "float.tif", (stack // 1000).astype(np.float32), photometric="minisblack")
    assert np.array_equal(read_labels(tmp_path / "float.tif", 0.1).labels, stack // 1000)
    tifffile.imwrite(tmp_path / "half.tif", stack / np.float32(2), photometric="minisblack")
    with pytest.raises(NmcError, match="not whole numbers"):
        read_labels(tmp_path / "half.tif", 0.1)
    tifffile.imwrite(tmp_path / "minus.tif", stack.astype(np.int32) - 5000, photometric="minisblack")
    with pytest.raises(NmcError, match="labels outside"):
        read_labels(tmp_path / "minus.tif", 0.1)


def test_large_stacks_are_mapped(tmp_path: Path, stack: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmcstudio.io.volumes.registry._MAP_ABOVE", 1000)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    values = read_volume(tmp_path / "a.tif", 0.1).values
    assert isinstance(values.base, np.memmap) or isinstance(values, np.memmap)
    assert np.array_equal(values, stack)


def test_reading_can_be_cancelled(tmp_path: Path, stack: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmcstudio.io.volumes.sources.BLOCK", 1000)
    for name, compression in (("a.tif", None), ("b.tif", "zlib")):
        tifffile.imwrite(tmp_path / name, stack, compression=compression, photometric="minisblack")
        seen: list[object] = []
        monitors: list[Monitor] = []

        def listen(progress: object, seen: list = seen, monitors: list = monitors) -> None:
            seen.append(progress)
            if len(seen) == 3:
                monitors[0].cancel()

        monitor = Monitor(listen, interval_s=0)
        monitors.append(monitor)
        with pytest.raises(Cancelled):
            read_volume(tmp_path / name, 0.1, monitor=monitor)
        assert len(seen) == 3


def test_probing_again_costs_nothing(tmp_path: Path, stack: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    probe(tmp_path / "a.tif")
    start = time.perf_counter()
    for _ in range(100):
        probe(tmp_path / "a.tif")
    assert (time.perf_counter() - start) / 100 < 0.002
    tifffile.imwrite(tmp_path / "a.tif", stack[:5], photometric="minisblack")
    assert probe(tmp_path / "a.tif").shape[0] == 5


def test_real_electrode(shared_data: Path) -> None:
    path = shared_data / "seg_nmc_matbox" / "nmc-1-cal_generatedCBD_bridge.tif"
    assert probe(path).spacing_um is None
    values = read_volume(path, 0.4).values
    assert np.bincount(values.ravel()) / values.size == pytest.approx([0.401, 0.499, 0.100], abs=0.001)
