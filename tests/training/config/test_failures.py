"""A model's folder that cannot be written is told in a line, and the old one stays."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ctflow.errors import VolumeError
from ctflow.training.config.failures import replacing_model
from tests.app.full_disk import full_disk


def written_model(folder: Path, base: Path) -> None:
    with replacing_model(folder) as new:
        shutil.copytree(base, new / "avae")
        save_file({"weight": torch.zeros(10_000)}, new / "transformer.safetensors")


# A copy of several files fails in another way than one file.
@pytest.mark.parametrize("room_bytes", [100, 20_000])
def test_a_full_disk_is_told_and_the_old_model_stays(tmp_path: Path, room_bytes: int) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "a.safetensors").write_bytes(bytes(10_000))
    (base / "b.safetensors").write_bytes(bytes(10_000))
    written_model(tmp_path / "model", base)
    with full_disk(room_bytes), pytest.raises(VolumeError) as caught:
        written_model(tmp_path / "model", base)
    assert "model cannot be written (" in str(caught.value) and "Free some room" in str(caught.value)
    assert "b.safetensors" not in str(caught.value)  # one is enough
    assert sorted(one.name for one in tmp_path.iterdir()) == ["base", "model"]
    assert (tmp_path / "model/transformer.safetensors").exists()
