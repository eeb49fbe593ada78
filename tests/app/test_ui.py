"""The page, as far as it shows without a browser."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.ui import Page
from tests.app.fake import FakeGenerator
from tests.app.server import collect_what_gradio_leaves

# Gradio closes sockets by way of the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.slow
def test_the_page_needs_no_torch() -> None:
    script = "import sys, app.ui, app.export; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def asks_for_sex_and_age(generator: FakeGenerator) -> tuple[bool, bool]:
    page = Page(generator)
    return page.sex.visible, page.age.visible


def test_sex_and_age_are_asked_for_if_the_model_reads_them(
    instant: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    assert asks_for_sex_and_age(instant) == (True, True)
    instant.card = replace(instant.card, text=replace(instant.card.text, parts=("{findings}", "{age}")))
    assert asks_for_sex_and_age(instant) == (False, True)
    collect_what_gradio_leaves()
