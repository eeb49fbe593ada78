"""The volumes of CT-RATE as it lies on disk, in either version."""

import json
import logging
import math
from collections.abc import Iterable
from pathlib import Path

from ctflow.data.ctrate import (
    DATASET,
    ReportRow,
    ScannedRow,
    Split,
    is_volume_name,
    metadata_path,
    no_chest_path,
    patient_of,
    read_metadata,
    read_no_chests,
    read_reports,
    reports_path,
    volume_path,
    volumes_folder,
)
from ctflow.data.sources import Source, StoredValues
from ctflow.errors import RequestError

_log = logging.getLogger(__name__)


def ct_rate_sources(root: Path, split: Split) -> list[Source]:
    """All volumes of a split that are chests, in the order of the reports.

    Where both versions are there, the second is taken, whose files hold HU.
    Raises RequestError for a table that is missing or has no sense, and names the row.
    """
    first_version = not volumes_folder(root, split).is_dir()
    if first_version and not volumes_folder(root, split, first_version=True).is_dir():
        raise RequestError(
            f"{volumes_folder(root, split)} is not there, nor is {split} beside it: --ct-rate is the folder that holds "
            f"{DATASET}, and --split one of which there are volumes."
        )
    reports, metadata = read_reports(reports_path(root, split)), read_metadata(metadata_path(root, split))
    scanned = {row.name: row for row in metadata}
    no_chests = read_no_chests(no_chest_path(root, split))
    _log.info("%s: %d reports, %d volumes that are no chests", split, len(reports), len(no_chests))
    _check_volume_names((row.name for row in reports), split, reports_path(root, split))
    _check_volume_names(sorted(no_chests), split, no_chest_path(root, split))
    names = [row.name for row in reports if row.name not in no_chests]
    paths = {name: volume_path(root, split, name, first_version=first_version) for name in names}
    by_name = {row.name: row for row in reports}
    return [_source(by_name[name], paths[name], scanned.get(name), first_version) for name in names]


def _check_volume_names(names: Iterable[str], split: Split, table: Path) -> None:
    """A name that is written otherwise would be looked for elsewhere, or would drop no volume."""
    for name in names:
        if not is_volume_name(name, split):
            raise RequestError(f"{table} names {name!r}; a volume as {split}_1_a_1.nii.gz was expected.")


def _source(report: ReportRow, path: Path, scanned: ScannedRow | None, first_version: bool) -> Source:
    stored, fault = None, ""
    if scanned is None:
        fault = "The table of metadata has no row for it."
    elif first_version:
        try:
            stored = stored_values(scanned)
        except RequestError as error:
            fault = str(error)
    return Source(
        name=report.name,
        patient=patient_of(report.name),
        path=path,
        findings=report.findings,
        impression=report.impression,
        sex=scanned.sex if scanned else "",
        age=scanned.age if scanned else "",
        stored=stored,
        fault=fault,
    )


def stored_values(row: ScannedRow) -> StoredValues:
    """What the first version's files leave out. Raises RequestError where the table does not say it."""
    try:
        across, down = (float(text) for text in json.loads(row.pixel_spacings))
        slope, intercept, between = float(row.slope), float(row.intercept), float(row.slice_spacing)
    except (ValueError, TypeError) as error:
        raise RequestError(f"The metadata give no slope, intercept or spacing for it ({error}).") from error
    finite = all(map(math.isfinite, (slope, intercept, across, between)))
    if across != down or not finite or slope == 0 or min(across, between) <= 0:
        raise RequestError(
            f"The metadata say slope {row.slope}, intercept {row.intercept} and spacings {row.pixel_spacings} and "
            f"{row.slice_spacing}; finite numbers were expected, a slope that is not 0, and spacings above 0, the same "
            "across and down."
        )
    return StoredValues(slope=slope, intercept=intercept, pixel_spacing_mm=across, slice_spacing_mm=between)
