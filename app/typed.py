"""Where the sentences of a report stand in the two fields that were typed.

Those are not the report's own fields: a heading that was pasted sends what follows it from one field to the other, and
characters that no report needs are left out (`Report.parse`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from ctflow.report import Report, Sentence, sections


@dataclass(frozen=True)
class Place:
    """In the typed field of this name, from `start` to before `end`, counted as browsers count (in UTF-16)."""

    field: str
    start: int
    end: int


class Typed:
    """`report` is what `Report.parse` made of these two fields."""

    def __init__(self, findings: str, impression: str, report: Report) -> None:
        typed = {"findings": findings, "impression": impression}
        pieces = {"findings": [], "impression": [Place("impression", 0, len(impression))]}
        for field, start, end in sections(findings):
            pieces[field].append(Place("findings", start, end))
        self._origins = {field: list(_origins(getattr(report, field), typed, pieces[field])) for field in typed}
        self._units = {field: _units(text) for field, text in typed.items()}

    def place(self, sentence: Sentence) -> Place | None:
        """Where a sentence was typed; None if a heading stood in the middle of it."""
        origins = self._origins[sentence.field][sentence.start : sentence.end]
        first, last = origins[0], origins[-1]
        if first is None or last is None or None in origins:
            return None
        units = self._units[first.field]
        return Place(first.field, units[first.start], units[last.end])


def _origins(text: str, typed: dict[str, str], pieces: list[Place]) -> Iterator[Place | None]:
    """For each character of a report's field where it was typed; None for a space that was put between two pieces."""
    source = _joined(typed, pieces)
    for sign in text:
        yield next(place for one, place in source if one == sign)  # whatever comes before it was left out


def _joined(typed: dict[str, str], pieces: list[Place]) -> Iterator[tuple[str, Place | None]]:
    is_first = True
    for piece in pieces:
        text = typed[piece.field][piece.start : piece.end]
        start = piece.start + len(text) - len(text.lstrip())
        if text.strip() and not is_first:
            yield " ", None
        is_first = is_first and not text.strip()
        for i, sign in enumerate(text.strip(), start):
            yield sign, Place(piece.field, i, i + 1)


def _units(text: str) -> list[int]:
    """How many UTF-16 units stand before each character, and before the end."""
    return list(accumulate((1 + (sign > "\uffff") for sign in text), initial=0))
