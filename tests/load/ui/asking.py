"""How many evaluations of the model an ablation makes, by counting them while the page asks for one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from ctflow.generator import Event, StepDone, VolumeGenerator
from ctflow.pipeline import CTFlow
from tests.load.figures import Figure
from tests.load.ui.page import opened
from tests.tiny import tiny_checkpoint

SENTENCES = ("Large effusion.", "No effusion.", "Right effusion.")
OTHER_SEEDS = 3  # as the page proposes


class Counted:
    """A generator that counts its evaluations."""

    def __init__(self, inner: VolumeGenerator) -> None:
        self._inner = inner
        self.evaluations = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def stream(self, *arguments: Any) -> Iterator[Event]:
        for event in self._inner.stream(*arguments):
            self.evaluations += isinstance(event, StepDone)
            yield event


def evaluations(browser: Browser) -> Iterator[Figure]:
    """Of n sentences with k other seeds: at most those of n + 1 + k volumes, so that none is made twice."""
    with tempfile.TemporaryDirectory() as folder:
        model = Counted(CTFlow.load(tiny_checkpoint(Path(folder) / "tiny"), "cpu"))
        with opened(browser, model) as page:
            page.get_by_label("Findings").fill(" ".join(SENTENCES))
            page.get_by_role("tab", name="Ask").click()
            page.get_by_role("button", name="Compare sentences").click()
            page.locator(".ct-asked-ablate .ct-asked-status").get_by_text("Done").wait_for(timeout=120_000)
    volumes = len(SENTENCES) + 1 + OTHER_SEEDS
    defaults = model.card.defaults
    most = volumes * defaults.chunks * defaults.steps
    yield Figure(f"ablate of {len(SENTENCES)} sentences, evaluations", model.evaluations, most)
