"""Single sections as text maps: .ang in EDAX's setting 2, .ctf in Oxford's frame, which is what readers take them for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.frames import turn_from_map
from nmcstudio.crystal.quaternions import to_bunge
from nmcstudio.crystal.symmetry import edax_symmetry, laue_class, oxford_laue_number
from nmcstudio.io.ebsd.points import WORST_MAD_DEG
from nmcstudio.io.files import replacing

_ANGSTROM_UM = 1e-4
# P -3 1 m says what Oxford's Laue group 7 leaves open: the two-fold axes are not along a.
_TURNED_SETTING = 162
_NO_SOLUTION = 4 * np.pi


def write_ang(path: Path, stack: EbsdStack, monitor: Monitor | None = None) -> None:
    """Write a stack of one section as .ang.

    Points without a solution have angles of 4 pi and confidence -1. Angles are rounded to 1e-5 radian.

    Raises
    ------
    NmcError
        If there are several sections, a point group that EDAX has no number for, or nothing can be written there.
    """
    _check_single(stack, ".ang")
    step_y, step_x = stack.spacing_um[1:]
    rows, columns = stack.shape[1:]
    header = ["# TEM_PIXperUM          1.000000", "#"]
    for number, phase in enumerate(stack.phases, 1):
        header += [f"# Phase {number}", f"# MaterialName      {phase.name}", f"# Formula      {phase.name}",
                   f"# Symmetry              {edax_symmetry(phase.point_group)}",
                   f"# LatticeConstants      {' '.join(f'{value:.3f}' for value in _lattice(phase))}",
                   "# NumberFamilies        0", "#"]  # fmt: skip
    header += ["# GRID: SqrGrid", f"# XSTEP: {step_x:.9g}", f"# YSTEP: {step_y:.9g}", f"# NCOLS_ODD: {columns}",
               f"# NCOLS_EVEN: {columns}", f"# NROWS: {rows}", "#",
               "# COLUMN_HEADERS: phi1, PHI, phi2, x, y, IQ, CI, Phase index, SEM, Fit", "#"]  # fmt: skip
    several = len(stack.phases) > 1

    def lines() -> Iterator[str]:
        for row, angles in _rows(stack, "edax-2", monitor or Monitor()):
            there = stack.phase[0, row] > 0
            radians = np.where(there[:, None], angles, _NO_SOLUTION)
            quality = np.nan_to_num(stack.quality[0, row])
            confidence = np.where(there, np.nan_to_num(stack.confidence[0, row]), -1)
            ids = stack.phase[0, row] if several else np.zeros(columns, np.uint8)
            y = row * step_y
            for i in range(columns):
                if stack.observed[0, row, i]:
                    yield (
                        f"{radians[i, 0]:9.5f} {radians[i, 1]:9.5f} {radians[i, 2]:9.5f} {i * step_x:12.5f} {y:12.5f} "
                        f"{quality[i]:.6g} {confidence[i]:.6g} {ids[i]:d} 0 0.000"
                    )

    _write(path, header, lines())


def write_ctf(path: Path, stack: EbsdStack, monitor: Monitor | None = None) -> None:
    """Write a stack of one section as .ctf.

    Points without a solution have phase 0; the confidence is written as the MAD that stands for it here (0 degrees is 1, 2 and
    more are 0), the quality as band contrast in whole numbers. Angles are rounded to 1e-4 degree.

    Raises
    ------
    NmcError
        If there are several sections, or nothing can be written there.
    """
    _check_single(stack, ".ctf")
    step_y, step_x = stack.spacing_um[1:]
    rows, columns = stack.shape[1:]
    header = ["Channel Text File", f"Prj\t{stack.name}", "Author\t[Unknown]", "JobMode\tGrid", f"XCells\t{columns}",
              f"YCells\t{rows}", f"XStep\t{step_x:.9g}", f"YStep\t{step_y:.9g}", "AcqE1\t0", "AcqE2\t0", "AcqE3\t0",
              "Euler angles refer to Sample Coordinate system (CS0)!\tMag\t1\tCoverage\t100\tDevice\t0\tKV\t20\tTiltAngle\t70",
              f"Phases\t{len(stack.phases)}"]  # fmt: skip
    for phase in stack.phases:
        a, b, c, alpha, beta, gamma = (f"{value:.4g}" for value in _lattice(phase))
        laue = oxford_laue_number(phase.point_group)
        space_group = _TURNED_SETTING if laue_class(phase.point_group) == "-31m" else 0
        header.append(f"{a};{b};{c}\t{alpha};{beta};{gamma}\t{phase.name}\t{laue}\t{space_group}\t\t\t")
    header.append("Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS")

    def lines() -> Iterator[str]:
        for row, angles in _rows(stack, "oxford", monitor or Monitor()):
            ids = stack.phase[0, row]
            degrees = np.where(ids[:, None] > 0, np.rad2deg(angles), 0.0)
            quality = np.rint(np.clip(np.nan_to_num(stack.quality[0, row]), 0, 1e6)).astype(int)
            mad = WORST_MAD_DEG * (1 - np.clip(np.nan_to_num(stack.confidence[0, row]), 0, 1))
            for i in range(columns):
                if stack.observed[0, row, i]:
                    yield (
                        f"{ids[i]:d}\t{i * step_x:.4f}\t{row * step_y:.4f}\t0\t{0 if ids[i] else 3}\t{degrees[i, 0]:.4f}\t"
                        f"{degrees[i, 1]:.4f}\t{degrees[i, 2]:.4f}\t{mad[i]:.4f}\t{quality[i]:d}\t0"
                    )

    _write(path, header, lines())


def _rows(stack: EbsdStack, frame: str, monitor: Monitor) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Bunge angles ``(columns, 3)`` of each row in a vendor's frame, radians, NaN where there are none."""
    groups = tuple(phase.point_group for phase in stack.phases)
    for row in range(stack.shape[1]):
        monitor.report(row / stack.shape[1], "writing")
        yield row, to_bunge(turn_from_map(stack.quaternions[0, row].astype(np.float64), frame, groups, stack.phase[0, row]))


def _check_single(stack: EbsdStack, ending: str) -> None:
    if stack.shape[0] > 1:
        raise NmcError(
            f"{ending} holds one section, and the map has {stack.shape[0]}",
            "write .dream3d, .h5 or .vti, which hold a stack",
            "to",
        )


def _lattice(phase: Phase) -> tuple[float, ...]:
    """a, b, c in Angstrom and three angles in degrees; 1 1 1 90 90 90 (or 120) where they are not known."""
    if len(phase.lattice) == 6:
        return (*(length / _ANGSTROM_UM for length in phase.lattice[:3]), *np.rad2deg(phase.lattice[3:]))
    return (1.0, 1.0, 1.0, 90.0, 90.0, 120.0 if oxford_laue_number(phase.point_group) in (6, 7, 8, 9) else 90.0)


def _write(path: Path, header: list[str], lines: Iterator[str]) -> None:
    with replacing(Path(path)) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\n".join(header) + "\n")
        for line in lines:
            file.write(line + "\n")
