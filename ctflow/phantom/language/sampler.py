"""Draws sentences about random facts."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ctflow.phantom.language.author import Author
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.drawing import LOBES_OF, Facts, as_stance, denied
from ctflow.phantom.language.facts import KINDS_WITH_PLACES, Fact, Place
from ctflow.phantom.language.manner import MANNERS, Act, Manner
from ctflow.phantom.language.statements import Statement
from ctflow.phantom.language.style import cased, finished, in_an_impression, joined
from ctflow.phantom.phrasing import Phrasings
from ctflow.phantom.truth import KINDS, LOBAR, SIDED, Kind, Side

# How often a sentence does what. What is unsure, and what speaks of other things, says nothing of the findings.
WEIGHTS: Mapping[str, float] = {
    "asserts": 0.25, "denies": 0.10, "denies_there": 0.03, "denies_list": 0.06, "denies_list_there": 0.015,
    "pair": 0.05, "list": 0.015, "together": 0.03, "without": 0.04, "without_list": 0.015, "without_there": 0.015,
    "contrast": 0.05, "unequal": 0.03, "emphasis": 0.03, "places": 0.03, "gone": 0.05, "gone_there": 0.02,
    "changed": 0.07, "unsure": 0.06, "guess": 0.03, "unplaced": 0.025, "because": 0.015, "except": 0.025,
    "adjacent": 0.035, "gone_leaving": 0.015, "gone_but": 0.02, "either": 0.012, "several_places": 0.015,
    "in_part": 0.015, "normal": 0.05, "clear_lung": 0.01, "other": 0.15,
}  # fmt: skip
JOINED_ODDS, JOINED_ODDS_RUN_ON = 0.08, 0.6  # that a sentence goes on with another one
IMPRESSION_ODDS = 0.03  # that it stands behind "Impression:"
TYPO_ODDS = 0.05  # that a word of a sentence is misspelt
SHARED_DENIED_ODDS = 0.06  # that what is denied is a name of two findings
# What may stand behind what is seen, as a guess.
GUESSED: tuple[Kind, ...] = (
    "Atelectasis", "Consolidation", "Pulmonary fibrotic sequela", "Lung nodule", "Pleural effusion",
)  # fmt: skip
CAUSES_OF_ATELECTASIS: tuple[Kind, ...] = (
    "Pleural effusion",
    "Pneumothorax",
    "Hiatal hernia",
    "Lung nodule",
    "Cardiomegaly",
)
# What is often seen beside another finding, and what is left where one has gone.
ADJACENT: tuple[Kind, ...] = (
    "Atelectasis",
    "Atelectasis",
    "Consolidation",
    "Lung opacity",
    "Pulmonary fibrotic sequela",
)
LEFT_BEHIND: tuple[Kind, ...] = ("Pulmonary fibrotic sequela", "Atelectasis", "Lung opacity")
LOBES = tuple(Place(side, (lobe,)) for side, lobes in LOBES_OF.items() for lobe in lobes)
SIDES: tuple[Side, ...] = ("right", "left")
NEVER_GONE: tuple[Kind, ...] = ("Medical material",)  # that a tube was removed does not deny all others


def draw_sentence(
    rng: np.random.Generator,
    phrasings: Phrasings = "known",
    manner: Manner | None = None,
    typo_odds: float = TYPO_ODDS,
) -> Statement:
    """A sentence about random facts, in this manner or in any."""
    chance = Chance(rng)
    author = Author(chance.one_of(MANNERS) if manner is None else manner, rng, phrasings)
    drawn = _Drawn(author, Facts(chance, rng))
    statement = drawn.any()
    odds = JOINED_ODDS_RUN_ON if author.style.run_on else JOINED_ODDS
    while chance.happens(odds):
        other = drawn.any()
        if not _speak_of_one(statement, other):
            statement = joined(statement, other, author.style, chance)
        odds /= 2
    statement = finished(statement, author.style, chance, typo_odds)
    if chance.happens(IMPRESSION_ODDS):
        statement = in_an_impression(statement, chance)
    return replace(statement, text=cased(statement.text, chance))


def _speak_of_one(one: Statement, other: Statement) -> bool:
    """Whether two statements speak of one finding, be it only as a guess."""
    return bool(one.about & other.about)


class _Drawn:
    """Statements about random facts, one method for each thing that a sentence can do."""

    def __init__(self, author: Author, facts: Facts) -> None:
        self._author, self._facts, self._chance = author, facts, author.chance
        self._methods: dict[str, Callable[[], Statement]] = {name: getattr(self, f"_{name}") for name in WEIGHTS}

    def any(self) -> Statement:
        return self._methods[self._chance.weighted(WEIGHTS)]()

    def _asserts(self) -> Statement:
        return self._author.say("asserts", self._facts.any())

    def _denies(self) -> Statement:
        if self._chance.happens(SHARED_DENIED_ODDS):
            name = self._chance.one_of(("Infiltrate", "Atheroma"))
            return self._author.say("denies", as_stance(self._facts.shared(name), "denied").nowhere())
        return self._author.deny(self._chance.one_of(KINDS))

    def _denies_list(self) -> Statement:
        return self._author.deny(*self._chance.some(KINDS, self._chance.between(2, 4)))

    def _denies_there(self) -> Statement:
        return self._author.say(
            "denies_there", as_stance(self._facts.placed("side", "lobe", "both", "both lobes"), "denied")
        )

    def _pair(self) -> Statement:
        return self._author.say("pair", *self._facts.two())

    def _list(self) -> Statement:
        first, second = self._facts.two()
        used = (*first.kinds, *second.kinds)
        return self._author.say("list", first, second, self._facts.other_than(*used))

    def _without_list(self) -> Statement:
        there, other = self._facts.two()
        third = self._facts.other_than(*there.kinds, *other.kinds)
        return self._author.say("without_list", there, denied(other.kind), denied(third.kind))

    def _together(self) -> Statement:
        first, second = map(self._facts.of, self._chance.some(LOBAR, 2))
        second.place = first.place
        return self._author.say("together", first, second)

    def _without(self) -> Statement:
        there, other = self._facts.two()
        return self._author.say("without", there, denied(other.kind))

    def _contrast(self) -> Statement:
        there = self._facts.placed("side", "lobe")
        other: Side = "left" if there.place.side == "right" else "right"
        return self._author.say("contrast", denied(there.kind, Place(other)), there)

    def _clear_lung(self) -> Statement:
        if self._author.phrasings == "held-out":
            return self._normal()
        return self._author.clear_lung(self._chance.one_of(SIDES))

    def _denies_list_there(self) -> Statement:
        place = Place(self._chance.one_of(SIDES))
        kinds = self._chance.some(KINDS_WITH_PLACES, 2)
        return self._author.say("denies_list_there", *(denied(kind, place) for kind in kinds))

    def _without_there(self) -> Statement:
        first, second = self._chance.some(LOBAR, 2)
        there = self._facts.of(first)
        return self._author.say("without_there", there, denied(second, there.place))

    def _unequal(self) -> Statement:
        first, second = (self._facts.of(kind) for kind in [self._chance.one_of(SIDED)] * 2)
        first.place, second.place = (Place(side) for side in self._chance.some(SIDES, 2))
        return self._author.say("unequal", first, second)

    def _emphasis(self) -> Statement:
        return self._author.say("emphasis", self._facts.placed("both"))

    def _places(self) -> Statement:
        first = self._facts.placed("lobe")
        first.count = 2
        second = replace(first)
        while second.place == first.place or second.place.form != "lobe":
            second = self._facts.of(first.kind)
        return self._author.say("places", first, replace(second, size=None, mm=None, count=2))

    def _gone_there(self) -> Statement:
        kind = self._chance.one_of(KINDS_WITH_PLACES)
        here, there = (Place(side) for side in self._chance.some(SIDES, 2))
        gone = Fact(kind, (kind,), here, stance="gone")
        return self._author.say("gone_there", gone, Fact(kind, (kind,), there))

    def _gone(self) -> Statement:
        return self._author.say("gone", as_stance(self._facts.other_than(*NEVER_GONE), "gone"))

    def _changed(self) -> Statement:
        return self._author.say("changed", self._facts.other_than(*NEVER_GONE))

    def _unsure(self) -> Statement:
        fact = self._facts.any()
        fact.stance = "unsure"
        return self._author.say("unsure", fact)

    def _guess(self) -> Statement:
        first = self._facts.placed()
        kind = self._chance.one_of([kind for kind in GUESSED if kind not in first.kinds])
        return self._author.say("guess", first, as_stance(denied(kind), "unsure"))

    def _because(self) -> Statement:
        effect, cause = self._facts.of("Atelectasis"), self._facts.of(self._chance.one_of(CAUSES_OF_ATELECTASIS))
        while cause.place.side is not None and cause.place.side != effect.place.side:
            effect = self._facts.of("Atelectasis")
        return self._author.say("because", effect, cause)

    def _adjacent(self) -> Statement:
        """One finding beside another, and so at its place: on its side, where the first one has no lobe."""
        first = self._facts.placed()
        second = self._facts.of(self._chance.one_of([kind for kind in ADJACENT if kind != first.kind]))
        second.place = first.place
        return self._author.say("adjacent", first, second)

    def _gone_leaving(self) -> Statement:
        """What has gone, and what is left at its place."""
        before = self._facts.placed("side", "lobe", "both", "both lobes")
        after = self._facts.of(self._chance.one_of([kind for kind in LEFT_BEHIND if kind != before.kind]))
        after.place = before.place
        return self._author.say("gone_leaving", as_stance(before, "gone"), after)

    def _gone_but(self) -> Statement:
        gone = self._facts.other_than(*NEVER_GONE)
        there = self._facts.other_than(*NEVER_GONE, *gone.kinds)
        return self._author.say("gone_but", as_stance(gone, "gone"), there)

    def _either(self) -> Statement:
        """One or the other, and so neither for sure."""
        first = as_stance(self._facts.placed(), "unsure")
        kind = self._chance.one_of([kind for kind in GUESSED if kind not in first.kinds])
        return self._author.say("either", first, as_stance(denied(kind), "unsure"))

    def _several_places(self) -> Statement:
        """A finding in three lobes."""
        first = self._facts.placed("lobe")
        sites = [place for place in LOBES if place != first.place]
        others = self._chance.some(sites, 2)
        rest = (replace(first, place=place, size=None, mm=None, count=3) for place in others)
        return self._author.say("several_places", replace(first, count=3), *rest)

    def _except(self) -> Statement:
        return self._author.say("except", self._facts.any())

    def _in_part(self) -> Statement:
        return self._author.say("in_part", as_stance(self._facts.any(), "unsure"))

    def _unplaced(self) -> Statement:
        return self._author.say("unplaced", self._facts.placed())

    def _normal(self) -> Statement:
        return self._author.normal(KINDS)

    def _other(self) -> Statement:
        return self._author.other()


__all__ = ["WEIGHTS", "Act", "draw_sentence"]
