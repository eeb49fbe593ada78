"""A set of phantoms on disk: reopened as it was made, and made again when it is not the one asked for."""

import json
from pathlib import Path

import numpy as np
import pytest

from ctflow.data.phantoms import holds, open_phantom_set, phantom_set, phantoms_in_the_making
from ctflow.errors import RequestError
from ctflow.phantom import make_phantom

SEED = 10  # whose two studies have findings


@pytest.mark.slow
def test_a_set_is_made_once_holds_noise_free_phantoms_and_reads_back_the_same(tmp_path: Path) -> None:
    made = phantom_set(tmp_path, 1, 5, workers=1)
    written = (tmp_path / "phantoms.npy").stat().st_mtime_ns
    again = phantom_set(tmp_path, 1, 5, workers=1)
    assert (tmp_path / "phantoms.npy").stat().st_mtime_ns == written
    assert again.truths == made.truths and again.slices == made.slices
    phantom = make_phantom(5)
    assert np.array_equal(again.hu[0, : again.slices[0]], phantom.clean)
    assert again.truths[0] == phantom.truth


@pytest.mark.slow
def test_two_studies_of_each_person_lie_together_and_only_their_findings_differ(tmp_path: Path) -> None:
    made = phantom_set(tmp_path, 3, SEED, workers=1)
    first, second, other = made.truths
    assert (first.sex, first.age, made.slices[0]) == (second.sex, second.age, made.slices[1])
    assert first.findings != second.findings
    assert np.array_equal(made.hu[1, : made.slices[1]], make_phantom(SEED, study=1).clean)
    alike, apart = ((made.hu[0, :76] == made.hu[i, :76]).mean() for i in (1, 2))
    assert alike > apart + 0.2
    assert other == make_phantom(SEED + 1).truth


@pytest.mark.slow
def test_a_set_of_single_studies_is_made_again(tmp_path: Path) -> None:
    phantom_set(tmp_path, 1, 5, workers=1)
    facts = tmp_path / "phantoms.json"
    made = json.loads(facts.read_text())
    facts.write_text(json.dumps({**made, "studies": 1, "phantoms": []}))
    assert not holds(tmp_path, 1, 5)
    phantom_set(tmp_path, 1, 5, workers=1)
    assert json.loads(facts.read_text()) == made


@pytest.mark.slow
def test_a_set_of_other_seeds_takes_its_place(tmp_path: Path) -> None:
    first = phantom_set(tmp_path, 1, 5, workers=1)
    other = phantom_set(tmp_path, 1, 6, workers=1)
    assert other.truths != first.truths


def test_a_folder_without_a_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "phantoms.json").write_text("{}")
    with pytest.raises(RequestError, match=r"holds no set of phantoms.*phantoms\.npy and phantoms\.json were expected"):
        open_phantom_set(tmp_path)


@pytest.mark.slow
def test_the_first_phantoms_are_there_while_others_are_made_and_are_those_of_the_whole_set(tmp_path: Path) -> None:
    with phantoms_in_the_making(tmp_path / "growing", 6, SEED, workers=1) as phantoms:
        first = phantoms.wait_for(2)
        assert 2 <= len(first.slices) == len(first.truths) == len(first.hu) < 6
        assert not holds(tmp_path / "growing", 6, SEED)
        count = len(first.slices)
        whole = phantoms.wait_for(6)
    assert holds(tmp_path / "growing", 6, SEED)
    assert whole.truths[:count] == first.truths and np.array_equal(whole.hu[:count], first.hu)
    assert np.array_equal(whole.hu, phantom_set(tmp_path / "whole", 6, SEED, workers=2).hu)


@pytest.mark.slow
def test_a_set_that_is_left_while_it_is_made_is_not_waited_for_and_is_made_again(tmp_path: Path) -> None:
    with phantoms_in_the_making(tmp_path, 10**4, SEED, workers=1) as phantoms:
        assert len(phantoms.so_far().slices) % 2 == 0
    assert not holds(tmp_path, 10**4, SEED)
    assert len(phantom_set(tmp_path, 1, SEED, workers=1).slices) == 1
