"""CT segmentation from grey values to cleaned labels: ours against DIPlib, edt and scikit-image on the same generated volume.

Every run is a process of its own, rounds go through all chains in turn. Printed: median seconds and their ratio to ours, CPU
seconds of all threads, nanoseconds per voxel, peak memory over the input, score against the truth, and our cost per voxel from an
eighth of the size to the full one. The generator is a module `gen` with `ct_volume(shape, count, seed, noise)`.

    python benchmarks/segmentation.py --shape 250 254 808 --chains ours edt-diplib diplib scikit-image
    python benchmarks/segmentation.py --shape 499 508 1616 --chains ours edt-diplib --table
    python benchmarks/segmentation.py --quality
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

SIGMA = 4.0
SPACING_UM = 0.128


def ours(grey: np.ndarray, radius: float) -> np.ndarray:
    """Default settings; the Gaussian's sigma is the published 4 voxels."""
    from nmcstudio.core.volume import Volume
    from nmcstudio.imaging.segment_ct import segment_ct

    return segment_ct(Volume(grey, (SPACING_UM,) * 3)).labels


def _otsu(smoothed: np.ndarray) -> float:
    counts, edges = np.histogram(smoothed.reshape(-1)[::7], 256)
    centres = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum().astype(float)
    moment = (counts * centres).cumsum()
    above = below[-1] - below
    good = (below > 0) & (above > 0)
    variance = np.zeros(256)
    variance[good] = (moment[-1] * below[good] / below[-1] - moment[good]) ** 2 / (below[good] * above[good])
    return float(centres[variance.argmax()])


def _diplib_watershed(distance: np.ndarray, mask: np.ndarray, depth: float) -> np.ndarray:
    import diplib

    flags = {"labels"}
    return np.asarray(diplib.Watershed(-distance, mask, connectivity=1, maxDepth=depth, maxSize=0, flags=flags))


def diplib_chain(grey: np.ndarray, radius: float) -> np.ndarray:
    import diplib

    smoothed = np.asarray(diplib.GaussFIR(grey, [SIGMA]))
    mask = smoothed > _otsu(smoothed)
    del smoothed
    distance = np.asarray(diplib.EuclideanDistanceTransform(mask, "background"))
    return _diplib_watershed(distance, mask, 0.04 * radius)


def edt_diplib_chain(grey: np.ndarray, radius: float) -> np.ndarray:
    import diplib
    import edt

    smoothed = np.asarray(diplib.GaussFIR(grey, [SIGMA]))
    mask = smoothed > _otsu(smoothed)
    del smoothed
    return _diplib_watershed(edt.edt(mask, parallel=os.cpu_count()), mask, 0.04 * radius)


def scikit_image_chain(grey: np.ndarray, radius: float) -> np.ndarray:
    from scipy.ndimage import distance_transform_edt
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian
    from skimage.segmentation import watershed

    smoothed = gaussian(grey, SIGMA, preserve_range=True)
    mask = smoothed > _otsu(smoothed)
    del smoothed
    distance = distance_transform_edt(mask)
    tops = peak_local_max(distance, min_distance=int(0.45 * radius), labels=mask.astype(np.uint8), exclude_border=False)
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(tops.T)] = np.arange(1, len(tops) + 1)
    return watershed(-distance, markers, mask=mask)


CHAINS = {"ours": ours, "edt-diplib": edt_diplib_chain, "diplib": diplib_chain, "scikit-image": scikit_image_chain}


def mean_radius(shape: tuple[int, ...], count: int) -> float:
    """Of `count` particles that fill 30 % of a volume, in voxels; the peers are told it."""
    return float((0.30 * np.prod(shape) / count / (4 / 3 * np.pi)) ** (1 / 3))


def score(truth: np.ndarray, labels: np.ndarray, margin: int) -> dict[str, float]:
    """F1 of whole particles matched at an IoU of 0.7, and errors of their volume-equivalent diameters.

    Whole are those that keep `margin` voxels from the border: nearer to it than the filter reaches, nobody can tell.
    Particles on either side that match one which is not whole by this rule count neither way.
    """
    width = int(labels.max()) + 1
    table = np.zeros((int(truth.max()) + 1) * width, np.int64)
    for one, other in zip(truth, labels):
        table += np.bincount(one.reshape(-1).astype(np.int64) * width + other.reshape(-1), minlength=table.size)
    table = table.reshape(-1, width)
    sizes, found_sizes = table.sum(1), table.sum(0)

    def whole(array: np.ndarray, count: int) -> np.ndarray:
        there = np.ones(count, bool)
        for axis in range(3):
            rows = np.moveaxis(array, axis, 0)
            for part in (rows[: margin + 1], rows[len(rows) - margin - 1 :]):
                there[np.unique(part)] = False
        there[0] = False
        return there

    overlap = table / np.maximum(sizes[:, None] + found_sizes[None] - table, 1)
    overlap[0] = overlap[:, 0] = 0
    partner, best = overlap.argmax(1), overlap.max(1)
    matched = best > 0.7
    wanted = whole(truth, len(sizes)) & (sizes > 0)
    given = whole(labels, width) & (found_sizes > 0)
    outside = np.zeros(width, bool)
    outside[partner[matched & ~wanted]] = True
    hits = matched & wanted
    missed = int((wanted & ~matched).sum())
    wrong = given & ~outside
    wrong[partner[hits]] = False
    errors = np.cbrt(found_sizes[partner[hits]] / sizes[hits]) - 1
    return {
        "f1": 2 * hits.sum() / max(1, 2 * hits.sum() + missed + wrong.sum()),
        "matched": int(hits.sum()),
        "missed": missed,
        "wrong": int(wrong.sum()),
        "diameter_error": float(np.median(np.abs(errors))) if errors.size else float("nan"),
        "diameter_bias": float(np.median(errors)) if errors.size else float("nan"),
    }


def shaded(grey: np.ndarray, amplitude: float, seed: int) -> np.ndarray:
    """Grey values times a slow field between 1 - amplitude and 1 + amplitude."""
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, 3)
    axes = np.meshgrid(*[np.linspace(0, np.pi, n, dtype=np.float32) for n in grey.shape], indexing="ij", sparse=True)
    field = sum(np.cos(axis + phase) for axis, phase in zip(axes, phases))
    return (grey * (1 + amplitude * field / np.abs(field).max())).clip(0, 255).astype(np.uint8)


def run_one(arguments: argparse.Namespace) -> None:
    """One chain once, in this process; the answer is a line on standard output."""
    folder = Path(arguments.folder)
    grey = np.load(folder / "grey.npy")
    radius = float((folder / "radius.txt").read_text())
    if arguments.one == "ours":  # compiled code comes from the cache, imports are paid
        try:
            ours(np.ascontiguousarray(grey[:32, :48, :64]), radius)
        except Exception as error:
            print(f"warming up: {error}", file=sys.stderr)
    else:
        CHAINS[arguments.one](np.ascontiguousarray(grey[:32, :48, :64]), 8.0)
    base = resident()
    begun, used = time.perf_counter(), time.process_time()
    labels = CHAINS[arguments.one](grey, radius)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    peak = highest_resident() - base
    answer: dict[str, Any] = {"seconds": seconds, "cpu": cpu, "bytes": peak / grey.size}
    if arguments.score:
        answer |= score(np.load(folder / "truth.npy"), np.asarray(labels), int(SIGMA))
    print("ANSWER", repr(answer))


def resident() -> int:
    """Memory of this process, in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def highest_resident() -> int:
    """Peak memory of this process, in bytes; where the system has it, not counting what ran before in its place."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measured(chain: str, folder: Path, with_score: bool) -> dict[str, float] | str:
    command = [sys.executable, __file__, "--one", chain, "--folder", str(folder), *(["--score"] if with_score else [])]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWER")]
    if not lines:
        return f"failed: {(done.stderr.strip().splitlines() or ['killed'])[-1][:120]}"
    return eval(lines[-1][7:], {"nan": float("nan"), "np": np})


def save(folder: Path, grey: np.ndarray, truth: np.ndarray, radius: float) -> None:
    np.save(folder / "grey.npy", np.ascontiguousarray(grey))
    np.save(folder / "truth.npy", np.ascontiguousarray(truth))
    (folder / "radius.txt").write_text(repr(radius))


def compare(generator: Any, arguments: argparse.Namespace) -> None:
    shape = tuple(arguments.shape)
    grey, truth = generator.ct_volume(shape, arguments.count, arguments.seed, arguments.noise)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder, grey, truth, mean_radius(shape, arguments.count))
        size = grey.size
        del grey, truth
        runs: dict[str, list[dict[str, float]]] = {chain: [] for chain in arguments.chains}
        for turn in range(arguments.rounds):
            for chain in arguments.chains:
                answer = measured(chain, folder, turn == 0)
                if isinstance(answer, str):
                    print(f"  {chain}: {answer}")
                    continue
                runs[chain].append(answer)
                print(f"  round {turn + 1}: {chain} {answer['seconds']:.1f} s, {answer['cpu']:.1f} s CPU", flush=True)
    print(f"\n{' x '.join(map(str, shape))} = {size / 1e6:.0f} million voxels, {arguments.count} particles")
    first = runs.get("ours") or next(iter(runs.values()))
    for chain, answers in runs.items():
        if not answers:
            continue
        seconds, cpu = (statistics.median(a[key] for a in answers) for key in ("seconds", "cpu"))
        ratio = seconds / statistics.median(a["seconds"] for a in first)
        busy = cpu / statistics.median(a["cpu"] for a in first)
        peak, found = max(a["bytes"] for a in answers), answers[0]
        print(f"  {chain:<13} {seconds:7.1f} s  x {ratio:5.2f}   {cpu:7.1f} s CPU  x {busy:5.2f}   ", end="")
        print(f"{seconds / size * 1e9:6.1f} ns/voxel   {peak:5.1f} bytes/voxel   ", end="")
        print(f"F1 {found['f1']:.3f}, median diameter error {100 * found['diameter_error']:.2f} %")


def growth(generator: Any, arguments: argparse.Namespace) -> None:
    """Our cost per voxel on parts of one volume, so that particles are of one size."""
    shape = tuple(arguments.shape)
    grey, truth = generator.ct_volume(shape, arguments.count, arguments.seed, arguments.noise)
    print("\nours, parts of one volume")
    for share in (1 / 8, 1 / 4, 1 / 2, 1):
        length = round(shape[2] * share)
        with tempfile.TemporaryDirectory() as name:
            save(Path(name), grey[:, :, :length], truth[:1, :, :length], 1.0)
            answers = [measured("ours", Path(name), False) for _ in range(arguments.rounds)]
        good = [a for a in answers if not isinstance(a, str)]
        voxels = shape[0] * shape[1] * length
        seconds, cpu = (statistics.median(a[key] for a in good) for key in ("seconds", "cpu"))
        print(
            f"  {voxels / 1e6:6.0f} million voxels   {seconds:7.2f} s   {seconds / voxels * 1e9:6.1f} ns/voxel   "
            f"{cpu / voxels * 1e9:6.1f} ns CPU/voxel   {max(a['bytes'] for a in good):5.2f} bytes/voxel",
            flush=True,
        )


def quality(generator: Any, arguments: argparse.Namespace) -> None:
    """F1 and diameters with default settings over seeds, particle sizes, noise and shading, without and with its correction."""
    from nmcstudio.core.volume import Volume
    from nmcstudio.imaging.corrections import Corrections
    from nmcstudio.imaging.segment_ct import segment_ct
    from nmcstudio.imaging.segment_settings import SegmentSettings

    shape = tuple(arguments.shape)
    rows = []
    for count in arguments.counts:
        for seed in range(1, arguments.seeds + 1):
            for noise in (0.05, 0.1, 0.2):
                grey, truth = generator.ct_volume(shape, count, seed, noise)
                flat = SegmentSettings(corrections=Corrections(shading="multiplicative"))
                cases = {"even": (grey, SegmentSettings())}
                if noise == 0.1:
                    uneven = shaded(grey, 0.15, seed)
                    cases |= {"shaded": (uneven, SegmentSettings()), "shaded, corrected": (uneven, flat)}
                for case, (values, settings) in cases.items():
                    labels = segment_ct(Volume(values, (SPACING_UM,) * 3), settings).labels
                    found = score(truth, labels, int(SIGMA))
                    rows.append((case, found))
                    counts = f"{found['matched']}/{found['missed']}/{found['wrong']}"
                    print(f"  radius {mean_radius(shape, count):4.1f} seed {seed} noise {noise:.2f} {case:<18}", end="")
                    print(f" F1 {found['f1']:.3f} (matched/missed/wrong {counts})", end="")
                    print(f" diameter error {100 * found['diameter_error']:.2f} %, bias {100 * found['diameter_bias']:+.2f} %")
                    sys.stdout.flush()
    for case in dict.fromkeys(case for case, _ in rows):
        mine = [found for name, found in rows if name == case]
        hits, missed, wrong = (sum(found[key] for found in mine) for key in ("matched", "missed", "wrong"))
        together, worst = 2 * hits / (2 * hits + missed + wrong), min(found["f1"] for found in mine)
        error = max(found["diameter_error"] for found in mine)
        print(f"{case}: {len(mine)} sets, F1 of all particles together {together:.4f}, of the worst set {worst:.3f}; ", end="")
        print(f"median diameter error at most {100 * error:.2f} %")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default=str(Path(__file__).parents[2] / "shared" / "bench"))
    parser.add_argument("--shape", type=int, nargs=3, default=[250, 254, 808])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chains", nargs="+", choices=CHAINS, default=list(CHAINS))
    parser.add_argument("--table", action="store_true", help="our cost per voxel from an eighth to the whole of the shape")
    parser.add_argument("--quality", action="store_true", help="only the score of ours, over many sets")
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 200], help="numbers of particles for --quality")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--one", choices=CHAINS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--score", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        run_one(arguments)
        return 0
    sys.path.insert(0, arguments.generator)
    import gen

    if arguments.quality:
        quality(gen, arguments)
        return 0
    compare(gen, arguments)
    if arguments.table:
        growth(gen, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
