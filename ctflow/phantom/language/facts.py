"""What a sentence speaks of: a finding at a place, with what has been said of it so far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ctflow.phantom.truth import LOBAR, SIDED, SLOTS, Finding, Kind, Lobe, Side, Site, Size
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED, Mention

KINDS_WITH_PLACES: tuple[Kind, ...] = (*SIDED, *LOBAR)
Stance = Literal["asserted", "denied", "gone", "unsure"]  # what is gone is denied
Form = Literal["nowhere", "side", "both", "lobe", "lobes", "both lobes"]


@dataclass(frozen=True)
class Place:
    """A side, both sides, or lobes of them; nowhere without a side. There is a middle lobe on the right alone."""

    side: Side | Literal["both"] | None = None
    lobes: tuple[Lobe, ...] = ()

    @property
    def form(self) -> Form:
        """Which of the lexicon's lists of places it is said with."""
        if self.side is None:
            return "nowhere"
        if not self.lobes:
            return "both" if self.side == "both" else "side"
        return "both lobes" if self.side == "both" else "lobe" if len(self.lobes) == 1 else "lobes"

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides that it covers."""
        if self.side == "both":
            return ("right", "left")
        return () if self.side is None else (self.side,)


NOWHERE = Place()


@dataclass
class Fact:
    """A finding as a sentence speaks of it, which notes what the sentence has said of it.

    Several findings of one kind may be one fact: "in both lower lobes". `name`: of its wording in the lexicon, and
    `kinds` are those that it means. `mm`: of the largest of `count`.
    """

    name: str
    kinds: tuple[Kind, ...]
    place: Place = NOWHERE
    size: Size | None = None
    mm: float | None = None
    ratio: float | None = None
    count: int = 1
    variant: str = ""
    stance: Stance = "asserted"
    said_place: bool = False
    said_size: bool = False

    @property
    def kind(self) -> Kind:
        """The first of its kinds: all of them have places, or none."""
        return self.kinds[0]

    def nowhere(self) -> "Fact":
        """The same at no place."""
        return replace(self, place=NOWHERE)

    def mentions(self) -> tuple[Mention, ...]:
        """What has been said of it. What is unsure is not said."""
        if self.stance == "unsure":
            return ()
        asserted = self.stance == "asserted"
        place = self.place if self.said_place else NOWHERE
        size = self.size if asserted and self.said_size else None
        return tuple(
            Mention(kind, asserted, place.side, lobe, size) for kind in self.kinds for lobe in place.lobes or (None,)
        )


def facts_of(findings: Sequence[Finding]) -> list[Fact]:
    """Findings of one kind as facts: equal ones of both sides, or of lobes of a side, are said in one breath."""
    left = list(findings)
    facts = []
    while left:
        first = left.pop(0)
        other = next((one for one in left if _join(first, one)), None)
        if other is not None:
            left.remove(other)
        facts.append(_fact(first, other))
    return facts


def _join(one: Finding, other: Finding) -> Place | None:
    """The place of both together, if they are equal but for it, and one place can be named."""
    if (one.kind, one.size, one.count, one.variant) != (other.kind, other.size, other.count, other.variant):
        return None
    if one.side is None or other.side is None:
        return None
    if one.side != other.side:
        lobes = () if one.lobe is None else (one.lobe,)
        return Place("both", lobes) if one.lobe == other.lobe else None
    return Place(one.side, (one.lobe, other.lobe)) if one.lobe and other.lobe and one.lobe != other.lobe else None


def _fact(first: Finding, other: Finding | None) -> Fact:
    place = place_of(first) if other is None else _join(first, other)
    assert place is not None
    count = first.count + (other.count if other else 0)
    mm = max(filter(None, (first.mm, other.mm if other else None)), default=None)
    return Fact(first.kind, (first.kind,), place, first.size, mm, first.ratio, count, first.variant)


def place_of(finding: Finding) -> Place:
    """Both sides where a finding that has places names none."""
    if finding.side is None:
        return Place("both") if finding.kind in KINDS_WITH_PLACES else NOWHERE
    return Place(finding.side, () if finding.lobe is None else (finding.lobe,))


def slot_labels(mentions: Iterable[Mention]) -> np.ndarray:
    """-> int64 (len(SLOTS),): NOT_MENTIONED, DENIED or ASSERTED at each slot; asserted counts where both are said.

    A side without a lobe is all its lobes. What is asserted without a place, though its kind has places, is at no slot:
    see `unplaced`.
    """
    labels = np.full(len(SLOTS), NOT_MENTIONED, np.int64)
    for mention in mentions:
        if is_unplaced(mention):
            continue
        label = ASSERTED if mention.asserted else DENIED
        for index, (kind, site) in enumerate(SLOTS):
            if kind == mention.finding and _covers(mention, site):
                labels[index] = max(labels[index], label)
    return labels


def is_unplaced(mention: Mention) -> bool:
    """Whether it asserts a finding that has a place, and names none."""
    return mention.asserted and mention.side is None and mention.finding in KINDS_WITH_PLACES


def _covers(mention: Mention, site: Site) -> bool:
    side, lobe = site
    return mention.side in (side, "both", None) and (lobe is None or mention.lobe in (lobe, None))
