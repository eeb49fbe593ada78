"""Going on from a run: its first chunks stay, and the rest is made from an edited report, or more of it is made."""

from dataclasses import replace

from app.run import Run
from ctflow.errors import RequestError
from ctflow.io.sidecar import Sidecar, request_of, start_of
from ctflow.report import Report
from ctflow.request import (
    Beginning,
    GenerationRequest,
    VolumeStart,
    beginning_of,
    check_scan_start,
    check_volume_start,
    scan_of,
)


def going_on(
    run: Run, report: Report | None, keep: int | None, chunks: int | None, slices_per_chunk: int
) -> tuple[GenerationRequest, Beginning]:
    """The request that goes on from a run, with the run's own seed and settings, and what it begins with.

    `report`: None for the run's own; `keep`: how many of its first chunks stay, None for all that are whole; `chunks`:
    of the whole volume, None for as many as the run was to have. Raises RequestError for what there is no more of.
    """
    if run.request is None or run.is_computed or run.start != beginning_of(run.start):
        raise RequestError(f"“{run.title}” cannot be gone on from: choose a volume that was made from a report alone.")
    whole = run.slices_made // slices_per_chunk
    if run.state == "finished" and run.slices_made < run.request.chunks * slices_per_chunk and keep is None:
        raise RequestError(
            f"The model has ended this volume by itself, with {run.slices_made} slices: there is no more of it."
        )
    kept = whole if keep is None else keep
    if type(kept) is not int or not 1 <= kept <= whole:
        raise RequestError(
            f"{whole} chunks of {slices_per_chunk} slices are whole, and {kept!r} are to stay: choose a slice after "
            "the first chunk, or wait for more."
        )
    request = replace(run.request, report=report or run.request.report)
    if chunks is not None:
        request = replace(request, chunks=chunks)
    start = _start(run, run.request, kept, slices_per_chunk)
    if isinstance(start, VolumeStart):
        check_volume_start(start, request)
    else:
        check_scan_start(start, request, slices_per_chunk)
    return request, start


def going_on_from(
    sidecar: Sidecar, report: Report | None, keep: int | None, chunks: int | None, model_sha256: str
) -> tuple[GenerationRequest, Beginning]:
    """As `going_on`, from a volume's sidecar: its first chunks are made again first, which gives the same bytes.

    `model_sha256`: of the model that runs here. Raises RequestError, too, for another model's volume.
    """
    if sidecar.model.sha256 != model_sha256:
        raise RequestError(
            f"That volume was made by {sidecar.model.name}, and another model runs here: it cannot make the first "
            "chunks again."
        )
    if sidecar.start is not None:
        raise RequestError(
            "That volume began with a real scan, which settings do not hold: go on from it with `python -m ctflow "
            "continue`."
        )
    before = request_of(sidecar)
    request = replace(before, report=report or before.report, chunks=before.chunks if chunks is None else chunks)
    start = VolumeStart(
        request=before, chunks=before.chunks if keep is None else keep, start=start_of(sidecar, scan=None)
    )
    check_volume_start(start, request)
    return request, start


def _start(run: Run, request: GenerationRequest, kept: int, slices_per_chunk: int) -> Beginning:
    """Of a scan's own slices nothing was made: where no more is kept, the volume begins with the scan itself, too."""
    before, scan = beginning_of(run.start), scan_of(run.start)
    if scan and kept * slices_per_chunk <= scan.slices:
        return replace(scan, slices=kept * slices_per_chunk)
    return VolumeStart(request=request, chunks=kept, start=before)
