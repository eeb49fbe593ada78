"""The endpoint for programs that go on from a volume or a real scan: with the page's rules and the page's words."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from app.api import finished_files, running
from app.going_on import going_on_from
from app.handlers import Handlers, Json
from app.opening import Opening
from app.run import Run
from ctflow.errors import RequestError
from ctflow.io.sidecar import parse_sidecar, request_of
from ctflow.report import Report

_OF_SCAN = ("mode", "sex", "age", "seed", "steps", "solver", "guidance", "shift", "guidance_above_t")


def continue_endpoints(opening: Opening, handlers: Handlers) -> dict[str, Callable[..., Any]]:
    """See `app.api.endpoints`."""

    async def go_on(  # type: ignore[misc]  # the return type is an item's, see `app.api.endpoints`
        sidecar: dict | None = None,
        keep: int | None = None,
        findings: str | None = None,
        impression: str | None = None,
        chunks: int | None = None,
        scan: str | None = None,
        mode: str | None = None,
        sex: str | None = None,
        age: int | None = None,
        seed: int | None = None,
        steps: int | None = None,
        solver: str | None = None,
        guidance: float | None = None,
        shift: float | None = None,
        guidance_above_t: float | None = None,
        request: gr.Request = None,
    ) -> tuple[gr.FileData, gr.FileData]:
        """Keeps the first chunks of a volume or a scan and makes the rest: answers like /generate.

        `chunks`: of the whole volume. Of a volume give the `sidecar`, what the JSON file beside it says. `keep`: how
        many of its chunks stay, None for all. The report is for the rest; without one it is the volume's own, as the
        seed and the settings are. `chunks` None is as many as it had.

        Of a scan give `scan`, its run as /scan tells it, and `mode`: gt-head (None), where `keep` chunks of the scan
        stay (None for 1), or next-block, where each chunk is made from the scan's own chunk before it. Report, seed and
        settings are as for /generate.
        """
        fields = {
            "findings": findings, "impression": impression, "chunks": chunks, "mode": mode, "sex": sex, "age": age,
            "seed": seed, "steps": steps, "solver": solver, "guidance": guidance, "shift": shift,
            "guidance_above_t": guidance_above_t,
        }  # fmt: skip
        if (sidecar is None) == (scan is None):
            start: Callable[[str], Run] = _refuse_origin
        elif sidecar is None:
            start = partial(_from_scan, opening, {**fields, "scan": scan}, keep)
        else:
            start = partial(_from_volume, handlers, sidecar, fields, keep)
        async with running(handlers, request, start) as run:
            async for made in finished_files(handlers, run):
                yield made

    return {"continue": go_on}


def _refuse_origin(visitor: str) -> Run:
    raise RequestError("Give the sidecar of a volume or the run of a scan, and not both.")


def _from_scan(opening: Opening, fields: Json, keep: int | None, visitor: str) -> Run:
    asked = {**fields, "mode": fields["mode"] or "gt-head"}
    if keep is not None:
        if asked["mode"] != "gt-head":
            raise RequestError(f"No chunk of the scan stays with {asked['mode']}: leave out keep, or use gt-head.")
        asked["head"] = keep
    return opening.continue_scan(visitor, None, asked)


def _from_volume(handlers: Handlers, given: Json, fields: Json, keep: int | None, visitor: str) -> Run:
    if others := [name for name in _OF_SCAN if fields[name] is not None]:
        raise RequestError(f"A volume is gone on from with its own seed and settings: leave out {', '.join(others)}.")
    sidecar = parse_sidecar(json.dumps(given), "The sidecar")
    own, findings, impression = request_of(sidecar).report, fields["findings"], fields["impression"]
    is_edited = findings is not None or impression is not None
    report = Report.parse(findings or "", impression or "", own.sex, own.age) if is_edited else None
    request, start = going_on_from(sidecar, report, keep, fields["chunks"], handlers.generator.model_sha256)
    handlers.generator.card.check(request)
    return handlers.put_in_line(request, visitor, None, start)
