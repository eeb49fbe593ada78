"""Reads the lexicon, `lexicon/*.toml`: what findings are called, where they lie, how large they are."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from ctflow.phantom.truth import KINDS, Kind, Size

Number = Literal["one", "many", "mass"]
Words = tuple[str, ...]


@dataclass(frozen=True)
class Noun:
    """A name of a finding. `deniable`: to deny it denies the finding ("no bullae" leaves other emphysema).

    `placed`: it says where the finding is ("hilar lymphadenopathy"). `variant`: the only variant of the finding that it
    names, or empty.
    """

    text: str
    number: Number
    deniable: bool = True
    placed: bool = False
    variant: str = ""


@dataclass(frozen=True, eq=False)
class Wording:
    """How one finding is spoken of. All texts are patterns of `patterns`.

    `means`: the kinds that it is about, mostly one; `counted`: it is plural only where there are several; `says`,
    `denies` and `gone`: clauses that assert it, deny it, or say that it has gone, in words of their own; `adjectives`:
    before its name; `tails`: behind it; `wheres` and `parts`: where it lies, in all or in a part of its organ, for
    findings that are told apart by no place; `variant_says`: clauses that assert one variant; `measures`: how long or
    wide it is.
    """

    means: tuple[Kind, ...]
    nouns: tuple[Noun, ...]
    denied_nouns: tuple[Noun, ...]
    sizes: str
    counted: bool
    says: Words
    denies: Words
    gone: Words
    says_held_out: Words
    denies_held_out: Words
    adjectives: Words
    tails: Words
    wheres: Words
    parts: Words
    variant_says: Mapping[str, Words]
    measures: Words

    @property
    def clauses(self) -> Mapping[tuple[str, str], Words]:
        """Those that are taught ("known") and those that are held out, by what they do."""
        return {
            ("known", "asserts"): self.says,
            ("known", "denies"): self.denies,
            ("known", "gone"): self.gone,
            ("held-out", "asserts"): self.says_held_out,
            ("held-out", "denies"): self.denies_held_out,
            ("held-out", "gone"): (),
        }


def _table(name: str) -> dict[str, Any]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def wordings() -> Mapping[str, Wording]:
    """By kind, and by the names of `shared.toml`. Raises ValueError if its kinds are not those of phantoms."""
    tables: dict[str, Any] = {}
    for part in ("pleura", "lungs", "airways", "mediastinum"):
        tables |= _table(f"lexicon/{part}.toml")
    if tables.keys() != set(KINDS):
        raise ValueError(f"the lexicon has other findings than phantoms: {sorted(tables.keys() ^ set(KINDS))}")
    own = {kind: _wording(tables[kind], (kind,)) for kind in KINDS}
    return own | {name: _wording(table, tuple(table["means"])) for name, table in _table("lexicon/shared.toml").items()}


def _wording(table: Mapping[str, Any], means: tuple[Kind, ...]) -> Wording:
    nouns = _nouns(table)
    kinds = table.get("kinds", {})
    nouns += [replace(noun, placed=True) for noun in _nouns(table.get("placed", {}))]
    nouns += [replace(noun, deniable=False) for noun in _nouns(kinds)]
    nouns += [replace(noun, deniable=False, placed=True) for noun in _nouns(kinds.get("placed", {}))]
    for variant in table.get("variants", ()):
        nouns += [replace(noun, deniable=False, variant=variant["name"]) for noun in _nouns(variant)]
    lists = {field.name: tuple(table.get(field.name, ())) for field in fields(Wording) if field.type == Words}
    return Wording(
        means=means,
        nouns=tuple(nouns),
        denied_nouns=tuple(_nouns(table.get("denied", {}))),
        sizes=table.get("sizes", "severity"),
        counted=table.get("counted", False),
        variant_says={one["name"]: tuple(one.get("says", ())) for one in table.get("variants", ())},
        **lists,
    )


def _nouns(table: Mapping[str, Any]) -> list[Noun]:
    return [Noun(text, number) for number in get_args(Number) for text in table.get(number, ())]


@cache
def places() -> Mapping[str, Mapping[str, Words]]:
    """By form, and by special place such as "lower": `where`, `of` and `adjective`."""
    return {
        form: {name: tuple(of) for name, of in table.items()} for form, table in _table("lexicon/places.toml").items()
    }


@cache
def words() -> Mapping[str, Words]:
    """Words by the slot that they fill."""
    return {name: tuple(of) for name, of in _table("lexicon/words.toml").items()}


@cache
def slips() -> Mapping[str, Words]:
    """By word, how it is often misspelt."""
    return {name: tuple(of) for name, of in _table("lexicon/slips.toml").items()}


@cache
def size_words(sort: str, size: Size, *, alone: bool) -> Words:
    """Of one sort of size words; `alone`: those that need no noun behind them, unlike "small amount of"."""
    words_of = tuple(_table("lexicon/sizes.toml")[sort][size])
    return tuple(word for word in words_of if not word.endswith(" of")) if alone else words_of


@cache
def others() -> Mapping[str, Words]:
    """By family: what says nothing of any of the 19 findings."""
    return {name: tuple(of) for name, of in _table("lexicon/others.toml").items()}


@dataclass(frozen=True, eq=False)
class NormalStatement:
    """Clauses that deny `denies` by saying that something is normal. `heading`: the organ that they speak of."""

    family: str
    denies: tuple[Kind, ...]
    says: Words
    heading: str
    held_out: bool


@cache
def normal_statements() -> tuple[NormalStatement, ...]:
    """Those of `normal.toml`."""
    return tuple(
        NormalStatement(
            family,
            KINDS if table["denies"] == "everything" else tuple(table["denies"]),
            tuple(table["says"]),
            table.get("heading", "chest"),
            table.get("held_out", False),
        )
        for family, table in _table("lexicon/normal.toml").items()
    )
