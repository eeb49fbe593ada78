"""What each chunk of a volume descends from: in words, before anything is computed.

A chunk is made by a request from the chunk before it, which was made from the one before that. A lineage names those
makers in order, the chunk's own last, and so says all that its latents depend on: chunks of the same lineage are the
same. A scan in a lineage stands for the scan's own chunk at that place.
"""

from dataclasses import dataclass, replace

from ctflow.request import (
    GenerationRequest,
    ScanStart,
    SharedPrevious,
    Start,
    VolumeStart,
    check_scan_start,
    check_volume_start,
)

Lineage = tuple[GenerationRequest | ScanStart, ...]  # as long as the chunk's number, counted from 1


@dataclass(frozen=True)
class ChunkPlan:
    """The lineage of each chunk of a volume. The first `head` are those that it begins with, and made by others."""

    lineages: tuple[Lineage, ...]
    head: int

    def goes_on_from(self, chunk: int) -> bool:
        """Whether the next chunk is made from this one, and not from one of another volume."""
        return any(lineage[:-1] == self.lineages[chunk] for lineage in self.lineages[chunk + 1 : chunk + 2])


def plan_chunks(request: GenerationRequest, start: Start | None, slices_per_chunk: int) -> ChunkPlan:
    """The plan of one volume. Raises RequestError where request and start do not go together."""
    head: list[Lineage] = []
    before: list[Lineage] | None = None  # the chunks that every chunk is made from, where these are not its own
    match start:
        case ScanStart():
            scan: list[Lineage] = [(start,) * (chunk + 1) for chunk in range(request.chunks)]
            head = scan[: check_scan_start(start, request, slices_per_chunk)]
            before = scan if start.mode == "next-block" else None
        case VolumeStart():
            check_volume_start(start, request)
            head = list(plan_chunks(start.request, start.start, slices_per_chunk).lineages[: start.chunks])
        case SharedPrevious():
            before = list(plan_chunks(start.request, start.start, slices_per_chunk).lineages)
    maker = replace(request, chunks=1)  # how many chunks follow makes no difference to those that are there
    lineages = list(head)
    for chunk in range(len(head), request.chunks):
        previous = lineages if before is None else before
        lineages.append((*previous[chunk - 1], maker) if chunk else (maker,))
    return ChunkPlan(tuple(lineages), len(head))
