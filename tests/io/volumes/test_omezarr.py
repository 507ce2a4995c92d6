"""OME-Zarr: versions, zip files, axes, plain arrays, and the pyramids that we write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_labels, read_volume, write_labels, write_volume
from tests.io.volumes import samples
from tests.io.volumes.samples import ORIGIN, SPACING, VALUES, smooth


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("zipped", [False, True])
def test_versions_of_omezarr(tmp_path: Path, version: str, zipped: bool) -> None:
    import shutil

    path = samples.omezarr(tmp_path, VALUES, "<", version)
    if zipped:
        path = Path(shutil.make_archive(str(tmp_path / "b.zarr"), "zip", tmp_path, path.name))
    info = probe(path)
    assert (info.channels, info.levels) == (2, ((9, 11, 13), (5, 11, 13)))
    with pytest.raises(NmcError, match="2 channels") as raised:
        read_volume(path)
    assert raised.value.field == "channel"
    volume = read_volume(path, options=ReadOptions(channel=1))
    assert np.array_equal(volume.values, VALUES + 1)
    assert volume.spacing_um == pytest.approx(SPACING)
    assert volume.origin_um == pytest.approx(ORIGIN)
    half = read_volume(path, options=ReadOptions(channel=0, level=1))
    assert np.array_equal(half.values, VALUES[::2])
    assert half.spacing_um == pytest.approx((0.5, 0.128, 0.13))


def test_omezarr_with_axes_in_another_order_and_plain_arrays(tmp_path: Path) -> None:
    import zarr

    group = zarr.open_group(tmp_path / "xyz.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=VALUES.transpose(2, 1, 0), chunks=(4, 4, 4))
    steps = [{"type": "scale", "scale": [0.1, 0.2, 0.3]}]
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "xyz"]
    image = {"version": "0.4", "axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}]}
    group.attrs["multiscales"] = [image]
    volume = read_volume(tmp_path / "xyz.zarr")
    assert np.array_equal(volume.values, VALUES)
    assert volume.spacing_um == pytest.approx((0.3, 0.2, 0.1))
    plain = zarr.open_group(tmp_path / "plain.zarr", mode="w", zarr_format=3)
    plain.create_array("a/raw", data=VALUES)
    plain.create_array("a/seg", data=VALUES % 7)
    with pytest.raises(NmcError, match="several volumes"):
        read_volume(tmp_path / "plain.zarr", 0.1)
    assert np.array_equal(read_volume(tmp_path / "plain.zarr", 0.1, ReadOptions(dataset="a/seg")).values, VALUES % 7)
    zarr.create_array(tmp_path / "one.zarr", data=VALUES)
    assert np.array_equal(read_volume(tmp_path / "one.zarr", 0.1).values, VALUES)
    (tmp_path / "xyz.zarr" / ".zattrs").write_text('{"multiscales": [{"datasets": [{"path": "7"}]}]}')
    with pytest.raises(NmcError, match="damaged"):
        probe(tmp_path / "xyz.zarr")


def test_what_we_write_as_omezarr_is_a_pyramid(tmp_path: Path) -> None:
    import zarr

    values = smooth((40, 300, 150), "uint8")
    write_volume(Volume(values, SPACING, ORIGIN), tmp_path / "a.zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    image: dict[str, Any] = group.attrs["multiscales"][0]  # type: ignore[index,assignment,call-overload]
    assert [one["path"] for one in image["datasets"]] == ["0", "1", "2"]
    assert [group[name].shape for name in "012"] == [(40, 300, 150), (40, 150, 75), (40, 75, 38)]  # type: ignore[union-attr]
    fine = values.astype(float)
    coarse = np.asarray(group["1"])  # type: ignore[arg-type]
    mean = (fine[:, 0::2, 0::2] + fine[:, 1::2, 0::2] + fine[:, 0::2, 1::2] + fine[:, 1::2, 1::2]) / 4
    assert np.abs(coarse - mean).max() <= 0.5
    for level in range(3):
        half = read_volume(tmp_path / "a.zarr", options=ReadOptions(level=level))
        # a linear ramp keeps its place: voxel centres are means of voxel centres
        assert half.origin_um[1] == pytest.approx(ORIGIN[1] + (2**level - 1) / 2 * SPACING[1])
        assert half.spacing_um == pytest.approx((SPACING[0], SPACING[1] * 2**level, SPACING[2] * 2**level))
    labels = (values // 20).astype(np.uint16)
    quaternions = np.random.default_rng(1).normal(size=(9, 4))
    observed = values > 30
    write_labels(LabelVolume(labels, SPACING, ORIGIN, observed, "grains", quaternions, "-3m"), tmp_path / "a.zarr")
    again = read_labels(tmp_path / "a.zarr", kind="grains")
    assert np.array_equal(again.labels, labels)
    assert again.observed is not None
    assert np.array_equal(again.observed, observed)
    assert np.array_equal(again.quaternions, quaternions)  # type: ignore[arg-type]
    assert again.point_group == "-3m"
    coarse = read_labels(tmp_path / "a.zarr", options=ReadOptions(level=1), kind="grains")
    assert np.array_equal(coarse.labels, labels[:, ::2, ::2])
    assert coarse.origin_um == pytest.approx(ORIGIN)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("my work")
    (tmp_path / "other").rename(tmp_path / "b.zarr")
    with pytest.raises(NmcError, match="something else in it"):
        write_volume(Volume(values, SPACING), tmp_path / "b.zarr")
    assert (tmp_path / "b.zarr" / "thesis.tex").read_text() == "my work"
