"""Which states are there, and which are kept."""

from pathlib import Path

import pytest

from ctflow.errors import DatasetError
from ctflow.training.restarts.saving import NumberedFiles


def test_the_last_state_is_gone_on_with_and_old_ones_go(tmp_path: Path) -> None:
    saving = NumberedFiles(tmp_path / "states", every=10, keep=2, keep_every=100)
    assert saving.latest() is None
    (tmp_path / "states").mkdir()
    for step in (90, 100, 110, 120, 130):
        saving.path(step).touch()
        saving.path(step).with_suffix(".pt.new").touch()  # as a kill leaves it
        saving.tidy()
    assert saving.steps() == [100, 120, 130]
    assert saving.latest() == tmp_path / "states" / "00000130.pt"


def test_a_file_of_another_name_is_not_taken_for_a_state(tmp_path: Path) -> None:
    (tmp_path / "best.pt").touch()
    with pytest.raises(DatasetError, match=r"best\.pt is no state"):
        NumberedFiles(tmp_path, every=1, keep=1, keep_every=0).latest()
