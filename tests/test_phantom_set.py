"""The training set on disk: reopened as it was made, and made again when it is not the one asked for."""

from pathlib import Path

import numpy as np

from ctflow.phantom import make_phantom
from ctflow.training.phantoms import phantom_set


def test_a_set_is_made_once_holds_noise_free_phantoms_and_reads_back_the_same(tmp_path: Path) -> None:
    made = phantom_set(tmp_path, 1, 5, workers=1)
    written = (tmp_path / "phantoms.npy").stat().st_mtime_ns
    again = phantom_set(tmp_path, 1, 5, workers=1)
    assert (tmp_path / "phantoms.npy").stat().st_mtime_ns == written
    assert again.truths == made.truths and again.slices == made.slices
    phantom = make_phantom(5)
    assert np.array_equal(again.hu[0, : again.slices[0]], phantom.clean)
    assert again.truths[0] == phantom.truth


def test_a_set_of_other_seeds_takes_its_place(tmp_path: Path) -> None:
    first = phantom_set(tmp_path, 1, 5, workers=1)
    other = phantom_set(tmp_path, 1, 6, workers=1)
    assert other.truths != first.truths
