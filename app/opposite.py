"""The opposite of a sentence, in plain words: what it asserts is denied, or, if it only denies, asserted.

Of several wordings, the first is taken that the model reads as it is meant: the change must be one for the model too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ctflow.errors import RequestError
from ctflow.generator import VolumeGenerator
from ctflow.reading import Mention
from ctflow.report import Report

_SIDES = ("right", "left")
_Site = tuple[str, str | None]  # a side, and a lobe or all of them


def opposite(generator: VolumeGenerator, sentence: Any) -> str:
    """For example "No pleural effusion on the right." for "Large right pleural effusion.".

    What the sentence denies beside what it asserts stays denied. Raises RequestError where the sentence is no text, and
    where the model reads nothing in it, or none of the wordings as they are meant.
    """
    found = generator.read(Report(sentence)).found
    if not found:
        raise RequestError("The model reads no finding in this sentence, so it has no opposite. Change it by hand.")
    asserted = not any(one.asserted for one in found)
    meant = _by_finding(replace(one, asserted=asserted, size=None) for one in found)
    return " ".join(dict.fromkeys(_wording(generator, one) for one in meant))


def _by_finding(mentions: Iterable[Mention]) -> list[Mention]:
    """One for each finding: at both sides if they are of several, and without a lobe if they are of several."""
    found: dict[str, Mention] = {}
    for one in mentions:
        other = found.get(one.finding, one)
        side, lobe = (a if a == b else None for a, b in ((one.side, other.side), (one.lobe, other.lobe)))
        found[one.finding] = replace(one, side=side, lobe=lobe)
    return list(found.values())


def _wording(generator: VolumeGenerator, meant: Mention) -> str:
    for wording in _wordings(meant):
        if _says(generator.read(Report(wording)).found, meant):
            return wording
    does = "assertion" if meant.asserted else "denial"
    raise RequestError(
        f"The model reads no plain {does} of {meant.finding.lower()} at this place. Change the sentence by hand."
    )


def _says(found: Iterable[Mention], meant: Mention) -> bool:
    """Whether this was read of the finding and of no other: there if it is asserted, at least there if it is denied."""
    read, sites = list(found), _sites(meant)
    if {(one.finding, one.asserted) for one in read} != {(meant.finding, meant.asserted)}:
        return False
    there = {site for one in read for site in _sites(one)}
    return there == sites if meant.asserted else all({(side, lobe), (side, None)} & there for side, lobe in sites)


def _sites(mention: Mention) -> set[_Site]:
    return {(side, mention.lobe) for side in _SIDES if mention.side in (side, "both", None)}


def _wordings(meant: Mention) -> Iterator[str]:
    """From the exact place to, for a denial, everywhere."""
    sides = [meant.side] if meant.side in _SIDES else []
    if meant.lobe:
        yield _sentence(meant, f"in the {sides[0]} {meant.lobe} lobe" if sides else f"in both {meant.lobe} lobes")
    if sides and not (meant.lobe and meant.asserted):
        yield _sentence(meant, f"on the {sides[0]}")
    if not meant.asserted or not (sides or meant.lobe):
        yield _sentence(meant, "")
        yield _sentence(meant, "on both sides")
        yield " ".join(_sentence(meant, f"on the {side}") for side in _SIDES)


def _sentence(meant: Mention, where: str) -> str:
    name = meant.finding if meant.asserted else f"No {meant.finding.lower()}"
    return f"{' '.join(filter(None, (name, where)))}."
