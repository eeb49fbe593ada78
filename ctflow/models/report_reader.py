"""What a model reads in a report, shown to people: how much of it, and which findings."""

from collections import defaultdict
from copy import deepcopy
from dataclasses import replace

from ctflow.models.guard.clauses import clauses, names_any
from ctflow.models.guard.guard import Guard, Slot, stance_of
from ctflow.models.guard.stance import Stance, is_heading
from ctflow.models.reader import Reader
from ctflow.models.text import TextEncoder
from ctflow.reading import Mention, Reading, SentenceReading
from ctflow.report import Report, encoder_text, field_starts, placed_sentences

MOST_KEPT = 512  # sentences


Said = tuple[tuple[Mention, ...], tuple[str, ...]]  # what is shown of a sentence, and what was not recognised in it


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
        self._kept: dict[str, Said] = {}  # typing changes one sentence of many

    def read(self, report: Report | None) -> Reading:
        """See `VolumeGenerator.read`."""
        known = self._reader.config.findings if self._reader else ()
        if report is None:
            return Reading(0, self._text.max_tokens, "", known)
        text = encoder_text(report, self._parts)
        reading = self._text.read(text)
        placed = self._taken_in(report, len(text) - len(reading.cut_text))
        if self._reader is not None:
            said = self._read_sentences([one.sentence.text for one in placed if not one.is_cut])
            placed = [one if one.is_cut else _with(one, said[one.sentence.text]) for one in placed]
        return replace(reading, known=known, sentences=tuple(placed))

    def _taken_in(self, report: Report, end: int) -> list[SentenceReading]:
        """The sentences, and whether each stands before the `end` of what the encoder takes in of its text."""
        starts = field_starts(report, self._parts)
        return [
            SentenceReading(one, is_cut=one.field not in starts or starts[one.field] + one.end > end)
            for one in placed_sentences(report)
        ]

    def _read_sentences(self, said: list[str]) -> dict[str, Said]:
        """Clause by clause, so that what a sentence denies on the right and asserts on the left is not mixed up.

        All that is new is encoded at once. Threads share what is kept, so it is replaced and never changed.
        """
        kept = self._kept
        new = {sentence: _named_clauses(sentence) for sentence in said if sentence not in kept}
        shown = self._shown(list(dict.fromkeys(clause for named in new.values() for clause in named)))
        kept = kept | {
            sentence: self._together(sentence, {one: shown[one] for one in new[sentence]}) for sentence in new
        }
        self._kept = kept if len(kept) <= MOST_KEPT else {sentence: kept[sentence] for sentence in said}
        return {sentence: kept[sentence] for sentence in said}

    def _shown(self, named: list[str]) -> dict[str, tuple[Mention, ...]]:
        """By clause, what the reader reads in it and the guard lets pass."""
        if not named or self._reader is None:
            return {}
        texts = [encoder_text(Report(_ended(clause)), self._parts) for clause in named]
        read = self._reader.read_all(self._text, texts)
        return {clause: self._guard.shown(clause, one) for clause, one in zip(named, read, strict=True)}

    def _together(self, sentence: str, shown: dict[str, tuple[Mention, ...]]) -> Said:
        """What is shown of a sentence, from what is shown of its clauses; not recognised: all of it, if nothing was."""
        shown = self._guard.shown_together(shown)
        mentions = tuple(dict.fromkeys(mention for of_clause in shown.values() for mention in of_clause))
        if not mentions:
            return (), (sentence,)
        return mentions, tuple(clause for clause in shown if self._is_missed(clause, mentions))

    def _is_missed(self, clause: str, mentions: tuple[Mention, ...]) -> bool:
        """Whether a clause names a finding that is not among what is shown of its sentence."""
        said = {(one.finding, stance_of(one)) for one in mentions}
        findings = {one.finding for one in mentions}
        return any(
            finding not in findings if what == Stance.UNCLEAR else (finding, what) not in said
            for finding, what in self._guard.named(clause)
        )


def _with(one: SentenceReading, said: Said) -> SentenceReading:
    found, unread = said
    return replace(one, found=found, unread=unread)


def _named_clauses(sentence: str) -> list[str]:
    """The clauses of a sentence that name a finding; of others nothing would be shown."""
    return [] if is_heading(sentence) else [clause for clause in clauses(sentence) if names_any(clause)]


def _ended(clause: str) -> str:
    """The clause as a sentence of its own, which is what readers are taught."""
    return clause if clause.endswith((".", "!", "?")) else f"{clause.rstrip(' ,;')}."


def _slots(reader: Reader) -> dict[str, list[Slot]]:
    """By finding, the sides and lobes that the reader tells it apart by."""
    slots: dict[str, list[Slot]] = defaultdict(list)
    for finding, side, lobe in reader.config.slots:
        slots[finding].append((side, lobe))
    return slots
