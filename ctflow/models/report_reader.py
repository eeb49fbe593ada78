"""What a model reads in a report, shown to people: how much of it, and which findings."""

from copy import deepcopy
from dataclasses import replace

from ctflow.models.fact_encoder import FactEncoder
from ctflow.models.reader import Reader
from ctflow.models.said import ByClauses, BySentences, ReadsSentences, Said
from ctflow.models.text import ReportEncoder, TextEncoder
from ctflow.reading import Reading, SentenceReading
from ctflow.report import Report, encoder_text, field_starts, placed_sentences


class ReportReader:
    """Reads sentence by sentence: one vector for a whole report cannot tell a denied finding from an unmentioned one.

    Plain rules stand guard over what it shows, never over what the model is given. Works on the CPU, with its own copy
    of the encoder: on ZeroGPU there is a GPU during a run only. `reader`: of an encoder that does not read by itself.
    """

    def __init__(self, text: ReportEncoder, reader: Reader | None, parts: tuple[str, ...]) -> None:
        self._parts = parts
        self._reads = _reads(text, reader, parts)
        self._text = text

    def read(self, report: Report | None) -> Reading:
        """See `VolumeGenerator.read`."""
        known = self._reads.known if self._reads else ()
        if report is None:
            return Reading(0, self._text.max_tokens, "", known)
        text = encoder_text(report, self._parts)
        reading = self._text.read(text)
        placed = self._taken_in(report, len(text) - len(reading.cut_text))
        if self._reads is not None:
            said = self._reads([one.sentence.text for one in placed if not one.is_cut])
            placed = [one if one.is_cut else _with(one, said[one.sentence.text]) for one in placed]
        return replace(reading, known=known, sentences=tuple(placed))

    def _taken_in(self, report: Report, end: int) -> list[SentenceReading]:
        """The sentences, and whether each stands before the `end` of what the encoder takes in of its text."""
        starts = field_starts(report, self._parts)
        return [
            SentenceReading(one, is_cut=one.field not in starts or starts[one.field] + one.end > end)
            for one in placed_sentences(report)
        ]


def _reads(text: ReportEncoder, reader: Reader | None, parts: tuple[str, ...]) -> ReadsSentences | None:
    """How this model reads, if it can say."""
    if isinstance(text, FactEncoder):
        return BySentences(deepcopy(text))
    return ByClauses(deepcopy(text), reader, parts) if reader and isinstance(text, TextEncoder) else None


def _with(one: SentenceReading, said: Said) -> SentenceReading:
    found, unread = said
    return replace(one, found=found, unread=unread)
