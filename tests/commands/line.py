"""`generate` as a user types it, with a generator that needs no weights."""

from pathlib import Path
from types import SimpleNamespace

from ctflow.__main__ import main
from ctflow.commands.model import find_model
from tests.app.fake import FakeGenerator, fake_card, finder


def run(fake: FakeGenerator | None, *words: object) -> int:
    """`fake`: what stands for the model; None where the command finds one itself."""
    return main(["generate", *map(str, words)], finder(fake) if fake else find_model)


def make(fake: FakeGenerator | None, out: Path, *words: object) -> int:
    return run(fake, "--report", "Clear lungs.", "--chunks", 1, "--out", out, *words)


def no_model(name: str) -> SimpleNamespace:
    """A model whose card may be read, but that is not to be loaded."""

    def load(*_: str) -> None:
        raise AssertionError("the model was loaded")

    return SimpleNamespace(card=fake_card("I"), load=load)
