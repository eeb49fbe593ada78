"""The paper's three modes on the command line: from text alone, from a scan's first slices, or chunk by chunk."""

import argparse
from dataclasses import dataclass
from typing import get_args

from ctflow.card import ModelCard
from ctflow.commands.arguments import path
from ctflow.errors import RequestError
from ctflow.io.itk import itk_reads
from ctflow.io.scan import read_scan
from ctflow.io.sidecar import Sidecar, StartRecord, has_exact_hash, is_recorded, scan_sha256
from ctflow.lineage import plan_chunks
from ctflow.model_grid import ModelGrid
from ctflow.request import GenerationRequest, Mode, ScanMode, ScanStart, Start


@dataclass(frozen=True, eq=False)
class RecordedStart:
    """The scan to begin with, on the model's grid, and what the sidecar says of the file it came from."""

    start: ScanStart
    record: StartRecord
    is_checked: bool = True  # not where an older sidecar cannot tell whether the scan is the one it was made from


def add_mode_to(parser: argparse.ArgumentParser) -> None:
    """Declares `--mode`, `--start-from` and `--start-slices`."""
    parser.add_argument(
        "--mode",
        choices=get_args(Mode),
        help="full-body: from the report alone (default); gt-head: continues a scan's first slices; "
        "next-block: makes each chunk from the scan's own chunk before it",
    )
    parser.add_argument(
        "--start-from",
        type=path,
        metavar="SCAN",
        help="NIfTI, NRRD, MHA or a folder of DICOM; of a scan longer than the model's volumes, the middle is used",
    )
    parser.add_argument(
        "--start-slices", type=int, metavar="N", help="how many of the scan, for gt-head (default: one chunk)"
    )


def check_mode(args: argparse.Namespace, sidecar: Sidecar | None) -> ScanMode | None:
    """The mode that begins with a scan; None for full-body. Raises RequestError for words that do not go together."""
    if sidecar and (args.mode or args.start_slices is not None):
        raise RequestError(f"--from takes everything from {args.sidecar}: leave out --mode and --start-slices.")
    recorded = sidecar.start if sidecar else None
    asked: Mode = args.mode or "full-body"
    mode = recorded.mode if recorded else asked
    if mode == "full-body":
        if args.start_from or args.start_slices is not None:
            raise RequestError("--start-from and --start-slices go with --mode gt-head or next-block.")
        return None
    if not args.start_from:
        raise RequestError(f"The mode {mode} begins with a real scan: give it with --start-from.")
    if mode == "next-block" and args.start_slices is not None:
        raise RequestError("next-block takes one chunk of the scan at a time: leave out --start-slices.")
    return mode


def read_start(args: argparse.Namespace, mode: ScanMode, sidecar: Sidecar | None, card: ModelCard) -> RecordedStart:
    """Reads the scan and brings it onto the model's grid, both once.

    Raises VolumeError for a scan that cannot be read, RequestError for one that is not the sidecar's.
    """
    scan = read_scan(args.start_from)
    is_checked = True
    if sidecar and (recorded := sidecar.start):
        is_checked = is_recorded(scan, recorded.sha256)
        if not is_checked and not has_exact_hash(sidecar):
            raise RequestError(
                f"{args.start_from} is not the scan that {args.sidecar} was made from ({recorded.scan})."
            )
        slices = recorded.slices
    else:
        slices = card.geometry.slices_per_chunk if args.start_slices is None else args.start_slices
    with itk_reads(args.start_from):
        on_grid = ModelGrid(card.geometry).bring(scan)
    return RecordedStart(
        start=ScanStart(mode, on_grid, slices),
        record=StartRecord(mode=mode, scan=args.start_from.name, sha256=scan_sha256(scan), slices=slices),
        is_checked=is_checked,
    )


def chunks_of(args: argparse.Namespace, start: ScanStart | None, card: ModelCard) -> int | None:
    """`--chunks`. For next-block without it, as many as the scan has, up to the model's default.

    At least two, because the first is the scan's own.
    """
    if start is None or start.mode != "next-block" or args.chunks is not None:
        return args.chunks
    whole = len(start.scan.hu) // card.geometry.slices_per_chunk
    return max(2, min(whole, card.defaults.chunks))


def steps_of(request: GenerationRequest, start: Start | None, slices_per_chunk: int) -> int:
    """How many evaluations of the transformer a volume takes at most, by a model that keeps nothing of its start."""
    makers = (lineage[-1] for lineage in plan_chunks(request, start, slices_per_chunk).lineages)
    return sum(maker.steps for maker in makers if isinstance(maker, GenerationRequest))
