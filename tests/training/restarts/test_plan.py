"""A folder whose description cannot be read is not gone on with."""

from pathlib import Path

import pytest

from ctflow.errors import RequestError
from ctflow.training.restarts.plan import note_plan


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"7", b"\xff"])
def test_a_damaged_description_is_named_and_stays_as_it_is(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "network.json"
    note_plan(path, {"depth": 2}, begun=False)
    path.write_bytes(damage)
    with pytest.raises(RequestError, match=r"network\.json cannot be read .* nobody knows what is trained"):
        note_plan(path, {"depth": 2}, begun=True)
    assert path.read_bytes() == damage
