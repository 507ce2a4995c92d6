"""Randomness is an argument. One seed a project, one stream a step and a particle, the same on any number of workers."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of one named piece of work.

    Parameters
    ----------
    seed
        The project's seed, a non-negative integer.
    names
        What the work is, for example ``("compose", 17)``. Words enter through their CRC-32, so that a stream depends on
        its name alone and not on the order in which the work is done.
    """
    keys = tuple(zlib.crc32(name.encode()) if isinstance(name, str) else int(name) for name in names)
    return np.random.default_rng(np.random.SeedSequence(entropy=int(seed), spawn_key=keys))


def child(rng: np.random.Generator, index: int) -> np.random.Generator:
    """The stream number `index` below `rng`; does not depend on what was drawn from `rng` or on other children."""
    sequence = rng.bit_generator.seed_seq
    key = (*sequence.spawn_key, int(index))  # type: ignore[attr-defined]
    return np.random.default_rng(np.random.SeedSequence(entropy=sequence.entropy, spawn_key=key))  # type: ignore[attr-defined]
