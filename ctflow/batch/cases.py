"""The cases of a batch: a report each, and a name that leads to its files, its seed and its real volume."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ctflow.data.report_rows import Row, read_rows
from ctflow.errors import RequestError
from ctflow.io.names import case_name
from ctflow.report import Report
from ctflow.request import MAX_SEED

MOST_CHARACTERS = 200  # of a name: with its ending, a file system takes 255 bytes
FILE_NAME = re.compile(r"\w[\w .,+=@()-]*")


@dataclass(frozen=True)
class Case:
    """A report and its name, which is that of its files without the ending."""

    name: str
    report: Report


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What was not made, and why: a line of the reports, or a volume in `folder` of the batch.

    Holds no text of a report, because this is written down and shown.
    """

    name: str
    reason: str
    line: int | None = None
    folder: str = ""
    seed: int | None = None


def read_cases(path: Path) -> tuple[list[Case], list[LeftOut]]:
    """The cases of a file, and the lines that are none, each with its reason.

    Of two lines with one name, the first is taken. Raises RequestError for a file that holds no case.
    """
    cases, left_out = sorted_out(read_rows(path))
    if not cases:
        first = f" Line {left_out[0].line}: {left_out[0].reason}" if left_out else ""
        raise RequestError(f"{path} holds no report that can be used, in {len(left_out)} lines.{first}")
    return cases, left_out


def sorted_out(rows: Iterable[Row]) -> tuple[list[Case], list[LeftOut]]:
    """Cases and what is none, both in the order of the rows."""
    lines: dict[str, int] = {}
    cases, left_out = list[Case](), list[LeftOut]()
    for row in rows:
        name = case_name(row.name)
        reason = row.reason or _fault_of(name, lines)
        if reason or row.report is None:
            left_out.append(LeftOut(name=name, reason=reason, line=row.line))
        else:
            lines[name] = row.line
            cases.append(Case(name, row.report))
    return cases, left_out


def _fault_of(name: str, lines: dict[str, int]) -> str:
    if len(name.encode()) > MOST_CHARACTERS or not FILE_NAME.fullmatch(name):
        return (
            f"Its name cannot be that of a file: up to {MOST_CHARACTERS} letters, digits, spaces and .,+=@()-_ were "
            "expected, of which the first is a letter or digit."
        )
    return f"Line {lines[name]} has the same name." if name in lines else ""


def seed_of(base: int, name: str) -> int:
    """The seed of a case: of its name and the batch's seed alone, so that any part of a file gives the same volumes.

    Hashed, because seeds that follow a pattern have been seen to end every volume at its first chunk.
    """
    digest = hashlib.sha256(f"{base} {name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & MAX_SEED


def shuffled(cases: Sequence[Case], base: int) -> dict[str, Report]:
    """By name, the report of another case: that of the next one, in an order which the names and the seed decide.

    Raises RequestError where all reports are the same.
    """
    order = sorted(cases, key=lambda case: (seed_of(base, case.name), case.name))
    return {case.name: _next_other(order, place) for place, case in enumerate(order)}


def _next_other(order: Sequence[Case], place: int) -> Report:
    for step in range(1, len(order)):
        other = order[(place + step) % len(order)]
        if other.report != order[place].report:
            return other.report
    raise RequestError("All reports are the same, so that they cannot be shuffled: give others, or leave that arm out.")
