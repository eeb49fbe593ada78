"""Phantoms written as CT-RATE lays out its data set, so that code for the one reads the other."""

import json
import time
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctflow.data.ctrate import (
    NOT_GIVEN,
    MetadataRow,
    ReportRow,
    Split,
    labels_path,
    metadata_path,
    no_chest_path,
    reports_path,
    volume_path,
    write_labels,
    write_metadata,
    write_no_chests,
    write_reports,
)
from ctflow.io.files import make_folder, write_atomic
from ctflow.io.nifti import check_replaceable, synthetic_label, write_nifti
from ctflow.labels import LABELS
from ctflow.phantom import Phantom, Truth, make_phantom
from ctflow.phantom.grid import PIXEL_MM, SLICE_MM
from ctflow.report import Report
from ctflow.runtime.processes import processes
from ctflow.volume import Volume

FIRST_SEED: dict[Split, int] = {"train": 0, "valid": 10**8}  # far apart, so that no phantom is in both
TECHNIQUE = "Procedural phantom, no patient: non-contrast chest CT of 3 mm slices is simulated."


@dataclass(frozen=True, kw_only=True)
class WrittenPhantom:
    """A phantom on disk: what its rows in the tables need. `shape`: slices, rows, columns."""

    name: str
    report: Report
    truth: Truth
    shape: tuple[int, int, int]
    seconds: float


def write_phantom(out: Path, split: Split, name: str, seed: int) -> WrittenPhantom:
    """Writes the volume of one phantom.

    Raises VolumeError where a scan of CT-RATE lies, because those have the same names.
    """
    began_s = time.perf_counter()
    path = volume_path(out, split, name)
    check_replaceable(path)
    phantom = make_phantom(seed)
    make_folder(path.parent)
    write_nifti(_from_feet_to_head(phantom), path, synthetic_label("procedural phantom"))
    slices, rows, columns = phantom.volume.hu.shape
    return WrittenPhantom(
        name=name,
        report=phantom.report,
        truth=phantom.truth,
        shape=(slices, rows, columns),
        seconds=time.perf_counter() - began_s,
    )


def write_dataset(
    out: Path,
    count: int,
    seed: int,
    split: Split,
    workers: int,
    *,
    write: Callable[[Path, Split, str, int], WrittenPhantom] = write_phantom,
    pool: Callable[[int], AbstractContextManager[Executor]] = processes,
) -> Generator[WrittenPhantom, None, None]:
    """Writes `count` phantoms of a split, beginning with its seed number `seed`, and yields each once it is on disk.

    Beside CT-RATE's tables it writes `{split}_truths.json`, the truth of each phantom. Tables are written at the end,
    also if the caller stops early. `write` and `pool` vary in tests. Raises CTFlowError where `out` cannot be written.
    """
    written: list[WrittenPhantom] = []
    names = [f"{split}_{index + 1}_a_1.nii.gz" for index in range(count)]
    first = FIRST_SEED[split] + seed
    try:
        with pool(workers) as executor:
            seeds = range(first, first + count)
            for one in executor.map(write, [out] * count, [split] * count, names, seeds):
                written.append(one)
                yield one
    finally:
        if written:
            write_tables(out, split, written)


def write_tables(out: Path, split: Split, written: list[WrittenPhantom]) -> None:
    """Writes CT-RATE's tables and the truths. Raises CTFlowError where that cannot be done."""
    write_reports(reports_path(out, split), map(_report_row, written))
    labels = {one.name: frozenset(label for label in LABELS if one.truth.has(label)) for one in written}
    write_labels(labels_path(out, split), labels)
    write_metadata(metadata_path(out, split), map(_metadata_row, written))
    write_no_chests(no_chest_path(out, split), ())
    truths = {one.name: one.truth.to_json() for one in written}
    write_atomic(out / f"{split}_truths.json", json.dumps(truths, indent=1).encode())


def _from_feet_to_head(phantom: Phantom) -> Volume:
    """The volume with its slices in the order of CT-RATE's files."""
    hu, affine = phantom.volume.hu, phantom.volume.affine.copy()
    affine[:, 3] += (len(hu) - 1) * affine[:, 0]
    affine[:, 0] *= -1
    return Volume(np.ascontiguousarray(hu[::-1]), affine)


def _report_row(one: WrittenPhantom) -> ReportRow:
    return ReportRow(
        name=one.name,
        clinical_information=NOT_GIVEN,
        technique=TECHNIQUE,
        findings=one.report.findings,
        impression=one.report.impression,
    )


def _metadata_row(one: WrittenPhantom) -> MetadataRow:
    slices, rows, columns = one.shape
    return MetadataRow(
        name=one.name,
        sex=one.truth.sex,
        age=one.truth.age,
        pixel_spacing_mm=PIXEL_MM,
        slice_spacing_mm=SLICE_MM,
        rows=rows,
        columns=columns,
        slices=slices,
    )
