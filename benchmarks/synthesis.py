"""10,000 shells of degree 15 at 4,098 directions: ours, written, against the cached basis times BLAS, which keeps nothing."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import measure, table

_STATE: dict[str, Any] = {}


def prepare(count: int, degree: int) -> dict[str, Any]:
    """Coefficients and the peer's basis and output, made once in each process."""
    if not _STATE:
        from nmcstudio.shell.directions import octasphere
        from nmcstudio.shell.harmonics import compute_harmonics

        mesh = octasphere(5)
        coefficients = np.random.default_rng(1).normal(size=(count, (degree + 1) ** 2)) * 0.1
        coefficients[:, 0] += 13
        _STATE.update(
            mesh=mesh,
            coefficients=coefficients,
            single=coefficients.astype(np.float32),
            basis=np.ascontiguousarray(compute_harmonics(mesh.directions, degree).T, dtype=np.float32),
            out=np.empty((count, len(mesh.directions)), np.float32),
        )
    return _STATE


def blas(count: int, degree: int) -> float:
    state = prepare(count, degree)
    np.matmul(state["single"], state["basis"], out=state["out"])
    return float(state["out"][-1, -1])


def in_memory(count: int, degree: int) -> float:
    from nmcstudio.shell.synthesis import synthesise

    state = prepare(count, degree)
    last = 0.0
    for batch in synthesise(state["coefficients"], state["mesh"].directions):
        last = float(batch[-1, -1])
    return last


def one_file(count: int, degree: int, folder: str) -> float:
    from nmcstudio.core.monitor import Monitor
    from nmcstudio.io.tables.shells import write_shells
    from nmcstudio.shell.synthesis import synthesise

    state = prepare(count, degree)
    mesh, coefficients = state["mesh"], state["coefficients"]
    to = Path(folder) / "shells.h5"
    write_shells(
        to, synthesise(coefficients, mesh.directions), coefficients, np.zeros(count, np.int64), mesh.directions, mesh.triangles,
        Monitor(),
    )  # fmt: skip
    return float(to.stat().st_size)


def plain_file(count: int, degree: int, folder: str) -> float:
    """What any program would do: the product, then numpy's own file."""
    blas(count, degree)
    np.save(Path(folder) / "radii.npy", _STATE["out"])
    return float((Path(folder) / "radii.npy").stat().st_size)


def plain_synced_file(count: int, degree: int, folder: str) -> float:
    """As `plain_file`, and on the disk before it ends, as our files are."""
    import os

    size = plain_file(count, degree, folder)
    with (Path(folder) / "radii.npy").open("rb+") as file:
        os.fsync(file.fileno())
    return size


def ply_folder(count: int, degree: int, folder: str) -> float:
    from nmcstudio.core.monitor import Monitor
    from nmcstudio.io.meshes.shells import write_shell_folder
    from nmcstudio.shell.synthesis import synthesise

    state = prepare(count, degree)
    mesh = state["mesh"]
    to = Path(folder) / "shells"
    write_shell_folder(
        to, synthesise(state["coefficients"], mesh.directions), count, mesh.directions, mesh.triangles, Monitor()
    )  # fmt: skip
    return float(len(list(to.iterdir())))


def draw(count: int, degree: int, diameter_um: float | None, recentre: bool) -> float:
    from nmcstudio.core.rng import stream
    from nmcstudio.core.shells import ShellComponent, ShellModel
    from nmcstudio.shell.sphericity_match import draw_series

    degrees = np.arange(degree + 1)
    spectrum = np.where(degrees == 0, 0.3, np.where(degrees == 1, 1e-4, 0.04 * np.exp(-0.35 * (degrees - 2.0))))
    model = ShellModel(degree, tuple(ShellComponent(p, mu, spectrum) for p, mu in ((0.5, 3.2), (0.3, 3.7), (0.2, 4.4))))
    shells = draw_series(model, count, stream(1, "shells"), diameter_um=diameter_um, recentre=recentre)
    return float(shells.coefficients[:, 0].mean())


def disk_seconds(folder: str, size: int) -> float:
    """Seconds to write this many bytes and have them on the disk."""
    import os

    data = bytes(size)
    begun = time.perf_counter()
    with (Path(folder) / "plain").open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--degree", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", help="where files go; a temporary folder by default")
    options = parser.parse_args()
    size = options.count, options.degree
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        rows = {
            "cached basis times BLAS, nothing written": measure(blas, *size, repeats=options.repeats),
            "nmcstudio, batch by batch, nothing written": measure(in_memory, *size, repeats=options.repeats),
            "nmcstudio, one HDF5 file, synced": measure(one_file, *size, folder, repeats=options.repeats),
            "cached basis times BLAS, numpy.save": measure(plain_file, *size, folder, repeats=options.repeats),
            "cached basis times BLAS, numpy.save, synced": measure(plain_synced_file, *size, folder, repeats=options.repeats),
            "nmcstudio, a PLY file a shell": measure(ply_folder, *size, folder, repeats=1),
        }
        table(f"{options.count} shells of degree {options.degree} at 4,098 directions", rows)
        written = options.count * 4098 * 4
        print(f"  {written / 1e6:.0f} MB of zeros written and synced: {disk_seconds(folder, written):.3f} s")
    rows = {
        "drawn, size left to the model": measure(draw, *size, None, False, repeats=2),
        "and seen from their centroids": measure(draw, *size, None, True, repeats=2),
        "drawn with a diameter of 7.44 um": measure(draw, *size, 7.44, False, repeats=2),
    }
    table(f"{options.count} shells drawn from a model of three components", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
