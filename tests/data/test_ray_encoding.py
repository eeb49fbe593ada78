"""By Ray a set has the same bytes as in one process, also when a worker is killed; errors of workers are ours."""

import os
import signal
from pathlib import Path

import pytest
from ray.exceptions import RayError

from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.manifest import read_rejections
from ctflow.data.preparation import facts_of, prepare
from ctflow.data.ray_encoding import RayEncoding
from ctflow.errors import ResourceError, VolumeError
from ctflow.runtime.ray_cluster import own_error
from tests.data.chests import fabricated_ct_rate, name_of
from tests.data.one_process import encode_here
from tests.data.test_preparation import files_of

WORKER = "_Encoder"  # in the name that Ray gives a process which encodes


def kill_a_worker() -> bool:
    """Kills a process of ours that encodes, if there is one."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, status = (folder / "cmdline").read_text(), (folder / "status").read_text()
        except OSError:
            continue  # it has ended
        if command.startswith("ray::") and WORKER in command and descends_from_here(status):
            os.kill(int(folder.name), signal.SIGKILL)
            return True
    return False


def descends_from_here(status: str) -> bool:
    while parent := int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid"))):
        if parent == os.getpid():
            return True
        status = Path(f"/proc/{parent}/status").read_text()
    return False


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


def test_what_ended_a_worker_is_told_in_our_words() -> None:
    error = RayError("a long trace")
    error.__cause__ = RuntimeError("in the worker")
    error.__cause__.__cause__ = VolumeError("x cannot be written. There is no room left.")
    assert own_error(error) is error.__cause__.__cause__
    other = own_error(RayError("the head is gone"))
    assert isinstance(other, ResourceError) and "the head is gone" in str(other) and "start it again" in str(other)
