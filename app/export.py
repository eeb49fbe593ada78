"""Files to take away: a run's slices as NIfTI or as a DICOM series, and the sidecar that can make them again."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.chunks import NOT_WRITTEN
from app.run import Run
from app.scan import Scan
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.generator import VolumeGenerator
from ctflow.io.dicom_series import SeriesText, derivation_of, write_dicom_zip
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.io.sidecar import Sidecar, StartRecord, earlier_of, sidecar_of, write_sidecar
from ctflow.request import GenerationRequest, SharedPrevious, beginning_of, scan_of

SCAN_NAME = "scan.nii.gz"
ENDINGS = {"nifti": ".nii.gz", "sidecar": ".json", "dicom": "-dicom.zip"}


def export(run: Run, generator: VolumeGenerator, kind: str) -> Path:
    """Writes the slices made so far as NIfTI or DICOM, or the JSON that belongs to them, into the run's folder.

    A volume that is not finished says so in its name, its header and its sidecar. Raises RequestError if there are no
    slices yet or if there is no such kind, ResourceError if the file cannot be written.
    """
    if not isinstance(kind, str) or kind not in ENDINGS:
        raise RequestError(f"The kind of download must be one of {', '.join(ENDINGS)}; got {kind!r}.")
    if run.request is None:
        return _export_scan(run, kind)
    made = _made(run, run.request, generator)
    if kind != "nifti":
        _check_one_volume(run, kind)
    out = run.folder / (file_name(run, generator.card.name, made.missing) + ENDINGS[kind])
    _remove_older(out, ENDINGS[kind])
    try:
        _write(run, made, kind, out)
    except VolumeError as error:  # whose words name a path of the server
        raise ResourceError(NOT_WRITTEN) from error
    return out


def _export_scan(run: Run, kind: str) -> Path:
    """What was opened, as NIfTI. Of a real scan it says nothing of us: nothing of it was made here."""
    if kind == "sidecar":
        raise RequestError("A scan has no settings: it was opened, and not made. Download it as NIfTI.")
    if kind == "dicom":
        raise RequestError("A scan is not written as DICOM, because our series say that they are synthetic.")
    is_synthetic = isinstance(run, Scan) and run.is_synthetic
    path = run.folder / (f"synthetic-{SCAN_NAME}" if is_synthetic else SCAN_NAME)
    try:
        write_nifti(run.volume(), path, synthetic_label("unknown, opened from a file") if is_synthetic else "scan")
    except VolumeError as error:  # whose words name a path of the server
        raise ResourceError(NOT_WRITTEN) from error
    return path


def _record(run: Run) -> StartRecord | None:
    """The scan that a volume began with, by the name of its download: its own name is not known here."""
    scan = scan_of(run.start)
    if scan is None:
        return None
    return StartRecord(mode=scan.mode, scan=SCAN_NAME, sha256=scan.sha256, slices=scan.slices)


def _check_one_volume(run: Run, kind: str) -> None:
    """Raises RequestError for a volume that is no CT, and for one that no settings alone can make again."""
    if run.is_computed:
        what = "and settings make one" if kind == "sidecar" else "and is no CT"
        raise RequestError(f"This was computed from several volumes, {what}. Download it as NIfTI.")
    if kind == "sidecar" and isinstance(run.start, SharedPrevious):
        raise RequestError(
            "Each chunk of this volume was made from the whole report's chunk before it, which these settings cannot "
            "say. `python -m ctflow ablate` makes it again, from the settings of the whole report."
        )


@dataclass(frozen=True)
class _Made:
    """What a run has made so far. `missing`: "48 of 96 slices" of one that is not finished."""

    slices: int
    missing: str
    label: str
    sidecar: Sidecar


def _made(run: Run, request: GenerationRequest, generator: VolumeGenerator) -> _Made:
    with run.news:
        complete, seconds = run.state == "finished", run.elapsed_s()
        missing, slices = run.missing()
    scan = scan_of(run.start)
    kind = run.title.lower() if run.is_computed else f"slices 1-{scan.slices} the scan's" if scan else ""
    label = synthetic_label(generator.card.name, scan is not None, missing, kind)
    earlier = earlier_of(beginning_of(run.start))
    sidecar = sidecar_of(request, generator, seconds=seconds, complete=complete, earlier=earlier, scan=_record(run))
    return _Made(slices, missing, label, sidecar)


def _write(run: Run, made: _Made, kind: str, out: Path) -> None:
    if kind == "sidecar":
        write_sidecar(made.sidecar, out)
    elif kind == "nifti":
        write_nifti(run.volume(made.slices), out, made.label)
    else:
        write_dicom_zip(run.volume(made.slices), out, _series_text(run, made))


def _series_text(run: Run, made: _Made) -> SeriesText:
    """The same for the same slices whenever it is asked for, so that a PACS takes a second download for the first."""
    with run.news:
        last = max((chunk for chunk in run.chunks if chunk.first_slice < made.slices), key=lambda one: one.first_slice)
    last_written_s = last.path.stat().st_mtime
    return SeriesText(
        model=made.sidecar.model.name,
        label=made.label,
        derivation=" ".join(filter(None, [run.title and f"{run.title}.", derivation_of(made.sidecar)])),
        missing=made.missing,
        made_at=datetime.fromtimestamp(int(last_written_s)),
    )


def _remove_older(path: Path, ending: str) -> None:
    """One download of a kind is smaller than the chunks, but twenty partial ones are not, and the disk has a limit."""
    for older in set(path.parent.glob(f"*{ending}")) - {path}:
        older.unlink(missing_ok=True)


def file_name(run: Run, model: str, missing: str = "") -> str:
    """For example synthetic-ctflow-demo-3f0c9a1e-seed42-PARTIAL-48of96, if `missing` is "48 of 96 slices".

    The digits in the middle tell reports and settings apart: without them, another report had the same name.
    """
    safe_model = re.sub(r"[^A-Za-z0-9._-]+", "-", model).removeprefix("ctflow-")
    seed = run.request.seed if run.request else ""
    partial = f"-PARTIAL-{missing.removesuffix(' slices').replace(' ', '')}" if missing else ""
    return f"synthetic-ctflow-{safe_model}-{run.digest}-seed{seed}{partial}"
