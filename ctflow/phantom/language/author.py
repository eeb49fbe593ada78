"""Writes one statement at a time, in one manner."""

from collections.abc import Sequence

import numpy as np

from ctflow.phantom.language import lexicon, patterns
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.facts import Fact
from ctflow.phantom.language.manner import Act, Families, Manner, style
from ctflow.phantom.language.statements import Statement
from ctflow.phantom.language.writer import ORGANS, SIZED_ODDS, Clause
from ctflow.phantom.phrasing import Phrasings
from ctflow.phantom.truth import SIDED, Kind, Side
from ctflow.reading import Mention

CLEAR_LUNGS = "clear-lungs"  # the family that says so of both
OWN_WORDS_ODDS: dict[str, float] = {
    "asserts": 0.25,
    "denies": 0.35,
    "gone": 0.3,
}  # that a finding's own clause is taken, where it has one


class Author:
    """Writes in a manner; `phrasings`: families of wordings that are taught, or those that are held out.

    `sized`: the odds that a name has its size before it.
    """

    def __init__(
        self, manner: Manner, rng: np.random.Generator, phrasings: Phrasings = "known", sized: float = SIZED_ODDS
    ) -> None:
        self.manner = manner
        self._sized = sized
        self.phrasings: Phrasings = phrasings
        self.chance = Chance(rng)
        self.style = style(manner)
        self._common = style("common")

    def say(self, act: Act, *facts: Fact) -> Statement:
        """A statement about these facts. The first letter is small, and a stop stands at the end."""
        family, pattern = self._pattern(act, facts)
        text = Clause(facts, self.chance, self._sized).text(pattern)
        return Statement(
            text,
            tuple(dict.fromkeys(one for fact in facts for one in fact.mentions())),
            self.manner,
            family,
            frozenset(kind for fact in facts for kind in fact.kinds),
        )

    def deny(self, *kinds: Kind) -> Statement:
        """A statement that denies these kinds everywhere."""
        facts = [Fact(kind, (kind,), stance="denied") for kind in kinds]
        return self.say("denies" if len(facts) == 1 else "denies_list", *facts)

    def normal(self, absent: Sequence[Kind]) -> Statement:
        """A statement that calls something normal and denies only what is `absent`, or one that denies one of these."""
        held_out = self.phrasings == "held-out"
        fitting = [
            one for one in lexicon.normal_statements() if one.held_out == held_out and set(one.denies) <= set(absent)
        ]
        if not fitting:
            return self.deny(self.chance.one_of(absent))
        one = self.chance.one_of(fitting)
        text = f"{Clause((), self.chance).text(self.chance.one_of(one.says))}."
        mentions = tuple(Mention(kind, False, None, None, None) for kind in one.denies)
        return Statement(text, mentions, self.manner, f"normal/{one.family}", frozenset(one.denies))

    def clear_lung(self, side: Side) -> Statement:
        """A statement that one lung is clear, which denies what clear lungs deny, on that side."""
        (both,) = (one for one in lexicon.normal_statements() if one.family == CLEAR_LUNGS)
        says = ("the {side} lung is clear", "{side} lung: clear", "{side} lung clear", "the {side} lung is normal")
        text = self.chance.one_of(says).format(side=side)
        mentions = tuple(Mention(kind, False, side, None, None) for kind in both.denies)
        return Statement(f"{text}.", mentions, self.manner, "normal/clear-lung", frozenset(both.denies))

    def other(self) -> Statement:
        """A statement about none of the findings."""
        held_out = self.phrasings == "held-out"
        families = [name for name in lexicon.others() if name.startswith("held-out") == held_out]
        family = self.chance.one_of(families)
        text = Clause((), self.chance).text(self.chance.one_of(lexicon.others()[family]))
        return Statement(text, (), self.manner, f"others/{family}")

    def _pattern(self, act: Act, facts: Sequence[Fact]) -> tuple[str, str]:
        """A family and one of its patterns that can say these facts."""
        own = self._own_words(act, facts)
        if own and self.chance.happens(OWN_WORDS_ODDS[act]):
            return f"lexicon/{act}/{facts[0].name}", f"{self.chance.one_of(own)}."
        usable: list[tuple[str, list[str]]] = []
        for families in self._families(act):
            usable = usable or [
                (family, fitting) for family, of in families if (fitting := [one for one in of if _can_say(one, facts)])
            ]
        family, fitting = self.chance.one_of(usable)
        return family, self.chance.one_of(fitting)

    def _families(self, act: Act) -> tuple[Families, Families]:
        """Those of the manner and those that all manners share, in the order in which they are tried."""
        own, common = (one.families[self.phrasings, act] for one in (self.style, self._common))
        return (common, own) if self.chance.happens(self.style.common) else (own, common)

    def _own_words(self, act: Act, facts: Sequence[Fact]) -> list[str]:
        if act not in OWN_WORDS_ODDS or facts[0].count > 1:
            return []
        wording = lexicon.wordings()[facts[0].name]
        clauses = wording.clauses[self.phrasings, act]
        if act == "asserts" and self.phrasings == "known":
            clauses += wording.variant_says.get(facts[0].variant, ())
        return [one for one in clauses if _can_say(one, facts) and _says_place(one, facts[0])]


def _can_say(pattern: str, facts: Sequence[Fact]) -> bool:
    """Whether every slot of a pattern has something to say."""
    return all(_has(facts[slot.of], slot.name) for slot in patterns.slots(pattern) if slot.of < len(facts))


def _has(fact: Fact, name: str) -> bool:
    form = fact.place.form
    if name in ("lobe", "lobe side", "two lobes"):
        return form == "lobe"
    if name == "counted noun":
        return fact.count > 1 and lexicon.wordings()[fact.name].counted
    if name in ("increased_from", "decreased_from"):
        return fact.mm is not None
    if name == "side":
        return form == "side"
    if name == "placed":
        return form in ("side", "lobe") and fact.kind not in SIDED
    return name != "organ" or fact.kind in ORGANS


def _says_place(pattern: str, fact: Fact) -> bool:
    """Whether a clause says where a fact is, if it is anywhere."""
    names = {slot.name for slot in patterns.slots(pattern)}
    return fact.place.form == "nowhere" or bool(names & {"side", "placed", "where", "of where"})
