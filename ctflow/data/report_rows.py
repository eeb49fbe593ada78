"""The lines of a file of reports, each by itself: one that is broken says so, and the next one is read all the same."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctflow.data.ctrate import NOT_GIVEN
from ctflow.data.sources import sex_of, years_of
from ctflow.data.tables import NAME
from ctflow.errors import RequestError
from ctflow.report import Report

FINDINGS, IMPRESSION = "Findings_EN", "Impressions_EN"
SEX, AGE = "PatientSex", "PatientAge"  # may be missing
FORMATS = """\
  .csv    as CT-RATE has it: VolumeName, Findings_EN, Impressions_EN; there may be PatientSex and PatientAge (as 054Y)
  .jsonl  a line for each report: {"name": "a", "findings": "…"}; there may be impression, sex (F or M), age (years)
  .json   prompts.json of the VLM3D challenge: [{"input_image_name": "a", "report": "…"}]"""
_UNDECODED = ("\ud800", "\udfff")  # between these lies what stands for bytes that are not UTF-8


@dataclass(frozen=True)
class Row:
    """A report and the name of its case, or, where they cannot be read, the reason.

    `line`: of the file, from 1 on; of prompts.json, which need not have lines, the entry.
    """

    line: int
    name: str = ""
    report: Report | None = None
    reason: str = ""


def read_rows(path: Path) -> Iterator[Row]:
    """All rows of a file of one of the FORMATS. Raises RequestError for a file that as a whole is none of them."""
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".json": _prompts}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise RequestError(f"{path} is no file of reports by its ending. Expected was one of\n{FORMATS}")
    try:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    except OSError as error:
        raise RequestError(f"The reports {path} cannot be read ({error.strerror}).") from error
    yield from read(text, path)


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    records = _records(list(io.StringIO(text, newline="")))
    head = next(records, _Record(1))
    if missing := [column for column in (NAME, FINDINGS, IMPRESSION) if column not in head.fields]:
        raise RequestError(f"{path} has no column {', '.join(missing)} in its first line. Expected was\n{FORMATS}")
    if twice := [column for column in head.fields if head.fields.count(column) > 1]:
        raise RequestError(f"{path} has two columns {twice[0]!r}. Keep one of them.")
    for record in records:
        reason = record.reason
        if not reason and len(record.fields) != len(head.fields):
            reason = f"It has {len(record.fields)} columns, the first line has {len(head.fields)}."
        fields = dict(zip(head.fields, record.fields, strict=False))
        yield Row(record.line, reason=reason) if reason else _row(record.line, fields, NAME, _report_of_table)


def _report_of_table(fields: Mapping[str, str]) -> Report:
    findings, impression = (
        "" if fields[name].strip() == NOT_GIVEN else fields[name] for name in (FINDINGS, IMPRESSION)
    )
    return Report(findings, impression, sex_of(fields.get(SEX, "")), years_of(fields.get(AGE, "")))


@dataclass(frozen=True)
class _Record:
    """What begins in a line of a table: its fields, or why it is no record."""

    line: int
    fields: Sequence[str] = ()
    reason: str = ""


def _records(lines: Sequence[str]) -> Iterator[_Record]:
    """The records of a table but for empty lines.

    After one that is none, the next line is tried: a quote that nobody closed would else take all others with it.
    """
    line = 0
    while line < len(lines):
        table = csv.reader((lines[number] for number in range(line, len(lines))), strict=True)
        try:
            if fields := next(table):
                yield _Record(line + 1, fields)
            line += table.line_num
        except csv.Error as error:
            yield _Record(line + 1, reason=f"It is no record of a table ({error}). Is a quote left open?")
            line += 1


def _json_rows(text: str, path: Path) -> Iterator[Row]:
    for line, words in enumerate(io.StringIO(text), 1):
        if words.strip():
            yield _json_row(line, words)


def _json_row(line: int, words: str) -> Row:
    try:
        fields = json.loads(words)
    except (ValueError, RecursionError) as error:
        return Row(line, reason=f"It is no JSON ({error}).")
    return _row(line, fields, "name", _report_of_line)


def _report_of_line(fields: Mapping[str, Any]) -> Report:
    return Report(fields["findings"], fields.get("impression", ""), fields.get("sex"), fields.get("age"))


def _prompts(text: str, path: Path) -> Iterator[Row]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{path} is no JSON ({error}). Expected was one of\n{FORMATS}") from error
    if not isinstance(entries, list):
        raise RequestError(f"{path} holds no list. Expected was one of\n{FORMATS}")
    for number, entry in enumerate(entries, 1):
        yield _row(number, entry, "input_image_name", _report_of_prompt)


def _report_of_prompt(fields: Mapping[str, Any]) -> Report:
    if not isinstance(fields["report"], str):
        raise RequestError(f"The report must be text; got {type(fields['report']).__name__}.")
    return Report.parse(fields["report"])


def _row(line: int, fields: Any, name: str, report_of: Callable[[Mapping[str, Any]], Report]) -> Row:
    """A row from its fields, whatever they are. No reason repeats the text of a report."""
    if not isinstance(fields, dict):
        return Row(line, reason=f"It is no JSON object, but {type(fields).__name__}.")
    if any(_is_undecoded(value) for value in fields.values()):
        return Row(line, reason="It is not UTF-8.")
    case = fields.get(name)
    if not isinstance(case, str) or not case.strip():
        return Row(line, reason=f"It has no {name}.")
    try:
        return Row(line, case.strip(), report_of(fields))
    except KeyError as error:
        return Row(line, case.strip(), reason=f"It has no {error.args[0]}.")
    except RequestError as error:
        return Row(line, case.strip(), reason=str(error))


def _is_undecoded(value: object) -> bool:
    low, high = _UNDECODED
    return isinstance(value, str) and any(low <= sign <= high for sign in value)
