"""The live preview of a segmentation: the same particles as the step where it sees all, and its own middle where not."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Volume
from nmcstudio.gui.panels.segment_preview import Segmenter, middle_piece
from nmcstudio.pipeline.steps.segment_ct import SegmentCtParams, run


def spheres() -> Volume:
    z, y, x = np.mgrid[:40, :40, :60]
    grey = np.full((40, 40, 60), 20.0, np.float32)
    for centre in ((20, 20, 15), (20, 20, 44)):
        distance = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        grey[distance < 10] = 200.0
    return Volume(grey, (0.5, 0.5, 0.5))


def test_the_preview_counts_what_the_step_finds():
    volume = spheres()
    params = SegmentCtParams(sigma=1.0, minimum_diameter_um=2.0, field_of_view="all")
    labels = run({"ct": volume}, params, Monitor(), np.random.default_rng(1))
    found = Segmenter(volume).look(params, Monitor(), split=True)
    assert found.words.startswith(f"Preview: {len(np.unique(labels.labels)) - 1} particles")
    assert found.labels is not None
    assert abs(int((found.labels.labels > 0).sum()) - int((labels.labels > 0).sum())) < 20


def test_a_threshold_given_by_hand_moves_the_share():
    segmenter = Segmenter(spheres())
    low = segmenter.look(SegmentCtParams(sigma=1.0, threshold=60), Monitor(), split=False)
    high = segmenter.look(SegmentCtParams(sigma=1.0, threshold=160), Monitor(), split=False)
    assert (low.threshold, high.threshold) == (60, 160)
    assert low.words != high.words
    assert low.labels is None


def test_the_middle_piece_keeps_short_axes_and_its_place():
    volume = Volume(np.zeros((10, 300, 400), np.uint8), (1.0, 2.0, 3.0), (5.0, 0.0, 0.0))
    piece, whole = middle_piece(volume, 100_000)
    assert not whole
    assert piece.shape[0] == 10
    assert 80_000 < piece.values.size <= 100_000
    assert piece.origin_um == (5.0, 2.0 * ((300 - piece.shape[1]) // 2), 3.0 * ((400 - piece.shape[2]) // 2))
    assert middle_piece(volume, 10_000_000) == (volume, True)
