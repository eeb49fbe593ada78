"""Sex and age of the cases, which CT-RATE has in its metadata and not beside the reports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ctflow.batch.cases import Case, LeftOut
from ctflow.data.ctrate import ScannedRow, read_metadata
from ctflow.data.sources import sex_of, years_of
from ctflow.errors import RequestError
from ctflow.io.names import case_name


def with_patients(cases: Sequence[Case], metadata: Path) -> list[Case | LeftOut]:
    """The cases with sex and age from CT-RATE's metadata, and those left out of which that table says nothing usable.

    Raises RequestError for a file that is no such table.
    """
    rows = {case_name(row.name): row for row in read_metadata(metadata)}
    return [_with_patient(case, rows) for case in cases]


def _with_patient(case: Case, rows: Mapping[str, ScannedRow]) -> Case | LeftOut:
    if case.name not in rows:
        return LeftOut(name=case.name, reason="The metadata have no row for it.")
    row = rows[case.name]
    try:
        return Case(case.name, replace(case.report, sex=sex_of(row.sex), age=years_of(row.age)))
    except RequestError as error:
        return LeftOut(name=case.name, reason=str(error))
