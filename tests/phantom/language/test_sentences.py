"""The language's sentences: every wording is drawn, none that is held out is taught, and labels say what they say."""

import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from ctflow.models.guard.clauses import clauses
from ctflow.models.guard.stance import Stance, is_heading, stance
from ctflow.phantom.language import MANNERS, Manner, Phrasings, Statement, sentences
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.drawing import Facts, as_stance
from ctflow.phantom.language.lexicon import Noun, normal_statements, others, wordings
from ctflow.phantom.language.manner import ACTS, style
from ctflow.phantom.language.writer import Clause
from ctflow.phantom.truth import KINDS, SLOTS
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED, Mention

COUNT = 5000
PHRASINGS: tuple[Phrasings, ...] = ("known", "held-out")


@pytest.fixture(scope="module")
def drawn() -> dict[Phrasings, list[Statement]]:
    return {phrasings: list(islice(sentences(3, phrasings), COUNT)) for phrasings in PHRASINGS}


def families(statements: list[Statement]) -> set[str]:
    return {family for one in statements for family in one.family.split("+")}


def patterned(phrasings: Phrasings) -> set[str]:
    """The families of all manners' patterns."""
    styles = [style(manner) for manner in (*MANNERS, "common")]
    return {family for one in styles for act in ACTS for family, _ in one.families[phrasings, act]}


def test_the_same_seed_gives_the_same_sentences() -> None:
    first, second, other = (list(islice(sentences(seed), 20)) for seed in (1, 1, 2))
    assert [one.text for one in first] == [one.text for one in second] != [one.text for one in other]
    assert [one.mentions for one in first] == [one.mentions for one in second]


@pytest.mark.slow
def test_every_family_of_patterns_is_drawn(drawn: dict[Phrasings, list[Statement]]) -> None:
    for phrasings in PHRASINGS:
        assert patterned(phrasings) - families(drawn[phrasings]) == set()


def test_no_family_is_both_taught_and_held_out(drawn: dict[Phrasings, list[Statement]]) -> None:
    known, held_out = (families(drawn[phrasings]) for phrasings in PHRASINGS)
    written = {f"lexicon/{act}/{kind}" for act in ("asserts", "denies") for kind in wordings()}  # by clause, see below
    assert known & held_out <= written
    assert {f"normal/{one.family}" for one in normal_statements()} <= known | held_out
    assert {f"others/{name}" for name in others()} <= known | held_out


def test_no_clause_of_a_finding_is_both_taught_and_held_out() -> None:
    for wording in wordings().values():
        assert not {*wording.says, *wording.denies} & {*wording.says_held_out, *wording.denies_held_out}


def test_sentences_that_are_held_out_are_not_drawn_in_training(drawn: dict[Phrasings, list[Statement]]) -> None:
    """Of those that are longer than a name or two, which no family of wordings has for itself."""
    taught = {one.text.lower() for one in drawn["known"]}
    again = [one.text for one in drawn["held-out"] if one.text.lower() in taught]
    assert len(again) < 0.002 * COUNT, again


@pytest.mark.slow
@pytest.mark.parametrize("name", wordings())
def test_every_name_of_a_finding_is_drawn(name: str) -> None:
    wording, rng = wordings()[name], np.random.default_rng(4)
    chance = Chance(rng)
    facts = Facts(chance, rng)
    drawn: set[Noun] = set()
    for _ in range(5000):
        fact = facts.of(wording.means[0]) if name in KINDS else facts.shared(name)
        stances = (fact, as_stance(fact, "denied")) if wording.denied_nouns else (fact,)
        drawn |= {Clause((one,), chance).nouns[0] for one in stances}
    assert {*wording.nouns, *wording.denied_nouns} - drawn == set()


@pytest.mark.parametrize("phrasings", PHRASINGS)
def test_a_tenth_of_the_sentences_says_nothing_and_all_findings_are_asserted_and_denied(
    phrasings: Phrasings, drawn: dict[Phrasings, list[Statement]]
) -> None:
    stances = Counter(one.stance for one in drawn[phrasings])
    assert min(stances.values()) > 0.1 * COUNT
    said = Counter((mention.finding, mention.asserted) for one in drawn[phrasings] for mention in one.mentions)
    assert min(said[kind, asserted] for kind in KINDS for asserted in (True, False)) > 0.01 * COUNT


def test_labels_stand_at_the_slots_of_what_is_said() -> None:
    said = (Mention("Pleural effusion", True, "left", None, None), Mention("Lung nodule", False, None, None, None))
    at = dict(zip(SLOTS, Statement("", said, "british", "").labels, strict=True))
    assert at["Pleural effusion", ("left", None)] == ASSERTED
    assert at["Pleural effusion", ("right", None)] == NOT_MENTIONED
    assert {label for (kind, _), label in at.items() if kind == "Lung nodule"} == {DENIED}


def test_what_has_no_place_is_at_no_slot_and_a_lobe_of_both_sides_is_at_two() -> None:
    nowhere = Statement("", (Mention("Lung nodule", True, None, None, None),), "british", "")
    assert not nowhere.labels.any() and nowhere.unplaced == ("Lung nodule",)
    both = Statement("", (Mention("Lung nodule", True, "both", "upper", None),), "british", "")
    assert [SLOTS[i] for i in np.flatnonzero(both.labels)] == [
        ("Lung nodule", ("right", "upper")),
        ("Lung nodule", ("left", "upper")),
    ]


def test_a_side_is_only_said_where_the_text_names_it(drawn: dict[Phrasings, list[Statement]]) -> None:
    left_words = re.compile(r"left|\blt?\b|lul|lll|lingul")
    right_words = re.compile(r"right|\brt?\b|r[uml]l|middle")
    for one in (*drawn["known"], *drawn["held-out"]):
        text = one.text.lower()
        for mention in one.mentions:
            if mention.side == "left":
                assert left_words.search(text), one.text
            if mention.side == "right":
                assert right_words.search(text), one.text


@pytest.mark.slow
def test_rules_that_know_nothing_of_the_language_agree_with_its_labels(
    drawn: dict[Phrasings, list[Statement]],
) -> None:
    """In sentences of one clause, where what is said here is not taken back there."""
    taken_back = ("/contrast/", "/gone_there/")
    agreed = Counter[bool]()
    for one in drawn["known"][:3000]:
        simple = len(clauses(one.text)) == 1 and not any(word in one.family for word in taken_back)
        for mention in one.mentions if simple and not is_heading(one.text) else ():
            found = stance(mention.finding, one.text)
            if found in (Stance.ASSERTED, Stance.DENIED):
                agreed[(found == Stance.ASSERTED) == mention.asserted] += 1
    assert agreed[True] > 1000
    assert agreed[False] < 0.03 * agreed[True]


@pytest.mark.parametrize("manner", MANNERS)
def test_a_manner_writes_in_its_own_way(manner: Manner) -> None:
    drawn = list(islice(sentences(0, manner=manner), 300))
    assert {one.manner for one in drawn} == {manner}
    own = [one for one in drawn if f"{manner}/" in one.family]
    assert len(own) > 0.15 * len(drawn)


def of_family(act: str, drawn: list[Statement]) -> list[Statement]:
    """The statements that stand alone and do this."""
    return [one for one in drawn if f"/{act}/" in one.family and "+" not in one.family]


def test_what_is_adjacent_lies_where_the_finding_beside_it_does(drawn: dict[Phrasings, list[Statement]]) -> None:
    for one in of_family("adjacent", drawn["known"]):
        places: dict[str, set[tuple[str | None, str | None]]] = {}
        for mention in one.mentions:
            places.setdefault(mention.finding, set()).add((mention.side, mention.lobe))
        first, second = places.values()
        assert first == second, one.text


def test_no_denial_reaches_over_a_comma_to_what_is_there(drawn: dict[Phrasings, list[Statement]]) -> None:
    """ "No consolidation, pericardial fluid" denied the first and asserted the second, which nobody reads."""
    for one in of_family("without", drawn["known"]):
        assert not re.match(r"(?:[\w/ ]+: ?)?(?:\d\. )?no [^,;]+, (?!but|however|\w+ or )", one.text.lower()), one.text


def test_what_has_gone_from_a_part_of_its_organ_is_not_denied_of_all(drawn: dict[Phrasings, list[Statement]]) -> None:
    """Of findings that no place tells apart: "the septal lines at the left base have resolved" leaves others."""
    part = re.compile(r"right|left|upper|lower|bas[ei]|apex|apic|hilum|axilla|paratracheal|subcarinal|zones")
    placeless = {
        "Emphysema",
        "Interlobular septal thickening",
        "Mosaic attenuation pattern",
        "Peribronchial thickening",
    }
    told = [
        one for one in of_family("gone", drawn["known"]) if {mention.finding for mention in one.mentions} <= placeless
    ]
    assert len(told) > 20
    assert [one.text for one in told if part.search(one.text.lower())] == []


def test_a_sentence_does_not_guess_at_what_it_denies(drawn: dict[Phrasings, list[Statement]]) -> None:
    joined = [one for one in drawn["known"] if one.guesses and "+" in one.family]
    assert joined and all({mention.finding for mention in one.mentions} <= one.about for one in joined)
    effusion = re.compile(r"pericardial effusion[^;]*(?:cannot|possib)[^;]*; no pericardial effusion")
    assert not [one.text for one in joined if effusion.search(one.text.lower())]
