"""The names of the findings of a sentence, and the verbs and lists that depend on them."""

from collections.abc import Sequence

from ctflow.phantom.language import lexicon, patterns
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.facts import Fact
from ctflow.phantom.language.lexicon import Noun, Wording

VARIANT_ODDS = 0.35  # that a solid nodule is called so, or a large one a mass


class Names:
    """Findings, each with the noun that names it. Methods `_fill_…` fill the slots that their names say."""

    def __init__(self, facts: Sequence[Fact], chance: Chance) -> None:
        self.facts, self.chance = facts, chance
        self.nouns = [self._noun(fact) for fact in facts]

    def pattern(self, text: str) -> str:
        """A pattern, filled."""
        return patterns.fill(text, self.chance, self._word)

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

    def _article(self, of: int) -> str:
        return "a " if self.nouns[of].number == "one" and self.facts[of].count == 1 else ""

    def _named(self, of: int) -> str:
        return self.pattern(self.nouns[of].text)

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


def variants(fact: Fact) -> tuple[str, ...]:
    """The variants whose names fit a fact: a large nodule is a mass too."""
    if fact.kind == "Lung nodule" and fact.size == "large" and fact.variant in ("", "solid"):
        return (fact.variant, "mass")
    return (fact.variant,)
