"""Does a clause assert or deny a finding that it names? Rules in the manner of NegEx (Chapman et al., 2001)."""

from enum import Enum

from ctflow.models.guard import cues
from ctflow.models.guard.lexicon import FINDINGS, OTHER_ORGANS, Wording
from ctflow.models.guard.phrases import Span, holds, inside, plain, spans


class Stance(Enum):
    """What a clause says of a finding. UNCLEAR: both, a guess, or too involved for rules."""

    SILENT = "silent"
    ASSERTED = "asserted"
    DENIED = "denied"
    UNCLEAR = "unclear"


def names(wording: Wording, text: str) -> list[Span]:
    """Where a `plain` text names a finding."""
    found = spans(wording.names, text)
    if not found or holds(wording.not_near, text):
        return []
    others = spans(wording.not_it, text)
    return [span for span in found if not inside(span, others)]


def stance(finding: str, clause: str) -> Stance:
    """What a clause says of one finding. Clauses are those of `clauses.clauses`."""
    text, wording = plain(clause), FINDINGS[finding]
    named, denials = names(wording, text), spans(wording.denials, text, across_commas=False)
    if not named and not denials:
        return Stance.SILENT
    if not is_clear(text):
        return Stance.UNCLEAR
    cues = _Cues(text)
    denied = [span for span in named if cues.deny(span)] + [span for span in denials if not cues.deny(span)]
    asserted = [span for span in named if span not in denied and not any(_overlap(span, one) for one in denied)]
    if asserted and denied:
        return Stance.UNCLEAR
    if denied:
        return Stance.DENIED
    return Stance.ASSERTED if any(not cues.guess(span) for span in asserted) else Stance.UNCLEAR


def denies(text: str) -> bool:
    """Whether a `plain` text has a word that denies what follows it."""
    return bool(_Cues(text).after)


def denies_before(text: str) -> bool:
    """Whether a `plain` text has a word that denies what stands before it."""
    return bool(_Cues(text).before)


def denies_everything(clause: str) -> bool:
    """Whether a clause says that the chest is normal, and limits this to no part of it."""
    text = plain(clause).strip(" .!;,")
    if not is_clear(text) or holds(cues.LIMITS, text) or holds(OTHER_ORGANS, text):
        return False
    return text in cues.EVERYTHING_ALONE or holds(cues.EVERYTHING, text)


def is_clear(text: str) -> bool:
    """Whether a `plain` text has no word that makes rules unsure, such as "cannot be excluded"."""
    return "?" not in text and not holds(cues.UNCLEAR, text)


def is_heading(sentence: str) -> bool:
    """Whether a sentence tells why or how the patient was examined."""
    head, colon, _ = plain(sentence).partition(":")
    return bool(colon) and (0, len(head.strip())) in spans(cues.HEADINGS, head.strip())


class _Cues:
    """Where a clause denies, and which way."""

    def __init__(self, text: str) -> None:
        nothing = spans(cues.DENY_NOTHING, text)
        self.after = [span for span in spans(cues.DENY_AFTER, text) if not inside(span, nothing)]
        self.before = [span for span in spans(cues.DENY_BEFORE, text) if not inside(span, nothing)]
        self.guesses = spans(cues.GUESS_AFTER, text)

    def deny(self, span: Span) -> bool:
        return any(first < span[1] for first, _ in self.after) or any(last > span[0] for _, last in self.before)

    def guess(self, span: Span) -> bool:
        return any(last <= span[0] for _, last in self.guesses)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
