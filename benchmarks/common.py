"""Measuring two or more ways of doing the same thing: in turn, in processes of their own, on the same input."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """Median seconds, all seconds, peak memory of the process in MiB, the last result's check value, median seconds of CPU."""

    seconds: float
    runs: tuple[float, ...]
    peak_mib: float
    check: Any
    cpu_seconds: float = float("nan")


def _work(function: Callable[..., Any], arguments: tuple[Any, ...], repeats: int, warm_up: bool, pipe: Any) -> None:
    if warm_up:
        function(*arguments)  # compiled and cached code, imports
    runs, cpu, check = [], [], None
    for _ in range(repeats):
        begun, used = time.perf_counter(), time.process_time()
        check = function(*arguments)
        runs.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pipe.send(Measured(statistics.median(runs), tuple(runs), after / 1024, check, statistics.median(cpu)))


def measure(function: Callable[..., Any], *arguments: Any, repeats: int = 3, warm_up: bool = True) -> Measured:
    """Run `function` once to warm up (not where a run takes minutes) and `repeats` times measured, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(function, arguments, repeats, warm_up, theirs))
    process.start()
    theirs.close()
    try:
        result: Measured = ours.recv()
    finally:
        process.join()
    return result


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
