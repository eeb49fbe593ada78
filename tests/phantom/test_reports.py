"""What a phantom's report promises: it says what is there, and never asserts what is not."""

from __future__ import annotations

import re
from collections import Counter
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
    phrases_frames,
    reports,
    tell,
    write_report,
)
from ctflow.phantom.phrases_lungs import NODULES
from ctflow.phantom.phrases_pleura import BOTH_DIFFERENT, BOTH_DIFFERENT_NEW, BOTH_EQUAL, SIDE_DENIAL
from ctflow.phantom.reports import PHRASES, Phrasings
from ctflow.report import Report

RIGHT = Truth(findings=effusions(right=1000.0))
TOPICS: dict[Kind, str] = {
    "Medical material": r"medical|catheter|foreign|devices",
    "Arterial wall calcification": r"plaques.* aorta|calci.* aorti?|aortic |aorta is not calc|arterial wall",
    "Cardiomegaly": r"cardiomegaly|heart (size|contour|dim)|^the heart is|enlargement of the (heart|cardiac)"
                    r"|cardiothoracic|cardiac (dim|enl|sil)",
    "Pericardial effusion": r"pericardi|(surrounds|around) the heart|^(no|there is no) effusions?$|^effusion was",
    "Coronary artery wall calcification": r"coronar|^no arterial wall calcification$",
    "Hiatal hernia": r"hernia|hiatus|stomach",
    "Lymphadenopathy": r"lymph|adenopathy|mediastinal nodes",
    "Emphysema": r"emphysem",
    "Atelectasis": r"atelecta",
    "Lung nodule": r"nodule",
    "Lung opacity": r"opacit|ground.glass|infiltrat",
    "Pulmonary fibrotic sequela": r"fibro|scar",
    "Pleural effusion": r"(?<!pericardial )\beffusions?\b(?! in the pericard)|pleural fluid|pleural (space|cavit)"
                        r"|hemithorax",
    "Mosaic attenuation pattern": r"mosaic",
    "Peribronchial thickening": r"peribronchial|bronchial walls?\b",
    "Consolidation": r"consolidat|airspace|infiltrat|\bno (lung )?opacity",
    "Bronchiectasis": r"bronchiecta|\bectatic|of the bronchi\b|dilated bronchi|bronchial (dilat|widen)",
    "Interlobular septal thickening": r"sept",
    "Pneumothorax": r"pneumothora|free air|free pleural air|air has collected|pleural spaces? (is|are) clear(?! of)",
}  # fmt: skip
NEGATION = re.compile(r"\bno\b|\bnot\b|without|clear|free of|normal|absent|absence|negative|neither|contain no"
                      r"|unremarkable|\bthin\b", re.I)  # fmt: skip
SIGNS = re.compile(r"\{(size|quantity|r|l)\}|\{(?:mm|cm|ml|ratio)\}")


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
                if (
                    re.search(topic, sentence)
                    and not NEGATION.search(sentence)
                    and not re.search("pericard|heart", sentence)
                ):
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
        assert "{" not in text and "  " not in text and " ." not in text and not text[0].islower(), text
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


def sayable(kind: Kind, phrasings: Phrasings) -> set[str]:
    """All that can be said of a kind alone: sizes and numbers as signs, sides, lobes and nodules still in braces."""
    known = phrasings == "known"
    said = PHRASES[kind]
    others = {"Lung nodule": (NODULES,), "Pleural effusion": (BOTH_EQUAL,)}.get(kind, ())
    told = [(one, text) for one in (said, *others) for text in (one.told if known else one.told_new)]
    told += [(one, text) for one in (said, *others) for text in phrases_frames.told(one)[not known]]
    denied = [*(said.denied if known else said.denied_new), *phrases_frames.denied(said)[not known]]
    if kind == "Pleural effusion":
        denied += (*BOTH_DIFFERENT, *SIDE_DENIAL) if known else BOTH_DIFFERENT_NEW
    end = "KNOWN" if known else "NEW"
    places = {
        name: [place for which in names for place in getattr(phrases, f"{which}_{end}")]
        for name, names in (("where", ("LOBE", "SIDE", "BOTH")), ("place", ("LOBE", "OF_LOBE", "SIDE", "BOTH")))
    }
    if known:
        places = {name: [*options, *phrases.BASE_KNOWN, *phrases.APEX_KNOWN] for name, options in places.items()}
    texts = set()
    for one, text in [*told, *((said, text) for text in denied)]:
        slot = next((name for name in places if f"{{{name}}}" in text), None)
        for place in places[slot] if slot else ("",):
            for measure in one.measures if "{measure}" in text else ("",):
                filled = text.replace(f"{{{slot}}}", place).replace("{measure}", measure)
                texts.add(SIGNS.sub(lambda match: "~" if match[1] else "#", filled.lower()))
    return texts


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_held_out_can_be_said_in_known_phrasings(kind: Kind) -> None:
    known, held_out = sayable(kind, "known"), sayable(kind, "held-out")
    assert len(known) > 100 and len(held_out) > 30 and not known & held_out


@cache
def told_alone(phrasings: Phrasings, count: int = 100) -> frozenset[str]:
    """Sentences on each kind, as it is told and denied."""
    rng = np.random.default_rng(6)
    truths = [(kind, Truth(findings=tuple(draw_finding(kind, rng)))) for kind in KINDS for _ in range(count)]
    return frozenset(
        text.lower().rstrip(".")
        for kind, truth in truths
        for one in (truth, Truth())
        for text in tell(one, kind, rng, phrasings)
    )


@cache
def reported(phrasings: Phrasings) -> frozenset[str]:
    """Sentences of reports, without those that are true of all phantoms or of normal ones."""
    rng = np.random.default_rng(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "TYPO_ODDS", 0.0)
        texts = {s for _ in range(700) for s in sentences(write_report(draw_truth(rng), rng, phrasings))}
    always = (*phrases.BACKGROUND, *phrases.NORMAL_WHOLE, *phrases.NORMAL_IMPRESSION)
    return frozenset(texts - {text.lower().rstrip(".") for text in always} - {""})


def test_known_sentences_and_held_out_ones_never_meet() -> None:
    known, held_out = (told_alone(which) | reported(which) for which in ("known", "held-out"))
    assert len(known) > 4000 and len(held_out) > 2000
    assert not known & held_out


def test_held_out_sentences_have_no_word_that_known_ones_have_not() -> None:
    known, held_out = (
        {word for text in told_alone(which) | reported(which) for word in re.findall(r"[a-z]+", text)}
        for which in ("known", "held-out")
    )
    assert not held_out - known


@pytest.mark.parametrize("phrasings", ["known", "held-out"])
def test_verbs_agree_with_their_nouns_and_articles_with_what_follows(phrasings: str) -> None:
    wrong = re.compile(
        r"\b(effusions|nodules|scars|bands|opacities|devices|changes|calcifications) (is|was)\b"
        r"|\b(effusion|fluid|nodule|emphysema|scarring|calcium|consolidation) (are|were)\b"
        r"|\ba [aeiou]|\ban [^aeiou18]|\ban? (\w+ )?(fluid|calcium|emphysema|scarring|scars|nodules)\b|,,| ,"
    )
    assert not [text for text in told_alone(phrasings) if wrong.search(text)]  # type: ignore[arg-type]


@pytest.mark.parametrize("phrasings", ["known", "held-out"])
def test_some_sentences_deny_two_or_three_kinds(phrasings: str) -> None:
    starts = "no |there is no |without |negative |the study |the chest |absence |neither |free |no sign "
    lists = [text for text in reported(phrasings) if re.search(r"\b(or|nor|and)\b", text)]  # type: ignore[arg-type]
    named = Counter(len([kind for kind, topic in TOPICS.items() if re.search(topic, text)])
                    for text in lists if re.match(starts, text))  # fmt: skip
    assert named[2] > 30 and named[3] > 30


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
