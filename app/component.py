"""The viewer as a Gradio component: its scripts joined into one, its value the run that it shows."""

from pathlib import Path
from typing import Any

import gradio as gr

from ctflow.hu import WINDOWS

_FOLDER = Path(__file__).parent / "viewer"
# Later files use what earlier ones define; main.js runs.
_SCRIPTS = (
    "talk", "transport", "volume", "picture", "plane", "pointer", "keyboard", "frame", "view", "session", "fields",
    "main",
)  # fmt: skip


def script() -> str:
    return "\n".join((_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)


class Viewer(gr.HTML):
    """Three linked planes. The template never changes, so Gradio leaves alone what the script builds inside."""

    def __init__(self, draft_key: str, **options: Any) -> None:
        super().__init__(
            value={},
            html_template='<div class="ctv-mount"></div>',
            js_on_load=script(),
            apply_default_css=False,
            draft_key=draft_key,
            windows=[{"name": window.name, "width": window.width, "level": window.level} for window in WINDOWS],
            **options,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}
