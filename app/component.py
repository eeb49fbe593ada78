"""The page's own parts as Gradio components. A part is an empty element that `app/viewer` fills.

They are plain `gr.HTML`: for a subclass of it Gradio would write a .pyi file beside the source.
"""

from typing import Any

import gradio as gr

from app.chart_script import PLOTLY_PATH
from app.example import Example
from app.handlers import FIELDS
from app.modules import Modules
from ctflow.card import ModelCard
from ctflow.windows import WINDOWS


def part(name: str, modules: Modules, value: Any = None, event: str = "", **options: Any) -> gr.HTML:
    """A part by its name in viewer/page.js. The template is empty, so Gradio leaves alone what is made inside.

    `value`: what an event gets of it, where it is a field. `event`: its own, if it has one.
    """
    script = modules.mount(event) if event else modules.mount()
    return gr.HTML(value, html_template="", js_on_load=script, apply_default_css=False, part=name, **options)


def viewer(modules: Modules, card: ModelCard, device: str, example: Example | None) -> gr.HTML:
    """Three linked planes, and what the whole page needs to know. The value is the run that has to be driven.

    Its own events: `busy`, whether a run is in the making has changed; `drive`, the run in the value has to be driven;
    `wanted`, a run is asked for from the keyboard; `filled`, a settings file has been opened.
    """
    return gr.HTML(
        {},
        html_template="",
        js_on_load=modules.mount("busy", "drive", "wanted", "filled"),
        apply_default_css=False,
        elem_classes="ct-viewer",
        part="viewer",
        windows=[{"name": window.name, "width": window.width, "level": window.level} for window in WINDOWS],
        fields=FIELDS,
        draft_key=f"ctflow-draft-{card.name}",
        example=example and example.shown(),
        plotly=PLOTLY_PATH,
        model={
            "title": card.title,
            "device": device,
            "notice": card.caution,
            "slices_per_chunk": card.geometry.slices_per_chunk,
            "max_chunks": card.geometry.max_chunks,
            "slice_spacing_mm": card.geometry.slice_spacing_mm,
        },
    )
