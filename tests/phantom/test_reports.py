"""What a phantom's report promises: it says what is there, and never asserts what is not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ctflow.phantom import Truth, draw_truth, write_report
from ctflow.phantom.reports import SIZE_WORDS, effusion_sentences

NEGATION = re.compile(r"\bno\b|\bnot\b|without|clear|free of", re.IGNORECASE)
TOPIC = re.compile(r"effusion|fluid|pleural", re.IGNORECASE)
RIGHT = Truth(effusion_right="large", effusion_right_ml=1000.0)


def asserted_sides(text: str) -> set[str]:
    """Sides on which a text asserts an effusion, sentence by sentence."""
    sides: set[str] = set()
    for sentence in re.split(r"(?<!\d)\.\s*", text.lower()):
        if TOPIC.search(sentence) and not NEGATION.search(sentence):
            named = {side for side in ("right", "left") if side in sentence}
            sides |= named or {"right", "left"}
    return sides


def true_sides(truth: Truth) -> set[str]:
    sizes = {"right": truth.effusion_right, "left": truth.effusion_left}
    return {side for side, size in sizes.items() if size != "none"}


def many(count: int = 3000) -> list[tuple[Truth, str, str]]:
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(count):
        truth = draw_truth(rng)
        report = write_report(truth, rng)
        drawn.append((truth, report.findings, report.impression))
    return drawn


def test_a_report_asserts_exactly_the_sides_that_the_truth_has() -> None:
    for truth, findings, impression in many():
        assert asserted_sides(f"{findings}. {impression}") == true_sides(truth), (findings, impression)


def test_a_report_never_denies_the_effusion_it_asserts() -> None:
    for truth, findings, impression in many():
        for sentence in re.split(r"(?<!\d)\.\s*", f"{findings}. {impression}".lower()):
            denies = TOPIC.search(sentence) and NEGATION.search(sentence)
            if truth.has_effusion and denies and "pericardial" not in sentence:  # another cavity
                assert not any(side in sentence for side in true_sides(truth)), sentence
                assert "right" in sentence or "left" in sentence, sentence


def test_the_size_word_of_a_one_sided_sentence_belongs_to_the_truth() -> None:
    rng = np.random.default_rng(2)
    foreign = set(SIZE_WORDS["small"]) | set(SIZE_WORDS["moderate"])
    for _ in range(500):
        words = effusion_sentences(RIGHT, rng)[0].lower()
        assert any(word in words for word in SIZE_WORDS["large"])
        assert not any(re.search(rf"\b{word}\b", words) for word in foreign), words


@pytest.mark.parametrize("truth", [Truth(), RIGHT, Truth(effusion_right="small", effusion_left="large")])
def test_every_fact_has_at_least_eight_phrasings(truth: Truth) -> None:
    rng = np.random.default_rng(3)
    assert len({effusion_sentences(truth, rng)[0] for _ in range(300)}) >= 8


def test_a_quarter_of_the_reports_are_bare_and_a_tenth_are_silent() -> None:
    texts = [f"{f} {i}".strip() for _, f, i in many()]
    bare = [t for t in texts if len(re.findall(r"\.(?!\d)", t)) <= 2 and TOPIC.search(t)]
    silent = [t for t in texts if not TOPIC.search(re.sub(r"(?i)pericardial effusion", "", t))]
    assert len(bare) / len(texts) > 0.25
    assert len(silent) / len(texts) == pytest.approx(0.10, abs=0.03)


def test_users_plain_sentences_are_among_the_reports() -> None:
    findings = {f for _, f, _ in many(6000)}
    assert {"Large right pleural effusion.", "No pleural effusion.", "Normal chest CT."} <= findings
