"""Arrays inside the frozen data types: checked once, then read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def frozen(
    value: Any, dtype: DTypeLike | None = None, shape: tuple[int | None, ...] | None = None, name: str = "array"
) -> NDArray[Any]:
    """A read-only array of the given dtype and shape.

    A writable array is not copied but viewed: whoever hands an array to a data type gives it away.

    Raises
    ------
    ValueError
        If the shape differs; None in `shape` fits any length.
    """
    array = np.asarray(value, dtype=dtype)
    if shape is not None and (array.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, array.shape))):
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array
