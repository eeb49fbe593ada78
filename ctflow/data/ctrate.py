"""CT-RATE's layout: where its volumes and tables lie, and what stands in a row of each table.

    dataset/valid_fixed/valid_1/valid_1_a/valid_1_a_1.nii.gz     patient 1, study a, reconstruction 1
    dataset/radiology_text_reports/validation_reports.csv
    dataset/multi_abnormality_labels/valid_predicted_labels.csv
    dataset/metadata/validation_metadata.csv
    dataset/metadata/no_chest_valid.txt                          volumes that are no chests, one path a line

In the first version volumes lie in `dataset/valid`, and hold numbers that the metadata's slope and intercept make HU.

A volume's name, `valid_1_a_1.nii.gz`, leads from table to table. Of the metadata only the columns that readers of
CT-RATE use are written; the others describe scanners.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ctflow.data.tables import NAME, read_table, write_table
from ctflow.errors import RequestError
from ctflow.io.files import make_folder, write_atomic
from ctflow.labels import LABELS, Label

Split = Literal["train", "valid"]
LONG_NAMES: dict[Split, str] = {"train": "train", "valid": "validation"}  # of a split, in the names of some tables
DATASET = "dataset"  # the folder of CT-RATE that holds all of it but models
NOT_GIVEN = "Not given."  # where a text is missing
_VOLUME_NAME = re.compile(r"(train|valid)_\d+_[a-z]+_\d+\.nii\.gz")


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """The report of a volume, in English."""

    name: str
    clinical_information: str
    technique: str
    findings: str
    impression: str


@dataclass(frozen=True, kw_only=True)
class MetadataRow:
    """Who was examined, and the grid of the volume. `age` in years; spacings in mm."""

    name: str
    sex: str
    age: int
    pixel_spacing_mm: float
    slice_spacing_mm: float
    rows: int
    columns: int
    slices: int


@dataclass(frozen=True, kw_only=True)
class ScannedRow:
    """What the metadata say of a volume, as they say it: the patient, and what the first version's files leave out."""

    name: str
    sex: str
    age: str
    slope: str
    intercept: str
    pixel_spacings: str
    slice_spacing: str


def volume_path(root: Path, split: Split, name: str, *, first_version: bool = False) -> Path:
    """Where the volume of a name lies."""
    patient, study = name.rsplit("_", 2)[:2]
    return volumes_folder(root, split, first_version=first_version) / patient / f"{patient}_{study}" / name


def volumes_folder(root: Path, split: Split, *, first_version: bool = False) -> Path:
    """Where the volumes of a split lie."""
    return root / DATASET / (split if first_version else f"{split}_fixed")


def patient_of(name: str) -> str:
    """The patient in the name of a volume, as `valid_1`."""
    return name.rsplit("_", 2)[0]


def is_volume_name(name: str, split: Split) -> bool:
    """Whether this is the name of a volume of that split."""
    return name.startswith(f"{split}_") and _VOLUME_NAME.fullmatch(name) is not None


def no_chest_path(root: Path, split: Split) -> Path:
    """Where the list lies of volumes that are no chests."""
    return root / DATASET / "metadata" / f"no_chest_{split}.txt"


def reports_path(root: Path, split: Split) -> Path:
    """Where the reports lie."""
    return root / DATASET / "radiology_text_reports" / f"{LONG_NAMES[split]}_reports.csv"


def labels_path(root: Path, split: Split) -> Path:
    """Where the labels lie."""
    return root / DATASET / "multi_abnormality_labels" / f"{split}_predicted_labels.csv"


def metadata_path(root: Path, split: Split) -> Path:
    """Where the metadata lie."""
    return root / DATASET / "metadata" / f"{LONG_NAMES[split]}_metadata.csv"


def write_reports(path: Path, reports: Iterable[ReportRow]) -> None:
    """Writes the table of reports. Raises CTFlowError where that cannot be done."""
    write_table(
        path,
        (
            {
                NAME: one.name,
                "ClinicalInformation_EN": one.clinical_information,
                "Technique_EN": one.technique,
                "Findings_EN": one.findings,
                "Impressions_EN": one.impression,
            }
            for one in reports
        ),
    )


def read_reports(path: Path) -> list[ReportRow]:
    """Reads the table of reports. Raises RequestError that names the file and the columns that it lacks."""
    columns = ("ClinicalInformation_EN", "Technique_EN", "Findings_EN", "Impressions_EN")
    return [
        ReportRow(
            name=row[NAME],
            clinical_information=row["ClinicalInformation_EN"],
            technique=row["Technique_EN"],
            findings=row["Findings_EN"],
            impression=row["Impressions_EN"],
        )
        for row in read_table(path, columns)
    ]


def write_labels(path: Path, labels: Mapping[str, frozenset[Label]]) -> None:
    """Writes the table of labels. `labels`: by volume, those that apply. Raises CTFlowError."""
    rows = ({NAME: name} | {label: int(label in there) for label in LABELS} for name, there in labels.items())
    write_table(path, rows)


def read_labels(path: Path) -> dict[str, frozenset[Label]]:
    """Reads the table of labels -> by volume, those that apply.

    Raises RequestError, also for what is neither 0 nor 1, such as a probability.
    """
    return {
        row[NAME]: frozenset(label for label in LABELS if _applies(row, label, path))
        for row in read_table(path, LABELS)
    }


def _applies(row: Mapping[str, str], label: Label, path: Path) -> bool:
    match row[label].strip():
        case "1" | "1.0":
            return True
        case "0" | "0.0":
            return False
        case other:
            raise RequestError(f"{path} says {other!r} of {label} in {row[NAME]}; 0 or 1 was expected.")


def write_metadata(path: Path, metadata: Iterable[MetadataRow]) -> None:
    """Writes the table of metadata, for volumes whose files hold HU. Raises CTFlowError."""
    write_table(
        path,
        (
            {
                NAME: one.name,
                "PatientSex": one.sex,
                "PatientAge": f"{one.age:03d}Y",
                "RescaleSlope": 1,
                "RescaleIntercept": 0,
                "XYSpacing": f"[{one.pixel_spacing_mm}, {one.pixel_spacing_mm}]",
                "ZSpacing": one.slice_spacing_mm,
                "Rows": one.rows,
                "Columns": one.columns,
                "NumberofSlices": one.slices,
            }
            for one in metadata
        ),
    )


def read_metadata(path: Path) -> list[ScannedRow]:
    """Reads the table of metadata. Raises RequestError."""
    columns = {
        "sex": "PatientSex",
        "age": "PatientAge",
        "slope": "RescaleSlope",
        "intercept": "RescaleIntercept",
        "pixel_spacings": "XYSpacing",
        "slice_spacing": "ZSpacing",
    }
    return [
        ScannedRow(name=row[NAME], **{field: row[column] for field, column in columns.items()})
        for row in read_table(path, columns.values())
    ]


def write_no_chests(path: Path, names: Iterable[str]) -> None:
    """Writes the list of volumes that are no chests. Raises CTFlowError."""
    make_folder(path.parent)
    write_atomic(path, "".join(f"{name}\n" for name in names).encode())


def read_no_chests(path: Path) -> frozenset[str]:
    """The names in the list of volumes that are no chests. Raises RequestError where there is no list.

    CT-RATE's list has paths, which begin with the split or anywhere else; only the name counts.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            f"{path} cannot be read ({error}): it lists volumes that are no chests, as CT-RATE does. Fetch it; an "
            "empty file says that all of them are chests."
        ) from error
    return frozenset(PurePosixPath(line).name for line in lines)
