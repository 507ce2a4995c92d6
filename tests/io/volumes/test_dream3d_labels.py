"""FeatureIds of DREAM.3D and DREAM3D-NX files as label volumes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_labels

IDS = np.arange(24, dtype=np.int32).reshape(2, 3, 4, 1)


def older(path: Path) -> None:
    with h5py.File(path, "w") as file:
        image = file.create_group("DataContainers/Small IN100")
        geometry = image.create_group("_SIMPL_GEOMETRY")
        geometry["DIMENSIONS"] = np.array([4, 3, 2], np.int64)
        geometry["SPACING"] = np.array([0.25, 0.3, 0.5], np.float32)
        geometry["ORIGIN"] = np.array([1, 2, 3], np.float32)
        image["CellData/FeatureIds"] = IDS
        image["CellData/Phases"] = np.ones_like(IDS)


def newer(path: Path) -> None:
    with h5py.File(path, "w") as file:
        image = file.create_group("DataStructure/Group/Small IN100")
        image.attrs["_DIMENSIONS"] = np.array([4, 3, 2], np.uint64)
        image.attrs["_SPACING"] = np.array([0.25, 0.3, 0.5], np.float32)
        image.attrs["_ORIGIN"] = np.array([1, 2, 3], np.float32)
        image["CellData/FeatureIds"] = IDS
        image["CellData/Phases"] = np.ones_like(IDS)


@pytest.mark.parametrize("make", [older, newer])
def test_feature_ids_are_taken_with_their_geometry(make, tmp_path: Path) -> None:
    make(tmp_path / "a.dream3d")
    labels = read_labels([str(tmp_path / "a.dream3d")], None, ReadOptions(), "grains")
    np.testing.assert_array_equal(labels.labels, IDS[..., 0])
    assert labels.spacing_um == (0.5, 0.3, 0.25)
    assert labels.origin_um == (3.25, 2.15, 1.125)
    assert not labels.simulated


def test_other_arrays_and_two_sets_of_ids_are_a_choice(tmp_path: Path) -> None:
    file = tmp_path / "a.dream3d"
    older(file)
    name = "DataContainers/Small IN100/CellData/Phases"
    assert probe([str(file)], ReadOptions(dataset=name)).spacing_um == (0.5, 0.3, 0.25)
    with h5py.File(file, "a") as opened:
        opened["DataContainers/Small IN100/Merged/FeatureIds"] = IDS
    with pytest.raises(NmcError, match="several volumes"):
        read_labels([str(file)], None, ReadOptions(), "grains")
