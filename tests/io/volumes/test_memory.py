"""Reading holds a volume once: measured in a process of its own, because memory that was used is not given back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.io.volumes.samples import SAMPLES

SHAPE = (320, 512, 512)
_CHILD = """
import sys
import psutil, threading, time
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import open_volume, read_volume
options = ReadOptions(channel=0) if sys.argv[2] == "OME-Zarr" else ReadOptions()
open_volume(sys.argv[1], options)[0].source.read(((0, 1), (0, 1), (0, 1)))
process, peak, done = psutil.Process(), [0], threading.Event()
start = process.memory_info().rss
def look():
    while not done.wait(0.002):
        peak[0] = max(peak[0], process.memory_info().rss)
watcher = threading.Thread(target=look)
watcher.start()
volume = read_volume(sys.argv[1], None, options)
done.set()
watcher.join()
print((max(peak[0], process.memory_info().rss) - start) / volume.values.nbytes)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["TIFF", "HDF5", "VTI", "NRRD", "MetaImage", "VGI", "TXM", "DICOM", "RAW"])
def test_a_volume_is_held_once(tmp_path: Path, name: str) -> None:
    values = np.zeros(SHAPE, np.uint8)
    values[:, ::3] = np.arange(512, dtype=np.uint8)
    path = SAMPLES[name].write(tmp_path, values, "<")
    done = subprocess.run([sys.executable, "-c", _CHILD, str(path), name], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.3
