"""Colours by lightness and hue as the eye sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_TO_LMS = np.array([[0.3963377774, 0.2158037573], [-0.1055613458, -0.0638541728], [-0.0894841775, -1.2914855480]])
_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def oklab_to_srgb(lightness: NDArray[Any], a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.uint8]:
    """OKLab coordinates ``(...)`` to sRGB bytes ``(..., 3)``, clipped to the gamut."""
    lms = np.stack([lightness + row[0] * a + row[1] * b for row in _TO_LMS], axis=-1)
    linear = np.clip(lms**3 @ _TO_RGB.T, 0.0, 1.0)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * gamma).astype(np.uint8)
