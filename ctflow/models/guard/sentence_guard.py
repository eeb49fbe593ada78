"""Stands guard over a reader of whole sentences: the clauses of a sentence together must say what it reads."""

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import product

from ctflow.models.guard.clauses import clauses, points_back
from ctflow.models.guard.guard import (
    NO_PLACE,
    PARTS,
    Guard,
    Slot,
    grouped,
    has_several_places,
    named_places,
    own_places,
    sized,
    slots_at,
    stance_of,
)
from ctflow.models.guard.lexicon import FINDINGS
from ctflow.models.guard.phrases import plain, spans
from ctflow.models.guard.places import BOTH, Place, is_widespread, places
from ctflow.models.guard.stance import (
    Stance,
    denies,
    denies_before,
    denies_everything,
    denies_in_part,
    is_clear,
    names,
)
from ctflow.reading import Mention

Groups = Mapping[tuple[str, bool], list[Mention]]  # what was read, by finding and whether it is asserted
Named = Mapping[str, set[tuple[str, Stance]]]  # by clause, the findings that it names, and what it says of them

_IS_PLACE_IN_FRONT = re.compile(
    r"\s*(?:(?:in|on|at|within|over|throughout)\s"
    r"|(?:the )?(?:right|left|both) (?:lungs?|hemithorax|pleural space)[\s:])"
)
_POINTS_THERE = re.compile(
    r"^residual\s|(?<!\w)(?:there[\s.;]*$"
    r"|(?:in (?:its|their)|at the same) (?:stead|place|site)(?!\w))"
)
_SAY_NOTHING = {Stance.UNCLEAR, Stance.IN_PART}


class SentenceGuard(Guard):
    """Of a finding all must have been read: what each clause says of it, and at which places."""

    def shown_in(self, sentence: str, read: Iterable[Mention], certain: Collection[str] = ()) -> tuple[Mention, ...]:
        """Of what a reader read in a sentence, what may be shown. Findings that the lexicon lacks may not.

        `certain`: the findings of which the reader is as good as certain; it is believed where a clause is too involved
        for rules, as far as the places are those that are named.
        """
        groups = grouped(read)
        parts = clauses(sentence)
        if len(parts) == 1 and denies_everything(sentence) and self._is_everything(groups):
            return tuple(one for group in groups.values() for one in group)
        named = {clause: self.named(clause) for clause in parts}
        return tuple(
            sized(mention, sentence)
            for (finding, _), group in groups.items()
            if (
                self._has_all_others(groups, named)
                and _is_wholly_read(finding, named, groups, finding in certain)
                and self._is_at_its_places(group, named)
            )
            or self._is_told_side_by_side(finding, sentence, groups)
            for mention in group
        )

    def _is_at_its_places(self, group: list[Mention], named: Named) -> bool:
        """Whether the places read are those that the clauses together name for this finding."""
        finding, asserted = group[0].finding, group[0].asserted
        stances = {(finding, one) for one in (stance_of(group[0]), Stance.INVOLVED)}
        saying = [clause for clause, what in named.items() if stances & what] or list(named)
        if self._slots[finding] == {NO_PLACE}:
            return all(self._is_there(finding, clause, group) for clause in saying)
        fronts, others = _fronts(list(named)), slots_at(self._placed(finding), _pointed_at(named))
        after = {clause: " ".join(map(_behind_all, list(named)[index + 1 :])) for index, clause in enumerate(named)}
        meant = [
            [slots_at(self._placed(finding), places(clause) or fronts[clause])]
            if fronts[clause] and not own_places(finding, clause) and not has_several_places(clause)
            else self._meant(finding, clause, after[clause], asserted)
            for clause in saying
        ]
        filled = self._filled(finding, group)
        said = {frozenset().union(*one) for one in product(*meant)}
        return filled in said or (asserted and filled in {one | others for one in said})

    def _has_all_others(self, groups: Groups, named: Named) -> bool:
        """Whether what "another one on the left" points back to was read there, whatever it is."""
        pointed_at = _pointed_at(named)
        return not pointed_at or any(
            slots_at(self._placed(finding), pointed_at) <= self._filled(finding, group)
            for (finding, asserted), group in groups.items()
            if asserted and self._slots[finding] != {NO_PLACE}
        )

    def _is_told_side_by_side(self, finding: str, sentence: str, groups: Groups) -> bool:
        """Whether a sentence tells of one finding alone where it is and where not: "effusion right, none left"."""
        there, absent = (groups.get((finding, asserted)) for asserted in (True, False))
        segments = [part for part in PARTS.split(_without_heading(sentence)) if any(map(str.isalpha, part))]
        if not there or not absent or not is_clear(plain(sentence)) or not _speaks_of_one(finding, segments):
            return False
        said: dict[bool, frozenset[Place]] = {True: frozenset(), False: frozenset()}
        for segment in segments:
            text = plain(segment)
            said[not (denies(text) or denies_before(text))] |= places(segment)
        slots = self._placed(finding)
        return all(
            slots_at(slots, said[group[0].asserted]) == self._filled(finding, group) for group in (there, absent)
        )

    def _meant(self, finding: str, clause: str, after: str, asserted: bool) -> list[frozenset[Slot]]:
        """The slots that a clause may mean, or none where that is not plain. `after`: the rest of the sentence."""
        if denies_in_part(clause) and has_several_places(clause):
            return []
        slots = self._placed(finding)
        named = named_places(finding, clause)
        meant = [slots_at(slots, one) for one in named if one]
        if any(named) and own_places(finding, clause):
            return meant
        behind = places(f"{_behind(finding, clause)} {after if asserted else ''}")
        if behind:  # "a nodule, but no consolidation, in the left lung": it may be the place of both
            return [*meant, slots_at(slots, behind)]
        if not any(named) and (not asserted or is_widespread(clause)):
            meant.append(slots)
        return [*meant, frozenset({NO_PLACE})] if asserted and NO_PLACE in self._slots[finding] else meant


def _is_wholly_read(finding: str, named: Named, groups: Groups, is_certain: bool) -> bool:
    """Whether all that the clauses say of a finding was read, and nothing else. What is involved may be either."""
    said = {stance for what in named.values() for one, stance in what if one == finding} - _SAY_NOTHING
    read = {Stance.ASSERTED if asserted else Stance.DENIED for one, asserted in groups if one == finding}
    if said == {Stance.LIKELY}:
        return is_certain and read == {Stance.ASSERTED} and not _asserts_anything(named)
    said -= {Stance.LIKELY}
    if Stance.INVOLVED in said:
        return is_certain and said - {Stance.INVOLVED} <= read
    return finding in FINDINGS and said == read


def _asserts_anything(named: Named) -> bool:
    """Whether a sentence asserts a finding; what is likely beside it is a guess at what that is."""
    return any(stance == Stance.ASSERTED for what in named.values() for _, stance in what)


def _pointed_at(named: Named) -> frozenset[Place]:
    """The places of the clauses that speak of another one of what was named before."""
    texts = [plain(clause) for clause in named]
    pointing = [text for text in texts if points_back(text) and not denies(text) and not denies_before(text)]
    return frozenset().union(*map(places, pointing))


def _speaks_of_one(finding: str, segments: list[str]) -> bool:
    """Whether each segment names a place, one of them the finding, and none another finding."""
    named = [{one for one, wording in FINDINGS.items() if names(wording, plain(segment))} for segment in segments]
    return all(places(segment) for segment in segments) and set().union(*named) == {finding}


def _without_heading(sentence: str) -> str:
    """The sentence without the organ that it is about, such as "Pleura: "."""
    heading, colon, rest = sentence.partition(":")
    small = plain(heading)
    is_heading = bool(colon) and not places(heading) and not any(names(one, small) for one in FINDINGS.values())
    return rest if is_heading else sentence


def _behind(finding: str, clause: str) -> str:
    """What stands behind the last name of a finding in a clause that says it."""
    text = plain(clause)
    ends = [end for _, end in names(FINDINGS[finding], text)]
    return text[max(ends, default=0) :]


def _behind_all(clause: str) -> str:
    """What stands behind all that a clause says of findings."""
    text = plain(clause)
    said = [span for one in FINDINGS.values() for span in (*names(one, text), *spans(one.denials, text))]
    return text[max((end for _, end in said), default=0) :]


def _fronts(parts: list[str]) -> dict[str, frozenset[Place]]:
    """For each clause the places of its sentence's beginning; or those of the clause before, where it points there.

    So do "but no effusion there" and "resolved with residual atelectasis".
    """
    front = _fronted(" ".join(parts))
    return {
        clause: places(before) or _everywhere(before) if _POINTS_THERE.search(plain(clause)) else front
        for before, clause in zip(["", *parts], parts, strict=False)
    }


def _everywhere(clause: str) -> frozenset[Place]:
    """Both sides, where a clause says without naming a side that something is in both lungs."""
    return frozenset((side, None) for side in BOTH if is_widespread(clause))


def _fronted(sentence: str) -> frozenset[Place]:
    """The places with which a sentence begins, before it names a finding: "In the left lower lobe, ..."."""
    text = plain(_without_heading(sentence))
    head = text[: min((first for wording in FINDINGS.values() for first, _ in names(wording, text)), default=0)]
    return places(head) if _IS_PLACE_IN_FRONT.match(head) else frozenset()
