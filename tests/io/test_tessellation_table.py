"""tessellation.csv: round trip, hand-written files, and what is said of bad ones."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import KINDS, Tessellation
from nmcstudio.io.tables.tessellation import read_tessellation, write_tessellation
from nmcstudio.pipeline.direct import run

GOOD = """# laguerre
# window_um 0 10 0 12 -1 8
label,x_um,y_um,z_um,weight_um2
7,1.5,2,3,0.25
2,4,5,6,-1e-3
"""


def tessellation(kind):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(5, 3, 3))
    matrices = None if kind == "laguerre" else a @ np.swapaxes(a, 1, 2) + np.eye(3)
    return Tessellation(
        kind,
        np.array([2, 3, 5, 8, 13]),
        rng.normal(size=(5, 3)),
        rng.normal(size=5),
        np.array([[0.1, 1], [2, 3], [4, 5.7]]),
        matrices,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(kind, tmp_path):
    before = tessellation(kind)
    path = tmp_path / "Größe µm.csv"
    write_tessellation(path, before)
    after = read_tessellation(path)
    for name in ("labels", "seeds_um", "weights", "window_um"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert after.kind == kind
    if kind == "laguerre":
        assert after.matrices is None
    else:
        np.testing.assert_array_equal(after.matrices, np.triu(before.matrices) + np.swapaxes(np.triu(before.matrices, 1), 1, 2))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {kind}"
    assert lines[1].startswith("# window_um 0.1 1.0 2.0 ")
    weight = "weight_um" if kind == "gbpd-sqrt" else "weight_um2"
    assert lines[2] == f"label,x_um,y_um,z_um,{weight}" + ("" if kind == "laguerre" else ",m_xx,m_xy,m_xz,m_yy,m_yz,m_zz")


def test_hand_written_file_and_step(tmp_path):
    path = tmp_path / "tessellation.csv"
    path.write_text("\ufeff" + GOOD.replace("\n", "\r\n"), encoding="utf-8")
    found = run("import-tessellation", files=(str(path),))
    assert found.labels.tolist() == [2, 7]
    assert found.weights.tolist() == [-1e-3, 0.25]
    assert found.window_um.tolist() == [[0, 10], [0, 12], [-1, 8]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# laguerre\n", "", "does not say its kind"),
        ("# laguerre", "# voronoi", "kind 'voronoi'"),
        ("# window_um 0 10 0 12 -1 8\n", "", "has no window"),
        ("0 10 0 12", "0 10 12 12", "window"),
        ("0 10 0 12", "0 ten 0 12", "window"),
        (",weight_um2", "", "no column 'weight_um2'"),
        ("# laguerre", "# gbpd-sqrt", "no column 'weight_um'"),
        ("# laguerre", "# gbpd-quadratic", "no column 'm_xx'"),
        ("0.25", "nan", "line 4: weight_um2 is nan"),
        ("0.25", "", "line 4: weight_um2 is ''"),
        ("4,5,6,-1e-3", "4,5", "line 5: z_um is missing"),
        ("7,1.5", "2,1.5", "own whole number"),
        ("7,1.5", "7.5,1.5", "own whole number"),
        ("7,1.5,2,3,0.25\n2,4,5,6,-1e-3\n", "", "no generators"),
    ],
)
def test_says_what_is_wrong(old, new, message, tmp_path):
    path = tmp_path / "tessellation.csv"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(NmcError, match=message) as caught:
        read_tessellation(path)
    assert caught.value.hint


def test_bad_matrix_and_bad_files(tmp_path):
    path = tmp_path / "t.csv"
    write_tessellation(path, tessellation("gbpd-quadratic"))
    lines = path.read_text().splitlines()
    row = lines[3].split(",")
    row[5] = "-1"
    path.write_text("\n".join([*lines[:3], ",".join(row)]))
    with pytest.raises(NmcError, match=r"label 2 .* not positive definite"):
        read_tessellation(path)
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(NmcError, match="not a text file"):
        read_tessellation(path)
    path.write_text("")
    with pytest.raises(NmcError, match="kind"):
        read_tessellation(path)
    with pytest.raises(NmcError, match="cannot be read"):
        read_tessellation(tmp_path / "nothing.csv")
    with pytest.raises(NmcError, match="no file was given"):
        run("import-tessellation")
