"""What a volume begins with in each of the paper's modes: nothing, or the real volume of its case."""

from dataclasses import dataclass, replace

from ctflow.batch.job import BatchJob
from ctflow.batch.tasks import Task
from ctflow.card import ModelCard
from ctflow.io.itk import itk_reads
from ctflow.io.scan import read_scan
from ctflow.io.sidecar import StartRecord, scan_sha256
from ctflow.model_grid import ModelGrid
from ctflow.request import GenerationRequest, ScanStart, check_scan_start


@dataclass(frozen=True, eq=False)
class Begun:
    """A request, the scan that it begins with, on the model's grid, and what the sidecar says of that."""

    request: GenerationRequest
    start: ScanStart | None = None
    record: StartRecord | None = None


def begin(task: Task, job: BatchJob, card: ModelCard) -> Begun:
    """Reads the scan of a task, if it has one, and brings it onto the model's grid.

    Of next-block, no more chunks are made than the scan has. Raises VolumeError for a scan that cannot be read or
    trusted, RequestError for one that is too short.
    """
    if task.scan is None or task.mode == "full-body":
        return Begun(task.request)
    scan = read_scan(task.scan)
    with itk_reads(task.scan):
        on_grid = ModelGrid(card.geometry).bring(scan)
    per_chunk, request = card.geometry.slices_per_chunk, task.request
    head = job.start_slices if task.mode == "gt-head" and job.start_slices else per_chunk
    if task.mode == "next-block":  # of which the first chunk is the scan's own
        request = replace(request, chunks=max(2, min(request.chunks, len(on_grid.hu) // per_chunk)))
    start = ScanStart(task.mode, on_grid, head)
    check_scan_start(start, request, per_chunk)
    record = StartRecord(mode=task.mode, scan=task.scan.name, sha256=scan_sha256(scan), slices=head)
    return Begun(request, start, record)
