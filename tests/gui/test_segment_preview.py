"""What the panel of the segmentation shows before a run: the same as the step gives, plane by plane."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Volume
from nmcstudio.gui.panels import segment_preview as preview
from nmcstudio.imaging.segmenter import Segmenter
from nmcstudio.pipeline.steps.segment_ct import SegmentCtParams, run, settings_of

CENTRES = ((20, 20, 15), (20, 20, 33), (22, 20, 58), (0, 5, 5))


def spheres() -> Volume:
    """Three balls inside, two of them joined by a neck, and one that the border cuts."""
    z, y, x = np.mgrid[:40, :40, :72]
    grey = np.full((40, 40, 72), 20.0, np.float32)
    for centre in CENTRES:
        distance = np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2)
        grey[distance < 10] = 200.0
    return Volume(grey, (0.5, 0.5, 0.5))


def params(**changes: object) -> SegmentCtParams:
    return SegmentCtParams(**({"sigma": 1.0, "minimum_diameter_um": 2.0, "field_of_view": "all"} | changes))


def pieces_of(volume: Volume, given: SegmentCtParams) -> tuple[preview.Pieces, int]:
    settings = settings_of(given, volume)
    segmenter = Segmenter(volume)
    return preview.Pieces(segmenter.hierarchy(settings), volume, settings), segmenter.minimum_voxels(settings)


@pytest.mark.parametrize("split", [0.2, 0.8])
@pytest.mark.parametrize("border", ["drop", "keep"])
def test_the_particles_on_view_are_those_of_the_step(split, border):
    volume, given = spheres(), params(split=split, border=border)
    pieces, minimum = pieces_of(volume, given)
    found = pieces.sort_out(split, minimum, border == "keep", False)
    labels = run({"ct": volume}, given, Monitor(), np.random.default_rng(1)).labels
    assert np.array_equal(found.numbers[pieces.hierarchy.basins], labels)
    painted = pieces.layer(found, False).words[pieces.hierarchy.basins]
    assert np.array_equal(painted > 0, labels > 0)
    counts = np.bincount(labels.ravel())[1:]
    assert np.allclose(found.diameters_um, np.cbrt(6 / np.pi * counts * 0.125))


def test_the_largest_part_keeps_its_colour_when_a_particle_falls_apart():
    pieces, minimum = pieces_of(spheres(), params())
    apart, together = (pieces.sort_out(split, minimum, False, False) for split in (0.95, 0.1))
    assert len(apart.diameters_um) == len(together.diameters_um) + 1 == 3
    basins, sizes = pieces.hierarchy.basins, pieces.hierarchy.sizes
    for number in range(1, len(together.diameters_um) + 1):
        members = np.flatnonzero(together.numbers == number)
        largest = members[np.argmax(sizes[members])]
        assert apart.words[0, largest] == together.words[0, largest]
    joined = basins[20, 20, 15], basins[20, 20, 33]
    assert together.words[0, joined[0]] == together.words[0, joined[1]]
    assert apart.words[0, joined[0]] != apart.words[0, joined[1]]


def test_what_is_dropped_is_shown_with_its_reason():
    pieces, _ = pieces_of(spheres(), params())
    cut = pieces.hierarchy.basins[0, 5, 5]
    found = pieces.sort_out(0.8, 1, False, True)
    assert found.removed.cut == 1
    assert found.words[0, cut] != found.words[1, cut]
    small = pieces.sort_out(0.8, 10**6, True, True)
    assert small.removed.small == 4
    inside = pieces.hierarchy.basins[20, 20, 15]
    assert small.words[0, inside] == small.words[1, inside] != found.words[0, inside]
    words = preview.particle_words(found, True, "")
    assert words.startswith("3 particles, median diameter")
    assert words.endswith("Dropped: 1 at the border (striped).")


@pytest.mark.parametrize(("axis", "index"), [(0, 20), (1, 17), (2, 33)])
def test_a_plane_is_that_of_the_whole_volume(axis, index):
    volume = spheres()
    settings = settings_of(params(threshold=110.0), volume)
    wished = []
    store = preview.SmoothedStore(Segmenter(volume), lambda *plane: wished.append(plane))
    store.settings = settings
    material = preview.MaterialPlanes(store, 110.0)
    assert material.plane(axis, index) is None
    assert wished == [(axis, index)]
    store.put(axis, index, store.compute(settings, axis, index))
    whole = Segmenter(volume).foreground(settings).mask.take(index, axis=axis)
    assert np.array_equal(material.plane(axis, index), whole)
    lower = preview.MaterialPlanes(store, 60.0).plane(axis, index)
    assert lower.sum() > whole.sum()
    assert wished == [(axis, index)]


def test_an_older_plane_stays_until_its_successor_is_there():
    volume = spheres()
    first, second = (settings_of(params(sigma=sigma), volume) for sigma in (0.5, 2.0))
    wished = []
    store = preview.SmoothedStore(Segmenter(volume), lambda *plane: wished.append(plane))
    store.settings = first
    store.put(0, 20, store.compute(first, 0, 20))
    before = preview.SmoothedPlanes(store).plane(0, 20)
    store.settings = second
    assert np.array_equal(preview.SmoothedPlanes(store).plane(0, 20), before)
    assert wished == [(0, 20)]
    # Once the whole volume is smoothed, its planes are there at once.
    store.put(1, 5, store.compute(second, 1, 5))
    store.segmenter.smoothed(second)
    assert not np.array_equal(preview.SmoothedPlanes(store).plane(0, 20), before)
    assert wished == [(0, 20)]


def test_unobserved_voxels_are_no_material():
    volume = spheres()
    settings = settings_of(params(field_of_view="box", box=(0, 40, 0, 40, 0, 30)), volume)
    store = preview.SmoothedStore(Segmenter(volume), lambda *plane: None)
    store.settings = settings
    store.put(0, 20, store.compute(settings, 0, 20))
    material = preview.MaterialPlanes(store, 110.0).plane(0, 20)
    assert material[:, :30].any()
    assert not material[:, 30:].any()
    assert preview.UnknownPlanes(store).plane(0, 20)[:, 30:].all()
    assert [layer.key for layer in preview.material_preview(store, 110.0)] == ["preview-unknown", "preview"]


def test_words_say_what_one_grey_value_changes():
    from nmcstudio.imaging.threshold import Histogram

    # A flat histogram of 200 grey values: at 100 half is material, and one grey value is one hundredth of it.
    flat = Histogram(np.full(200, 50, np.int64), np.arange(201, dtype=float))
    assert preview.material_words(flat, 100.0, True, "") == (
        "50.0 % material at threshold 100. 1 grey value changes its volume by 1 %."
    )
    fine = Histogram(flat.counts, flat.edges / 200)
    assert "0.01 in grey value changes its volume by 2 %" in preview.material_words(fine, 0.5, False, "")


def test_the_middle_piece_keeps_short_axes_and_its_place():
    volume = Volume(np.zeros((10, 300, 400), np.uint8), (1.0, 2.0, 3.0), (5.0, 0.0, 0.0))
    piece, whole = preview.middle_piece(volume, 100_000)
    assert not whole
    assert piece.shape[0] == 10
    assert 80_000 < piece.values.size <= 100_000
    assert piece.origin_um == (5.0, 2.0 * ((300 - piece.shape[1]) // 2), 3.0 * ((400 - piece.shape[2]) // 2))
    assert preview.middle_piece(volume, 10_000_000) == (volume, True)
