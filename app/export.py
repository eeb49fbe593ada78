"""Files to take away: a run's slices as NIfTI, and their sidecar."""

import re
from pathlib import Path

from app.chunks import NOT_WRITTEN
from app.run import Run
from ctflow.errors import RequestError, ResourceError, VolumeError
from ctflow.generator import VolumeGenerator
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.io.sidecar import StartRecord, earlier_of, sidecar_of, sidecar_path, write_sidecar
from ctflow.request import SharedPrevious, beginning_of, scan_of

SCAN_NAME = "scan.nii.gz"
KINDS = ("nifti", "sidecar")


def export(run: Run, generator: VolumeGenerator, kind: str) -> Path:
    """Writes the slices made so far as NIfTI, or the JSON that belongs to them, into the run's folder.

    A volume that is not finished says so in its name, its header and its sidecar. Raises RequestError if there are no
    slices yet or if there is no such kind, ResourceError if the file cannot be written.
    """
    if kind not in KINDS:
        raise RequestError(f"The kind of download must be one of {', '.join(KINDS)}; got {kind!r}.")
    with run.news:
        complete, slices, seconds = run.state == "finished", run.slices_made, run.elapsed_s()
        missing = "" if complete or run.shape is None else f"{slices} of {run.shape[0]} slices"
    if run.request is None:
        return _export_scan(run, kind)
    if kind == "sidecar":
        _check_replayable(run)
    path = run.folder / file_name(run, generator.card.name, missing)
    volume = run.volume(slices) if kind == "nifti" else None
    out = path if volume else sidecar_path(path)
    _remove_older(out, ".nii.gz" if volume else ".json")
    try:
        if volume:
            computed = run.title.lower() if run.is_computed else ""
            from_scan = scan_of(run.start) is not None
            write_nifti(volume, out, synthetic_label(generator.card.name, from_scan, missing, computed))
        else:
            earlier = earlier_of(beginning_of(run.start))
            sidecar = sidecar_of(
                run.request, generator, seconds=seconds, complete=complete, earlier=earlier, scan=_record(run)
            )
            write_sidecar(sidecar, out)
    except VolumeError as error:  # whose words name a path of the server
        raise ResourceError(NOT_WRITTEN) from error
    return out


def _export_scan(run: Run, kind: str) -> Path:
    """What was opened, as NIfTI, which says nothing of us: nothing of it was made here."""
    if kind == "sidecar":
        raise RequestError("A scan has no settings: it was opened, and not made. Download it as NIfTI.")
    path = run.folder / SCAN_NAME
    try:
        write_nifti(run.volume(), path, "scan")
    except VolumeError as error:  # whose words name a path of the server
        raise ResourceError(NOT_WRITTEN) from error
    return path


def _record(run: Run) -> StartRecord | None:
    """The scan that a volume began with, by the name of its download: its own name is not known here."""
    scan = scan_of(run.start)
    if scan is None:
        return None
    return StartRecord(mode=scan.mode, scan=SCAN_NAME, sha256=scan.sha256, slices=scan.slices)


def _check_replayable(run: Run) -> None:
    """Raises RequestError for a volume that no settings alone can make again."""
    if run.is_computed:
        raise RequestError("This was computed from several volumes, and settings make one. Download it as NIfTI.")
    if isinstance(run.start, SharedPrevious):
        raise RequestError(
            "Each chunk of this volume was made from the whole report's chunk before it, which these settings cannot "
            "say. `python -m ctflow ablate` makes it again, from the settings of the whole report."
        )


def _remove_older(path: Path, ending: str) -> None:
    """One download is smaller than the chunks, but twenty partial ones are not, and the disk has a limit."""
    for older in set(path.parent.glob(f"*{ending}")) - {path}:
        older.unlink(missing_ok=True)


def file_name(run: Run, model: str, missing: str = "") -> str:
    """For example synthetic-ctflow-demo-3f0c9a1e-seed42-PARTIAL-48of96.nii.gz, if `missing` is "48 of 96 slices".

    The digits in the middle tell reports and settings apart: without them, another report had the same name.
    """
    safe_model = re.sub(r"[^A-Za-z0-9._-]+", "-", model).removeprefix("ctflow-")
    seed = run.request.seed if run.request else ""
    partial = f"-PARTIAL-{missing.removesuffix(' slices').replace(' ', '')}" if missing else ""
    return f"synthetic-ctflow-{safe_model}-{run.digest}-seed{seed}{partial}.nii.gz"
