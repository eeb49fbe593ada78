"""Stands guard over what a reader shows: plain rules refuse what the sentence does not say. No network is asked.

Refused is a finding that the clause does not name, a denial without a word that denies, an assertion of what is denied,
resolved or only guessed at, and a place that is not the named one. What is refused counts as not recognised.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ctflow.models.guard import cues
from ctflow.models.guard.lexicon import FINDINGS
from ctflow.models.guard.phrases import holds, plain
from ctflow.models.guard.places import Place, is_widespread, places, without_emphasis
from ctflow.models.guard.stance import Stance, denies_everything, names, stance
from ctflow.reading import Mention

Slot = tuple[str | None, str | None]  # a side and a lobe that a reader tells a finding apart by
_SEGMENT_ENDS = re.compile(r"[,;:](?!\d)|\s(?:and|or|nor|with|plus|but)\s")


@dataclass(frozen=True)
class Guarded:
    """What may be shown of a clause, and what was refused of it although the clause names the finding."""

    shown: tuple[Mention, ...]
    refused: tuple[Mention, ...]


class Guard:
    """`slots`: the sides and lobes that a reader tells each of its findings apart by."""

    def __init__(self, slots: Mapping[str, Collection[Slot]]) -> None:
        self._slots = {finding: frozenset(of) for finding, of in slots.items()}

    def check(self, clause: str, read: Iterable[Mention]) -> Guarded:
        """Parts what a reader read in one clause. Findings that the lexicon lacks are refused."""
        groups: dict[tuple[str, bool], list[Mention]] = defaultdict(list)
        for mention in read:
            groups[mention.finding, mention.asserted].append(mention)
        if denies_everything(clause) and self._is_everything(groups):
            return Guarded(tuple(one for group in groups.values() for one in group), ())
        shown: list[Mention] = []
        refused: list[Mention] = []
        for (finding, asserted), group in groups.items():
            said = stance(finding, clause) if finding in FINDINGS else Stance.SILENT
            if said == (Stance.ASSERTED if asserted else Stance.DENIED) and self._is_there(finding, clause, group):
                shown += [_sized(mention, clause) for mention in group]
            elif said != Stance.SILENT:
                refused += group
        return Guarded(tuple(shown), tuple(refused))

    def _is_everything(self, groups: Mapping[tuple[str, bool], list[Mention]]) -> bool:
        """Whether every finding is denied, everywhere."""
        return groups.keys() == {(finding, False) for finding in self._slots} and all(
            self._filled(finding, group) == self._slots[finding] for (finding, _), group in groups.items()
        )

    def _is_there(self, finding: str, clause: str, group: list[Mention]) -> bool:
        """Whether the places read are those that the clause names for this finding."""
        slots = self._slots[finding]
        if slots == {(None, None)}:
            return True
        filled = self._filled(finding, group)
        named = _named_places(finding, clause)
        if any(named):
            return any(filled == _slots_at(slots, one) for one in named)
        return filled == slots and (not group[0].asserted or is_widespread(clause))

    def _filled(self, finding: str, group: list[Mention]) -> frozenset[Slot]:
        """The slots in which the finding was read."""
        return frozenset(
            (side, lobe)
            for side, lobe in self._slots[finding]
            if any(one.side in (side, "both", None) and one.lobe in (lobe, None) for one in group)
        )


def _slots_at(slots: frozenset[Slot], named: frozenset[Place]) -> frozenset[Slot]:
    """The slots at these places. A finding that has no lobes is at a side wherever in it it lies."""
    return frozenset(
        (side, lobe)
        for side, lobe in slots
        if any(side == at and (part == lobe or None in (part, lobe)) for at, part in named)
    )


def _named_places(finding: str, clause: str) -> list[frozenset[Place]]:
    """The places named for a finding: where its own part of the clause names none, those of the whole clause.

    Two answers, since "bilateral, mostly in the lower lobes" may be read as both lungs or as both lower lobes. None if
    the parts of the clause name different places and it is not plain which is meant.
    """
    answers = []
    for text in (clause, without_emphasis(clause)):
        segments = _segments(text)
        own = [places(segment) for segment in segments if names(FINDINGS[finding], plain(segment))]
        all_named = [found for segment in segments if (found := places(segment))]
        if any(own):
            answers.append(frozenset().union(*own))
        elif len(set(all_named)) <= 1:
            answers.append(frozenset().union(*all_named))
        else:
            answers.append(frozenset({("nowhere", None)}))
    return answers


def _segments(clause: str) -> list[str]:
    """The clause, cut between the findings that it names. What names none belongs to what comes before it."""
    segments: list[str] = []
    named = False  # whether the last segment names a finding
    begin = 0
    for end, following in [*(found.span() for found in _SEGMENT_ENDS.finditer(clause)), (len(clause), len(clause))]:
        piece, text = clause[begin:following], plain(clause[begin:end])
        begin = following
        names_one = any(names(wording, text) for wording in FINDINGS.values())
        if segments and not (named and names_one):
            segments[-1] += piece
        else:
            segments.append(piece)
        named = named or names_one
    return segments


def _sized(mention: Mention, clause: str) -> Mention:
    """The mention, without a size that the clause neither names nor measures."""
    text = plain(clause)
    named = {size for size, words in cues.SIZES.items() if holds(words, text)}
    if mention.size in named or (not named and re.search(r"\d", text)):
        return mention
    return replace(mention, size=None)
