"""Which report each volume goes with: a file of reports, or the sidecars beside generated volumes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from ctflow.data.report_rows import read_rows
from ctflow.errors import RequestError
from ctflow.io.names import case_name
from ctflow.io.sidecar import Sidecar
from ctflow.report import Report

log = logging.getLogger(__name__)

Reports = dict[str, Report]  # by the name of a volume, without the ending of its file


def read_case_reports(path: Path) -> Reports:
    """The reports of a file, in any format that `generate --reports` takes.

    A line that holds none (broken, empty, far too long) is left out, and said in the log by its volume's name. Raises
    RequestError for a file that is none of reports, and for one name twice.
    """
    reports: Reports = {}
    first = ""
    for row in read_rows(path):
        case = case_name(row.name)
        if row.report is None:
            log.warning("%s, line %d: the report of %s is left out. %s", path, row.line, case or "no name", row.reason)
            first = first or f" Line {row.line}: {row.reason}"
        elif case in reports:
            raise RequestError(f"{path} has two reports of {case}, the second in line {row.line}: keep one of them.")
        else:
            reports[case] = row.report
    if not reports:
        raise RequestError(f"{path} holds no report that can be used.{first}")
    return reports


def sidecar_reports(sidecars: Mapping[str, Sidecar]) -> Reports:
    """The reports of the sidecars of volumes, by the volumes' names."""
    return {name: sidecar.report for name, sidecar in sidecars.items()}
