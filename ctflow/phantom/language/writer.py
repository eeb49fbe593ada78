"""Fills the slots of sentence patterns with what facts and the lexicon say."""

from collections.abc import Sequence

from ctflow.phantom.language import lexicon, patterns
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.facts import Fact
from ctflow.phantom.language.names import Names
from ctflow.phantom.language.place_words import place_words
from ctflow.phantom.language.tidying import tidy
from ctflow.phantom.truth import LOBAR, SIDED, Kind

INSIDE_ODDS = 0.35  # that a place stands before a name: "right pleural effusion"
SIZED_ODDS = 0.6  # that a name has its size before it
COUNTED_ODDS, MM_ODDS = 0.6, 0.3  # that it is told how many there are, and that the size is in mm
MEASURED_ODDS = 0.5  # that a measure is given where a pattern has room for it
ADJECTIVE_ODDS, TAIL_ODDS = 0.2, 0.5
OF_ODDS = 0.4  # that a place behind a name begins with "of"
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
MANY = ("several", "multiple", "a few", "numerous", "innumerable", "scattered")
_LUNGS = ("lungs", "lungs", "lung fields", "upper and lower lobes", "right and left lungs")
ORGANS: dict[Kind, tuple[str, ...]] = {
    **dict.fromkeys((*LOBAR, "Emphysema", "Mosaic attenuation pattern", "Interlobular septal thickening"), _LUNGS),
    **dict.fromkeys(SIDED, ("pleural spaces", "pleural cavities", "hemithoraces")),
    "Lymphadenopathy": ("mediastinum and hila", "mediastinal compartments"),
}


class Clause(Names):
    """What a pattern is filled from: its findings, each with the noun that names it.

    `sized`: the odds that a name has its size before it.
    """

    def __init__(self, facts: Sequence[Fact], chance: Chance, sized: float = SIZED_ODDS) -> None:
        super().__init__(facts, chance)
        self._sized = sized

    def text(self, pattern: str) -> str:
        """The filled pattern, tidied."""
        return tidy(self.pattern(pattern))

    def _fill_noun(self, of: int) -> str:
        return self._named(of)

    def _fill_thing(self, of: int) -> str:
        """A name, often with its size and its place before it."""
        return self._thing(of, self.chance.happens(INSIDE_ODDS))

    def _fill_placed_thing(self, of: int) -> str:
        return self._thing(of, True)

    def _fill_plain_thing(self, of: int) -> str:
        return self._thing(of, False)

    def _fill_a_thing(self, of: int) -> str:
        return self._article(of) + self._fill_thing(of)

    def _fill_a_placed_thing(self, of: int) -> str:
        return self._article(of) + self._fill_placed_thing(of)

    def _fill_a_plain_thing(self, of: int) -> str:
        return self._article(of) + self._fill_plain_thing(of)

    def _fill_thing_there(self, of: int) -> str:
        """A name whose place is the one that the sentence has said of the finding before it."""
        self.facts[of].said_place = self.facts[of - 1].said_place
        return self._thing(of, False)

    def _fill_a_thing_there(self, of: int) -> str:
        return self._article(of) + self._fill_thing_there(of)

    def _fill_noun_there(self, of: int) -> str:
        self.facts[of].said_place = self.facts[of - 1].said_place
        return self._named(of)

    def _fill_counted_noun(self, of: int) -> str:
        """The name of what can be counted, where there are several."""
        return self._named(of)

    def _fill_placed_noun(self, of: int) -> str:
        return f"{self._adjective_place(of)} {self._named(of)}"

    def _fill_where(self, of: int) -> str:
        """Its place, if it has not been said."""
        fact = self.facts[of]
        if fact.said_place:
            return ""
        if fact.place.side is None:
            wheres = self._wheres(of)
            return self.pattern(self.chance.one_of(wheres)) if wheres else ""
        fact.said_place = True
        return self._place(of, "where")

    def _wheres(self, of: int) -> tuple[str, ...]:
        """Where a finding lies that no place tells apart. What has gone from a part may be left in the others."""
        wording = self._wording(of)
        if self.nouns[of].placed:
            return ()
        return wording.wheres if self.facts[of].stance == "gone" else wording.wheres + wording.parts

    def _fill_of_where(self, of: int) -> str:
        """Its place behind its name, if it has not been said."""
        if self.facts[of].said_place or self.facts[of].place.side is None:
            return self._fill_where(of)
        self.facts[of].said_place = True
        return self._place(of, "of" if self.chance.happens(OF_ODDS) else "where")

    def _fill_side(self, of: int) -> str:
        self.facts[of].said_place = True
        return str(self.facts[of].place.side)

    def _fill_size(self, of: int) -> str:
        """A word of size that stands alone too: not "small amount of"."""
        return self._size(of, self._wording(of).sizes, alone=True)

    def _fill_quantity(self, of: int) -> str:
        return self._size(of, "quantity", alone=True)

    def _fill_mildly(self, of: int) -> str:
        return self._size(of, "adverb", alone=True)

    def _fill_measure(self, of: int) -> str:
        """How large it is, or nothing."""
        fact, measures = self.facts[of], self._wording(of).measures
        if fact.mm is None and fact.ratio is None:
            return ""
        if not measures or not self.chance.happens(MEASURED_ODDS):
            return ""
        fact.said_size = True
        return self._measured(self.chance.one_of(measures), fact)

    def _fill_mm(self, of: int) -> str:
        """A measure as an adjective: "12 mm", or the size in words where there is none."""
        fact = self.facts[of]
        if fact.mm is None or not self._wording(of).measures:
            return self._fill_size(of)
        fact.said_size = True
        return self._measured("<{mm} mm|{mm} mm|{mm} mm|{mm}-mm|{mm}-mm|{cm} cm|{cm} cm|{mm}mm>", fact)

    def _fill_adjective(self, of: int) -> str:
        adjectives = self._wording(of).adjectives
        return self.pattern(self.chance.one_of(adjectives)) if adjectives else ""

    def _fill_tail(self, of: int) -> str:
        tails = self._wording(of).tails
        return self.pattern(self.chance.one_of(tails)) if tails and self.chance.happens(TAIL_ODDS) else ""

    def _fill_placed(self, of: int) -> str:
        """The place alone: "right lower lobe"."""
        self.facts[of].said_place = True
        return self._place(of, "placed")

    def _fill_shared_where(self, _: int) -> str:
        """The place that all facts share."""
        for fact in self.facts:
            fact.said_place = True
        return self._place(0, "where")

    def _fill_shared_side(self, _: int) -> str:
        """The side that all facts share."""
        for fact in self.facts:
            fact.said_place = True
        return str(self.facts[0].place.side)

    def _fill_lobe_side(self, of: int) -> str:
        """The side alone, where `lobe` follows."""
        return str(self.facts[of].place.side)

    def _fill_lobe(self, of: int) -> str:
        self.facts[of].said_place = True
        return self.facts[of].place.lobes[0]

    def _fill_two_lobes(self, _: int) -> str:
        """The lobes of two facts: "right upper and left lower lobe"."""
        for fact in self.facts:
            fact.said_place = True
        places = [fact.place for fact in self.facts]
        return " and ".join(f"{place.side} {place.lobes[0]}" for place in places) + " lobe"

    def _fill_one_side_larger(self, of: int) -> str:
        """That there is more on one side, which says that it is on both."""
        self.facts[of].said_place = True
        return self.pattern(self.chance.one_of(lexicon.words()["one_side_larger"]))

    def _fill_either(self, of: int) -> str:
        if self.facts[of].kind in SIDED:
            return "on either side"
        return "in either lung" if self.facts[of].kind in LOBAR else ""

    def _fill_emphasised(self, of: int) -> str:
        """Where a finding of both sides is strongest."""
        sort = "emphasis" if self.facts[of].kind in SIDED else "lung_emphasis"
        return self.pattern(self.chance.one_of(lexicon.words()[sort]))

    def _fill_organ(self, of: int) -> str:
        """Where a finding would be, if it were there: "lungs"."""
        return self.chance.one_of(ORGANS[self.facts[of].kind])

    def _thing(self, of: int, inside: bool) -> str:
        fact = self.facts[of]
        parts = []
        if fact.count > 1 and self.nouns[of].number == "many" and self.chance.happens(COUNTED_ODDS):
            parts.append(self.chance.one_of((NUMBERS.get(fact.count, "several"), *MANY)))
        if self.chance.happens(self._sized):
            measured = fact.mm is not None and fact.count == 1 and self.chance.happens(MM_ODDS)
            parts.append(
                self._fill_mm(of) if measured else self._size(of, self._wording(of).sizes, alone=self._alone(of))
            )
        if inside:
            parts.append(self._adjective_place(of))
        name = self._named(of)
        adjective = self._fill_adjective(of) if self.chance.happens(ADJECTIVE_ODDS) else ""
        return " ".join((*parts, "" if adjective in name else adjective, name))

    def _alone(self, of: int) -> bool:
        """Whether no "small area of" may stand before a name: it has an area of its own, or several."""
        return self._wording(of).sizes == "area" and (
            self.nouns[of].number != "mass" or self.facts[of].place.side == "both"
        )

    def _size(self, of: int, sort: str, *, alone: bool) -> str:
        fact = self.facts[of]
        if fact.size is None or not sort:
            return ""
        fact.said_size = True
        return self.chance.one_of(lexicon.size_words(sort, fact.size, alone=alone))

    def _place(self, of: int, use: str) -> str:
        """Its place in words."""
        return place_words(self.facts[of].place, self.facts[of].kind, use, self.chance)

    def _adjective_place(self, of: int) -> str:
        if self.facts[of].place.side is None or self.facts[of].said_place:
            return ""
        self.facts[of].said_place = True
        return self._place(of, "adjective")

    def _measured(self, pattern: str, fact: Fact) -> str:
        mm = fact.mm or 0.0
        numbers = {"mm": f"{mm:g}", "cm": f"{mm / 10:.1f}".removesuffix(".0"), "ratio": f"{fact.ratio or 0:.2f}"}
        numbers["other"] = f"{max(2, round(mm * (0.6 + 0.3 * self.chance.between(0, 9) / 9)))}"
        return patterns.fill(pattern, self.chance, lambda slot: numbers[slot.name])
