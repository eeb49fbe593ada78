"""What a model reads in a report, shown to people: how much of it, and which findings."""

from copy import deepcopy
from dataclasses import replace
from functools import lru_cache

from ctflow.models.reader import Reader
from ctflow.models.text import TextEncoder
from ctflow.reading import Mention, Reading
from ctflow.report import Report, encoder_text, sentences


class ReportReader:
    """Reads sentence by sentence: one vector for a whole report cannot tell a denied finding from an unmentioned one.

    Works on the CPU, with its own copy of the encoder: on ZeroGPU there is a GPU during a run only.
    """

    def __init__(self, text: TextEncoder, reader: Reader | None, parts: tuple[str, ...]) -> None:
        self._parts = parts
        self._text = deepcopy(text) if reader else text
        self._reader = reader
        self._mentions = lru_cache(maxsize=512)(self._read)  # typing changes one sentence of many

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
        said = {sentence: self._mentions(sentence) for sentence in sentences(report) if sentence in seen}
        found = tuple(dict.fromkeys(mention for mentions in said.values() for mention in mentions))
        return replace(reading, found=found, unread=tuple(sentence for sentence in said if not said[sentence]))

    def _read(self, sentence: str) -> tuple[Mention, ...]:
        assert self._reader is not None
        return self._reader.read(self._text, encoder_text(Report(sentence), self._parts))
