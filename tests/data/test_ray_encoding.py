"""By Ray a set has the same bytes as in one process, also when a worker is killed; errors of workers are ours."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ctflow.data.attempts import MOST_ATTEMPTS, begin_attempt
from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.encoding import EncodingJob, Outcome
from ctflow.data.manifest import read_rejections
from ctflow.data.packing import PARTS
from ctflow.data.preparation import facts_of, prepare
from ctflow.data.ray_encoding import RayEncoding
from ctflow.data.sources import Source
from ctflow.errors import ResourceError
from ctflow.runtime.ray_cluster import ray_failure
from tests.data.chests import fabricated_ct_rate, name_of
from tests.data.one_process import encode_here
from tests.data.test_preparation import files_of
from tests.ray_workers import kill_a_worker


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_that_is_killed_is_replaced_and_the_bytes_are_those_of_one_process(
    folder: Path, tmp_path: Path
) -> None:
    sources = ct_rate_sources(fabricated_ct_rate(tmp_path / "ct", 24), "valid")
    sources[5].path.write_bytes(b"cut")
    facts = facts_of(folder, sources, split="valid", one_per_patient=False, precision="float32", shard_bytes=40_000)
    list(prepare(tmp_path / "here", folder, sources, facts, "cpu", encode_here))
    numbers, killed = [], False
    for outcome in prepare(tmp_path / "ray", folder, sources, facts, "cpu", RayEncoding(None)):
        numbers.append(outcome.number)
        killed = killed or kill_a_worker()
    assert killed
    assert sorted(numbers) == list(range(24))
    assert [one.name for one in read_rejections(tmp_path / "ray")] == [name_of(5)]
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_volume_over_which_workers_died_is_left_out(folder: Path, tmp_path: Path) -> None:
    """Ray replaces a worker for ever, also where one volume kills each of them."""

    def after_deaths(job: EncodingJob, numbered: Sequence[tuple[int, Source]]) -> Iterator[Outcome]:
        for _ in range(MOST_ATTEMPTS):
            begin_attempt(job.folder / PARTS, 1)
        return RayEncoding(None)(job, numbered)

    sources = ct_rate_sources(fabricated_ct_rate(tmp_path / "ct", 3), "valid")
    facts = facts_of(folder, sources, split="valid", one_per_patient=False, precision="float32")
    list(prepare(tmp_path / "set", folder, sources, facts, "cpu", after_deaths))
    (left_out,) = read_rejections(tmp_path / "set")
    assert left_out.name == name_of(1) and "3 workers died over it" in left_out.reason
    assert not list((tmp_path / "set/parts").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_part_that_cannot_be_written_ends_the_run_with_the_reason(folder: Path, tmp_path: Path) -> None:
    def without_a_place(job: EncodingJob, numbered: Sequence[tuple[int, Source]]) -> Iterator[Outcome]:
        (job.folder / "parts/000001.safetensors").mkdir()
        return RayEncoding(None)(job, numbered)

    sources = ct_rate_sources(fabricated_ct_rate(tmp_path / "ct", 3), "valid")
    facts = facts_of(folder, sources, split="valid", one_per_patient=False, precision="float32")
    with pytest.raises(ResourceError, match=r"000001\.safetensors cannot be written.* It is a folder"):
        list(prepare(tmp_path / "set", folder, sources, facts, "cpu", without_a_place))
    assert not (tmp_path / "set/rejected.jsonl").exists()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a long trace\n\nThe head is gone.\n", "The head is gone."),
        (
            "a trace\nOSError: No room.\n\n"
            "The above exception was the direct cause of the following exception:\n\nAdvice.",
            "OSError: No room.",
        ),
    ],
)
def test_what_ray_says_is_cut_to_its_cause(said: str, kept: str) -> None:
    assert str(ray_failure(RuntimeError(said))) == (
        f"Ray could not go on (RuntimeError: {kept}). What was finished is kept: start it again."
    )
