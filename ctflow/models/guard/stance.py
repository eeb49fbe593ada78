"""Does a clause assert or deny a finding that it names? Rules in the manner of NegEx (Chapman et al., 2001)."""

import re
from enum import Enum
from functools import lru_cache

from ctflow.models.guard import cues
from ctflow.models.guard.lexicon import FINDINGS, Phrases, Wording
from ctflow.models.guard.phrases import Span, holds, inside, plain, spans

_ANSWER = re.compile(r"[:=?]\s*(?:no|none|nil)\s*(?:[,;.]|$)")  # "effusion: no" denies what stands before it
# "Not normal" and "clear? no" tell that something is there, and not what; an empty box and "n/a" tell nothing.
_NOT_NORMAL = re.compile(
    r"(?<!\w)(?:not|no longer|never|hardly|anything but)\s+(?:\w+\s+)?(?:normal|clear|unremarkable|free)(?!\w)"
    r"|(?<!\w)(?:normal|clear|unremarkable|free)(?:\s+(?:in|of)\s+\w+)?\s*[?:]\s*no(?!\w)"
    r"|\[\s*\]|(?<!\w)n/a(?!\w)"
)
_QUESTION = re.compile(r"\?(?!\s*(?:yes|no|none)(?!\w))")  # without an answer

_LISTED = re.compile(r"(?<!\w)(?:or|nor|and)(?!\w)|/")


class Stance(Enum):
    """What a clause says of a finding. INVOLVED: both, or not plain enough for rules; UNCLEAR: a guess, or what was."""

    SILENT = "silent"
    ASSERTED = "asserted"
    DENIED = "denied"
    LIKELY = "likely"
    INVOLVED = "involved"
    UNCLEAR = "unclear"
    IN_PART = "denied in part"  # of some of it, or some places: of the rest it says nothing


def names(wording: Wording, text: str) -> list[Span]:
    """Where a `plain` text names a finding, or a kind of it."""
    return [*_named(wording, wording.names, text), *_named(wording, wording.kinds, text)]


@lru_cache(maxsize=8192)  # a clause is asked several times, about each finding
def stance(finding: str, clause: str) -> Stance:
    """What a clause says of one finding. Clauses are those of `clauses.clauses`."""
    text, wording = plain(clause), FINDINGS[finding]
    kinds = _named(wording, wording.kinds, text)
    named, denials = names(wording, text), _denials(wording, text)
    if not named and not denials:
        return Stance.SILENT
    marks = _marks(text)
    if is_unclear(text):
        return Stance.UNCLEAR
    if is_involved(text) or (marks.deny_anything and holds(cues.CONTRASTS, text)):
        return Stance.INVOLVED
    denied = [span for span in named if marks.deny(span)] + [span for span in denials if not marks.deny(span)]
    asserted = [span for span in named if span not in denied and not any(_overlap(span, one) for one in denied)]
    if any(marks.may_deny(span) for span in denied):
        return Stance.INVOLVED
    if not denied:
        return _asserted(marks, asserted)
    if _is_in_part(wording, text, denied, kinds):
        return _asserted(marks, asserted) if asserted else Stance.IN_PART
    return Stance.INVOLVED if asserted else Stance.DENIED


def _asserted(marks: "_Marks", asserted: list[Span]) -> Stance:
    """How sure a clause is of what it names."""
    if any(marks.are_sure_of(span) for span in asserted):
        return Stance.ASSERTED
    if any(marks.call_likely(span) for span in asserted):
        return Stance.LIKELY
    return Stance.UNCLEAR if any(marks.guess(span) for span in asserted) else Stance.INVOLVED


def _denials(wording: Wording, text: str) -> list[Span]:
    """Where a text denies a finding without naming it: not before an exception, nor by "clear of" something else."""
    if not (found := spans(wording.denials, text, across_commas=False)):
        return []
    others = [*spans(cues.BEYOND_NORMAL, text), *spans(cues.EXCEPT, text), *spans(cues.CLEAR_OF_SOMETHING, text)]
    return [span for span in found if not any(_overlap(span, one) for one in others)]


def _is_in_part(wording: Wording, text: str, denied: list[Span], kinds: list[Span]) -> bool:
    """Whether what is denied leaves others: a kind, a place, or all but something."""
    of_some = all(span in kinds for span in denied) or _names_a_part(wording, text)
    return of_some or holds(cues.EXCEPT, text) or holds(cues.IN_PART, text)


def _named(wording: Wording, phrases: Phrases, text: str) -> list[Span]:
    found = spans(phrases, text)
    if not found or holds(wording.not_near, text):
        return []
    others = spans(wording.not_it, text, across_commas=False)
    return [span for span in found if not inside(span, others)]


def _names_a_part(wording: Wording, text: str) -> bool:
    """Whether a text speaks of some places alone, so that it says nothing of the others."""
    return holds(wording.parts, text) and not holds(wording.main_part, text)


def denies(text: str) -> bool:
    """Whether a `plain` text has a word that denies what follows it."""
    return bool(_marks(text).after)


def denies_before(text: str) -> bool:
    """Whether a `plain` text has a word that denies what stands before it."""
    return bool(_marks(text).before)


def denies_in_part(clause: str) -> bool:
    """Whether a clause has any word that denies."""
    return _marks(plain(clause)).deny_anything


def is_gone(clause: str) -> bool:
    """Whether a clause says that something is no longer there."""
    return holds(cues.GONE, plain(clause)) and denies_before(plain(clause))


def denies_everything(clause: str) -> bool:
    """Whether a clause says that the chest is normal, and limits this to no part of it."""
    text = plain(clause)
    words = re.findall(r"\w+", text)
    if not all(holds(cues.EVERYTHING_WORDS, word) for word in words) or not is_clear(text):
        return False
    if holds(cues.NORMAL, text):
        return not _marks(text).deny_anything  # "not a normal chest"
    return holds(cues.NOTHING_ABNORMAL, text)


def is_clear(text: str) -> bool:
    """Whether a `plain` text has nothing that makes rules unsure, such as "cannot be excluded"."""
    return not is_unclear(text) and not is_involved(text)


@lru_cache(maxsize=8192)
def is_unclear(text: str) -> bool:
    """Whether a `plain` text leaves open what it says of today."""
    return (
        bool(_QUESTION.search(text) or _NOT_NORMAL.search(text))
        or _holds_unless_clear(cues.UNCLEAR, text)
        or _is_past(text)
    )


def _is_past(text: str) -> bool:
    return _holds_unless_clear(cues.PAST, text) and not holds(cues.NOW, text)


@lru_cache(maxsize=8192)
def is_involved(text: str) -> bool:
    """Whether a `plain` text has a turn that rules do not follow, such as "not resolved"."""
    return _holds_unless_clear(cues.INVOLVED, text)


def _holds_unless_clear(phrases: Phrases, text: str) -> bool:
    clear = spans(cues.CLEAR, text)
    return any(not inside(span, clear) for span in spans(phrases, text))


def is_heading(sentence: str) -> bool:
    """Whether a sentence tells why or how the patient was examined."""
    head, colon, _ = plain(sentence).partition(":")
    return bool(colon) and (0, len(head.strip())) in spans(cues.HEADINGS, head.strip())


class _Marks:
    """Where a clause denies and doubts, and which way."""

    def __init__(self, text: str) -> None:
        nothing = spans(cues.DENY_NOTHING, text)
        self._text = text
        self.after = [span for span in spans(cues.DENY_AFTER, text) if not inside(span, nothing)]
        self.before = [span for span in spans(cues.DENY_BEFORE, text) if not inside(span, nothing)]
        answers = [found.span() for found in _ANSWER.finditer(text)]
        self.before += answers
        self.after = [span for span in self.after if not inside(span, answers)]
        self._excepted = spans(cues.EXCEPT, text)
        self._likely = spans(cues.LIKELY, text)
        self._guesses = [*spans(cues.GUESS_AFTER, text), *(one for one in spans(cues.OF_WHAT, text) if one[0] == 0)]
        self._causes = spans(cues.CAUSE_AFTER, text)
        self._doubts = [] if nothing else spans(cues.DOUBT_BEFORE, text)
        self._stops = [*spans(cues.STOPS, text), *self._ends_of_lists()]

    @property
    def deny_anything(self) -> bool:
        return bool(self.after or self.before)

    def deny(self, span: Span) -> bool:
        """Whether a word denies what stands here. One that denies what is before it reaches no further than a comma."""
        after = any(cue[0] < span[1] and not self._is_cut_off(cue, span) for cue in self.after)
        return after or any(last > span[0] for _, last in self.before)

    def may_deny(self, span: Span) -> bool:
        """Whether all that denies what stands here stands before it, and something lies between."""
        reaching = [cue for cue in self.after if cue[0] < span[1] and not self._is_cut_off(cue, span)]
        stopped = [any(cue[1] <= first < span[0] for first, _ in self._stops) for cue in reaching]
        return bool(reaching) and all(stopped) and not any(last > span[0] for _, last in self.before)

    def are_sure_of(self, span: Span) -> bool:
        is_cause = any(last <= span[0] for _, last in self._causes)
        return not self.guess(span) and not is_cause and not any(first >= span[1] for first, _ in self._doubts)

    def guess(self, span: Span) -> bool:
        """Whether what stands here is only guessed at."""
        return any(last <= span[0] for _, last in self._guesses)

    def call_likely(self, span: Span) -> bool:
        """Whether what stands here is guessed at, and all that makes it a guess makes it a likely one."""
        guesses = [cue for cue in self._guesses if cue[1] <= span[0]]
        return bool(guesses) and all(inside(cue, self._likely) for cue in guesses)

    def _is_cut_off(self, cue: Span, span: Span) -> bool:
        if any(cue[1] <= first < span[0] for first, _ in self._excepted):  # "no abnormality other than a nodule"
            return True
        return inside(cue, self.before) and "," in self._text[cue[1] : span[0]]

    def _ends_of_lists(self) -> list[Span]:
        """The commas after which no "or" or "and" follows: what stands behind one need not belong to a list."""
        return [found.span() for found in re.finditer(",", self._text) if not _LISTED.search(self._text[found.end() :])]


@lru_cache(maxsize=8192)
def _marks(text: str) -> _Marks:
    return _Marks(text)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
