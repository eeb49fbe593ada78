"""Draws random facts to speak of."""

from dataclasses import replace

import numpy as np

from ctflow.phantom.language import lexicon
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.facts import KINDS_WITH_PLACES, Fact, Form, Place, Stance, facts_of
from ctflow.phantom.phrasing import THICKNESS_MM
from ctflow.phantom.rates import draw_finding
from ctflow.phantom.truth import KINDS, SIDED, Kind, Lobe, Side

OTHER_DEVICE_ODDS = 0.4  # that a device is none of those that phantoms have
SHARED_ODDS = 0.06  # that a name means two findings
PLACELESS_ODDS = 0.05  # that nothing is said of the place of a finding that has one
# How a finding of several lobes, or of both sides, is spread; the rest lies in one lobe, or on one side.
LOBAR_FORMS: dict[Form, float] = {"lobe": 0.66, "both": 0.12, "side": 0.07, "both lobes": 0.08, "lobes": 0.07}
SIDED_FORMS: dict[Form, float] = {"side": 0.78, "both": 0.22}
LOBES_OF: dict[Side, tuple[Lobe, ...]] = {"right": ("upper", "middle", "lower"), "left": ("upper", "lower")}


class Facts:
    """Draws facts, each by itself."""

    def __init__(self, chance: Chance, rng: np.random.Generator) -> None:
        self._chance, self._rng = chance, rng

    def any(self) -> Fact:
        """Of one kind, or, now and then, of two kinds in one name."""
        if self._chance.happens(SHARED_ODDS):
            return self.shared(self._chance.one_of(tuple(name for name in lexicon.wordings() if name not in KINDS)))
        return self._perhaps_nowhere(self.of(self._chance.one_of(KINDS)))

    def placed(self, *forms: Form) -> Fact:
        """Of a kind that has a place; `forms`: the forms of its place, any if there are none."""
        while forms and (fact := self.of(self._chance.one_of(KINDS_WITH_PLACES))).place.form not in forms:
            pass
        return fact if forms else self.of(self._chance.one_of(KINDS_WITH_PLACES))

    def two(self) -> tuple[Fact, Fact]:
        """Of different kinds."""
        first = self.any()
        second = self.of(self._chance.one_of([kind for kind in KINDS if kind not in first.kinds]))
        return first, self._perhaps_nowhere(second)

    def _perhaps_nowhere(self, fact: Fact) -> Fact:
        return fact.nowhere() if self._chance.happens(PLACELESS_ODDS) else fact

    def other_than(self, *kinds: Kind) -> Fact:
        """Of any kind but these."""
        return self.of(self._chance.one_of([kind for kind in KINDS if kind not in kinds]))

    def shared(self, name: str) -> Fact:
        """Of the two kinds that a name of `shared.toml` means."""
        means = lexicon.wordings()[name].means
        return replace(self.of(means[0]), name=name, kinds=means, variant="", count=1)

    def of(self, kind: Kind) -> Fact:
        """Of this kind, mostly at one place."""
        fact = facts_of(draw_finding(kind, self._rng)[:1])[0]
        if kind == "Medical material" and self._chance.happens(OTHER_DEVICE_ODDS):
            fact.variant = ""
        if kind in SIDED:
            measure_depth(fact, self._chance)
        if kind in KINDS_WITH_PLACES:
            fact.place = self._spread(fact.place, SIDED_FORMS if kind in SIDED else LOBAR_FORMS)
        return fact

    def _spread(self, place: Place, forms: dict[Form, float]) -> Place:
        form = self._chance.weighted(forms)
        side = place.sides[0]
        if form in ("side", "both"):
            return Place("both" if form == "both" else side)
        if form == "both lobes":
            return Place("both", (self._chance.one_of(("upper", "lower")),))
        if form == "lobes":
            first, second = sorted(self._chance.some(range(len(LOBES_OF[side])), 2))
            return Place(side, (LOBES_OF[side][first], LOBES_OF[side][second]))
        return place


def measure_depth(fact: Fact, chance: Chance) -> None:
    """Gives fluid or air beside a lung a depth in mm that goes with its size."""
    assert fact.size is not None
    fact.mm = chance.between(*THICKNESS_MM[fact.size])


def as_stance(fact: Fact, stance: Stance) -> Fact:
    """A fact that is not there, or not surely: without all that only what is there has."""
    return replace(fact, stance=stance, size=None, mm=None, ratio=None, variant="", count=1)


def denied(kind: Kind, place: Place | None = None) -> Fact:
    """That a kind is absent, at a place or everywhere."""
    return Fact(kind, (kind,), place or Place(), stance="denied")
