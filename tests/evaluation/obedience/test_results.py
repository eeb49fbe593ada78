"""The results of trials are kept on disk, whole, and taken up again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ctflow.errors import ShortVolumeError, VolumeError
from ctflow.evaluation.obedience.phantom_views import PlainView
from ctflow.evaluation.obedience.results import (
    PICTURES,
    measure_phantoms,
    measure_trials,
    model_results_folder,
    phantom_results_folder,
    picture_path,
)
from ctflow.evaluation.obedience.trials import Trial, draw_trial
from ctflow.phantom import affine
from ctflow.volume import Volume

TRIAL = draw_trial(0, 0, "held-out", "held-out", 1.0)


def made(_: Trial) -> Volume:
    return Volume(np.full((40, 256, 256), 40, np.int16), affine())


def never(_: Trial) -> Volume:
    raise AssertionError("its result is there already")


def ended(_: Trial) -> Volume:
    raise ShortVolumeError("It ended before its first slice.")


def broken(_: Trial) -> Volume:
    raise VolumeError("Chunk 1 came out as values that are not numbers.")


def test_results_are_kept_and_taken_up_again(tmp_path: Path) -> None:
    (first,) = measure_trials(tmp_path, [TRIAL], made)
    (again,) = measure_trials(tmp_path, [TRIAL], never)
    assert first.measures and again.measures == first.measures
    assert (again.trial, again.seam, again.chest) == (first.trial, first.seam, first.chest)
    assert again.thumbnail == pytest.approx(first.thumbnail, rel=1e-3)


@pytest.mark.slow
def test_the_first_volumes_leave_a_picture(tmp_path: Path) -> None:
    later = draw_trial(PICTURES, 0, "held-out", "held-out", 1.0)
    list(measure_trials(tmp_path, [TRIAL, later], made))
    assert picture_path(tmp_path, TRIAL).exists() and not picture_path(tmp_path, later).exists()


def test_a_few_slices_are_a_result_that_shows_nothing(tmp_path: Path) -> None:
    few = Volume(made(TRIAL).hu[:4], affine())
    (result,) = measure_trials(tmp_path, [TRIAL], lambda _: few)
    assert result.measures is None


def test_a_broken_volume_is_no_result(tmp_path: Path) -> None:
    """It was kept as one that had ended at once, and never tried again."""
    with pytest.raises(VolumeError, match="not numbers"):
        list(measure_trials(tmp_path, [TRIAL], broken))
    assert not list(tmp_path.iterdir())


def test_what_asks_for_another_volume_is_not_taken_up(tmp_path: Path) -> None:
    """Another --seed, guidance or wording was read from, or written over, the same file."""
    others = [
        draw_trial(0, 1, "held-out", "held-out", 1.0),
        draw_trial(0, 0, "held-out", "known", 1.0),
        draw_trial(0, 0, "held-out", "held-out", 2.0),
        draw_trial(0, 0, "held-out", "held-out", 1.0, repeat=1),
    ]
    assert len({trial.name for trial in [TRIAL, *others]}) == 5
    for trial in [TRIAL, *others]:
        list(measure_trials(tmp_path, [trial], ended))
    assert [result.trial for result in measure_trials(tmp_path, [TRIAL, *others], never)] == [TRIAL, *others]


def test_a_result_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """A run that was killed left half a result, on which every later run failed."""
    in_the_way = tmp_path / f"{TRIAL.name}.npy"
    in_the_way.mkdir()  # so that the first of its files cannot be written
    with pytest.raises(VolumeError):
        list(measure_trials(tmp_path, [TRIAL], ended))
    assert list(tmp_path.iterdir()) == [in_the_way]
    in_the_way.rmdir()
    (result,) = measure_trials(tmp_path, [TRIAL], ended)
    assert result.measures is None


def test_each_model_each_precision_and_each_view_has_a_folder_of_its_own(tmp_path: Path) -> None:
    models = [("a" * 64, "float32"), ("b" * 64, "float32"), ("a" * 64, "bfloat16")]
    folders = {model_results_folder(tmp_path, *model) for model in models}
    assert len({*folders, phantom_results_folder(tmp_path, PlainView())}) == 4


@pytest.mark.slow
def test_a_phantom_of_a_trial_shows_what_the_trial_asks_for(tmp_path: Path) -> None:
    (result,) = measure_phantoms(tmp_path, [TRIAL], 1, PlainView())
    assert result.measures and result.seam == pytest.approx(1.0, abs=0.15)
    assert [one.measures for one in measure_trials(tmp_path, [TRIAL], never)] == [result.measures]
