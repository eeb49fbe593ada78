"""Shards are the same whatever the order in which volumes come, and whenever the packing was cut short."""

from pathlib import Path

import pytest

from ctflow.data.attempts import begin_attempt, end_attempts
from ctflow.data.packing import PARTS, Packer
from ctflow.errors import DatasetError, ResourceError, VolumeError
from tests.app.full_disk import full_disk
from tests.data.encoded import put_part, source

SHARD_BYTES = 2000  # three volumes
SOURCES = [source(number) for number in range(8)]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pack(folder: Path, order: list[int], rejected: int = 3) -> None:
    packer = Packer(folder, SOURCES, SHARD_BYTES)
    for number in order:
        if number == rejected:
            packer.reject(number, "It holds no soft tissue.")
        else:
            packer.encoded(number, put_part(folder, number))
        packer.pack()
    packer.pack(last=True)


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, bytes]:
    pack(tmp_path / "expected", list(range(8)))
    return files_of(tmp_path / "expected")


def test_the_order_in_which_volumes_come_changes_nothing(tmp_path: Path, expected: dict[str, bytes]) -> None:
    pack(tmp_path / "other", [7, 3, 1, 0, 6, 5, 2, 4])
    assert files_of(tmp_path / "other") == expected
    assert sum(name.startswith("shards") for name in expected) == 3
    assert not any(name.startswith("parts") for name in expected)


@pytest.mark.parametrize("done", range(8))
def test_packing_goes_on_where_it_was_cut_short(tmp_path: Path, expected: dict[str, bytes], done: int) -> None:
    folder = tmp_path / "cut"
    packer = Packer(folder, SOURCES, SHARD_BYTES)
    for number in range(done):
        if number != 3:
            packer.encoded(number, put_part(folder, number))
            packer.pack()
    missing = Packer(folder, SOURCES, SHARD_BYTES).missing
    assert missing == [number for number in range(8) if number >= done or number == 3]
    pack(folder, missing)
    assert files_of(folder) == expected


def test_a_kill_between_shard_and_manifest_or_before_the_parts_are_removed_loses_nothing(
    tmp_path: Path, expected: dict[str, bytes]
) -> None:
    folder = tmp_path / "killed"
    packer = Packer(folder, SOURCES, SHARD_BYTES)
    for number in range(3):
        packer.encoded(number, put_part(folder, number))
    parts = files_of(folder)
    packer.pack()
    for name, data in parts.items():  # as if they had not been removed yet
        (folder / name).write_bytes(data)
    (folder / "shards/.ctflow-0123.part").write_bytes(b"half a shard")
    assert Packer(folder, SOURCES, SHARD_BYTES).missing == [3, 4, 5, 6, 7]
    assert not list((folder / "parts").iterdir())
    for name, data in parts.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.jsonl").unlink()  # as if the shard alone had been written
    assert Packer(folder, SOURCES, SHARD_BYTES).missing == [3, 4, 5, 6, 7]
    pack(folder, [3, 4, 5, 6, 7])
    assert files_of(folder) == expected


def test_a_full_disk_is_an_error_and_loses_no_volume(tmp_path: Path, expected: dict[str, bytes]) -> None:
    folder = tmp_path / "full"
    packer = Packer(folder, SOURCES, SHARD_BYTES)
    for number in range(3):
        packer.encoded(number, put_part(folder, number))
    with full_disk(largest_bytes=1000), pytest.raises(VolumeError, match="no room left"):
        packer.pack()
    pack(folder, Packer(folder, SOURCES, SHARD_BYTES).missing)
    assert files_of(folder) == expected


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    packer = Packer(tmp_path, SOURCES, SHARD_BYTES)
    packer.encoded(0, put_part(tmp_path, 0))
    (tmp_path / "parts/000000.safetensors").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"000000\.safetensors cannot be read.*Remove it"):
        Packer(tmp_path, SOURCES, SHARD_BYTES)


def test_attempts_at_a_volume_are_counted_within_a_run(tmp_path: Path) -> None:
    """A run that is killed three times says nothing of the volume that it was at."""
    Packer(tmp_path, SOURCES, SHARD_BYTES)
    assert [begin_attempt(tmp_path / PARTS, 2) for _ in range(3)] == [1, 2, 3]
    assert begin_attempt(tmp_path / PARTS, 1) == 1
    end_attempts(tmp_path / PARTS, 1)
    assert begin_attempt(tmp_path / PARTS, 1) == 1
    Packer(tmp_path, SOURCES, SHARD_BYTES)
    assert begin_attempt(tmp_path / PARTS, 2) == 1


def test_an_attempt_that_a_full_disk_cannot_count_is_not_blamed_on_the_volume(tmp_path: Path) -> None:
    Packer(tmp_path, SOURCES, SHARD_BYTES)
    with full_disk(largest_bytes=0), pytest.raises(ResourceError, match=r"000002\.attempts .* no room left"):
        begin_attempt(tmp_path / PARTS, 2)
