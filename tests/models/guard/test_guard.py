"""The guard: whatever a reader says, nothing is shown that the sentence does not say. No network is asked here."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from ctflow.evaluation.labelled_sentences import LabelledSentence, read_sentences
from ctflow.evaluation.sentences import MISTAKES, judge
from ctflow.models.guard.clauses import clauses, names_any
from ctflow.models.guard.guard import Guard
from ctflow.models.guard.lexicon import FINDINGS
from ctflow.models.guard.stance import Stance, denies_everything, is_heading, stance
from ctflow.phantom import KINDS, SLOTS
from ctflow.phantom.sentences import Sentence, draw_sentence
from ctflow.reading import ASSERTED, DENIED, Mention
from ctflow.report import Report, sentences

SENTENCES = read_sentences(Path(__file__).with_name("sentences.txt"))
SIDES = [("right", None), ("left", None), ("both", None)]
LOBES = [("right", "upper"), ("right", "middle"), ("right", "lower"), ("left", "upper"), ("left", "lower")]


def slots() -> dict[str, list[tuple[str | None, str | None]]]:
    by_finding = defaultdict(list)
    for finding, site in SLOTS:
        by_finding[finding].append(site)
    return by_finding


GUARD = Guard(slots())


def shown(sentence: str, *read: Mention) -> set[Mention]:
    """What passes the guard if a reader reads the same in every clause."""
    parts = [clause for part in sentences(Report(sentence)) if not is_heading(part) for clause in clauses(part)]
    passed = GUARD.shown_together({clause: GUARD.shown(clause, read) for clause in parts if names_any(clause)})
    return {mention for mentions in passed.values() for mention in mentions}


def asserted(finding: str, side: str | None = None, lobe: str | None = None, size: str | None = None) -> Mention:
    return Mention(finding, True, side, lobe, size)


def denied(finding: str, side: str | None = None, lobe: str | None = None) -> Mention:
    return Mention(finding, False, side, lobe, None)


def all_mentions(finding: str) -> list[Mention]:
    """All that a reader could say of a finding at one place."""
    sites = slots()[finding]
    if sites == [(None, None)]:
        return [asserted(finding), denied(finding)]
    places = SIDES + (LOBES if len(sites) > 2 else [])
    return [
        *(asserted(finding, *place) for place in places),
        *(denied(finding, None if side == "both" else side, lobe) for side, lobe in places),
    ]


def test_every_finding_has_its_words() -> None:
    assert set(FINDINGS) == set(KINDS)


@pytest.mark.parametrize("labelled", SENTENCES, ids=lambda one: one.text[:50])
def test_no_reader_can_show_what_a_sentence_does_not_say(labelled: LabelledSentence) -> None:
    """A reader that says anything at all: the guard alone keeps it from being misread."""
    passed = [mention for finding in KINDS for one in all_mentions(finding) for mention in shown(labelled.text, one)]
    assert [mention for mention in passed if judge(labelled.tags, [mention]) in MISTAKES] == []


@pytest.mark.parametrize(
    ("sentence", "read", "passes"),
    [
        ("24 mm RUL mass, suspicious for carcinoma.", denied("Lung opacity", "right", "upper"), False),
        ("24 mm RUL mass, suspicious for carcinoma.", denied("Coronary artery wall calcification"), False),
        ("24 mm RUL mass, suspicious for carcinoma.", asserted("Lung nodule", "right", "upper"), True),
        ("The pneumothorax on the right has resolved.", asserted("Pneumothorax", "right"), False),
        ("The pneumothorax on the right has resolved.", denied("Pneumothorax", "right"), True),
        ("The left effusion regressed.", asserted("Pleural effusion", "left"), False),
        ("The left effusion is no longer seen.", asserted("Pleural effusion", "left"), False),
        ("Septal lines are prominent in both lower lobes.", denied("Pericardial effusion"), False),
        ("Ground-glass opacities in both lungs, typical for pneumonia.", denied("Pneumothorax"), False),
        ("Large left pleural effusion.", asserted("Pleural effusion", "right"), False),
        ("Large left pleural effusion.", asserted("Pleural effusion", "both"), False),
        ("Large left pleural effusion.", denied("Pleural effusion", "left"), False),
        ("Nodule in the left lower lobe.", asserted("Lung nodule", "left", "lower"), True),
        ("Nodule in the left lower lobe.", asserted("Lung nodule", "left"), False),
        ("Nodule in the left lower lobe.", asserted("Lung nodule", "left", "upper"), False),
        ("Nodule in the lower lobe of the left lung.", asserted("Lung nodule", "left", "lower"), True),
        ("Opacity in the lingula.", asserted("Lung opacity", "right", "upper"), False),
        ("Opacity in the lingula.", asserted("Lung opacity", "left", "upper"), True),
        ("Nodules in both lungs.", asserted("Lung nodule", "both"), True),
        ("A nodule.", asserted("Lung nodule", "both"), False),
        ("Bilateral nodules, most in the right upper lobe.", asserted("Lung nodule", "both"), True),
        ("No nodule.", denied("Lung nodule"), True),
        ("No nodule.", denied("Lung nodule", "right"), False),
        ("No nodule in the right lung.", denied("Lung nodule"), False),
        ("No change in the right effusion.", asserted("Pleural effusion", "right"), True),
        ("Pneumothorax cannot be excluded on the left.", asserted("Pneumothorax", "left"), False),
        ("Thyroid nodule on the left.", asserted("Lung nodule", "left"), False),
        ("Subcutaneous emphysema.", asserted("Emphysema"), False),
        ("Pericardial, pleural effusion was not detected.", denied("Pericardial effusion"), True),
        ("Pericardial effusion was not detected.", denied("Pleural effusion"), False),
        ("Lymph nodes up to 6.5 mm.", asserted("Lymphadenopathy"), False),
        ("Lymph nodes up to 16.5 mm.", asserted("Lymphadenopathy"), True),
        ("No intraperitoneal free air.", denied("Pneumothorax"), False),
        ("No free air in the intraperitoneal space.", denied("Pneumothorax"), False),
        ("No subdiaphragmatic free air.", denied("Pneumothorax"), False),
        ("No mediastinal free air.", denied("Pneumothorax"), False),
        ("Free air under the diaphragm on the right.", asserted("Pneumothorax", "right"), False),
        ("No free air or pneumothorax.", denied("Pneumothorax"), True),
        ("No pneumothorax or mediastinal shift.", denied("Pneumothorax"), True),
        ("Intraperitoneal fluid on the right.", asserted("Pleural effusion", "right"), False),
        ("Fluid in the intra-abdominal space on the right.", asserted("Pleural effusion", "right"), False),
        ("Intraabdominal mass on the left.", asserted("Lung nodule", "left"), False),
        ("No enlarged axillary lymph nodes.", denied("Lymphadenopathy"), False),
        ("No axillary lymphadenopathy. Enlarged mediastinal nodes.", denied("Lymphadenopathy"), False),
        ("No axillary lymphadenopathy. Enlarged mediastinal nodes.", asserted("Lymphadenopathy"), True),
        ("No axillary or supraclavicular lymphadenopathy.", denied("Lymphadenopathy"), False),
        ("No mediastinal or hilar lymphadenopathy.", denied("Lymphadenopathy"), True),
        ("No enlarged lymph nodes.", denied("Lymphadenopathy"), True),
        ("No mediastinal nodule.", denied("Lung nodule"), False),
        ("No mediastinal or hilar mass.", denied("Lung nodule"), False),
        ("No thickening of the bronchial walls on the right.", denied("Peribronchial thickening"), False),
        ("No thickening of the bronchial walls.", denied("Peribronchial thickening"), True),
        ("No emphysema in either lung.", denied("Emphysema"), True),
        ("No pericardial effusion or left pleural effusion.", denied("Pericardial effusion"), True),
        (
            "No thickening of the bronchial walls on the right; thickened bronchial walls on the left.",
            denied("Peribronchial thickening"),
            False,
        ),
        ("Clinical history: emphysema.", asserted("Emphysema"), False),
    ],
)
def test_a_mention_passes_only_where_the_sentence_says_it(sentence: str, read: Mention, passes: bool) -> None:
    assert shown(sentence, read) == ({read} if passes else set())


def test_two_places_of_one_sentence_must_both_be_read_and_not_be_swapped() -> None:
    sentence = "Consolidation in the right upper lobe and the left lower lobe."
    right_upper, left_lower = asserted("Consolidation", "right", "upper"), asserted("Consolidation", "left", "lower")
    assert shown(sentence, right_upper, left_lower) == {right_upper, left_lower}
    assert shown(sentence, right_upper) == set()
    swapped = asserted("Consolidation", "right", "lower"), asserted("Consolidation", "left", "upper")
    assert shown(sentence, *swapped) == set()


def test_a_side_that_only_another_clause_names_is_not_left_out() -> None:
    """A reader that recognised only the first clause had the effusion shown on the left alone."""
    left, right = "Left effusion slightly larger", "right effusion unchanged."
    assert clauses(f"{left}, {right}") == [left, right]
    on_the_left, on_the_right = asserted("Pleural effusion", "left"), asserted("Pleural effusion", "right")
    assert GUARD.shown_together({left: (on_the_left,), right: ()}) == {left: (), right: ()}
    both = {left: (on_the_left,), right: (on_the_right,)}
    assert GUARD.shown_together(both) == both


def test_what_is_denied_of_some_does_not_deny_all() -> None:
    assert stance("Emphysema", "No bullae.") == Stance.IN_PART
    assert stance("Lung nodule", "No new nodule.") == Stance.IN_PART
    assert stance("Emphysema", "Bullae on the right.") == Stance.ASSERTED


def test_a_finding_that_the_lexicon_lacks_is_refused() -> None:
    guard = Guard({"Scoliosis": [(None, None)]})
    assert guard.shown("Scoliosis.", [asserted("Scoliosis")]) == ()


def test_a_normal_chest_denies_all_findings_or_none() -> None:
    everything = [denied(finding) for finding in KINDS]
    assert set(GUARD.shown("Normal chest CT.", everything)) == set(everything)
    assert GUARD.shown("Normal chest CT.", everything[:5]) == ()
    assert GUARD.shown("Clinical history: cough and fever.", everything) == ()


@pytest.mark.parametrize("sentence", ["Normal.", "Findings within normal limits.", "No abnormality in the chest."])
def test_words_for_all_findings(sentence: str) -> None:
    assert denies_everything(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Normal liver.",
        "The study is not normal.",
        "Not a normal chest.",
        "No acute abnormality.",
        "Normal chest wall.",
        "Otherwise normal.",
    ],
)
def test_words_for_less_than_all_findings(sentence: str) -> None:
    assert not denies_everything(sentence)


@pytest.mark.parametrize(
    ("read", "kept"), [("large", "large"), ("small", None)], ids=["a size that is said", "a size that is not"]
)
def test_a_size_is_shown_only_if_the_clause_says_or_measures_it(read: str, kept: str | None) -> None:
    (passed,) = shown("Large left effusion.", asserted("Pleural effusion", "left", size=read))
    assert passed.size == kept
    (measured,) = shown("Left effusion of 30 mm.", asserted("Pleural effusion", "left", size=read))
    assert measured.size == read


@pytest.mark.parametrize("size", ["moderate", "small"])
def test_a_size_of_one_finding_is_not_that_of_another(size: str) -> None:
    sentence = "A moderate right effusion with adjacent atelectasis of the lower lobe."
    (atelectasis,) = shown(sentence, asserted("Atelectasis", "right", "lower", size=size))
    assert atelectasis.size is None
    (effusion,) = shown("Right effusion with a 9 mm nodule.", asserted("Pleural effusion", "right", size=size))
    assert effusion.size is None


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "No pleural effusion on the right, moderate effusion on the left.",
            ["No pleural effusion on the right", "moderate effusion on the left."],
        ),
        ("Emphysema, no nodule.", ["Emphysema", "no nodule."]),
        ("Small left effusion and right pneumothorax.", ["Small left effusion", "right pneumothorax."]),
        ("Cardiomegaly with bilateral effusions.", ["Cardiomegaly", "bilateral effusions."]),
        ("No mass, nodule or consolidation.", ["No mass, nodule or consolidation."]),
        ("No effusion on the right, small on the left.", ["No effusion on the right, small on the left."]),
        ("No right effusion and left pneumothorax.", ["No right effusion and left pneumothorax."]),
        (
            "Right effusion and left pneumothorax were not seen.",
            ["Right effusion and left pneumothorax were not seen."],
        ),
        ("Effusion and atelectasis on the right.", ["Effusion and atelectasis on the right."]),
        ("A nodule of 1,5 cm.", ["A nodule of 1,5 cm."]),
    ],
)
def test_a_sentence_is_cut_where_what_it_says_turns(sentence: str, parts: list[str]) -> None:
    assert clauses(sentence) == parts


@pytest.mark.parametrize(
    ("clause", "finding", "expected"),
    [
        ("The heart is not enlarged.", "Cardiomegaly", Stance.DENIED),
        ("Heart normal in size.", "Cardiomegaly", Stance.DENIED),
        ("The heart is enlarged.", "Cardiomegaly", Stance.ASSERTED),
        ("Left ventricle.", "Cardiomegaly", Stance.SILENT),
        ("Cardiomegaly is not a feature.", "Cardiomegaly", Stance.DENIED),
        ("No effusion, pneumothorax, consolidation.", "Pneumothorax", Stance.INVOLVED),
        ("No effusion, pneumothorax or consolidation.", "Pneumothorax", Stance.DENIED),
        ("No pneumothorax after placement of a chest tube.", "Medical material", Stance.INVOLVED),
        ("Possible consolidation.", "Consolidation", Stance.UNCLEAR),
        ("Effusion: none.", "Pleural effusion", Stance.DENIED),
    ],
)
def test_what_a_clause_says_of_a_finding(clause: str, finding: str, expected: Stance) -> None:
    assert stance(finding, clause) == expected


def mentions_of(sentence: Sentence) -> list[Mention]:
    """What a reader that is right reads in a labelled sentence of the grammar, slot by slot."""
    return [
        Mention(finding, label == ASSERTED, side, lobe, None)
        for (finding, (side, lobe)), label in zip(SLOTS, sentence.labels.tolist(), strict=True)
        if label in (DENIED, ASSERTED)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("phrasings", "least"), [("known", 0.96), ("held-out", 0.98)])
def test_a_reader_that_is_right_about_the_grammar_is_let_pass(phrasings: str, least: float) -> None:
    rng = np.random.default_rng([1, 7])
    drawn = {one.text: one for one in (draw_sentence(rng, phrasings) for _ in range(600))}
    right = [one for one in drawn.values() if mentions_of(one)]
    passed = [shown(one.text, *mentions_of(one)) == set(mentions_of(one)) for one in right]
    assert sum(passed) / len(passed) >= least
