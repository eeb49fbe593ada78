"""What is packed into shards is read back, by name and by number, and only when it was verified as it is."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ctflow.data.manifest import CODES, VERIFIED, SetFacts, set_sha256, write_facts
from ctflow.data.packing import Packer
from ctflow.data.shards import BLACK, LOG_VARIANCE, MEAN, SHARDS, TEXT, WHITE, Shards
from ctflow.errors import DatasetError
from tests.data.encoded import encoded, put_part, source
from tests.tiny import CARD

SLICES = (5, 3, 8, 4)
FACTS = SetFacts(
    format=1,
    split="valid",
    one_per_patient=False,
    reports_sha256="0" * 64,
    model="tiny",
    encoders_sha256="1" * 64,
    precision="float32",
    geometry=CARD.geometry,
    intensity=CARD.intensity,
    latent=CARD.latent,
    text=CARD.text,
    shard_bytes=1000,
)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Four volumes in three shards."""
    packer = Packer(tmp_path, [source(number) for number in range(4)], shard_bytes=1000)
    for number, slices in enumerate(SLICES):
        packer.encoded(number, put_part(tmp_path, number, slices))
    packer.pack(last=True)
    write_facts(tmp_path, FACTS)
    save_file({BLACK: torch.zeros(2, 4, 4), WHITE: torch.ones(2, 4, 4)}, tmp_path / CODES)
    (tmp_path / VERIFIED).write_text(set_sha256(tmp_path))
    return tmp_path


def test_volumes_are_read_back_whole_and_in_parts(prepared: Path) -> None:
    shards = Shards(prepared)
    assert len({row.shard for row in shards.rows}) == 3
    for number, slices in enumerate(SLICES):
        expected = encoded(number, slices)
        assert shards.number(f"valid_{number}_a_1.nii.gz") == number
        latents, some = shards.latents(number), shards.latents(number, 1, 3)
        assert np.array_equal(latents.mean, expected[MEAN])
        assert np.array_equal(latents.log_variance, expected[LOG_VARIANCE])
        assert np.array_equal(some.mean, expected[MEAN][1:3])
        assert np.array_equal(shards.text(number), expected[TEXT][0])
    assert len(shards.latents(1, 2, 9).mean) == 1  # no slice of the next volume
    assert shards.black.sum() == 0 and shards.white.min() == 1
    assert shards.facts == FACTS


def test_another_process_may_be_given_the_data_set_after_it_was_read(prepared: Path) -> None:
    shards = Shards(prepared)
    before = shards.latents(2).mean
    assert torch.equal(pickle.loads(pickle.dumps(shards)).latents(2).mean, before)


def test_shards_are_safetensors_as_others_read_them(prepared: Path) -> None:
    tensors = load_file(prepared / SHARDS / Shards(prepared).rows[0].shard)
    assert tensors.keys() == {MEAN, LOG_VARIANCE, TEXT}
    assert len(tensors[MEAN]) == len(tensors[LOG_VARIANCE]) == sum(SLICES[: len(tensors[TEXT])])


def test_a_data_set_that_was_not_verified_is_refused(prepared: Path) -> None:
    (prepared / VERIFIED).unlink()
    with pytest.raises(DatasetError, match="was not verified"):
        Shards(prepared)
    assert len(Shards(prepared, verified=False)) == 4


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("manifest.jsonl", b'"patient":"valid_2"', b'"patient":"valid_1"'),
        ("set.json", b'"precision": "float32"', b'"precision": "bfloat16"'),
        ("rejected.jsonl", b"", b'{"name": "valid_9_a_1.nii.gz", "reason": "It was in the way."}'),
        ("codes.safetensors", b'"black"', b'"blank"'),
    ],
)
def test_a_data_set_that_was_altered_after_it_was_verified_is_refused(
    prepared: Path, name: str, before: bytes, after: bytes
) -> None:
    content = (prepared / name).read_bytes()
    assert before in content
    (prepared / name).write_bytes(content.replace(before, after, 1))
    with pytest.raises(DatasetError, match="has changed since it was verified"):
        Shards(prepared)


def test_a_manifest_with_a_broken_line_is_refused_with_its_number(prepared: Path) -> None:
    lines = (prepared / "manifest.jsonl").read_text().splitlines()
    (prepared / "manifest.jsonl").write_text(
        "\n".join([lines[0], lines[1].replace('"patient"', '"person"'), *lines[2:]])
    )
    with pytest.raises(DatasetError, match=r"manifest\.jsonl, line 2 .*patient is missing; person is not known"):
        Shards(prepared)


def test_a_set_with_a_shard_that_is_missing_or_cut_short_is_refused(prepared: Path) -> None:
    """Verified where it was made, and copied badly."""
    shard = prepared / SHARDS / "00002.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=r"00002\.safetensors cannot be read"):
        Shards(prepared)
    shard.unlink()
    with pytest.raises(DatasetError, match=r"00002\.safetensors cannot be read"):
        Shards(prepared)


def test_a_volume_that_is_not_there_and_a_folder_without_a_data_set_are_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no volume 'valid_9'"):
        Shards(prepared).number("valid_9")
    with pytest.raises(DatasetError, match=r"set\.json cannot be read.*ctflow prepare"):
        Shards(tmp_path / "none")
