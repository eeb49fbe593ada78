"""By Ray a batch has the same bytes as in one process, also when a worker is killed; errors of workers are ours."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ctflow.batch.generating import generate_batch
from ctflow.batch.job import BatchJob
from ctflow.batch.ray_making import RayMaking
from ctflow.batch.tasks import Numbered
from ctflow.batch.worker import Outcome
from ctflow.errors import ResourceError
from tests.batch.one_process import files_of, make_here, on_one_thread, planned, table
from tests.ray_workers import kill_a_worker


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_that_is_killed_is_replaced_and_the_bytes_are_those_of_one_process(
    folder: Path, tmp_path: Path
) -> None:
    reports = table(tmp_path / "r.csv", **{f"valid_{number}_a_1": f"Nodule {number}." for number in range(24)})
    with on_one_thread():
        list(generate_batch(planned(folder, reports, tmp_path / "here"), make_here))
    numbers, killed = [], False
    for outcome in generate_batch(planned(folder, reports, tmp_path / "ray"), RayMaking()):
        assert not outcome.reason
        numbers.append(outcome.number)
        killed = killed or kill_a_worker()
    assert killed
    assert sorted(numbers) == list(range(24))
    assert files_of(tmp_path / "ray", ".nii.gz") == files_of(tmp_path / "here", ".nii.gz")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_volume_that_cannot_be_written_ends_the_run_with_the_reason(folder: Path, tmp_path: Path) -> None:
    def without_a_place(job: BatchJob, tasks: Sequence[Numbered]) -> Iterator[Outcome]:
        (job.out / "a.nii.gz").mkdir()
        return RayMaking(workers=1)(job, tasks)

    batch = planned(folder, table(tmp_path / "r.csv", a="Clear.", b="Clear."), tmp_path / "out", together=2)
    with pytest.raises(ResourceError, match=r"a\.nii\.gz cannot be written.* It is a folder"):
        list(generate_batch(batch, without_a_place))
    assert not (tmp_path / "out/rejected.jsonl").exists()
