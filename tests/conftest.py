"""What every test may use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"
_COMPILE_ORIX = """
import numpy
from orix.quaternion import Orientation
from orix.vector import Vector3d
one = Orientation(numpy.eye(4)[:1])
~one * one * Vector3d.xvector()
"""


def pytest_configure(config: pytest.Config) -> None:
    """Compile orix's loops once before several workers start.

    numba's cache of generalised ufuncs is not safe where two processes write it at once: what they leave crashes every
    process that loads it (numba issue 10128). Compiling once also saves the second worker half a minute.
    """
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        subprocess.run([sys.executable, "-c", _COMPILE_ORIX], check=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data sets beside the checkout; the test is skipped where it is absent."""
    folder = _SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not beside this checkout")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed, new for every test."""
    return np.random.default_rng(20210707)
