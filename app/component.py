"""The page's own parts as Gradio components. A part is an empty element that `app/viewer` fills."""

from typing import Any

import gradio as gr

from app.handlers import FIELDS
from app.modules import Modules
from ctflow.card import ModelCard
from ctflow.hu import WINDOWS


class Part(gr.HTML):
    """One part of the page, by its name in viewer/page.js. The template is empty, so Gradio leaves alone what is made
    inside."""

    def __init__(self, part: str, modules: Modules, **options: Any) -> None:
        super().__init__(
            value={}, html_template="", js_on_load=modules.mount(), apply_default_css=False, part=part, **options
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


class Viewer(Part):
    """Three linked planes, and what the whole page needs to know. The value is the run that somebody has to drive.

    Events: `busy`, whether a run is in the making has changed; `drive`, the run in the value has to be driven.
    """

    EVENTS = ["busy", "drive"]  # noqa: RUF012 (Gradio's metaclass reads it)

    def __init__(self, modules: Modules, card: ModelCard, device: str) -> None:
        super().__init__(
            "viewer",
            modules,
            elem_classes="ct-viewer",
            windows=[{"name": window.name, "width": window.width, "level": window.level} for window in WINDOWS],
            fields=FIELDS,
            draft_key=f"ctflow-draft-{card.name}",
            model={
                "title": card.title,
                "device": device,
                "notice": card.caution,
                "slices_per_chunk": card.geometry.slices_per_chunk,
                "slice_spacing_mm": card.geometry.slice_spacing_mm,
            },
        )
