"""The paper's three modes on the command line: from text alone, from a scan's first slices, or chunk by chunk."""

import argparse
from pathlib import Path

from ctflow.card import CARD, read_card
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.errors import RequestError
from ctflow.io.scan import read_scan
from ctflow.io.sidecar import Sidecar, scan_sha256
from ctflow.model_grid import ModelGrid
from ctflow.request import GenerationRequest, ScanStart

MODES = ("full-body", "gt-head", "next-block")


def add_mode_to(parser: argparse.ArgumentParser) -> None:
    """Declares `--mode`, `--start-from` and `--start-slices`."""
    parser.add_argument(
        "--mode",
        choices=MODES,
        help="full-body: from the report alone (default); gt-head: goes on from a scan's first slices; "
        "next-block: each chunk from the scan's own chunk before it",
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="SCAN",
        help="NIfTI, NRRD, MHA, or a folder of DICOM; the middle of it, where it is longer than the model's volumes",
    )
    parser.add_argument("--start-slices", type=int, metavar="N", help="of the scan, for gt-head (default: one chunk)")


def start_of(args: argparse.Namespace, recipe: Sidecar | None) -> ScanStart | None:
    """The scan to begin with, read; None for full-body. Raises RequestError or VolumeError."""
    settled = recipe.start if recipe else None
    mode = settled.mode if settled else args.mode or "full-body"
    if recipe and (args.mode or args.start_slices is not None):
        raise RequestError(f"--from takes everything from {args.sidecar}: leave out --mode and --start-slices.")
    if mode == "full-body":
        if args.start_from or args.start_slices is not None:
            raise RequestError("--start-from and --start-slices go with --mode gt-head or next-block.")
        return None
    if not args.start_from:
        raise RequestError(f"The mode {mode} begins with a real scan: give it with --start-from.")
    if mode == "next-block" and args.start_slices is not None:
        raise RequestError("next-block takes one chunk of the scan at a time: leave out --start-slices.")
    scan = read_scan(args.start_from)
    if settled and scan_sha256(scan) != settled.sha256:
        raise RequestError(f"{args.start_from} is not the scan that {args.sidecar} was made from ({settled.scan}).")
    chunk = read_card(find_checkpoint(args.model) / CARD).geometry.slices_per_chunk
    slices = settled.slices if settled else args.start_slices if args.start_slices is not None else chunk
    return ScanStart(mode, scan, slices)


def chunks_of(args: argparse.Namespace, start: ScanStart | None) -> int | None:
    """`--chunks`; where next-block was not told, as many as the scan has, up to the model's default.

    Two at least, because the first is the scan's own.
    """
    if start is None or start.mode != "next-block" or args.chunks is not None:
        return args.chunks
    card = read_card(find_checkpoint(args.model) / CARD)
    whole = len(ModelGrid(card.geometry).bring(start.scan).hu) // card.geometry.slices_per_chunk
    return max(2, min(whole, card.defaults.chunks))


def steps_of(request: GenerationRequest, start: ScanStart | None, slices_per_chunk: int) -> int:
    """How many evaluations of the transformer a request takes at most."""
    return (request.chunks - (start.slices // slices_per_chunk if start else 0)) * request.steps
