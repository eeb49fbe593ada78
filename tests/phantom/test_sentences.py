"""Labelled sentences say what their labels say."""

import numpy as np
import pytest

from ctflow.phantom import SLOTS, Phrasings
from ctflow.phantom.others import OTHERS, OTHERS_NEW
from ctflow.phantom.sentences import draw_clause, draw_compatible, draw_sentence, join, teaching_sentences
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED


@pytest.mark.parametrize("phrasings", ["known", "held-out"])
def test_labels_name_the_side_that_the_sentence_names_and_all_labels_occur(phrasings: Phrasings) -> None:
    rng = np.random.default_rng(0)
    seen = dict.fromkeys((NOT_MENTIONED, DENIED, ASSERTED), 0)
    for _ in range(400):
        one = draw_sentence(rng, phrasings)
        asserted = {SLOTS[i] for i in np.flatnonzero(one.labels == ASSERTED)}
        assert (one.stance == "asserted") == bool(asserted), one.text
        assert (one.stance == "other") == (not one.labels.any()), one.text
        for side, other in (("right", "left"), ("left", "right")):
            if side in one.text.lower() and other not in one.text.lower() and "," not in one.text:
                assert not any(where == other for kind, (where, _) in asserted if kind != "Medical material"), one.text
        for label in seen:
            seen[label] += bool((one.labels == label).any())
    assert min(seen.values()) > 50


def test_two_clauses_of_a_sentence_do_not_contradict_each_other() -> None:
    rng = np.random.default_rng(1)
    for _ in range(600):
        first = draw_clause(rng, "known")
        second = draw_compatible(first, rng, "known")
        for one, other in ((first.labels, second.labels), (second.labels, first.labels)):
            assert not ((one == DENIED) & (other == ASSERTED)).any(), (first.text, second.text)
        joined = join(first, second)
        assert np.array_equal(joined.labels, np.maximum(first.labels, second.labels))
        assert joined.text.startswith(first.text.rstrip(".")) and joined.text.endswith(second.text[1:])


def test_a_general_denial_denies_all_that_it_means() -> None:
    rng = np.random.default_rng(2)
    drawn = {one.text: one.labels for one in (draw_sentence(rng, "known") for _ in range(20_000))}
    clear = {SLOTS[i] for i in np.flatnonzero(drawn["Pleural spaces are clear."] == DENIED)}
    assert {kind for kind, _ in clear} == {"Pleural effusion", "Pneumothorax"}


def test_sentences_of_other_things_that_are_kept_for_tests_are_not_taught() -> None:
    assert not set(OTHERS) & set(OTHERS_NEW)


def test_the_sentences_that_the_bundled_reader_was_taught_are_drawn_as_they_were_then() -> None:
    """Else the check of a reader would count them as new."""
    assert [one.text for one in teaching_sentences(2400, 4)] == [
        "Advanced calcifications of the coronaries were identified.",
        "The images show moderate fatty infiltration of the liver.",
        "Inhomogeneity of lung attenuation throughout the lungs with a mosaic pattern.",
        "Consolidations bilaterally.",
    ]
