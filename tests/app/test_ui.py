"""The page, as far as it shows without a browser."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from gradio.themes import Base

from app.theme import theme
from app.ui import PLACEHOLDER, Page
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.report import Report
from tests.app.fake import FakeGenerator
from tests.app.server import Serve, collect_what_gradio_leaves

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


@pytest.mark.slow
def test_the_placeholder_is_something_that_the_model_reads() -> None:
    """It was a sentence in which the demo model recognised nothing."""
    from ctflow.pipeline import CTFlow

    reading = CTFlow.load(find_checkpoint("demo"), "cpu").read(Report(PLACEHOLDER))
    assert reading.unread == ()
    assert [(one.finding, one.asserted, one.side) for one in reading.found] == [
        ("Pleural effusion", True, "right"),
        ("Pneumothorax", False, None),
    ]


def test_nothing_is_rendered_recorded_or_watched_on_the_server(
    serve: Serve, instant: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if Gradio's own variables ask for it: an advisory of gradio 6.27 to 6.31 needs that rendering."""
    for name in ("GRADIO_SSR_MODE", "GRADIO_RUN_HISTORY", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "True")
    url = serve(instant)
    config = httpx.get(f"{url}config").json()
    assert (config["run_history"], config["analytics_enabled"], config["connect_heartbeat"]) == (False, False, False)
    assert httpx.get(f"{url}monitoring").status_code == 403
    page = Page(instant)
    page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    assert (page.demo.ssr_mode, page.demo.node_process) == (False, None)
    page.demo.close(verbose=False)
    collect_what_gradio_leaves()


def luminance(colour: str) -> float:
    """Of #rrggbb, by WCAG 2.2."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(theme: Base, ink: str, ground: str) -> float:
    light, dark = sorted((luminance(getattr(theme, name)) for name in (ink, ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("button_primary_text_color", "button_primary_background_fill"),
        ("button_primary_text_color", "button_primary_background_fill_hover"),
        ("button_cancel_text_color", "button_cancel_background_fill"),
        ("button_cancel_text_color", "button_cancel_background_fill_hover"),
        ("button_secondary_text_color", "button_secondary_background_fill_hover"),
        ("input_placeholder_color", "input_background_fill"),
        ("body_text_color", "background_fill_primary"),
    ],
)
def test_letters_can_be_told_from_their_ground(ink: str, ground: str) -> None:
    """4.5 : 1 is what WCAG's level AA wants; Generate had 4.1 and placeholders 3.4."""
    assert contrast(theme(), ink, ground) >= 4.5
    assert contrast(theme(), f"{ink}_dark", f"{ground}_dark") >= 4.5


def test_mount_refuses_a_login_that_the_pages_own_routes_would_not_ask(
    instant: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=r"auth_dependency.*use auth"):
        Page(instant).mount(FastAPI(), "/ct", auth_dependency=lambda request: "reader")
