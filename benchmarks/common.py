"""Measuring two or more ways of doing the same thing: in turn, in processes of their own, on the same input."""

from __future__ import annotations

import multiprocessing
import re
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Measured:
    """Median seconds, all seconds, peak memory of the process in MiB, the last result's check value, median seconds of CPU."""

    seconds: float
    runs: tuple[float, ...]
    peak_mib: float
    check: Any
    cpu_seconds: float = float("nan")

    def with_peak(self, peak_mib: float) -> Measured:
        """The same with the peak memory of a process of its own."""
        return replace(self, peak_mib=peak_mib)


def _work(
    function: Callable[..., Any], arguments: tuple[Any, ...], repeats: int, warm_up: bool, digest: Callable[[Any], Any], pipe: Any
) -> None:
    if warm_up:
        function(*arguments)  # compiled and cached code, imports
    runs, cpu, check = [], [], None
    for _ in range(repeats):
        begun, used = time.perf_counter(), time.process_time()
        result = function(*arguments)
        runs.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
        check = digest(result)
        del result
    pipe.send(Measured(statistics.median(runs), tuple(runs), peak_mib(), check, statistics.median(cpu)))


def peak_mib() -> float:
    """Peak memory of this process. Linux hands the peak of the parent on through getrusage, so its own mark is read there."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text()).group(1)) / 1024  # type: ignore[union-attr]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def itself(result: Any) -> Any:
    """A result that is its own check value."""
    return result


def measure(
    function: Callable[..., Any], *arguments: Any, repeats: int = 3, warm_up: bool = True, digest: Callable[[Any], Any] = itself
) -> Measured:
    """Run `function` once to warm up (not where a run takes minutes) and `repeats` times measured, in a process of its own.

    `digest` makes the check value of a result; its time does not count.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(function, arguments, repeats, warm_up, digest, theirs))
    process.start()
    theirs.close()
    try:
        result: Measured = ours.recv()
    finally:
        process.join()
    return result


def interleaved(
    ways: Mapping[str, Callable[..., Any]],
    arguments: tuple[Any, ...],
    rounds: int = 5,
    warm_up: bool = True,
    digest: Callable[[Any], Any] = itself,
) -> dict[str, Measured | str]:
    """Run all ways in turn in this process, `rounds` times: what else the machine does hits all alike.

    A way whose peer is not installed gives words instead of figures. Peak memory is not told apart (NaN).
    `digest` makes the check value of a result; its time does not count.
    """
    rows: dict[str, Measured | str] = {}
    runs: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    checks: dict[str, Any] = {}
    for number in range(rounds + warm_up):
        for name, function in ways.items():
            if name in rows:
                continue
            begun, used = time.perf_counter(), time.process_time()
            try:
                result = function(*arguments)
            except ImportError as error:
                rows[name] = f"not installed ({error.name})"
                continue
            if number >= warm_up:
                runs[name].append(time.perf_counter() - begun)
                cpu[name].append(time.process_time() - used)
            checks[name] = digest(result)
            del result
    for name in ways:
        if name not in rows:
            rows[name] = Measured(
                statistics.median(runs[name]), tuple(runs[name]), float("nan"), checks[name], statistics.median(cpu[name])
            )
    return {name: rows[name] for name in ways}


def table(title: str, rows: dict[str, Measured | str]) -> None:
    """Print one comparison; the first row is ours, and ratios are against it."""
    print(f"\n{title}")
    first = next(iter(rows.values()))
    for name, row in rows.items():
        if isinstance(row, str):
            print(f"  {name:<44} {row}")
            continue
        ratio = row.seconds / first.seconds if isinstance(first, Measured) else float("nan")
        spread = f"{min(row.runs):.4f} to {max(row.runs):.4f}"
        print(
            f"  {name:<44} {row.seconds:9.4f} s  ({spread})  x {ratio:8.1f}  {row.peak_mib:8.0f} MiB, {row.cpu_seconds:.3g} s CPU"
        )
