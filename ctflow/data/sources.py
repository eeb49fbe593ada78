"""The volumes that a data set is prepared from: where each lies, whose it is, and what its report says."""

import hashlib
import logging
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from ctflow.data.ctrate import NOT_GIVEN
from ctflow.errors import RequestError
from ctflow.report import Report

_log = logging.getLogger(__name__)
_AGE = re.compile(r"(\d{1,3})([YMWD])?")  # as DICOM writes it; of months, weeks and days no year is full


@dataclass(frozen=True, kw_only=True)
class StoredValues:
    """What CT-RATE's first version keeps in a table: how a file's values become HU, and the spacings in mm."""

    slope: float
    intercept: float
    pixel_spacing_mm: float
    slice_spacing_mm: float

    @property
    def is_identity(self) -> bool:
        """Whether the file's values are HU already, and no harm is done by applying slope and intercept."""
        return (self.slope, self.intercept) == (1, 0)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A volume to be prepared. `sex` and `age` as a table has them, empty where it has none.

    `stored`: None for a file that holds HU and says itself where it lies. `fault`: why the volume cannot be prepared,
    where a table shows it already.
    """

    name: str
    patient: str
    path: Path
    findings: str
    impression: str
    sex: str = ""
    age: str = ""
    stored: StoredValues | None = None
    fault: str = ""

    def report(self) -> Report:
        """What the text encoder is to read. Raises RequestError for a report that is empty or no report."""
        findings, impression = ("" if text.strip() == NOT_GIVEN else text for text in (self.findings, self.impression))
        return Report(findings, impression, sex_of(self.sex), years_of(self.age))


def sex_of(text: str) -> Literal["F", "M"] | None:
    """None where a table says nothing, or O for other. Raises RequestError for another word."""
    match text.strip().upper():
        case "F" | "M" as sex:
            return sex
        case "" | "NAN" | "O":
            return None
        case other:
            raise RequestError(f"The sex is {other!r}; F, M, O or nothing was expected.")


def years_of(text: str) -> int | None:
    """Full years of an age such as 054Y. None where a table says nothing. Raises RequestError for what is no age."""
    text = text.strip().upper()
    if text in ("", "NAN"):
        return None
    if not (found := _AGE.fullmatch(text)):
        raise RequestError(f"The age is {text!r}; one as in DICOM, such as 054Y, was expected.")
    number, unit = int(found[1]), found[2] or "Y"
    return number if unit == "Y" else math.floor(number / {"M": 12, "W": 52.2, "D": 365.25}[unit])


def first_of_each_patient(sources: Iterable[Source]) -> list[Source]:
    """One volume of each patient, the first in the table."""
    return list({source.patient: source for source in reversed(list(sources))}.values())[::-1]


def check_there(sources: Sequence[Source], *, skip_missing: bool) -> list[Source]:
    """The sources whose files are there; the log says how many are not.

    Raises RequestError where none is there, or any is not and may not be skipped.
    """
    if not sources:
        raise RequestError("The tables leave no volume to read: all that they name are listed as no chests.")
    there, missing = list[Source](), list[Source]()
    for source in sources:
        if source.path.exists():
            there.append(source)
        else:
            missing.append(source)
    if not missing:
        return there
    said = f"{len(missing):,} of the {len(sources):,} volumes of the table are not there, first {missing[0].path}"
    if not (skip_missing and there):
        raise RequestError(f"{said}. Fetch them, or prepare those that are there with --skip-missing.")
    _log.warning("%s: they are skipped.", said)
    return there


def sources_sha256(sources: Iterable[Source]) -> str:
    """The hash of whose volumes these are and what their reports say, wherever they lie."""
    total = hashlib.sha256()
    for source in sources:
        total.update(_adapter.dump_json(source, exclude={"path"}) + b"\n")
    return total.hexdigest()


_adapter = TypeAdapter(Source)
