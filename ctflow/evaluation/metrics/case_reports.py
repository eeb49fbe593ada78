"""Which report each volume goes with: a table of CT-RATE or JSON lines, or the sidecars beside generated volumes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from ctflow.data.ctrate import NOT_GIVEN, read_reports
from ctflow.errors import RequestError
from ctflow.io.nifti import is_nifti_name
from ctflow.io.nifti import stem_of as nifti_stem
from ctflow.io.sidecar import Sidecar
from ctflow.report import Report

log = logging.getLogger(__name__)

JSON_LINES = ".jsonl"
Reports = dict[str, Report]  # by the name of a volume, without the ending of its file


def read_case_reports(path: Path) -> Reports:
    """The reports of a CSV as CT-RATE has it, or of a `.jsonl` with name, findings and impression in each line.

    A report that is none (empty, far too long) is left out, and said in the log by its volume's name. Raises
    RequestError for a file that is no such table, and for one name twice.
    """
    reports: Reports = {}
    for number, (name, findings, impression) in enumerate(_rows(path), 1):
        case = case_of(name)
        if case in reports:
            raise RequestError(f"{path} has two reports of {case}, the second in row {number}: keep one of them.")
        try:
            reports[case] = Report(_given(findings), _given(impression))
        except RequestError as error:
            log.warning("%s, row %d: the report of %s is left out. %s", path, number, case, error)
    return reports


def case_of(name: str) -> str:
    """The name of a volume as a table has it, without the ending of a file."""
    return nifti_stem(Path(name)) if is_nifti_name(Path(name)) else name


def sidecar_reports(sidecars: Mapping[str, Sidecar]) -> Reports:
    """The reports of the sidecars of volumes, by the volumes' names."""
    return {name: sidecar.report for name, sidecar in sidecars.items()}


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    if path.suffix.lower() == JSON_LINES:
        yield from _json_rows(path)
        return
    for row in read_reports(path):
        yield row.name, row.findings, row.impression


def _json_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read ({error}): JSON lines were expected.") from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            yield str(row["name"]), str(row["findings"]), str(row.get("impression", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RequestError(
                f"{path}, line {number} is no JSON object with name and findings ({type(error).__name__}): mend it."
            ) from error


def _given(text: str) -> str:
    return "" if text == NOT_GIVEN else text
