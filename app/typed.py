"""Where the sentences of a report stand in the two fields that were typed.

Those are not the report's own fields: a heading that was pasted sends what follows it from one field to the other, and
characters that no report needs are left out (`Report.parse`).
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ctflow.report import LEFT_OUT, Sentence, sections

_TWO_UNITS = re.compile(r"[\U00010000-\U0010ffff]")  # characters that a browser counts as two


@dataclass(frozen=True)
class Place:
    """In the typed field of this name, from `start` to before `end`, counted as browsers count (in UTF-16)."""

    field: str
    start: int
    end: int


@dataclass(frozen=True)
class _Run:
    """Characters that stand in the report's field from `at` on, as they were typed from `start` on.

    `section`: which of the typed parts they are of; headings lie between these.
    """

    at: int
    field: str
    start: int
    section: int


class Typed:
    """What was typed in the two fields, of which `Report.parse` makes a report."""

    def __init__(self, findings: str, impression: str) -> None:
        typed = {"findings": findings, "impression": impression}
        parts = {"findings": [], "impression": [("impression", 0, len(impression))]}
        for field, start, end in sections(findings):
            parts[field].append(("findings", start, end))
        self._runs = {field: list(_runs(typed, parts[field])) for field in typed}
        self._starts = {field: [run.at for run in runs] for field, runs in self._runs.items()}
        self._doubles = {field: [one.start() for one in _TWO_UNITS.finditer(text)] for field, text in typed.items()}

    def place(self, sentence: Sentence) -> Place | None:
        """Where a sentence was typed; None if a heading stood in the middle of it."""
        first, last = self._run(sentence.field, sentence.start), self._run(sentence.field, sentence.end - 1)
        if first.section != last.section:
            return None
        start, end = first.start + sentence.start - first.at, last.start + sentence.end - last.at
        return Place(first.field, self._units(first.field, start), self._units(first.field, end))

    def _run(self, field: str, character: int) -> _Run:
        return self._runs[field][bisect_right(self._starts[field], character) - 1]

    def _units(self, field: str, characters: int) -> int:
        return characters + bisect_left(self._doubles[field], characters)


def _runs(typed: Mapping[str, str], parts: list[tuple[str, int, int]]) -> Iterator[_Run]:
    """The runs of a report's field. `parts`: what it was joined from, as a typed field, its first character and the one
    behind."""
    stripped = [(field, *_stripped(typed[field], start, end)) for field, start, end in parts]
    written = [(field, start, end) for field, start, end in stripped if start < end]
    whole = LEFT_OUT.sub("", " ".join(typed[field][start:end] for field, start, end in written))
    at = len(whole.lstrip()) - len(whole)  # what is left may begin with space
    for section, (field, start, end) in enumerate(written):
        for first, behind in _kept(typed[field], start, end):
            yield _Run(at, field, first, section)
            at += behind - first
        at += 1


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _kept(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for left_out in LEFT_OUT.finditer(text, start, end):
        if start < left_out.start():
            yield start, left_out.start()
        start = left_out.end()
    if start < end:
        yield start, end
