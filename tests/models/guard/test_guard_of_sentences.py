"""The guard over a reader of whole sentences: what the clauses of a sentence together do not say is not shown."""

from pathlib import Path

import pytest

from ctflow.demo.taught import FACT_SLOTS
from ctflow.evaluation.labelled_sentences import LabelledSentence, read_sentences
from ctflow.evaluation.sentences import MISTAKES, judge
from ctflow.models.guard.clauses import clauses
from ctflow.models.guard.sentence_guard import SentenceGuard
from ctflow.models.guard.stance import is_heading
from ctflow.models.said import sites_by_finding
from ctflow.phantom import KINDS
from ctflow.reading import Mention
from ctflow.report import Report, sentences

SENTENCES = read_sentences(Path(__file__).with_name("sentences.txt"))
SITES = sites_by_finding(FACT_SLOTS)
GUARD = SentenceGuard(SITES)


def asserted(finding: str, side: str | None = None, lobe: str | None = None, size: str | None = None) -> Mention:
    return Mention(finding, True, side, lobe, size)


def denied(finding: str, side: str | None = None, lobe: str | None = None) -> Mention:
    return Mention(finding, False, side, lobe, None)


def all_mentions(finding: str) -> list[Mention]:
    """All that a reader could say of a finding at one place, at both sides, or at none."""
    sites = [site for site in SITES[finding] if site != (None, None)]
    places = [*sites, *dict.fromkeys((side, None) for side, _ in sites), (None, None)]
    both = [asserted(finding, "both")] if sites else []
    return [*both, *(asserted(finding, *place) for place in places), *(denied(finding, *place) for place in places)]


def nameable(sentence: str) -> list[Mention]:
    """All that a reader could say of what a sentence names, and of a finding that it does not name."""
    named = {finding for clause in clauses(sentence) for finding, _ in GUARD.named(clause)}
    other = next(finding for finding in KINDS if finding not in named)
    return [read for finding in (*named, other) for read in all_mentions(finding)]


@pytest.mark.parametrize("labelled", SENTENCES, ids=lambda one: one.text[:50])
def test_no_reader_can_show_what_a_sentence_does_not_say(labelled: LabelledSentence) -> None:
    parts = [part for part in sentences(Report(labelled.text)) if not is_heading(part)]
    passed = [one for part in parts for read in nameable(part) for one in GUARD.shown_in(part, [read])]
    assert [mention for mention in passed if judge(labelled.tags, [mention]) in MISTAKES] == []


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("No effusion on the right, small effusion on the left.",
         [denied("Pleural effusion", "right"), asserted("Pleural effusion", "left", size="small")]),
        ("Small effusion on the right and large effusion on the left.",
         [asserted("Pleural effusion", "right", size="small"), asserted("Pleural effusion", "left", size="large")]),
        ("Nodule in the right upper lobe, nodule in the left lower lobe.",
         [asserted("Lung nodule", "right", "upper"), asserted("Lung nodule", "left", "lower")]),
        ("Large right pleural effusion with compressive atelectasis.",
         [asserted("Pleural effusion", "right", size="large"), asserted("Atelectasis")]),
        ("Large right pleural effusion with compressive atelectasis.",
         [asserted("Pleural effusion", "right", size="large"), asserted("Atelectasis", "right")]),
        ("The lungs are clear without consolidation, nodule or effusion.",
         [denied("Consolidation"), denied("Lung nodule"), denied("Pleural effusion")]),
        ("Ground-glass opacities in both lungs.", [asserted("Lung opacity", "both")]),
        ("There is a pneumothorax.", [asserted("Pneumothorax")]),
        ("Moderate effusion on the right, none on the left.",
         [asserted("Pleural effusion", "right", size="moderate"), denied("Pleural effusion", "left")]),
        ("Effusion is absent on the right but present on the left.",
         [denied("Pleural effusion", "right"), asserted("Pleural effusion", "left")]),
        ("Emphysema, no nodule.", [asserted("Emphysema"), denied("Lung nodule")]),
    ],
)  # fmt: skip
def test_all_that_a_sentence_says_passes(sentence: str, read: list[Mention]) -> None:
    assert set(GUARD.shown_in(sentence, read)) == set(read)


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        # Of two places both must be read, and none swapped.
        ("Small effusion on the right and large effusion on the left.", [asserted("Pleural effusion", "right")]),
        ("No effusion on the right, small effusion on the left.", [denied("Pleural effusion", "right")]),
        ("No effusion on the right, small effusion on the left.",
         [asserted("Pleural effusion", "right"), denied("Pleural effusion", "left")]),
        ("Moderate effusion on the right, none on the left.",
         [denied("Pleural effusion", "right"), asserted("Pleural effusion", "left")]),
        ("Effusion on the right, none on the left.", [asserted("Pleural effusion", "right")]),
        # What is read without a place must have none.
        ("Nodule in the left lower lobe.", [asserted("Lung nodule")]),
        ("A nodule.", [asserted("Lung nodule", "both")]),
        ("No nodule.", [asserted("Lung nodule")]),
        # What is only guessed at is not there.
        ("Right effusion, pneumothorax cannot be excluded.", [asserted("Pneumothorax")]),
    ],
)  # fmt: skip
def test_what_a_sentence_says_otherwise_does_not_pass(sentence: str, read: list[Mention]) -> None:
    assert GUARD.shown_in(sentence, read) == ()


def test_a_normal_chest_denies_everything() -> None:
    everything = [denied(finding) for finding in KINDS]
    assert set(GUARD.shown_in("Normal chest CT.", everything)) == set(everything)
    assert GUARD.shown_in("Normal chest CT.", everything[1:]) == ()
