"""What a phantom's report promises: it states what is there, and never asserts what is not."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
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
    sentence_in_both_lungs,
    sentence_without_place,
    sentences_about,
    write_plainly,
    write_report,
)
from ctflow.phantom.phrases_lungs import NODULES
from ctflow.phantom.phrases_pleura import BOTH_DIFFERENT, BOTH_DIFFERENT_HELD_OUT, BOTH_EQUAL, SIDE_DENIAL
from ctflow.phantom.phrasing import PHRASES, Phrasings, without_size
from ctflow.phantom.reports import TYPO_ODDS
from ctflow.phantom.truth import LOBAR, SIDED
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
    "Lung opacity": r"opacit|ground.glass|infiltrat|hazy",
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
def many(count: int = 3000, typos: float = TYPO_ODDS) -> list[tuple[Truth, Report]]:
    rng = np.random.default_rng(1)
    truths = [draw_truth(rng) for _ in range(count)]
    return [(truth, write_report(truth, rng, typo_odds=typos)) for truth in truths]


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
        on_topic = [s for s in sentences(report) if re.search(TOPICS[kind], s)]
        asserted = [s for s in on_topic if not NEGATION.search(s)]
        assert bool(asserted) == truth.has(kind), on_topic


def test_nothing_that_is_there_is_denied() -> None:
    """In any wording: what a negative sentence speaks of is not there, or not on the side that it names."""
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
def test_every_kind_is_asserted_with_its_place_its_measure_and_no_slot_left(kind: Kind, phrasings: str) -> None:
    rng = np.random.default_rng(2)
    for _ in range(40):
        finding = draw_finding(kind, rng)[0]
        (text, *_) = sentences_about(Truth(findings=(finding,)), kind, rng, phrasings)
        assert "{" not in text and "  " not in text and " ." not in text and not text[0].islower(), text
        if finding.lobe:
            assert names_lobe(text, finding), text
        assert "None" not in text


def names_lobe(text: str, finding: Finding) -> bool:
    assert finding.side and finding.lobe
    short = {("right", "upper"): "RUL", ("right", "middle"): "RML", ("right", "lower"): "RLL",
             ("left", "upper"): "LUL", ("left", "lower"): "LLL"}[finding.side, finding.lobe]  # fmt: skip
    words = {"upper": "upper|apex|apical", "middle": "middle", "lower": "lower|base|basal"}[finding.lobe]
    if re.search(r"\b[RL][UML]L\b", text):
        return short in text
    return finding.side in text.lower() and bool(re.search(words, text.lower()))


def test_the_size_word_of_a_sentence_belongs_to_the_truth() -> None:
    rng = np.random.default_rng(2)
    words = PHRASES["Pleural effusion"].words
    foreign = set(words["small"]) | set(words["moderate"])
    for _ in range(500):
        text = sentences_about(RIGHT, "Pleural effusion", rng)[0].lower()
        assert any(word in text for word in words["large"])
        assert not any(re.search(rf"\b{word}\b", text) for word in foreign), text


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_phrasings_are_not_among_the_known(kind: Kind) -> None:
    phrases = PHRASES[kind]
    assert phrases.held_out_assertions and phrases.held_out_denials
    assert not set(phrases.assertions) & set(phrases.held_out_assertions)
    assert not set(phrases.denials) & set(phrases.held_out_denials)


def sayable(kind: Kind, phrasings: Phrasings) -> set[str]:
    """All sentences about one kind: sizes and numbers replaced by signs, sides, lobes and nodules still as slots."""
    known = phrasings == "known"
    said = PHRASES[kind]
    others = {"Lung nodule": (NODULES,), "Pleural effusion": (BOTH_EQUAL,)}.get(kind, ())
    asserted = [
        (one, text) for one in (said, *others) for text in (one.assertions if known else one.held_out_assertions)
    ]
    asserted += [(one, text) for one in (said, *others) for text in phrases_frames.framed_assertions(one)[not known]]
    denied = [*(said.denials if known else said.held_out_denials), *phrases_frames.framed_denials(said)[not known]]
    if kind == "Pleural effusion":
        denied += (*BOTH_DIFFERENT, *SIDE_DENIAL) if known else BOTH_DIFFERENT_HELD_OUT
    end = "KNOWN" if known else "HELD_OUT"
    places = {
        name: [place for which in names for place in getattr(phrases, f"{which}_{end}")]
        for name, names in (("where", ("LOBE", "SIDE", "BOTH")), ("place", ("LOBE", "OF_LOBE", "SIDE", "BOTH")))
    }
    if known:
        places = {name: [*options, *phrases.BASE_KNOWN, *phrases.APEX_KNOWN] for name, options in places.items()}
    texts = set()
    for one, text in [*asserted, *((said, text) for text in denied)]:
        slot = next((name for name in places if f"{{{name}}}" in text), None)
        for place in places[slot] if slot else ("",):
            for measure in one.measures if "{measure}" in text else ("",):
                filled = text.replace(f"{{{slot}}}", place).replace("{measure}", measure)
                texts.add(SIGNS.sub(lambda match: "~" if match[1] else "#", filled.lower()))
    return texts


@pytest.mark.parametrize("kind", KINDS)
def test_no_held_out_sentence_can_be_made_from_known_phrasings(kind: Kind) -> None:
    known, held_out = sayable(kind, "known"), sayable(kind, "held-out")
    assert len(known) > 100 and len(held_out) > 30 and not known & held_out


@cache
def about_one_kind(phrasings: Phrasings, count: int = 100, unsized: float = 0.0) -> frozenset[str]:
    """Sentences that assert or deny each kind."""
    rng = np.random.default_rng(6)
    truths = [(kind, Truth(findings=tuple(draw_finding(kind, rng)))) for kind in KINDS for _ in range(count)]
    return frozenset(
        text.lower().rstrip(".")
        for kind, truth in truths
        for one in (truth, Truth())
        for text in sentences_about(one, kind, rng, phrasings, unsized)
    )


@cache
def reported(phrasings: Phrasings) -> frozenset[str]:
    """Sentences of reports, without those that are true of all phantoms or of normal ones."""
    rng = np.random.default_rng(3)
    texts = {s for _ in range(700) for s in sentences(write_report(draw_truth(rng), rng, phrasings, typo_odds=0.0))}
    always = (*phrases.BACKGROUND, *phrases.NORMAL_WHOLE, *phrases.NORMAL_IMPRESSION)
    return frozenset(texts - {text.lower().rstrip(".") for text in always} - {""})


def test_known_sentences_and_held_out_ones_never_meet() -> None:
    known, held_out = (about_one_kind(which) | reported(which) for which in ("known", "held-out"))
    assert len(known) > 4000 and len(held_out) > 2000
    assert not known & held_out
    assert not about_one_kind("known", unsized=1.0) & held_out


@pytest.mark.parametrize("kind", KINDS)
def test_no_template_that_leaves_its_size_out_is_a_held_out_one(kind: Kind) -> None:
    for one in {"Lung nodule": (PHRASES[kind], NODULES), "Pleural effusion": (PHRASES[kind], BOTH_EQUAL)}.get(
        kind, (PHRASES[kind],)
    ):
        known, held_out = phrases_frames.framed_assertions(one)
        unsized = {without_size(text, one) for text in (*known, *one.assertions)}
        assert not unsized & {*held_out, *one.held_out_assertions}


def test_held_out_sentences_have_no_word_that_known_ones_have_not() -> None:
    known, held_out = (
        {word for text in about_one_kind(which, 300) | reported(which) for word in re.findall(r"[a-z]+", text)}
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
    assert not [text for text in about_one_kind(phrasings) if wrong.search(text)]  # type: ignore[arg-type]


@pytest.mark.parametrize("phrasings", ["known", "held-out"])
def test_some_sentences_deny_two_or_three_kinds(phrasings: str) -> None:
    starts = "no |there is no |without |negative |the study |the chest |absence |neither |free |no sign "
    lists = [text for text in reported(phrasings) if re.search(r"\b(or|nor|and)\b", text)]  # type: ignore[arg-type]
    named = Counter(len([kind for kind, topic in TOPICS.items() if re.search(topic, text)])
                    for text in lists if re.match(starts, text))  # fmt: skip
    assert named[2] > 30 and named[3] > 30


def test_several_nodules_are_described_as_several_with_the_mm_of_the_largest() -> None:
    nodules = Finding(kind="Lung nodule", side="left", lobe="upper", size="small", mm=6.0, count=3, variant="solid")
    for i in range(60):
        for phrasings in ("known", "held-out"):
            (text,) = sentences_about(Truth(findings=(nodules,)), "Lung nodule", np.random.default_rng(i), phrasings)
            assert "nodules" in text.lower() and ("6 mm" in text or "0.6 cm" in text), text
            assert names_lobe(text, nodules), text
            assert not re.search(r"\b(two|four|five)\b", text), text


@pytest.mark.parametrize("mm", [8.0, 11.0, 18.0, 10.0])
def test_a_number_that_begins_with_a_vowel_has_an_before_it(mm: float) -> None:
    nodule = Finding(kind="Lung nodule", side="left", lobe="lower", mm=mm, variant="solid")
    rng = np.random.default_rng(0)
    texts = " ".join(sentences_about(Truth(findings=(nodule,)), "Lung nodule", rng)[0].lower() for _ in range(60))
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


def test_both_sides_are_described_in_one_sentence_or_two() -> None:
    rng = np.random.default_rng(5)
    both = Truth(findings=effusions(right=100.0, left=1200.0))
    texts = [" ".join(sentences_about(both, "Pleural effusion", rng)).lower() for _ in range(200)]
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
    texts = [sentences_about(Truth(findings=(nodule,)), "Lung nodule", np.random.default_rng(i))[0] for i in range(60)]
    assert sum("6 mm" in t or "0.6 cm" in t for t in texts) > 40
    assert all(names_lobe(text, nodule) for text in texts)


SIZED = re.compile(r"\b(mild|slight|minimal|minor|subtle|trace|small|tiny|little|moderate|intermediate|medium|severe"
                   r"|marked|extensive|advanced|pronounced|large|massive|huge|big|bulky|linear|band-like|plate-like|segmental"
                   r"|subsegmental|lobar|complete|total)(ly)?\b", re.I)  # fmt: skip


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "Medical material"])
def test_a_sentence_can_leave_out_the_size_but_not_in_held_out_phrasings(kind: Kind) -> None:
    rng = np.random.default_rng(7)
    findings = [draw_finding(kind, rng)[0] for _ in range(200)]

    def unsized(odds: float, phrasings: Phrasings = "known") -> float:
        texts = [sentences_about(Truth(findings=(one,)), kind, rng, phrasings, unsized=odds)[0] for one in findings]
        wrong = re.compile(r"\{|  | [.,:]|[.,:][.,:]|^[a-z]| (in|of|to|with|a|an)\.$|\b(degree|extent) of\b")
        assert not [text for text in texts if wrong.search(text) and not SIZED.search(text)]
        return float(np.mean([not SIZED.search(text) for text in texts]))

    assert unsized(1.0) > unsized(0.0) + 0.35
    assert unsized(1.0, "held-out") < unsized(0.0, "held-out") + 0.2


def test_telegrams_are_among_the_sentences() -> None:
    rng = np.random.default_rng(8)
    heart, fluid = (Finding(kind=kind, size="large") for kind in ("Cardiomegaly", "Pericardial effusion"))
    both = Truth(findings=effusions(right=1200.0, left=100.0))
    for telegram, truth, kind in (
        ("Cardiomegaly.", Truth(findings=(replace(heart, ratio=0.62),)), "Cardiomegaly"),
        ("Heart enlarged.", Truth(findings=(replace(heart, ratio=0.62),)), "Cardiomegaly"),
        ("Pericardial effusion.", Truth(findings=(replace(fluid, mm=30.0),)), "Pericardial effusion"),
        ("Right effusion.", RIGHT, "Pleural effusion"),
        ("Bilateral pleural effusions, larger on the right.", both, "Pleural effusion"),
    ):
        assert telegram in {text for _ in range(3000) for text in sentences_about(truth, kind, rng, unsized=1.0)}, (
            telegram
        )


@pytest.mark.parametrize("kind", LOBAR)
def test_a_kind_in_lobes_can_be_said_to_be_in_both_lungs(kind: Kind) -> None:
    rng = np.random.default_rng(10)
    both = Truth(findings=tuple(Finding(kind=kind, side=side, lobe="lower") for side in ("right", "left")))
    reported = {text for _ in range(100) for text in sentences_about(both, kind, rng, unsized=1.0)}
    for text in {sentence_in_both_lungs(kind, rng) for _ in range(100)} | reported:
        assert re.search(r"both|bilateral|right and left|the lungs", text.lower()) and not SIZED.search(text), text
        assert not NEGATION.search(text) and "{" not in text
    for phrasings, odds in (("known", 0.0), ("held-out", 1.0)):
        drawn = [sentences_about(both, kind, rng, phrasings, odds) for _ in range(50)]
        assert all(len(texts) == 2 for texts in drawn), "sentences for evaluation say where and how large"


@pytest.mark.parametrize("kind", (*SIDED, *LOBAR))
def test_a_sentence_can_leave_out_the_place(kind: Kind) -> None:
    rng = np.random.default_rng(11)
    for text in {sentence_without_place(kind, rng) for _ in range(100)}:
        assert re.search(TOPICS[kind], text.lower()) and not NEGATION.search(text), text
        assert not re.search(r"right|left|bilateral|lobe|both|\{| \.|\d", text.lower()), text


def test_a_plain_report_says_every_finding_with_side_lobe_and_size_and_always_the_same() -> None:
    rng = np.random.default_rng(9)
    for truth in (draw_truth(rng) for _ in range(200)):
        text = write_plainly(truth).findings
        assert text == write_plainly(truth).findings
        for finding in truth.findings:
            assert re.search(TOPICS[finding.kind], text.lower()) or finding.kind == "Medical material"
            assert not finding.side or finding.side in text.lower()
            assert not finding.lobe or f"{finding.side} {finding.lobe} lobe" in text
            if finding.kind != "Medical material":
                (alone,) = [write_plainly(Truth(findings=(finding,))).findings]
                assert SIZED.search(alone) or re.search(r"\d mm", alone), alone
    assert write_plainly(Truth()).findings == "Normal chest CT."
