"""Addresses on the hub, and what is said where nothing can be fetched."""

from pathlib import Path

import pytest

from ctflow.errors import CheckpointError
from ctflow.released.hub import Address, fetch, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("EnyaWoooo/CTFlow/checkpoint-680000/ema", ("EnyaWoooo/CTFlow", "model", None, "checkpoint-680000/ema")),
        ("datasets/a/b@1f2e/c/d.pt", ("a/b", "dataset", "1f2e", "c/d.pt")),
        ("hf://a/b.c-d", ("a/b.c-d", "model", None, "")),
        ("/a/b", None),
        ("./a/b", None),
        ("alone", None),
    ],
)
def test_an_address_on_the_hub_is_read(text: str, address: tuple | None) -> None:
    assert parse_address(text) == (address and Address(*address))


def test_what_is_neither_here_nor_an_address_is_said() -> None:
    with pytest.raises(CheckpointError, match=r"nothing at \./no/such"):
        fetch("./no/such", ("*",))


def test_offline_and_not_in_the_cache_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CheckpointError, match="go online, or give a local path"):
        fetch("nobody/nothing/at/all", ("*",))
