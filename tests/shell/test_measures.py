"""Many shells measured on rings against the integrals with the whole basis, and against a ball."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.harmonics import Y00, degree_of_index, shell_area, shell_diameter, shell_sphericity, shell_volume
from nmcstudio.shell.measures import measure_shells


@pytest.mark.parametrize("degree", [0, 1, 2, 7, 15, 18])
def test_measures_are_the_integrals_with_the_whole_basis(degree: int, rng: np.random.Generator) -> None:
    spread = 0.5 / (1.0 + degree_of_index(degree)) ** 1.5
    coefficients = spread * rng.standard_normal((30, (degree + 1) ** 2))
    coefficients[:, 0] += 4 / Y00
    found = measure_shells(coefficients)
    np.testing.assert_allclose(found.diameters_um, shell_diameter(coefficients), rtol=1e-12)
    np.testing.assert_allclose(found.sphericities, shell_sphericity(coefficients), rtol=1e-12)


def test_a_ball_moved_off_its_centre_stays_a_ball() -> None:
    coefficients = np.zeros((3, 256))
    coefficients[:, 0] = np.array([1.0, 2.0, 5.0]) / Y00
    found = measure_shells(coefficients)
    assert found.diameters_um == pytest.approx([2, 4, 10])
    assert found.sphericities == pytest.approx([1, 1, 1])
    # A small shift is a harmonic of degree 1; the rest is of second order.
    coefficients[:, 2] = 0.01 * coefficients[:, 0]
    assert measure_shells(coefficients).sphericities == pytest.approx([1, 1, 1], abs=1e-4)


def test_blocks_do_not_matter_and_the_work_can_be_cancelled(rng: np.random.Generator) -> None:
    coefficients = 0.05 * rng.standard_normal((900, 16))
    coefficients[:, 0] += 3 / Y00
    found = measure_shells(coefficients)
    alone = measure_shells(coefficients[640:641])
    assert found.diameters_um[640] == pytest.approx(alone.diameters_um[0], rel=1e-13)
    assert shell_volume(coefficients[:2]) * 6 / np.pi == pytest.approx(found.diameters_um[:2] ** 3)
    assert np.all(shell_area(coefficients[:2]) > 4 * np.pi)
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        measure_shells(coefficients, monitor)
