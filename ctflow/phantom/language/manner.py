"""The manners in which reports are written: the sentence patterns of `manners/*.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from ctflow.phantom.phrasing import Phrasings

Act = Literal[
    "asserts", "denies", "denies_there", "denies_list", "denies_list_there", "pair", "list", "together", "without",
    "without_list", "without_there", "contrast", "unequal", "emphasis", "places", "gone", "gone_there", "changed",
    "because", "except", "unsure", "guess", "in_part", "unplaced", "adjacent", "gone_leaving", "gone_but", "either",
    "several_places",
]  # fmt: skip
Manner = Literal[
    "translated", "dictation", "british", "telegraphic", "structured", "run_on", "continental", "emergency"
]
ACTS: tuple[Act, ...] = get_args(Act)
MANNERS: tuple[Manner, ...] = get_args(Manner)
COMMON_SHARE = 0.25  # of a manner's sentences that are written as every manner writes, if its file does not say
Families = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, eq=False)
class Style:
    """One manner: by act and by kind of wording, its families of patterns, and how its sentences are put together.

    `common`: the share of sentences from the patterns that all manners have. `headings`: a sentence stands behind the
    name of the organ that it speaks of. `run_on`: sentences hang together by commas.
    """

    name: str
    title: str
    american: bool
    headings: bool
    run_on: bool
    common: float
    families: Mapping[tuple[Phrasings, Act], Families]


@cache
def style(manner: str) -> Style:
    """The manner of this name, or "common"."""
    table = tomllib.loads(files(__package__).joinpath(f"manners/{manner}.toml").read_text(encoding="utf-8"))
    known: dict[tuple[Phrasings, Act], Families] = {("known", act): _families(manner, act, table) for act in ACTS}
    held_out: dict[tuple[Phrasings, Act], Families] = {
        ("held-out", act): _families(manner, act, table.get("held_out", {})) for act in ACTS
    }
    return Style(
        name=manner,
        title=table.get("title", manner),
        american=table.get("spelling", "British") == "American",
        headings=table.get("headings", False),
        run_on=table.get("run_on", False),
        common=table.get("common", COMMON_SHARE),
        families={**known, **held_out},
    )


def _families(manner: str, act: Act, table: Mapping[str, Any]) -> Families:
    return tuple((f"{manner}/{act}/{name}", tuple(patterns)) for name, patterns in table.get(act, {}).items())
