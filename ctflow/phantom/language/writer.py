"""Fills the slots of sentence patterns with what facts and the lexicon say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ctflow.phantom.language import lexicon, patterns
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.facts import Fact, Place
from ctflow.phantom.language.lexicon import Noun, Wording
from ctflow.phantom.truth import LOBAR, SIDED, Kind, Lobe, Side

INSIDE_ODDS = 0.35  # that a place stands before a name: "right pleural effusion"
SIZED_ODDS = 0.6  # that a name has its size before it
COUNTED_ODDS, MM_ODDS = 0.6, 0.3  # that it is told how many there are, and that the size is in mm
MEASURED_ODDS = 0.5  # that a measure is given where a pattern has room for it
ADJECTIVE_ODDS, TAIL_ODDS = 0.2, 0.5
VARIANT_ODDS = 0.35  # that a solid nodule is called so, or a large one a mass
SPECIAL_ODDS = 0.3  # that a place is said as apex, base or lingula
BEFORE_A_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou]|8(?:\d*)\b|11\b|18\b)(?!uni|one|eu|us)", re.IGNORECASE)
LOBE_LETTERS: dict[Lobe, str] = {"upper": "UL", "middle": "ML", "lower": "LL"}
MANY = ("several", "multiple", "a few", "numerous", "innumerable", "scattered")
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


_LUNGS = ("lungs", "lungs", "lung fields", "upper and lower lobes", "right and left lungs")
ORGANS: dict[Kind, tuple[str, ...]] = {
    **dict.fromkeys((*LOBAR, "Emphysema", "Mosaic attenuation pattern", "Interlobular septal thickening"), _LUNGS),
    **dict.fromkeys(SIDED, ("pleural spaces", "pleural cavities", "hemithoraces")),
    "Lymphadenopathy": ("mediastinum and hila", "mediastinal compartments"),
}


@dataclass
class Clause:
    """What a pattern is filled from: its findings, each with the noun that names it."""

    facts: Sequence[Fact]
    chance: Chance
    sized: float = SIZED_ODDS
    nouns: list[Noun] = field(init=False)

    def __post_init__(self) -> None:
        self.nouns = [self._noun(fact) for fact in self.facts]

    def text(self, pattern: str) -> str:
        """The filled pattern, tidied."""
        return tidy(patterns.fill(pattern, self.chance, self._word))

    def _word(self, slot: patterns.Slot) -> str:
        own = getattr(self, f"_fill_{slot.name.replace(' ', '_')}", None)
        if own is not None:
            return str(own(slot.of))
        return patterns.fill(self.chance.one_of(lexicon.words()[slot.name]), self.chance, self._word)

    def _wording(self, of: int) -> Wording:
        return lexicon.wordings()[self.facts[of].name]

    def _noun(self, fact: Fact) -> Noun:
        wording = lexicon.wordings()[fact.name]
        if fact.stance == "denied":
            return self.chance.one_of(wording.denied_nouns)
        several = fact.count > 1 or len(fact.place.lobes) > 1 or fact.place.side == "both"
        numbers = ("many", "mass") if several else ("one", "mass") if wording.counted else ("one", "many", "mass")
        fitting = [noun for noun in wording.nouns if noun.number in numbers]
        own = [noun for noun in fitting if noun.variant in variants(fact)]
        if fact.stance == "gone":
            return self.chance.one_of([noun for noun in fitting if noun.deniable])
        general = [noun for noun in fitting if not noun.variant]
        if not general or (own and (fact.variant not in ("", "solid") or self.chance.happens(VARIANT_ODDS))):
            return self.chance.one_of(own)
        return self.chance.one_of(general)

    # What follows fills the slots that the names say.

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

    def _fill_placed_noun(self, of: int) -> str:
        return f"{self._adjective_place(of)} {self._named(of)}"

    def _fill_where(self, of: int) -> str:
        """Its place, if it has not been said."""
        fact = self.facts[of]
        if fact.said_place:
            return ""
        if fact.place.side is None:
            wheres = self._wording(of).wheres
            return self._pattern(self.chance.one_of(wheres)) if wheres else ""
        fact.said_place = True
        return self.place(fact, "where")

    def _fill_of_where(self, of: int) -> str:
        """Its place behind its name, if it has not been said."""
        if self.facts[of].said_place or self.facts[of].place.side is None:
            return self._fill_where(of)
        self.facts[of].said_place = True
        return self.place(self.facts[of], "of" if self.chance.happens(0.4) else "where")

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
        return self._measured("<{mm} mm|{mm} mm|{mm}-mm|{cm} cm>", fact)

    def _fill_adjective(self, of: int) -> str:
        adjectives = self._wording(of).adjectives
        return self._pattern(self.chance.one_of(adjectives)) if adjectives else ""

    def _fill_tail(self, of: int) -> str:
        tails = self._wording(of).tails
        return self._pattern(self.chance.one_of(tails)) if tails and self.chance.happens(TAIL_ODDS) else ""

    def _fill_placed(self, of: int) -> str:
        """The place alone: "right lower lobe"."""
        self.facts[of].said_place = True
        return self.place(self.facts[of], "placed")

    def _fill_shared_where(self, _: int) -> str:
        """The place that all facts share."""
        for fact in self.facts:
            fact.said_place = True
        return self.place(self.facts[0], "where")

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
        return self._pattern(self.chance.one_of(lexicon.words()["one_side_larger"]))

    def _fill_either(self, of: int) -> str:
        return (
            "on either side"
            if self.facts[of].kind in SIDED
            else "in either lung"
            if self.facts[of].kind in LOBAR
            else ""
        )

    def _fill_emphasised(self, of: int) -> str:
        """Where a finding of both sides is strongest."""
        sort = "emphasis" if self.facts[of].kind in SIDED else "lung_emphasis"
        return self._pattern(self.chance.one_of(lexicon.words()[sort]))

    def _fill_organ(self, of: int) -> str:
        """Where a finding would be, if it were there: "lungs"."""
        return self.chance.one_of(ORGANS[self.facts[of].kind])

    def _fill_any(self, _: int) -> str:
        return self._listed("or")

    def _fill_all(self, _: int) -> str:
        return self._listed("and")

    def _fill_neither(self, _: int) -> str:
        return self._listed("nor")

    def _fill_nor(self, _: int) -> str:
        """With "no" before each but the first: "effusion, no pneumothorax"."""
        return ", no ".join(self._named(of) for of in range(len(self.facts)))

    def _fill_commas(self, _: int) -> str:
        return ", ".join(self._named(of) for of in range(len(self.facts)))

    def _fill_slashed(self, _: int) -> str:
        return "/".join(self._named(of) for of in range(len(self.facts)))

    def _fill_last_is(self, _: int) -> str:
        return self._fill_is(len(self.facts) - 1)

    def _fill_last_was(self, _: int) -> str:
        return self._fill_was(len(self.facts) - 1)

    def _listed(self, word: str) -> str:
        *first, last = (self._named(of) for of in range(len(self.facts)))
        return f"{', '.join(first)} {word} {last}"

    def _fill_is(self, of: int) -> str:
        return "are" if self.nouns[of].number == "many" else "is"

    def _fill_was(self, of: int) -> str:
        return "were" if self.nouns[of].number == "many" else "was"

    def _fill_has(self, of: int) -> str:
        return "have" if self.nouns[of].number == "many" else "has"

    def _fill_s(self, of: int) -> str:
        """The ending of a verb: "persist{s}"."""
        return "" if self.nouns[of].number == "many" else "s"

    def _fill_count(self, of: int) -> str:
        count = self.facts[of].count
        return NUMBERS.get(count, "several") if count > 1 else ""

    def _thing(self, of: int, inside: bool) -> str:
        fact = self.facts[of]
        parts = []
        if fact.count > 1 and self.nouns[of].number == "many" and self.chance.happens(COUNTED_ODDS):
            parts.append(self.chance.one_of((NUMBERS.get(fact.count, "several"), *MANY)))
        if self.chance.happens(self.sized):
            measured = fact.mm is not None and fact.count == 1 and self.chance.happens(MM_ODDS)
            parts.append(self._fill_mm(of) if measured else self._size(of, self._wording(of).sizes, alone=False))
        if inside:
            parts.append(self._adjective_place(of))
        name = self._named(of)
        adjective = self._fill_adjective(of) if self.chance.happens(ADJECTIVE_ODDS) else ""
        return " ".join((*parts, "" if adjective in name else adjective, name))

    def _article(self, of: int) -> str:
        return "a " if self.nouns[of].number == "one" and self.facts[of].count == 1 else ""

    def _named(self, of: int) -> str:
        return self._pattern(self.nouns[of].text)

    def _pattern(self, text: str) -> str:
        return patterns.fill(text, self.chance, self._word)

    def _size(self, of: int, sort: str, *, alone: bool) -> str:
        fact = self.facts[of]
        if fact.size is None or not sort:
            return ""
        fact.said_size = True
        return self.chance.one_of(lexicon.size_words(sort, fact.size, alone=alone))

    def _adjective_place(self, of: int) -> str:
        if self.facts[of].place.side is None or self.facts[of].said_place:
            return ""
        self.facts[of].said_place = True
        return self.place(self.facts[of], "adjective")

    def place(self, fact: Fact, use: str) -> str:
        """The place in words."""
        options = self.chance.one_of(_tables(fact.place, fact.kind, self.chance.happens(SPECIAL_ODDS)))
        text = self.chance.one_of(lexicon.places()[options][use])
        return patterns.fill(text, self.chance, lambda slot: _place_word(slot.name, fact.place, self.chance))

    def _measured(self, pattern: str, fact: Fact) -> str:
        mm = fact.mm or 0.0
        numbers = {"mm": f"{mm:g}", "cm": f"{mm / 10:.1f}".removesuffix(".0"), "ratio": f"{fact.ratio or 0:.2f}"}
        numbers["other"] = f"{max(2, round(mm * (0.6 + 0.3 * self.chance.between(0, 9) / 9)))}"
        return patterns.fill(pattern, self.chance, lambda slot: numbers[slot.name])


def variants(fact: Fact) -> tuple[str, ...]:
    """The variants whose names fit a fact: a large nodule is a mass too."""
    if fact.kind == "Lung nodule" and fact.size == "large" and fact.variant in ("", "solid"):
        return (fact.variant, "mass")
    return (fact.variant,)


def _tables(place: Place, kind: Kind, special: bool) -> list[str]:
    """The tables of `places.toml` that can say a place."""
    if place.form in ("side", "both") and kind in SIDED:
        return [f"pleural {place.form}"]
    if place.form == "lobe" and special:
        lobe = place.lobes[0]
        names: list[str] = [lobe] if lobe in ("upper", "lower") else [place.form]
        return [*names, "lingula"] if (place.side, lobe) == ("left", "upper") else names
    if place.form == "both lobes" and special and place.lobes[0] in ("upper", "lower"):
        return [f"both {place.lobes[0]}"]
    return [place.form]


def _place_word(name: str, place: Place, chance: Chance) -> str:
    side: Side = place.sides[0]
    index = 1 if name.endswith("2") else 0
    match name.removesuffix("2"):
        case "side":
            return side
        case "S":
            return side[0].upper()
        case "Rt":
            return f"{side[0].upper()}t"
        case "lobe":
            return place.lobes[index]
        case "abbreviation":
            return side[0].upper() + LOBE_LETTERS[place.lobes[index]]
        case "segment":
            return chance.one_of(lexicon.places()["segments"][f"{side}_{place.lobes[0]}"])
    raise KeyError(f"no place has the slot {name!r}")


def tidy(text: str) -> str:
    """Without double blanks, blanks before stops, and with "an" before vowels."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.;:)])", r"\1", text)
    text = re.sub(r"[,:]+([,.;])", r"\1", text)
    text = text.replace("the a ", "the ")
    return BEFORE_A_VOWEL.sub(r"\1n ", text)


def capital(text: str) -> str:
    """With a capital at the start."""
    return text[:1].upper() + text[1:]


__all__ = ["ORGANS", "Clause", "capital", "tidy", "variants"]
