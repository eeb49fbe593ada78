"""What Ray does with many processes, in this one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from ctflow.batch.generating import MakeAll
from ctflow.batch.job import BatchJob
from ctflow.batch.plan import Batch, BatchOrder, plan_batch
from ctflow.batch.tasks import Numbered, groups_of
from ctflow.batch.worker import Maker, Outcome, Worker
from ctflow.pipeline import CTFlow


def make_here(job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
    """`MakeAll`, one group of volumes after another."""
    yield from make_by(CTFlow.load(job.model, job.device, precision=job.precision))(job, tasks)


@contextmanager
def on_one_thread() -> Iterator[None]:
    """As each of Ray's workers computes: last bits depend on that."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def make_by(model: Maker) -> MakeAll:
    def make(job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        worker = Worker(job, model)
        for group in groups_of(tasks, job.together, workers=1):
            yield from worker.make(group)

    return make


def planned(
    model: Path,
    reports: Path,
    out: Path,
    together: int = 1,
    layout: str = "nifti",
    start_slices: int | None = None,
    **order: object,
) -> Batch:
    """In float32, because in bf16 a slice depends on how many it is decoded with."""
    job = BatchJob(
        model=model,
        out=out,
        device="cpu",
        precision="float32",
        together=together,
        layout=layout,  # type: ignore[arg-type]
        start_slices=start_slices,
    )
    return plan_batch(BatchOrder(job=job, reports=reports, **order))  # type: ignore[arg-type]


def table(path: Path, **reports: str) -> Path:
    """A CSV as CT-RATE has it, of these names and findings."""
    lines = ["VolumeName,Findings_EN,Impressions_EN", *(f"{name}.nii.gz,{text}," for name, text in reports.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def files_of(folder: Path, ending: str = "") -> dict[str, bytes]:
    files = (path for path in folder.rglob(f"*{ending}") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
