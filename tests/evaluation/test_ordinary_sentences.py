"""The labelled sentences of `sentences.txt` are many, differ, and speak of every finding."""

from collections import Counter
from pathlib import Path

from ctflow.evaluation.labelled_sentences import CODES, read_sentences

SENTENCES = read_sentences(Path(__file__).with_name("sentences.txt"))


def test_the_sentences_are_many_and_differ() -> None:
    distinct = {" ".join(one.text.casefold().split()) for one in SENTENCES}
    assert len(distinct) == len(SENTENCES) >= 200


def test_every_finding_is_asserted_and_denied() -> None:
    said = Counter((tag.finding, tag.asserted) for one in SENTENCES for tag in one.tags)
    assert not [finding for finding in CODES.values() if said[finding, True] < 3 or said[finding, False] < 2]


def test_a_tenth_says_nothing() -> None:
    assert sum(not one.tags for one in SENTENCES) >= len(SENTENCES) / 10
