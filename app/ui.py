"""The page: a narrow report panel, and the planes, which have the room."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import gradio as gr
from gradio.utils import get_upload_folder

from app import present
from app.api import endpoint
from app.component import Viewer
from app.handlers import Handlers, View
from app.runs import Runs
from ctflow.card import ModelCard
from ctflow.events import MAX_SEED, Generator, Solver

_HERE = Path(__file__).parent
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_DICE = f"() => Math.floor(Math.random() * {MAX_SEED + 1})"


class Page:
    """Builds the page; each method one part of it. `demo` is what is launched."""

    def __init__(self, generator: Generator) -> None:
        self.card: ModelCard = generator.card
        self.device = generator.device
        self.handlers = Handlers(generator, Runs(generator, Path(get_upload_folder()) / "ctflow"))
        with gr.Blocks(title="CTFlow", analytics_enabled=False, fill_width=True) as self.demo:
            gr.HTML(present.header_html(self.card, self.device), apply_default_css=False)
            with gr.Row(elem_classes="ct-page"):
                with gr.Column(elem_classes="ct-panel", min_width=280):
                    self._report_panel()
                with gr.Column(elem_classes="ct-view", min_width=280):
                    self.viewer = Viewer(server_functions=[self._exporter()])
            self._connect()
            gr.api(endpoint(self.handlers), api_name="generate")
        self.demo.queue(max_size=64, default_concurrency_limit=None)

    def _report_panel(self) -> None:
        self.findings = gr.Textbox(label="Findings", lines=7, max_lines=12, placeholder="The lungs are clear. …")
        self.impression = gr.Textbox(label="Impression", lines=2, max_lines=8)
        with gr.Row(elem_classes="ct-pair"):
            choices = [("not given", ""), ("female", "F"), ("male", "M")]
            self.sex = gr.Dropdown(choices, value="", label="Sex (optional)", min_width=100)
            # A Textbox, because an empty gr.Number shows and sends 0, and 0 is an age.
            self.age = gr.Textbox(label="Age (optional)", placeholder="not given", max_length=3, min_width=100)
        self.tokens = gr.HTML(elem_classes="ct-reading", apply_default_css=False)
        with gr.Row(elem_classes="ct-examples", equal_height=True):
            self._examples()
        with gr.Row(elem_classes="ct-pair ct-run"):
            self.start = gr.Button("Generate", variant="primary", min_width=100)
            self.halt = gr.Button("Stop", variant="stop", interactive=False, min_width=100)
        self.problem = gr.HTML(apply_default_css=False)
        with gr.Row(elem_classes="ct-pair ct-seed"):
            self.seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, min_width=100)
            self.dice = gr.Button("⚄ New seed", min_width=100)
        with gr.Accordion("More", open=False):
            self._more()

    def _examples(self) -> None:
        fields = [self.findings, self.impression, self.sex, self.age]
        for example in json.loads((_HERE / "examples.json").read_text(encoding="utf-8")):
            values = json.dumps([str(example[name]) for name in ("findings", "impression", "sex", "age")])
            button = gr.Button(example["name"], size="sm", min_width=100)
            button.click(None, None, fields, js=f"() => {values}", **_QUIET)

    def _more(self) -> None:
        geometry, defaults = self.card.geometry, self.card.defaults
        self.chunks = gr.Slider(
            1,
            geometry.max_chunks,
            defaults.chunks,
            step=1,
            label=f"Length, in chunks of {geometry.slices_per_chunk} slices",
        )
        self.length = gr.HTML(present.length_html(defaults.chunks, self.card), apply_default_css=False)
        self.steps = gr.Slider(1, max(200, defaults.steps), defaults.steps, step=1, label="Steps per chunk")
        self.solver = gr.Radio(list(get_args(Solver)), value=defaults.solver, label="Solver")
        self.guidance = gr.Slider(
            1, 10, self.card.guidance.default, step=0.1, label="Guidance", visible=self.card.guidance.trained
        )

    def _connect(self) -> None:
        report: list[Any] = [self.findings, self.impression, self.sex, self.age]
        settings: list[Any] = [self.seed, self.chunks, self.steps, self.solver, self.guidance]
        shown = [self.viewer, self.problem, self.start, self.halt]
        save, load = _draft_scripts(self.card.name)
        # One event for all, so that a slow count of an earlier text cannot arrive after that of a later one.
        told = [self.demo.load, *(field.change for field in report)]
        gr.on(told, self.handlers.read, report, self.tokens, trigger_mode="always_last", **_QUIET)
        for field in [*report, *settings]:
            field.change(None, [*report, *settings], None, js=save, **_QUIET)
        self.demo.load(None, [*report, *settings], [*report, *settings], js=load, **_QUIET)
        self.chunks.change(lambda chunks: present.length_html(chunks, self.card), self.chunks, self.length, **_QUIET)
        self.dice.click(None, None, self.seed, js=_DICE, **_QUIET)
        self.start.click(self._generate, [*report, *settings], shown, **_QUIET)
        self.viewer.attach(self._attach, self.viewer, shown, **_QUIET)
        self.halt.click(self.handlers.stop, self.viewer, None, queue=False, **_QUIET)

    def _exporter(self) -> Callable[[dict[str, str]], dict[str, str]]:
        """Gradio marks server functions, and a bound method cannot be marked."""

        def export(wanted: dict[str, str]) -> dict[str, str]:
            return self.handlers.export(wanted)

        return export

    def _generate(self, *fields: Any) -> Iterator[list[Any]]:
        yield from map(_updates, self.handlers.generate(*fields))

    def _attach(self, manifest: dict[str, Any]) -> Iterator[list[Any]]:
        yield from map(_updates, self.handlers.attach(manifest))


def _draft_scripts(model: str) -> tuple[str, str]:
    """What keeps the report over a reload, and what brings it back. Another model has other limits: it starts anew."""
    key = json.dumps(f"ctflow-draft-{model}")
    save = f"(...draft) => {{ sessionStorage.setItem({key}, JSON.stringify(draft)); }}"
    return save, f"(...now) => JSON.parse(sessionStorage.getItem({key}) || 'null') || now"


def _updates(view: View) -> list[Any]:
    """A view as Gradio wants it: one update for each of viewer, problem, Generate, Stop."""
    manifest = gr.skip() if view.manifest is None else view.manifest
    buttons = [gr.update(interactive=not view.busy), gr.update(interactive=view.busy)]
    return [manifest, present.problem_html(view.problem), *buttons]


def build(generator: Generator) -> gr.Blocks:
    """The whole app for one generator."""
    return Page(generator).demo


def launch_options() -> dict[str, Any]:
    """How it is launched: nothing recorded, nothing fetched from elsewhere, no door left open."""
    return {
        "css": (_HERE / "style.css").read_text(encoding="utf-8"),
        "theme": _theme(),
        "js": "() => document.body.classList.add('dark')",
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "share": False,
    }


def _theme() -> gr.themes.Base:
    """Dark, in the system's own letters: Gradio's default would fetch its fonts."""
    ink, ground, panel, field, line = "#e8edf2", "#0b0e12", "#12171d", "#1a2129", "#28303a"
    theme = gr.themes.Base(
        primary_hue="sky", neutral_hue="gray", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    colours = {
        "body_background_fill": ground,
        "body_text_color": ink,
        "background_fill_primary": ground,
        "background_fill_secondary": panel,
        "block_background_fill": panel,
        "block_label_text_color": ink,
        "block_title_text_color": ink,
        "border_color_primary": line,
        "block_border_color": line,
        "input_background_fill": field,
        "button_secondary_background_fill": field,
        "button_secondary_background_fill_hover": line,
        "button_secondary_text_color": ink,
        "button_cancel_background_fill": "#5a2323",
        "button_cancel_background_fill_hover": "#743030",
        "button_cancel_text_color": ink,
    }
    return theme.set(**colours, **{f"{name}_dark": colour for name, colour in colours.items()})
