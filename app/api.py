"""The endpoint for programs: `gradio_client.Client(url).predict("No effusion.", api_name="/generate")`."""

from collections.abc import Callable

import gradio as gr

from app.export import export
from app.handlers import Handlers
from app.messages import worded
from ctflow.errors import CTFlowError


def endpoint(handlers: Handlers) -> Callable[..., gr.FileData]:
    """A typed function for `gr.api`, which reads its parameters off the annotations."""

    def generate(
        findings: str,
        impression: str = "",
        sex: str = "",
        age: int | None = None,
        seed: int = 0,
        chunks: int | None = None,
        steps: int | None = None,
    ) -> gr.FileData:
        """Report -> synthetic chest CT as a NIfTI file. `sex` is F, M or empty; None keeps the model's default."""
        try:
            run = handlers.start(findings, impression, sex, age, seed, chunks, steps)
            *_, last = handlers.follow(run)
            if run.state != "finished":
                raise gr.Error((last.manifest or {})["status"])
            path = export(run, handlers.generator, "nifti")
        except CTFlowError as error:
            raise gr.Error(worded(error)) from error
        return gr.FileData(path=str(path), orig_name=path.name)

    return generate
