"""--verify finds each fault that a data set can have, and a set with one is not trained from."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ctflow.data.manifest import CODES, MANIFEST, REJECTED, VERIFIED, SetFacts, write_facts
from ctflow.data.packing import Packer
from ctflow.data.shards import BLACK, WHITE, Shards
from ctflow.data.sources import Source
from ctflow.data.verification import verify
from ctflow.errors import DatasetError
from tests.data.encoded import put_part, source
from tests.data.test_shards import FACTS

SOURCES = [source(number) for number in range(5)]
FIRST, LAST = "shards/00000.safetensors", "shards/00001.safetensors"


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Four volumes in two shards, the fifth left out; verified."""
    packer = Packer(tmp_path, SOURCES, shard_bytes=2000)
    for number in range(4):
        packer.encoded(number, put_part(tmp_path, number))
    packer.reject(4, "It holds no soft tissue.")
    packer.pack(last=True)
    write_facts(tmp_path, FACTS)
    save_file({BLACK: torch.zeros(2, 4, 4), WHITE: torch.ones(2, 4, 4)}, tmp_path / CODES)
    check(tmp_path)
    return tmp_path


def check(folder: Path, sources: list[Source] = SOURCES, facts: SetFacts = FACTS) -> list[str]:
    return list(verify(folder, sources, facts))


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def edit_lines(path: Path, change: Callable[[list[dict[str, object]]], object]) -> None:
    rows = lines(path)
    change(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_every_volume_is_checked_and_the_set_can_be_trained_from(prepared: Path) -> None:
    assert check(prepared) == [one.name for one in SOURCES[:4]]
    assert len(Shards(prepared)) == 4


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a shard is missing": (lambda at: (at / LAST).unlink(), "00001.* cannot be read"),
    "a shard was cut": (lambda at: (at / LAST).write_bytes((at / LAST).read_bytes()[:-1]), "00001.* cannot be read"),
    "the header of a shard is damaged": (lambda at: flip(at / FIRST, 9), "00000.* cannot be read"),
    "the latents of a volume are damaged": (lambda at: flip(at / FIRST, 600), "damaged: valid_1_a_1"),
    "a text is damaged": (lambda at: flip(at / FIRST, -1), "damaged: valid_2_a_1"),
    "a shard lies in the place of another": (
        lambda at: (at / LAST).write_bytes((at / FIRST).read_bytes()),
        "00001.* holds .*'mean': 15.* the manifest says .*'mean': 5",
    ),
    "a shard is there that nobody knows": (
        lambda at: (at / "shards/9.safetensors").touch(),
        r"does not name: 9\.safetensors",
    ),
    "a line of the manifest is gone": (
        lambda at: edit_lines(at / MANIFEST, lambda rows: rows.pop()),
        "lacks volumes of the tables: valid_3_a_1",
    ),
    "a line stands twice": (lambda at: edit_lines(at / MANIFEST, lambda rows: rows.append(rows[0])), "valid_0.* twice"),
    "two volumes have changed places": (
        lambda at: edit_lines(at / MANIFEST, lambda rows: rows.insert(0, rows.pop(1))),
        "places valid_1_a_1.* where another volume lies",
    ),
    "a volume has another patient": (
        lambda at: edit_lines(at / MANIFEST, lambda rows: rows[1].update(patient="valid_9")),
        "another patient than the tables for volumes: valid_1_a_1",
    ),
    "a volume has another name": (
        lambda at: edit_lines(at / MANIFEST, lambda rows: rows[1].update(name="valid_9_a_1.nii.gz")),
        "lacks volumes of the tables: valid_1_a_1",
    ),
    "a volume is also left out": (
        lambda at: edit_lines(at / REJECTED, lambda rows: rows.append({"name": SOURCES[0].name, "reason": "Odd."})),
        "lists as left out: valid_0_a_1",
    ),
    "one that was left out is forgotten": (
        lambda at: edit_lines(at / REJECTED, lambda rows: rows.clear()),
        "lacks volumes of the tables: valid_4_a_1",
    ),
    "the manifest is gone": (lambda at: (at / MANIFEST).unlink(), r"manifest\.jsonl cannot be read"),
    "the codes are gone": (lambda at: (at / CODES).unlink(), r"codes\.safetensors cannot be read"),
    "the codes are cut": (lambda at: (at / CODES).write_bytes(b""), r"codes\.safetensors cannot be read"),
    "the codes are others": (
        lambda at: save_file({BLACK: torch.zeros(2, 4, 4)}, at / CODES),
        r"codes\.safetensors does not hold white",
    ),
    "a code is no number": (
        lambda at: save_file({BLACK: torch.zeros(2, 4, 4), WHITE: torch.full((2, 4, 4), torch.nan)}, at / CODES),
        r"codes\.safetensors holds values that are not numbers",
    ),
    "volumes wait to be packed": (lambda at: put_part(at, 4), "not packed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_named_and_the_set_is_not_trained_from(prepared: Path, fault: str) -> None:
    make, said = FAULTS[fault]
    make(prepared)
    with pytest.raises(DatasetError, match=said):
        check(prepared)
    assert not (prepared / VERIFIED).exists()
    with pytest.raises(DatasetError):
        Shards(prepared)


def test_tables_that_name_more_or_fewer_volumes_are_found_out(prepared: Path) -> None:
    """Somebody trained on 63 of 64 shards, and nobody noticed."""
    with pytest.raises(DatasetError, match=r"lacks volumes of the tables: valid_5_a_1.* and 2 more"):
        check(prepared, [source(number) for number in range(12)])
    with pytest.raises(DatasetError, match=r"that no table names: valid_3_a_1.*, valid_4_a_1"):
        check(prepared, SOURCES[:3])


def test_a_mismatch_of_what_is_asked_for_says_nothing_of_the_set(prepared: Path) -> None:
    with pytest.raises(DatasetError, match="model is tiny, not demo"):
        check(prepared, facts=replace(FACTS, model="demo"))
    assert len(Shards(prepared)) == 4
