"""A disk that fills up while a state is saved, wherever in the file that is."""

import errno
from io import BytesIO
from pathlib import Path

import pytest
import torch
from typing_extensions import Buffer

from ctflow.errors import VolumeError
from ctflow.training.restarts.state import save_atomic, save_to
from tests.app.full_disk import full_disk

CONTENT = {f"weight {number}": torch.full((1000,), float(number)) for number in range(20)}


class Filling(BytesIO):
    """A file on a disk that is full for one moment."""

    was_full = False

    def write(self, data: Buffer, /) -> int:
        if self.tell() > 40_000 and not self.was_full:
            self.was_full = True
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_the_error_of_the_disk_is_not_hidden_by_what_torch_makes_of_it() -> None:
    """It said that its archive was at an unexpected place, with a traceback."""
    with pytest.raises(OSError, match="No space left"):
        save_to(Filling(), CONTENT)


@pytest.mark.parametrize("room_bytes", [0, 1000, 30_000, 84_000])
def test_a_full_disk_is_told_and_leaves_the_old_file_and_nothing_of_the_new_one(
    tmp_path: Path, room_bytes: int
) -> None:
    path = tmp_path / "1.pt"
    save_atomic({"step": 1}, path)
    before = path.read_bytes()
    with full_disk(room_bytes), pytest.raises(VolumeError, match=r"1\.pt cannot be written\. There is no room left"):
        save_atomic(CONTENT, path)
    assert [one.name for one in tmp_path.iterdir()] == ["1.pt"] and path.read_bytes() == before
    save_atomic(CONTENT, path)
    assert (torch.load(path)["weight 7"] == 7).all()
