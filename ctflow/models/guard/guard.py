"""Stands guard over what a reader shows: plain rules refuse what the sentence does not say. No network is asked.

They refuse a finding that the clause does not name, a denial without a word that denies, an assertion of what is
denied, resolved or only guessed at, and a place that is not the one named. What they refuse is not recognised.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from ctflow.models.guard import cues
from ctflow.models.guard.lexicon import FINDINGS
from ctflow.models.guard.phrases import holds, plain
from ctflow.models.guard.places import BOTH, Place, is_widespread, places, without_emphasis
from ctflow.models.guard.stance import Stance, denies_everything, denies_in_part, is_gone, names, stance
from ctflow.reading import Mention

Slot = tuple[str | None, str | None]  # a side and a lobe that a reader tells a finding apart by
NO_PLACE: Slot = (None, None)  # the only slot of a finding, or the one where it has a place that is not said
_NOWHERE: frozenset[Place] = frozenset({("nowhere", None)})
_BOTH_SIDES: frozenset[Place] = frozenset((side, None) for side in BOTH)
SEGMENT_ENDS = re.compile(
    r"[,;:](?!\d)|\s(?:and|or|nor|with|w/|plus|but|beside|alongside|accompanied by|together with|in addition to"
    r"|caused by|due to|secondary to|because of|causing|resulting in|leading to|producing|that|which|as well as"
    r"|opposite|joined by)\s"
)
_ANOTHER = (
    r"and(?!\s(?:(?:in|on|at|of|the|both|also)\s)*(?:right|left|upper|middle|lower|lingula|ap(?:ex|ices|ical)|bas\w+"
    r"|[rl][uml]l)(?!\w))"
)
PARTS = re.compile(SEGMENT_ENDS.pattern.replace("and|or|nor", _ANOTHER))


class Guard:
    """`slots`: the sides and lobes that a reader tells each of its findings apart by."""

    def __init__(self, slots: Mapping[str, Collection[Slot]]) -> None:
        self._slots = {finding: frozenset(of) for finding, of in slots.items()}

    def shown(self, clause: str, read: Iterable[Mention]) -> tuple[Mention, ...]:
        """Of what a reader read in one clause, what may be shown. Findings that the lexicon lacks may not."""
        groups = grouped(read)
        if denies_everything(clause) and self._is_everything(groups):
            return tuple(one for group in groups.values() for one in group)
        return tuple(
            sized(mention, clause)
            for (finding, asserted), group in groups.items()
            if self._is_said(clause, finding, asserted) and self._is_there(finding, clause, group)
            for mention in group
        )

    def shown_together(self, shown: Mapping[str, tuple[Mention, ...]]) -> dict[str, tuple[Mention, ...]]:
        """Of what may be shown of the clauses of one sentence, what leaves no place out.

        Where "left effusion larger, right effusion unchanged" was read on the left alone, nothing is shown of it.
        """
        partly = {
            said
            for clause, mentions in shown.items()
            for said in self.named(clause) - {(one.finding, stance_of(one)) for one in mentions}
            if self._slots[said[0]] != {(None, None)}
        }
        return {
            clause: tuple(one for one in mentions if (one.finding, stance_of(one)) not in partly)
            for clause, mentions in shown.items()
        }

    def named(self, clause: str) -> set[tuple[str, Stance]]:
        """The findings, of those that the reader knows, that a clause names, and what it says of them."""
        said = {(finding, stance(finding, clause)) for finding in self._slots if finding in FINDINGS}
        return {(finding, what) for finding, what in said if what != Stance.SILENT}

    def _is_said(self, clause: str, finding: str, asserted: bool) -> bool:
        return finding in FINDINGS and stance(finding, clause) == (Stance.ASSERTED if asserted else Stance.DENIED)

    def _is_everything(self, groups: Mapping[tuple[str, bool], list[Mention]]) -> bool:
        """Whether every finding is denied, everywhere."""
        return groups.keys() == {(finding, False) for finding in self._slots} and all(
            self._filled(finding, group) == self._placed(finding) for (finding, _), group in groups.items()
        )

    def _placed(self, finding: str) -> frozenset[Slot]:
        """The slots of a finding, without the one that says no place, unless it is the only one."""
        return self._slots[finding] - {NO_PLACE} or self._slots[finding]

    def _is_there(self, finding: str, clause: str, group: list[Mention]) -> bool:
        """Whether the places read are those that the clause names for this finding."""
        slots = self._slots[finding]
        if slots == {(None, None)}:  # it cannot be denied of one place alone
            is_everywhere = _places_beside(finding, clause) in (frozenset(), _BOTH_SIDES)
            return group[0].asserted or is_everywhere or is_gone(clause)
        if denies_in_part(clause) and has_several_places(clause):
            return False
        filled = self._filled(finding, group)
        named = named_places(finding, clause)
        if any(named):
            return any(filled == slots_at(slots, one) for one in named)
        return filled == slots and (not group[0].asserted or is_widespread(clause))

    def _filled(self, finding: str, group: list[Mention]) -> frozenset[Slot]:
        """The slots in which the finding was read."""
        if self._has_no_place(finding, group):
            return frozenset({NO_PLACE})
        return frozenset(
            (side, lobe)
            for side, lobe in self._placed(finding)
            if any(one.side in (side, "both", None) and one.lobe in (lobe, None) for one in group)
        )

    def _has_no_place(self, finding: str, group: list[Mention]) -> bool:
        """Whether the finding was read somewhere, where others like it have a place."""
        return group[0].asserted and len(self._slots[finding]) > 1 and all(one.side is None for one in group)


def grouped(read: Iterable[Mention]) -> dict[tuple[str, bool], list[Mention]]:
    """By finding, and whether it is asserted."""
    groups: dict[tuple[str, bool], list[Mention]] = defaultdict(list)
    for mention in read:
        groups[mention.finding, mention.asserted].append(mention)
    return groups


def own_places(finding: str, clause: str) -> list[frozenset[Place]]:
    """The places in those parts of a clause that name the finding."""
    own = [places(segment) for segment in _segments(clause) if names(FINDINGS[finding], plain(segment))]
    return [found for found in own if found]


def slots_at(slots: frozenset[Slot], named: frozenset[Place]) -> frozenset[Slot]:
    """The slots at these places. A finding that has no lobes is at a side wherever in it it lies."""
    return frozenset(
        (side, lobe)
        for side, lobe in slots
        if any(side == at and (part == lobe or None in (part, lobe)) for at, part in named)
    )


def stance_of(mention: Mention) -> Stance:
    """What a mention says of its finding."""
    return Stance.ASSERTED if mention.asserted else Stance.DENIED


def has_several_places(clause: str) -> bool:
    """Whether parts of a clause name different places: "on the right, not on the left"; in "A or B" they are one."""
    return len({found for part in PARTS.split(plain(clause)) if (found := places(part))}) > 1


def named_places(finding: str, clause: str) -> list[frozenset[Place]]:
    """What may be meant as the places of a finding.

    Two answers where one is as good as the other: "bilateral, mostly in the lower lobes" may be read as both lungs or
    as both lower lobes.
    """
    plainly = without_emphasis(clause)
    whole, part = (_places_of(finding, text) for text in (clause, plainly))
    if whole and not part and is_widespread(plainly):
        return [_BOTH_SIDES]
    same_sides = {side for side, _ in whole} == {side for side, _ in part}
    return [whole, part] if same_sides else [whole]


def _places_of(finding: str, clause: str) -> frozenset[Place]:
    """The places named for a finding: where its own part of the clause names none, those of the whole clause.

    `_NOWHERE` if the parts of the clause name different places, so that it is not plain which is meant.
    """
    segments = _segments(clause)
    if own := own_places(finding, clause):
        return frozenset().union(*own)
    named = {found for segment in segments if (found := places(segment))}
    return _NOWHERE if len(named) > 1 else places(clause)


def _places_beside(finding: str, clause: str) -> frozenset[Place]:
    """The places that a clause names between the same commas as the finding."""
    pieces = [piece for piece in SEGMENT_ENDS.split(clause) if names(FINDINGS[finding], plain(piece))]
    return frozenset().union(*map(places, pieces))


def _segments(clause: str) -> list[str]:
    """The clause, cut between the findings that it names. What names none belongs to what comes before it."""
    segments: list[str] = []
    clause = plain(clause)
    named = False  # whether the last segment names a finding
    begin = 0
    for end, following in [*(found.span() for found in SEGMENT_ENDS.finditer(clause)), (len(clause), len(clause))]:
        piece, text = clause[begin:following], plain(clause[begin:end])
        begin = following
        names_one = any(names(wording, text) for wording in FINDINGS.values())
        if segments and not (named and names_one):
            segments[-1] += piece
        else:
            segments.append(piece)
        named = named or names_one
    return segments


def sized(mention: Mention, clause: str) -> Mention:
    """The mention, without a size that the clause neither names nor measures where it names the finding.

    In "moderate effusion with atelectasis" the atelectasis has no size.
    """
    text = " ".join(one for one in _segments(clause) if names(FINDINGS[mention.finding], plain(one)))
    named = {size for size, words in cues.SIZES.items() if holds(words, text)}
    if mention.size in named or (not named and re.search(r"\d", text)):
        return mention
    return replace(mention, size=None)
