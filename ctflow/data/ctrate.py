"""Phantoms written as CT-RATE lays out its data set, so that code for the one reads the other."""

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ctflow.io.files import make_folder, write_atomic
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.labels import LABELS
from ctflow.phantom import Phantom, Truth, make_phantom
from ctflow.report import Report
from ctflow.runtime.processes import processes
from ctflow.volume import Volume

Split = Literal["train", "valid"]
LONG_NAMES: dict[Split, str] = {"train": "train", "valid": "validation"}
FIRST_SEED: dict[Split, int] = {"train": 0, "valid": 10**8}  # far apart, so that nothing is in both
TECHNIQUE = "Procedural phantom, no patient: non-contrast chest CT of 3 mm slices is simulated."


@dataclass(frozen=True)
class Written:
    """One phantom on disk: what its rows in the tables need."""

    name: str
    report: Report
    truth: Truth
    shape: tuple[int, int, int]
    seconds: float


def write_dataset(out: Path, count: int, seed: int, split: Split, workers: int) -> Iterator[Written]:
    """Writes the phantoms of the split's seeds from its `seed`th on, each yielded once it is on disk.

    Under `out`: `dataset/`, `radiology_text_reports/`, `multi_abnormality_labels/`, `metadata/`, and
    `{split}_truths.json`, which CT-RATE has no counterpart of. The tables are written at the end, also where it is
    stopped early. Raises CTFlowError where `out` cannot be written to.
    """
    written: list[Written] = []
    names = [f"{split}_{index + 1}_a_1.nii.gz" for index in range(count)]
    first = FIRST_SEED[split] + seed
    try:
        with processes(workers) as pool:
            for one in pool.map(_write, [out] * count, [split] * count, names, range(first, first + count)):
                written.append(one)
                yield one
    finally:
        if written:
            _write_tables(out, split, written)


def path_of(out: Path, split: Split, name: str) -> Path:
    """Where CT-RATE keeps the volume of a name: `dataset/valid_fixed/valid_1/valid_1_a/valid_1_a_1.nii.gz`."""
    case, letter = name.rsplit("_", 2)[:2]
    return out / "dataset" / f"{split}_fixed" / case / f"{case}_{letter}" / name


def _write(out: Path, split: Split, name: str, seed: int) -> Written:
    began_s = time.perf_counter()
    phantom = make_phantom(seed)
    path = path_of(out, split, name)
    make_folder(path.parent)
    write_nifti(_upwards(phantom), path, synthetic_label("procedural phantom"))
    shape = phantom.volume.hu.shape
    return Written(name, phantom.report, phantom.truth, shape, time.perf_counter() - began_s)


def _upwards(phantom: Phantom) -> Volume:
    """With slices from feet to head, as CT-RATE's files have them."""
    hu, affine = phantom.volume.hu, phantom.volume.affine.copy()
    affine[:, 3] += (len(hu) - 1) * affine[:, 0]
    affine[:, 0] *= -1
    return Volume(np.ascontiguousarray(hu[::-1]), affine)


def _write_tables(out: Path, split: Split, written: list[Written]) -> None:
    long = LONG_NAMES[split]
    _table(out / "radiology_text_reports" / f"{long}_reports.csv", map(_report_row, written))
    _table(out / "multi_abnormality_labels" / f"{split}_predicted_labels.csv", map(_label_row, written))
    _table(out / "metadata" / f"{long}_metadata.csv", map(_metadata_row, written))
    truths = {one.name: one.truth.to_json() for one in written}
    write_atomic(out / f"{split}_truths.json", json.dumps(truths, indent=1).encode())


def _table(path: Path, rows: Iterable[dict[str, object]]) -> None:
    make_folder(path.parent)
    first, *others = rows
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(first))
    table.writeheader()
    table.writerows([first, *others])
    write_atomic(path, text.getvalue().encode())


def _report_row(one: Written) -> dict[str, object]:
    return {
        "VolumeName": one.name,
        "ClinicalInformation_EN": "Not given.",
        "Technique_EN": TECHNIQUE,
        "Findings_EN": one.report.findings,
        "Impressions_EN": one.report.impression,
    }


def _label_row(one: Written) -> dict[str, object]:
    return {"VolumeName": one.name} | {label: int(one.truth.has(label)) for label in LABELS}


def _metadata_row(one: Written) -> dict[str, object]:
    """The columns that readers of CT-RATE use; the others speak of scanners, and there was none."""
    slices, rows, columns = one.shape
    return {
        "VolumeName": one.name,
        "PatientSex": one.truth.sex,
        "PatientAge": f"{one.truth.age:03d}Y",
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "XYSpacing": "[1.5, 1.5]",
        "ZSpacing": 3.0,
        "Rows": rows,
        "Columns": columns,
        "NumberofSlices": slices,
    }
