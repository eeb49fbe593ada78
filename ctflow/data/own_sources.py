"""Volumes of one's own: a folder, and a table with CT-RATE's columns and the patient."""

from pathlib import Path

from ctflow.data.sources import Source
from ctflow.data.tables import NAME, read_table
from ctflow.errors import RequestError

PATIENT, FINDINGS, IMPRESSION = "PatientID", "Findings_EN", "Impressions_EN"
SEX, AGE = "PatientSex", "PatientAge"  # may be missing


def own_sources(folder: Path, table: Path) -> list[Source]:
    """The volumes of a table, in its order. A name is a path in `folder`, to a file or a folder of DICOM.

    Raises RequestError for a table that lacks a column or a name, and for a name that leads out of the folder.
    """
    rows = read_table(table, (PATIENT, FINDINGS, IMPRESSION))
    return [_source(folder, row, table) for row in rows]


def _source(folder: Path, row: dict[str, str], table: Path) -> Source:
    name = Path(row[NAME])
    if name.is_absolute() or ".." in name.parts:
        raise RequestError(f"{table} names {row[NAME]!r}; a path inside the folder of the volumes was expected.")
    if not row[PATIENT]:
        raise RequestError(f"{table} does not say whose {row[NAME]} is: give its {PATIENT}.")
    return Source(
        name=row[NAME],
        patient=row[PATIENT],
        path=folder / name,
        findings=row[FINDINGS],
        impression=row[IMPRESSION],
        sex=row.get(SEX, ""),
        age=row.get(AGE, ""),
    )
