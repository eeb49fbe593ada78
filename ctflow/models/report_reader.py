"""What a model reads in a report, shown to people: how much of it, and which findings."""

from collections import defaultdict
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache

from ctflow.models.guard.clauses import clauses, names_any
from ctflow.models.guard.guard import Guard, Guarded, Slot
from ctflow.models.guard.stance import is_heading
from ctflow.models.reader import Reader
from ctflow.models.text import TextEncoder
from ctflow.reading import Reading, contradictions
from ctflow.report import Report, encoder_text, sentences


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
        self._guarded = lru_cache(maxsize=512)(self._read)  # typing changes one sentence of many

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
        said = {sentence: self._guarded(sentence) for sentence in sentences(report) if sentence in seen}
        found = tuple(dict.fromkeys(mention for one in said.values() for mention in one.shown))
        unread = tuple(sentence for sentence, one in said.items() if one.refused or not one.shown)
        return replace(reading, found=found, unread=unread, contradicted=contradictions(found))

    def read_sentence(self, sentence: str) -> Guarded:
        """What is shown of one sentence, and what the guard refused. Only for a model that has a reader."""
        return self._guarded(sentence)

    def _read(self, sentence: str) -> Guarded:
        """Clause by clause, so that what is denied on the right and asserted on the left is not mixed up."""
        assert self._reader is not None
        if is_heading(sentence):
            return Guarded((), ())
        parts = [
            self._guard.check(clause, self._reader.read(self._text, encoder_text(Report(clause), self._parts)))
            for clause in clauses(sentence)
            if names_any(clause)  # of others nothing would be shown
        ]
        return Guarded(
            tuple(dict.fromkeys(mention for part in parts for mention in part.shown)),
            tuple(dict.fromkeys(mention for part in parts for mention in part.refused)),
        )


def _slots(reader: Reader) -> dict[str, list[Slot]]:
    """By finding, the sides and lobes that the reader tells it apart by."""
    slots: dict[str, list[Slot]] = defaultdict(list)
    for finding, side, lobe in reader.config.slots:
        slots[finding].append((side, lobe))
    return slots
