"""What a phantom's report promises: it says what is there, and never asserts what is not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import pytest

from ctflow.phantom import (
    KINDS,
    Finding,
    Kind,
    Truth,
    draw_finding,
    draw_truth,
    effusions,
    phrases,
    reports,
    tell,
    write_report,
)
from ctflow.phantom.phrases import GENERAL_DENIALS
from ctflow.phantom.phrases_lungs import NODULES
from ctflow.phantom.phrases_pleura import BOTH_DIFFERENT, BOTH_EQUAL, SIDE_DENIAL
from ctflow.phantom.reports import PHRASES
from ctflow.report import Report

RIGHT = Truth(findings=effusions(right=1000.0))
TOPICS: dict[Kind, str] = {
    "Medical material": r"medical|catheter|foreign|devices",
    "Arterial wall calcification": r"plaques.* aorta|calci.* aorti?|aortic wall|arterial wall",
    "Cardiomegaly": r"cardiomegaly|heart size|heart contour|heart .*enlarg|of the heart|cardiothoracic|cardiac dim",
    "Pericardial effusion": r"pericardi|surrounds the heart|^no effusion$",
    "Coronary artery wall calcification": r"coronar|^no arterial wall calcification$",
    "Hiatal hernia": r"hernia|hiatus|stomach",
    "Lymphadenopathy": r"lymph|adenopathy|mediastinal nodes",
    "Emphysema": r"emphysem",
    "Atelectasis": r"atelecta",
    "Lung nodule": r"nodule",
    "Lung opacity": r"opacity|ground.glass|infiltrat",
    "Pulmonary fibrotic sequela": r"fibro|scar",
    "Pleural effusion": r"(?<!pericardial )\beffusions?\b|pleural fluid|pleural (space|cavit)|hemithorax",
    "Mosaic attenuation pattern": r"mosaic",
    "Peribronchial thickening": r"peribronchial|bronchial wall",
    "Consolidation": r"consolidat|airspace filling|infiltrat|\bno (lung )?opacity",
    "Bronchiectasis": r"bronchiecta|ectatic|of the bronchi\b|bronchial dilat",
    "Interlobular septal thickening": r"sept",
    "Pneumothorax": r"pneumothorax|free air|air has collected|pleural spaces? (is|are) clear(?! of)",
}
NEGATION = re.compile(r"\bno\b|\bnot\b|without|clear|free of|normal|absent|neither|contain no|unremarkable", re.I)


@cache
def many(count: int = 3000, typos: float = reports.TYPO_ODDS) -> list[tuple[Truth, Report]]:
    rng = np.random.default_rng(1)
    truths = [draw_truth(rng) for _ in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "TYPO_ODDS", typos)
        return [(truth, write_report(truth, rng)) for truth in truths]


def sentences(report: Report) -> list[str]:
    return re.split(r"\.(?!\d)\s*", f"{report.findings}. {report.impression}".lower())


def test_only_sides_that_are_affected_are_asserted_to_hold_fluid_or_air() -> None:
    for truth, report in many():
        for kind, topic in (("Pleural effusion", r"pleural effusion|fluid"), ("Pneumothorax", "pneumothorax")):
            sides = {finding.side for finding in truth.of(kind)}
            for sentence in sentences(report):
                if re.search(topic, sentence) and not NEGATION.search(sentence) and "pericard" not in sentence:
                    named = {side for side in ("right", "left") if re.search(side, sentence)} or {"right", "left"}
                    assert named <= sides, sentence


@pytest.mark.parametrize("kind", ["Lung nodule", "Emphysema", "Hiatal hernia", "Consolidation"])
def test_a_kind_is_asserted_when_it_is_there_and_never_when_it_is_not(kind: Kind) -> None:
    for truth, report in many(typos=0.0):
        told = [s for s in sentences(report) if re.search(TOPICS[kind], s)]
        asserted = [s for s in told if not NEGATION.search(s)]
        assert bool(asserted) == truth.has(kind), told


def test_nothing_that_is_there_is_denied() -> None:
    """In any wording: what a sentence of negation speaks of is not there, or not on the side that it names."""
    denied = Counter()
    for truth, report in many(typos=0.0):
        for sentence in filter(NEGATION.search, sentences(report)):
            for kind in (kind for kind, topic in TOPICS.items() if re.search(topic, sentence)):
                named = [side for side in ("right", "left") if re.search(rf"\b{side}\b", sentence)]
                there = {finding.side for finding in truth.of(kind)}
                assert not (there & set(named) if named else there), sentence
                denied[kind] += 1
    assert set(denied) == set(KINDS) and min(denied.values()) > 50


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phrasings", ["known", "held-out"])
def test_every_kind_is_told_with_its_place_its_measure_and_no_braces_left(kind: Kind, phrasings: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(40):
        finding = draw_finding(kind, rng)[0]
        (text, *_) = tell(Truth(findings=(finding,)), kind, rng, phrasings)
        assert "{" not in text and "  " not in text and " ." not in text and text[0].isupper(), text
        if finding.lobe:
            assert finding.side in text.lower() and (finding.lobe in text.lower() or "base" in text or "basal" in text
                                                     or "ap" in text), text  # fmt: skip
        assert "None" not in text


def test_the_size_word_of_a_sentence_belongs_to_the_truth() -> None:
    rng = np.random.default_rng(2)
    words = PHRASES["Pleural effusion"].words
    foreign = set(words["small"]) | set(words["moderate"])
    for _ in range(500):
        text = tell(RIGHT, "Pleural effusion", rng)[0].lower()
        assert any(word in text for word in words["large"])
        assert not any(re.search(rf"\b{word}\b", text) for word in foreign), text


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_phrasings_are_not_among_the_known(kind: Kind) -> None:
    phrases = PHRASES[kind]
    assert phrases.told_new and phrases.denied_new
    assert not set(phrases.told) & set(phrases.told_new)
    assert not set(phrases.denied) & set(phrases.denied_new)


def known_sentences() -> Iterator[str]:
    """Patterns of all that known phrasings can say of a finding, in lower case."""
    anywhere = (*phrases.LOBE_KNOWN, *phrases.BASE_KNOWN, *phrases.APEX_KNOWN, *phrases.SIDE_KNOWN, *phrases.BOTH_KNOWN)
    devices = [word for words in phrases.DEVICE_WORDS.values() for word in words]
    nodules = [word for words in phrases.NODULE_WORDS.values() for word in words]
    numbers = dict.fromkeys(("mm", "cm", "ml", "ratio"), r"[\d.]+")
    lobe = {"side": "(?:right|left)", "lobe": "(?:upper|middle|lower)"}

    def pattern(template: str, words: dict[str, str]) -> str:
        escaped = re.sub(r"\\{(\w+)\\}", lambda m: words[m[1]], re.escape(template.lower()))
        return re.sub(r"\ba\\ ", r"an?\ ", escaped)

    def any_of(options: Iterable[str]) -> str:
        return f"(?:{'|'.join(pattern(option, lobe) for option in options)})"

    number = any_of(phrases.NUMBERS.values())
    many_nodules = any_of(word.replace("nodule", "nodules") for word in nodules)
    where, device, nodule = any_of(anywhere), any_of(devices), any_of(nodules)
    for kind, said in PHRASES.items():
        sizes = [word for words in said.words.values() for word in words]
        size = any_of([*sizes, "mildly", "moderately", "severely"])
        words = {
            **numbers,
            **lobe,
            "size": size,
            "where": where,
            "device": device,
            "nodule": nodule,
            "nodules": many_nodules,
            "number": number,
            "r": size,
            "l": size,
        }
        both = (*BOTH_EQUAL, *BOTH_DIFFERENT, *SIDE_DENIAL) if kind == "Pleural effusion" else ()
        several = NODULES.told if kind == "Lung nodule" else ()
        for template in (*said.told, *said.denied, *both, *several):
            yield pattern(template.rstrip("."), words)
    for text, _ in GENERAL_DENIALS:
        yield pattern(text.rstrip("."), {})


def test_held_out_reports_use_no_known_sentence_about_a_finding() -> None:
    known = re.compile("|".join(known_sentences()))
    recognised = 0
    for truth, report in many(300, typos=0.0):
        recognised += sum(bool(known.fullmatch(sentence)) for sentence in sentences(report)) >= len(truth.findings) - 1
    assert recognised > 290, "the patterns know the known"
    rng = np.random.default_rng(3)
    for _ in range(600):
        report = write_report(draw_truth(rng), rng, "held-out")
        assert not [sentence for sentence in sentences(report) if known.fullmatch(sentence)]


def test_several_nodules_are_told_as_several_with_the_largest_mm() -> None:
    nodules = Finding(kind="Lung nodule", side="left", lobe="upper", size="small", mm=6.0, count=3, variant="solid")
    for i in range(60):
        for phrasings in ("known", "held-out"):
            (text,) = tell(Truth(findings=(nodules,)), "Lung nodule", np.random.default_rng(i), phrasings)
            assert "nodules" in text.lower() and ("6 mm" in text or "0.6 cm" in text) and "left" in text.lower(), text
            told = re.search(r"\b(two|four|five)\b", text)
            assert not told, text


@pytest.mark.parametrize("mm", [8.0, 11.0, 18.0, 10.0])
def test_a_number_that_begins_with_a_vowel_has_an_before_it(mm: float) -> None:
    nodule = Finding(kind="Lung nodule", side="left", lobe="lower", mm=mm, variant="solid")
    rng = np.random.default_rng(0)
    texts = " ".join(tell(Truth(findings=(nodule,)), "Lung nodule", rng)[0].lower() for _ in range(60))
    article, other = ("a", "an") if mm == 10 else ("an", "a")
    assert f"{article} {mm:g} mm" in texts and not re.search(rf"\b{other} {mm:g} mm", texts)


def test_denied_kinds_are_denied_and_no_others() -> None:
    rng = np.random.default_rng(4)
    report = write_report(RIGHT, rng, denied=("Lung nodule", "Emphysema"))
    text = " ".join(sentences(report))
    assert "nodule" in text and "emphysem" in text and "pneumothorax" not in text


def test_what_is_there_cannot_be_denied() -> None:
    with pytest.raises(ValueError, match="Pleural effusion"):
        write_report(RIGHT, np.random.default_rng(0), denied=("Pleural effusion",))


def test_both_sides_are_told_in_one_sentence_or_two() -> None:
    rng = np.random.default_rng(5)
    both = Truth(findings=effusions(right=100.0, left=1200.0))
    texts = [" ".join(tell(both, "Pleural effusion", rng)).lower() for _ in range(200)]
    assert all("right" in text and "left" in text for text in texts)
    assert len(set(texts)) > 50


def test_many_reports_are_the_bare_facts_and_users_plain_sentences_are_among_them() -> None:
    findings = {report.findings for _, report in many()}
    assert "Normal chest CT." in findings
    short = [report for _, report in many() if len(sentences(report)) <= 6 and not report.impression]
    assert len(short) / len(many()) > 0.15


def test_reports_fit_the_encoder() -> None:
    lengths = [len(re.findall(r"\w+|[^\w\s]", f"{r.findings} {r.impression}")) for _, r in many()]
    assert np.percentile(lengths, 95) < 200


def test_a_nodules_report_gives_its_lobe_and_mm() -> None:
    nodule = Finding(kind="Lung nodule", side="left", lobe="lower", size="small", mm=6.0, variant="solid")
    texts = [tell(Truth(findings=(nodule,)), "Lung nodule", np.random.default_rng(i))[0] for i in range(60)]
    assert sum("6 mm" in t or "0.6 cm" in t for t in texts) > 40
    assert sum("left" in t.lower() and "lower" in t.lower() for t in texts) > 45
