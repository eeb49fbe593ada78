"""Whether a volume can begin with a scan as asked."""

from ctflow.errors import RequestError
from ctflow.events import GenerationRequest, Start
from ctflow.volume import Volume


def check_start(start: Start, scan: Volume, request: GenerationRequest, slices_per_chunk: int) -> int:
    """The number of chunks that are taken from `scan`, which lies on the model's grid, as they are.

    Raises RequestError where the scan is too short, or the request leaves nothing to make.
    """
    head, rest = divmod(start.slices, slices_per_chunk)
    if rest or head < 1:
        raise RequestError(
            f"A volume begins with whole chunks: give a multiple of {slices_per_chunk} slices, not {start.slices}."
        )
    if request.chunks <= head:
        raise RequestError(
            f"{start.slices} slices of the scan are {head} chunks, and {request.chunks} are asked for in all: ask for "
            "more chunks, or begin with fewer slices."
        )
    needed = start.slices if start.mode == "gt-head" else request.chunks * slices_per_chunk
    if len(scan.hu) < needed:
        raise RequestError(
            f"The scan gives {len(scan.hu)} slices of {scan.spacing_mm[0]:g} mm, and {needed} are needed: "
            "ask for fewer, or give a longer scan."
        )
    return head
