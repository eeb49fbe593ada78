"""The endpoint for programs that open real scans: with the page's rules and the page's words."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from app.api import chunk_file, running
from app.handlers import Handlers
from app.opening import Opening


def scan_endpoints(opening: Opening, handlers: Handlers) -> dict[str, Callable[..., Any]]:
    """See `app.api.endpoints`."""

    async def scan(  # type: ignore[misc]  # the return type is an item's, see `app.api.endpoints`
        file: gr.FileData, series: int = 0, request: gr.Request = None
    ) -> dict:
        """Opens a real scan: NIfTI, NRRD, MHA, or a zip with DICOM files. Answers its run, its grid and its chunks.

        `series`: which one of a zip with several, the longest first. A chunk's file is as of /stream. The server keeps
        the scan as it keeps runs, and /export gives it as NIfTI.
        """
        async with running(handlers, request, partial(opening.open_upload, file=file)) as run:
            while not run.ended:
                yield None  # here Gradio closes a job that was cancelled
                if run.series:
                    run.choose(series)
                await handlers.news({"run": run.id, "seen": run.version})
            if run.state != "finished":
                raise gr.Error(handlers.manifest(run)["status"], print_exception=False)
            manifest = handlers.manifest(run)
            told = {name: manifest[name] for name in ("run", "status", "grid", "is_synthetic")}
            yield {**told, "chunks": [chunk_file(**chunk) for chunk in manifest["chunks"]]}

    return {"scan": scan}
