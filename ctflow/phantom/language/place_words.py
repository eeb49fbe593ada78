"""Places in words."""

from ctflow.phantom.language import lexicon, patterns
from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.facts import Place
from ctflow.phantom.truth import SIDED, Kind, Lobe, Side

SPECIAL_ODDS = 0.3  # that a place is said as apex, base or lingula
LOBE_LETTERS: dict[Lobe, str] = {"upper": "UL", "middle": "ML", "lower": "LL"}


def place_words(place: Place, kind: Kind, use: str, chance: Chance) -> str:
    """A place of a finding of this kind. `use`: which list of `places.toml`, such as "where"."""
    options = chance.one_of(_tables(place, kind, chance.happens(SPECIAL_ODDS)))
    text = chance.one_of(lexicon.places()[options][use])
    return patterns.fill(text, chance, lambda slot: _place_word(slot.name, place, chance))


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
        case "number":
            return chance.one_of(lexicon.places()["numbers"][f"{side}_{place.lobes[0]}"])
        case "segment":
            return chance.one_of(lexicon.places()["segments"][f"{side}_{place.lobes[0]}"])
    raise KeyError(f"no place has the slot {name!r}")
