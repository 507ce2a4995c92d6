"""The command segment-blocks, and what its result is good for."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nmcstudio.cli.main import main
from nmcstudio.core.volume import Volume
from nmcstudio.imaging.segment_ct import segment_ct
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.io.volumes.registry import write_volume
from nmcstudio.project.store import open_project

pytest.importorskip("distributed")


@pytest.fixture
def scan(tmp_path: Path) -> tuple[Path, Volume]:
    """Three balls, two of which touch."""
    z, y, x = np.ogrid[:44, :48, :70]
    grey = np.full((44, 48, 70), 60.0)
    for a, b, c, r in ((21, 22, 16, 12), (22, 24, 38, 11), (20, 20, 59, 8)):
        grey[(z - a) ** 2 + (y - b) ** 2 + (x - c) ** 2 < r * r] = 160
    grey = ndimage.gaussian_filter(grey, 0.7) + np.random.default_rng(1).normal(0, 8, grey.shape)
    volume = Volume(grey.clip(0, 255).astype(np.uint8), (0.5, 0.5, 0.5), (1.0, 2.0, 3.0))
    path = tmp_path / "Größe µm.zarr"
    write_volume(volume, path)
    return path, volume


def test_a_file_is_segmented_and_its_labels_come_into_a_project(scan, tmp_path: Path, capsys) -> None:
    path, volume = scan
    out = tmp_path / "labels.zarr"
    words = ["segment-blocks", str(path), str(out), "--sigma", "1", "--block-voxels", "24", "--json", "--quiet"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    expected = segment_ct(volume, SegmentSettings(sigma=1.0)).labels
    assert told["particles"] == expected.max() == 3
    assert {"step", "seconds", "peak_rss_mib", "seed"} <= set(told)
    with open(tmp_path / "labels.descriptors.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    sizes = np.bincount(expected.ravel())[1:]
    assert [float(row["volume_um3"]) for row in rows] == pytest.approx(list(sizes * 0.125))
    assert float(rows[0]["x_um"]) == pytest.approx(3 + 0.5 * ndimage.center_of_mass(expected == 1)[2])
    project = tmp_path / "project.nmc"
    assert main(["import-labels", str(project), str(out), "--as", "particles", "--quiet"]) == 0
    labels = open_project(project).value("particles")
    assert np.array_equal(labels.labels, expected)
    assert labels.origin_um == pytest.approx(volume.origin_um)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "two names are needed"),
        (["labels.tif"], "is no OME-Zarr"),
        (["labels.zarr", "--block-voxels", "3"], "Block"),
        (["labels.zarr", "--scheduler", "nowhere"], "is no scheduler"),
        (["labels.zarr", "--method", "markers"], "flood the whole volume"),
    ],
)
def test_wrong_use_says_what_to_do(scan, tmp_path: Path, capsys, monkeypatch, words: list[str], said: str) -> None:
    path, _ = scan
    monkeypatch.chdir(tmp_path)
    assert main(["segment-blocks", str(path), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "labels.zarr").exists()
