"""DREAM.3D files: both generations read, written ones read back as they were; the layouts are the published ones."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import from_bunge, random_orientations
from nmcstudio.io.ebsd.dream3d_write import write_grains_dream3d, write_stack_dream3d
from nmcstudio.io.ebsd.registry import probe, read_ebsd

SHAPE = (3, 4, 5)
CELLS = "DataContainers/ImageDataContainer/CellData"


def make_stack() -> EbsdStack:
    rng = np.random.default_rng(8)
    quaternions = random_orientations(60, rng).reshape(*SHAPE, 4).astype(np.float32)
    phase = rng.integers(0, 3, SHAPE).astype(np.uint8)
    quaternions[phase == 0] = np.nan
    quality = rng.uniform(10, 200, SHAPE).astype(np.float32)
    quality[0, 0, 0] = np.nan
    observed = rng.uniform(size=SHAPE) < 0.9
    lattice = (2.87e-4, 2.87e-4, 14.2e-4, np.pi / 2, np.pi / 2, 2 * np.pi / 3)
    return EbsdStack(
        quaternions=quaternions,
        phase=phase,
        phases=(Phase("NMC", "-31m", lattice), Phase("Al é", "m-3m")),
        quality=quality,
        confidence=rng.uniform(size=SHAPE),
        observed=observed,
        spacing_um=(0.1, 0.2, 0.3),
        origin_um=(1, 2.5, -3),
        frame="turned ×",
        grain_ids=rng.integers(0, 9, SHAPE),
        name="x",
        simulated=True,
    )


def test_written_and_read_back(tmp_path: Path) -> None:
    stack = make_stack()
    write_stack_dream3d(tmp_path / "a.dream3d", stack)
    monitor = Monitor()
    back = read_ebsd(tmp_path / "a.dream3d", monitor=monitor)
    assert monitor.warnings == []
    for name in ("quaternions", "phase", "quality", "confidence", "observed", "grain_ids"):
        np.testing.assert_array_equal(getattr(back, name), getattr(stack, name), name)
    for name in ("spacing_um", "origin_um", "frame", "simulated"):
        assert getattr(back, name) == getattr(stack, name)
    assert [(phase.name, phase.point_group) for phase in back.phases] == [("NMC", "-31m"), ("Al é", "m-3m")]
    np.testing.assert_allclose(back.phases[0].lattice, stack.phases[0].lattice, rtol=1e-7)
    assert back.phases[1].lattice == ()
    info = probe(tmp_path / "a.dream3d")
    assert (info.format, info.grid, info.step_um, info.scans) == ("dream3d", SHAPE, (0.1, 0.2, 0.3), ("ImageDataContainer",))


def test_what_dream3d_finds_in_a_written_file(tmp_path: Path) -> None:
    """The attributes that its reader asks for, and its conventions."""
    stack = make_stack()
    write_stack_dream3d(tmp_path / "a.dream3d", stack)
    with h5py.File(tmp_path / "a.dream3d") as file:
        assert file.attrs["FileVersion"] == b"7.0"
        image = file["DataContainers/ImageDataContainer"]
        assert image["_SIMPL_GEOMETRY"].attrs["GeometryTypeName"] == b"ImageGeometry"
        np.testing.assert_array_equal(image["_SIMPL_GEOMETRY/DIMENSIONS"], SHAPE[::-1])
        np.testing.assert_allclose(image["_SIMPL_GEOMETRY/ORIGIN"], (-3.15, 2.4, 0.95), rtol=1e-6)
        for matrix, kind in (("CellData", 3), ("CellEnsembleData", 11)):
            assert image[matrix].attrs["AttributeMatrixType"][0] == kind
            for array in image[matrix].values():
                np.testing.assert_array_equal(array.attrs["TupleDimensions"], image[matrix].attrs["TupleDimensions"])
                assert {"ObjectType", "DataArrayVersion", "ComponentDimensions", "Tuple Axis Dimensions"} <= set(array.attrs)
        assert image["CellData/Mask"].attrs["ObjectType"] == b"DataArray<bool>"
        np.testing.assert_array_equal(image["CellEnsembleData/CrystalStructures"][:, 0], (999, 10, 1))
        angles, quats = image["CellData/EulerAngles"][()], image["CellData/Quats"][()]
        keep = stack.phase > 0
        # EbsdLib's eu2qu: (x, y, z, w) = (-s cos, -s sin, -c sin, c cos)
        half = angles.astype(float) / 2
        c, s = np.cos(half[..., 1]), np.sin(half[..., 1])
        minus, plus = half[..., 0] - half[..., 2], half[..., 0] + half[..., 2]
        theirs = np.stack([-s * np.cos(minus), -s * np.sin(minus), -c * np.sin(plus), c * np.cos(plus)], axis=-1)
        np.testing.assert_allclose(np.abs(np.sum(theirs * quats, axis=-1))[keep], 1, atol=1e-6)
        assert np.isfinite(angles).all()


def test_grains_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, SHAPE)
    mean = np.vstack([np.full(4, np.nan), random_orientations(4, rng)])
    observed = labels != 2
    grains = LabelVolume(labels, (0.1, 0.2, 0.3), observed=observed, kind="grains", quaternions=mean, point_group="-3m", name="g")
    write_grains_dream3d(tmp_path / "g.dream3d", grains)
    back = read_ebsd(tmp_path / "g.dream3d")
    np.testing.assert_array_equal(back.grain_ids, labels)
    np.testing.assert_array_equal(back.observed, observed)
    np.testing.assert_array_equal(back.phase > 0, labels > 0)
    np.testing.assert_array_equal(back.quaternions[labels > 0], mean.astype(np.float32)[labels[labels > 0]])
    assert (back.phases[0].point_group, back.spacing_um) == ("-3m", (0.1, 0.2, 0.3))
    write_grains_dream3d(tmp_path / "bare.dream3d", LabelVolume(labels, (1, 1, 1), kind="grains"))
    with h5py.File(tmp_path / "bare.dream3d") as file:
        np.testing.assert_array_equal(file[f"{CELLS}/FeatureIds"][..., 0], labels)
    with pytest.raises(NmcError, match="no image geometry with EulerAngles"):
        read_ebsd(tmp_path / "bare.dream3d")


def write_foreign(path: Path, *, new: bool) -> np.ndarray:
    """A file as DREAM.3D 6.x or as DREAM3D-NX lays it out, with Euler angles only; returns them."""
    rng = np.random.default_rng(2)
    euler = (rng.uniform(size=(*SHAPE, 3)) * (6.28, 3.14, 6.28)).astype("f4")
    with h5py.File(path, "w") as file:
        if new:
            file.attrs["FileVersion"] = "8.0"
            group = file.create_group("DataStructure/Reconstruction/Image")
            group.parent.attrs["ObjectType"] = "DataGroup"
            group.attrs["ObjectType"] = "ImageGeom"
            group.attrs["_DIMENSIONS"] = np.array(SHAPE[::-1], "u8")
            group.attrs["_SPACING"], group.attrs["_ORIGIN"] = np.array([0.3, 0.2, 0.1], "f4"), np.zeros(3, "f4")
            cells, ensembles = group.create_group("Cell Data"), group.create_group("Cell Ensemble Data")
        else:
            file.attrs["FileVersion"] = "7.0"
            group = file.create_group("DataContainers/SyntheticVolumeDataContainer")
            geometry = group.create_group("_SIMPL_GEOMETRY")
            geometry["DIMENSIONS"], geometry["ORIGIN"] = np.array(SHAPE[::-1], "i8"), np.zeros(3, "f4")
            geometry["SPACING"] = np.array([0.3, 0.2, 0.1], "f4")
            cells = group.create_group("CellData")
            ensembles = file.create_group("DataContainers/StatsGeneratorDataContainer/CellEnsembleData")
        cells["EulerAngles"] = euler
        cells["Phases"] = np.ones((*SHAPE, 1), "i4")
        cells["FeatureIds"] = np.arange(60, dtype="i4").reshape(*SHAPE, 1)
        cells["Mask"] = (np.arange(60).reshape(*SHAPE, 1) > 5).astype("u1")
        cells["Confidence Index"] = np.full((*SHAPE, 1), 0.5, "f4")
        ensembles["CrystalStructures"] = np.array([[999], [0]], "u4")
        ensembles["MaterialName"] = ["Invalid Phase", "Titanium"]
    return euler


@pytest.mark.parametrize("new", [False, True])
def test_files_of_others(tmp_path: Path, new: bool) -> None:
    euler = write_foreign(tmp_path / "a.dream3d", new=new)
    monitor = Monitor()
    stack = read_ebsd(tmp_path / "a.dream3d", monitor=monitor)
    assert stack.shape == SHAPE
    assert stack.spacing_um == (0.1, 0.2, 0.3)
    assert stack.origin_um == (0.05, 0.1, 0.15)
    assert (stack.phases[0].name, stack.phases[0].point_group) == ("Titanium", "6/mmm")
    keep = np.arange(60).reshape(SHAPE) > 5
    np.testing.assert_array_equal(stack.phase > 0, keep)
    assert any("mask leaves out 6 voxels" in words for words in monitor.warnings)
    np.testing.assert_allclose(stack.quaternions[keep], from_bunge(euler)[keep], atol=1e-6)
    assert stack.grain_ids.max() == 59
    assert stack.simulated is not new
    assert stack.observed.all()


def test_euler_angles_that_were_turned_alone(tmp_path: Path) -> None:
    """DREAM.3D's filters for frames change the angles and leave old quaternions behind."""
    euler = write_foreign(tmp_path / "a.dream3d", new=False)
    with h5py.File(tmp_path / "a.dream3d", "a") as file:
        quats = np.zeros((*SHAPE, 4), "f4")
        quats[..., 3] = 1
        file["DataContainers/SyntheticVolumeDataContainer/CellData/Quats"] = quats
    monitor = Monitor()
    stack = read_ebsd(tmp_path / "a.dream3d", monitor=monitor)
    keep = stack.phase > 0
    np.testing.assert_allclose(stack.quaternions[keep], from_bunge(euler)[keep], atol=1e-6)
    assert any("differ; the Euler angles are taken" in words for words in monitor.warnings)


def test_angles_left_in_degrees(tmp_path: Path) -> None:
    """DREAM.3D's readers turn degrees into radians on request only."""
    path = tmp_path / "a.dream3d"
    write_stack_dream3d(path, make_stack())
    radians = read_ebsd(path)
    with h5py.File(path, "a") as file:
        values = np.rad2deg(file[f"{CELLS}/EulerAngles"][()])
        del file[f"{CELLS}/EulerAngles"], file[f"{CELLS}/Quats"]
        file[f"{CELLS}/EulerAngles"] = values
    monitor = Monitor()
    degrees = read_ebsd(path, monitor=monitor)
    dots = np.abs(np.sum(degrees.quaternions * radians.quaternions, axis=-1))
    assert np.nanmin(dots) > 1 - 1e-5
    assert any("read as degrees" in words for words in monitor.warnings)


def test_several_images_and_none(tmp_path: Path) -> None:
    write_foreign(tmp_path / "a.dream3d", new=False)
    with h5py.File(tmp_path / "a.dream3d", "a") as file:
        file.copy("DataContainers/SyntheticVolumeDataContainer", "DataContainers/Cropped")
    assert probe(tmp_path / "a.dream3d").scans == ("Cropped", "SyntheticVolumeDataContainer")
    assert probe(tmp_path / "a.dream3d", scan="SyntheticVolumeDataContainer").simulated
    with pytest.raises(NmcError, match="cannot be one stack"):
        probe(tmp_path / "a.dream3d", scan="all")
    with h5py.File(tmp_path / "b.dream3d", "w") as file:
        file.create_group("DataContainers/Surface")
    with pytest.raises(NmcError, match="no image geometry"):
        probe(tmp_path / "b.dream3d")
