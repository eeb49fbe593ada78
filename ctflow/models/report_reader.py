"""What a model reads in a report, shown to people: how much of it, and which findings."""

from collections import defaultdict
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache

from ctflow.models.guard.clauses import clauses, names_any
from ctflow.models.guard.guard import Guard, Slot
from ctflow.models.guard.stance import Stance, is_heading
from ctflow.models.reader import Reader
from ctflow.models.text import TextEncoder
from ctflow.reading import Mention, Reading, contradictions
from ctflow.report import Report, encoder_text, sentences


@dataclass(frozen=True)
class SentenceReading:
    """What is shown of a sentence, and its parts in which a finding was not recognised: all of it, if nothing was."""

    shown: tuple[Mention, ...]
    unread: tuple[str, ...]


class ReportReader:
    """Reads sentence by sentence: one vector for a whole report cannot tell a denied finding from an unmentioned one.

    Plain rules stand guard over what it shows, never over what the model is given. Works on the CPU, with its own copy
    of the encoder: on ZeroGPU there is a GPU during a run only.
    """

    def __init__(self, text: TextEncoder, reader: Reader | None, parts: tuple[str, ...]) -> None:
        self._parts = parts
        self._text = deepcopy(text) if reader else text
        self._reader = reader
        self._guard = Guard(_slots(reader) if reader else {})
        self._sentences_read = lru_cache(maxsize=512)(self._read)  # typing changes one sentence of many

    def read(self, report: Report | None) -> Reading:
        """See `VolumeGenerator.read`."""
        known = self._reader.config.findings if self._reader else ()
        if report is None:
            return Reading(0, self._text.max_tokens, "", known)
        text = encoder_text(report, self._parts)
        reading = replace(self._text.read(text), known=known)
        if self._reader is None:
            return reading
        seen = text.removesuffix(reading.cut_text)
        said = [self._sentences_read(sentence) for sentence in sentences(report) if sentence in seen]
        found = tuple(dict.fromkeys(mention for one in said for mention in one.shown))
        unread = tuple(dict.fromkeys(text for one in said for text in one.unread))
        return replace(reading, found=found, unread=unread, contradicted=contradictions(found))

    def _read(self, sentence: str) -> SentenceReading:
        """Clause by clause, so that what is denied on the right and asserted on the left is not mixed up."""
        if is_heading(sentence):
            return SentenceReading((), (sentence,))
        shown = {clause: self._shown(clause) for clause in clauses(sentence) if names_any(clause)}
        mentions = tuple(dict.fromkeys(mention for of_clause in shown.values() for mention in of_clause))
        if not mentions:
            return SentenceReading((), (sentence,))
        return SentenceReading(mentions, tuple(clause for clause in shown if self._is_missed(clause, mentions)))

    def _shown(self, clause: str) -> tuple[Mention, ...]:
        assert self._reader is not None
        text = clause if clause.endswith((".", "!", "?")) else f"{clause.rstrip(' ,;')}."
        return self._guard.shown(clause, self._reader.read(self._text, encoder_text(Report(text), self._parts)))

    def _is_missed(self, clause: str, mentions: tuple[Mention, ...]) -> bool:
        """Whether a clause names a finding that is not among what is shown of its sentence."""
        said = {(one.finding, Stance.ASSERTED if one.asserted else Stance.DENIED) for one in mentions}
        findings = {one.finding for one in mentions}
        return any(
            finding not in findings if what == Stance.UNCLEAR else (finding, what) not in said
            for finding, what in self._guard.named(clause)
        )


def _slots(reader: Reader) -> dict[str, list[Slot]]:
    """By finding, the sides and lobes that the reader tells it apart by."""
    slots: dict[str, list[Slot]] = defaultdict(list)
    for finding, side, lobe in reader.config.slots:
        slots[finding].append((side, lobe))
    return slots
