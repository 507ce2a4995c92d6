"""Zeiss volumes: streams in any layout, and what is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.registry import probe, read_plane, read_volume
from tests.io.volumes import samples
from tests.io.volumes.ole import write_ole
from tests.io.volumes.samples import VALUES


@pytest.mark.parametrize(("sector", "scatter"), [(512, False), (512, True), (4096, False), (4096, True)])
def test_txm_with_large_slices_of_any_layout(tmp_path: Path, sector: int, scatter: bool) -> None:
    values = np.random.default_rng(1).normal(size=(3, 60, 70)).astype(np.float32)
    path = samples.txm(tmp_path, values, "<", sector=sector, scatter=scatter)
    assert np.array_equal(read_volume(path).values, values)


def test_olefile_reads_what_the_tests_write(tmp_path: Path) -> None:
    import olefile

    streams = {f"Store{k % 3}/Entry {k}": bytes([k]) * (k * k * 40) for k in range(1, 40)}
    write_ole(tmp_path / "a.ole", streams)
    with olefile.OleFileIO(tmp_path / "a.ole") as ole:
        assert ole.parsing_issues == []
        assert {name: ole.openstream(name).read() for name in streams} == streams


def test_more_than_a_hundred_slices_of_a_txm(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 255, (203, 5, 6)).astype(np.uint8)
    assert np.array_equal(read_volume(samples.txm(tmp_path, values, "<")).values, values)
    assert np.array_equal(read_plane(tmp_path / "a.txm", "z", 150), values[150])


def test_projections_are_refused(tmp_path: Path) -> None:
    angles = {"ImageInfo/Angles": np.linspace(-180, 180, 9, dtype="<f4").tobytes()}
    with pytest.raises(NmcError, match="projections, 9 radiographs from -180° to 180°"):
        probe(samples.txm(tmp_path, VALUES, "<", "scan.txrm", streams=angles))
    # A reconstruction keeps the angles of its scan.
    assert probe(samples.txm(tmp_path, VALUES, "<", "rec.txm", streams=angles)).shape == VALUES.shape
    with pytest.raises(NmcError, match="single radiograph"):
        probe(samples.txm(tmp_path, VALUES[:1], "<", "one.xrm"))
    write_ole(tmp_path / "letter.doc", {"WordDocument": b"Dear reader" * 500})
    with pytest.raises(NmcError, match="no Xradia images"):
        probe(tmp_path / "letter.doc")
    unknown = {"ImageInfo/DataType": struct.pack("<I", 77)}
    with pytest.raises(NmcError, match="code 77"):
        probe(samples.txm(tmp_path, VALUES, "<", "odd.txm", streams=unknown))


def test_a_txm_whose_table_of_sectors_is_long(tmp_path: Path) -> None:
    """More than 109 sectors of the table, as every real scan has."""
    values = np.random.default_rng(1).integers(0, 60000, (26, 400, 400)).astype(np.uint16)
    path = samples.txm(tmp_path, values, "<")
    assert path.stat().st_size > 109 * 128 * 512
    assert np.array_equal(read_volume(path).values, values)
    path.write_bytes(path.read_bytes()[:7_000_000])
    with pytest.raises(NmcError, match="incomplete"):
        read_volume(path, 0.1)
