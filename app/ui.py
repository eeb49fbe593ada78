"""The page: a narrow report panel, and the planes, which have the room."""

import json
from pathlib import Path
from typing import Any, get_args

import gradio as gr
from fastapi import FastAPI
from gradio.utils import get_upload_folder

from app.api import endpoints
from app.api_asking import asking_endpoints
from app.api_continue import continue_endpoints
from app.api_scan import scan_endpoints
from app.asking import Asking, Judges
from app.blocks import Blocks
from app.component import part, viewer
from app.example import Example, read_example
from app.handlers import Handlers
from app.modules import read_modules
from app.opening import Opening
from app.runs import Limits, Runs
from app.scans import Scans
from app.theme import theme
from app.web import FAVICON, web
from ctflow.card import ModelCard
from ctflow.generator import VolumeGenerator
from ctflow.judge import TowerJudge
from ctflow.request import MAX_SEED, SOLVER_PRESETS, Solver

_HERE = Path(__file__).parent
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
PLACEHOLDER = "Large right pleural effusion. No pneumothorax."


class Page:
    """Builds the page; each method builds one part of it. `launch` serves it.

    Of all events only `drive` goes through Gradio's queue: when that loses its connection it reloads the page, and what
    the page holds would be lost. The others are answered in the browser, by viewer/page.js.
    """

    def __init__(
        self,
        generator: VolumeGenerator,
        limits: Limits = Limits(),  # noqa: B008
        driven: bool = False,
        judges: Judges | None = None,
    ) -> None:
        self.card: ModelCard = generator.card
        self.modules = read_modules()
        self.example: Example | None = read_example(generator.model_sha256)
        runs = Runs(generator, Path(get_upload_folder()) / "ctflow", limits)
        self.handlers = Handlers(generator, runs, driven)
        self.opening = Opening(self.handlers, Scans(runs))
        self.asking = Asking(self.handlers, judges or (lambda: ([TowerJudge(generator, {})], "")))
        with Blocks(title="CTFlow", analytics_enabled=False, fill_width=True) as self.demo:
            part("header", self.modules)
            with gr.Row(elem_classes="ct-page"):
                with gr.Column(elem_classes="ct-panel", min_width=280):
                    self._panel()
                with gr.Column(elem_classes="ct-view", min_width=280):
                    self.viewer = viewer(self.modules, self.card, generator.device, self.example)
            self._connect()
            for name, endpoint in self._endpoints().items():
                gr.api(endpoint, api_name=name)
        self.demo.queue(max_size=64, default_concurrency_limit=None)

    def _endpoints(self) -> dict[str, Any]:
        asking = asking_endpoints(self.asking, self.handlers)
        going_on = continue_endpoints(self.opening, self.handlers)
        return {**endpoints(self.handlers), **asking, **going_on, **scan_endpoints(self.opening, self.handlers)}

    def launch(self, **options: Any) -> str:
        """Serves it, and returns its address."""
        own = {
            "share": False,
            "state_session_capacity": 256,  # 70 kB each: only programs have one, and nothing of ours is in it
            # Otherwise a first page that takes more than 3 s, as on a small container, counts as a failed start.
            "_frontend": False,
            "favicon_path": str(_HERE / FAVICON),
        }
        return self.demo.launch(**{**self._served(), **own, **options})[1]

    def mount(self, app: FastAPI, path: str, **options: Any) -> None:
        """Adds it to another application, below `path`.

        `options`: those of `gr.mount_gradio_app`. Raises ValueError for `auth_dependency`.
        """
        if options.get("auth_dependency") is not None:  # Gradio's routes would ask it, and ours (web.py) would not
            raise ValueError("The page takes no auth_dependency, because its own routes do not ask it: use auth.")
        gr.mount_gradio_app(app, self.demo, path, **{**self._served(), **options})

    def _served(self) -> dict[str, Any]:
        """How it is served: nothing is recorded, nothing is fetched from elsewhere, no door is left open."""
        return {
            "css": (_HERE / "style.css").read_text(encoding="utf-8"),
            "theme": theme(),
            "head": f'<link rel="icon" type="image/svg+xml" href="{FAVICON}">',
            "footer_links": [],
            "run_history": False,
            "enable_monitoring": False,
            "ssr_mode": False,
            "app_kwargs": web(self.handlers, self.asking, self.opening, self.modules, self.example),
        }

    def _panel(self) -> None:
        """What is written scrolls; what is pressed stays where it is."""
        part("tabs", self.modules)
        part("ask", self.modules, elem_classes="ct-ask")
        with gr.Column(elem_classes="ct-fields", min_width=280):
            self._report()
            with gr.Row(elem_classes="ct-examples", equal_height=True):
                self._examples()
            with gr.Row(elem_classes="ct-pair ct-seed"):
                self.seed = gr.Number(0, label="Seed", min_width=100)
                self.dice = gr.Button("⚄ New seed", min_width=100)
            with gr.Accordion("More", open=False):
                self._more()
        with gr.Column(elem_classes="ct-run", min_width=280):
            part("problem", self.modules)
            with gr.Row(elem_classes="ct-pair"):
                self.generate = gr.Button("Generate", variant="primary", min_width=100)
                self.stop = gr.Button("Stop", variant="stop", interactive=False, min_width=100)
                part("jump", self.modules, elem_classes="ct-jump", min_width=60)

    def _report(self) -> None:
        self.findings = gr.Textbox(
            label="Findings", lines=4, max_lines=9, placeholder=PLACEHOLDER, elem_classes="ct-typed-findings"
        )
        self.impression = gr.Textbox(label="Impression", lines=2, max_lines=6, elem_classes="ct-typed-impression")
        sex, age = ("sex" in self.card.text.reads), ("age" in self.card.text.reads)
        with gr.Row(elem_classes="ct-pair ct-person", visible=sex or age):
            # Not a Dropdown: Tab leaves its list open, over everything.
            self.sex = part("sex", self.modules, "", visible=sex, min_width=100)
            # A Textbox, because an empty gr.Number shows and sends 0, and 0 is an age.
            self.age = gr.Textbox(
                label="Age (optional)", placeholder="not given", max_length=3, min_width=100, visible=age
            )
        self.reading = part("reading", self.modules, event="edited")

    def _examples(self) -> None:
        fields = [self.findings, self.impression, self.sex, self.age]
        for example in json.loads((_HERE / "examples.json").read_text(encoding="utf-8")):
            values = [str(example[name]) for name in ("findings", "impression", "sex", "age")]
            button = gr.Button(example["name"], size="sm", min_width=100)
            button.click(None, None, fields, js=self.modules.call("chooseReport", values), **_QUIET)

    def _more(self) -> None:
        geometry, defaults = self.card.geometry, self.card.defaults
        self.chunks = gr.Slider(
            1,
            geometry.max_chunks,
            defaults.chunks,
            step=1,
            label=f"Length, in chunks of {geometry.slices_per_chunk} slices",
        )
        part("length", self.modules)
        with gr.Row(elem_classes="ct-examples", equal_height=True):
            self.presets = [gr.Button(name, size="sm", min_width=100) for name in self._presets()]
        self.steps = gr.Slider(1, max(200, defaults.steps), defaults.steps, step=1, label="Steps per chunk")
        self.solver = gr.Radio(list(get_args(Solver)), value=defaults.solver, label="Solver")
        self.shift = gr.Slider(0.1, 10, defaults.shift, step=0.1, label="Shift of the steps towards noise")
        guidance = self.card.guidance
        self.guidance = gr.Slider(1, 10, guidance.default, step=0.1, label="Guidance", visible=guidance.trained)
        self.guidance_above_t = gr.Slider(
            0,
            1,
            guidance.above_t,
            step=0.01,
            label="Guidance only at times above (noise 1, data 0)",
            visible=guidance.trained,
        )

    def _presets(self) -> dict[str, list[Any]]:
        """From the name of a preset to its steps, solver and shift."""
        own = {name: getattr(self.card.defaults, name) for name in ("steps", "solver", "shift")}
        return {
            f"{name}: {preset['solver']} {preset['steps']}": [preset[field] for field in own]
            for name, preset in {"model's own": own, **SOLVER_PRESETS}.items()
        }

    def _connect(self) -> None:
        report: list[Any] = [self.findings, self.impression, self.sex, self.age]
        solving: list[Any] = [self.steps, self.solver, self.shift, self.guidance, self.guidance_above_t]
        fields: list[Any] = [*report, self.seed, self.chunks, *solving]
        call = self.modules.call
        for field in fields:
            field.change(None, fields, None, js=call("change"), **_QUIET)
        self.demo.load(None, fields, fields, js=call("restore"), **_QUIET)
        texts: list[Any] = [self.findings, self.impression]
        self.reading.edited(None, texts, texts, js=call("edited"), **_QUIET)
        for button, values in zip(self.presets, self._presets().values(), strict=True):
            button.click(None, None, [self.steps, self.solver, self.shift], js=call("choose", values), **_QUIET)
        self.dice.click(None, None, self.seed, js=call("newSeed", MAX_SEED), **_QUIET)
        self.generate.click(None, fields, None, js=call("generate"), **_QUIET)
        self.stop.click(None, None, None, js=call("stop"), **_QUIET)
        self.viewer.wanted(None, fields, None, js=call("generate"), **_QUIET)
        self.viewer.filled(None, None, fields, js=call("filled"), **_QUIET)
        self.viewer.busy(None, None, [self.generate, self.stop], js=call("buttons"), **_QUIET)
        # Through the queue, because that is where ZeroGPU lends its GPU.
        self.viewer.drive(self.handlers.drive, self.viewer, None, **_QUIET)
