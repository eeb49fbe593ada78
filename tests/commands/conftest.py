"""What the tests of commands share."""

import signal
from collections.abc import Iterator

import pytest

from tests.app.fake import FakeGenerator, sleeping


@pytest.fixture
def fake() -> FakeGenerator:
    return sleeping(0)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal, also where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
