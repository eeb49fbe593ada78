"""What the app's tests share: a server, handlers, and a generator that they hold in their hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.handlers import Handlers
from app.runs import Runs
from tests.app.clock import FakeClock
from tests.app.fake import FakeGenerator, Gate, sleeping
from tests.app.server import Serve, serving


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open(10_000)  # whatever a failed test left waiting may end


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def gated(gate: Gate) -> FakeGenerator:
    """A generator that makes the steps that `gate` lets it make."""
    return FakeGenerator(gate)


@pytest.fixture
def instant() -> FakeGenerator:
    """A generator whose steps take no time."""
    return sleeping(0)


@pytest.fixture
def handlers(instant: FakeGenerator, tmp_path: Path) -> Handlers:
    return Handlers(instant, Runs(instant, tmp_path))


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves an app, whose files lie in `tmp_path / "server"`."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "server"))
    with serving() as start:
        yield start
