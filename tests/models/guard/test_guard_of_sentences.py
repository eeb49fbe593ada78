"""The guard over a reader of whole sentences: what the clauses of a sentence together do not say is not shown."""

from dataclasses import replace
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
SAID = read_sentences(Path(__file__).with_name("said.txt"))
PAGE = read_sentences(Path(__file__).with_name("page.txt"))
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


def told(labelled: LabelledSentence) -> list[Mention]:
    """What a reader that is right reads in a sentence whose label says every place."""
    return [
        Mention(tag.finding, tag.asserted, side, tag.lobe, None)
        for tag in labelled.tags
        for side in sorted(tag.sides or [None], key=str)
    ]


def shown(text: str, read: list[Mention]) -> set[Mention]:
    """What passes if a reader that is sure reads the same in every part of a text."""
    parts = [part for part in sentences(Report(text)) if not is_heading(part)]
    return {mention for part in parts for mention in GUARD.shown_in(part, read, KINDS)}


@pytest.mark.parametrize("labelled", SAID, ids=lambda one: one.text[:50])
def test_a_reader_that_is_right_is_let_pass(labelled: LabelledSentence) -> None:
    assert shown(labelled.text, told(labelled)) == set(told(labelled))


def turned(mention: Mention) -> Mention:
    """The mention on the other side, or denied if it is asserted without a side."""
    others = {"right": "left", "left": "right"}
    if mention.side in others:
        lobe = mention.lobe if (others[mention.side], mention.lobe) in SITES[mention.finding] else None
        return replace(mention, side=others[mention.side], lobe=lobe)
    return replace(mention, asserted=not mention.asserted)


@pytest.mark.parametrize("labelled", SAID, ids=lambda one: one.text[:50])
def test_a_reader_that_turns_a_side_or_a_denial_is_not(labelled: LabelledSentence) -> None:
    read = told(labelled)
    for index, mention in enumerate(read):
        wrong = [*read[:index], turned(mention), *read[index + 1 :]]
        parts = [part for part in sentences(Report(labelled.text)) if not is_heading(part)]
        passed = [one for part in parts for one in GUARD.shown_in(part, wrong)]
        assert judge(labelled.tags, passed) not in MISTAKES


@pytest.mark.parametrize("labelled", PAGE, ids=lambda one: one.text[:50])
def test_a_page_passes_whole(labelled: LabelledSentence) -> None:
    """Findings and impression: two sides in a sentence, mm and cm, comparisons, history, technique, lists."""
    assert shown(labelled.text, told(labelled)) == set(told(labelled))


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
        # What the lungs are clear of is said, and no more.
        ("The lungs are clear without consolidation, nodule or effusion.", [denied("Lung opacity")]),
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
