"""`python -m ctflow continue`: keeps the first chunks of a volume and makes the rest, from another report or longer."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ctflow.card import ModelCard
from ctflow.commands.arguments import path, place, utf8
from ctflow.commands.asking import add_output_to, note, number, read_text, say_what_is_not_read
from ctflow.commands.generate import load, note_versions
from ctflow.commands.making import check_out, make
from ctflow.commands.model import FoundModel
from ctflow.commands.modes import read_start
from ctflow.errors import RequestError
from ctflow.io.nifti import ENDINGS, read_nifti
from ctflow.io.sidecar import NOTICE, Sidecar, StartRecord, read_sidecar, request_of, start_of
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart, VolumeStart, check_volume_start
from ctflow.volume import Volume

HELP = f"""\
Keeps the first chunks of a volume, and makes the rest: from another report (from here on), or more of it (longer).
The chunks that are kept are made again from the sidecar first, which gives the same bytes on the same machine.
{NOTICE}"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `continue` and its arguments."""
    parser = commands.add_parser(
        "continue",
        help="keep the first chunks of a volume and make the rest from another report, or make it longer",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("sidecar", type=path, metavar="VOLUME.json", help="the sidecar of the volume to go on from")
    parser.add_argument("--keep", type=number, metavar="N", help="how many of its chunks stay (default: all)")
    report = parser.add_mutually_exclusive_group()
    report.add_argument("--report", type=utf8, metavar="TEXT", help="what to go on with (default: its own report)")
    report.add_argument("--report-file", type=place, metavar="FILE", help="the same from a UTF-8 text file")
    parser.add_argument("--seed", type=number, metavar="N", help="default: its own")
    parser.add_argument(
        "--chunks", type=number, metavar="N", help="length of the whole volume (default: what it was to have)"
    )
    parser.add_argument(
        "--start-from", type=path, metavar="SCAN", help="the scan that it began with, if it began with one"
    )
    add_output_to(parser)


def run(args: argparse.Namespace) -> None:
    """Makes one volume. Raises CTFlowError, before the model is loaded wherever that can be known before."""
    check_out(args.out, args.start_from)
    sidecar = read_sidecar(args.sidecar)
    note_versions(sidecar)
    before = request_of(sidecar)
    request = _request(args, before)
    keep = before.chunks if args.keep is None else args.keep
    if type(keep) is not int:
        raise RequestError(f"--keep is a whole number of chunks; got {keep!r}.")
    check_volume_start(VolumeStart(request=before, chunks=keep), request)
    model: FoundModel = args.find_model(args.model)
    model.card.check(request)
    start, scan = _scan(args, sidecar, model.card, keep)
    generator = load(args, model, sidecar, args.sidecar)
    say_what_is_not_read(generator, request.report)
    begun = VolumeStart(request=before, chunks=keep, start=start_of(sidecar, start))
    volume = make(args, generator, request, begun, scan)
    _compare(args.sidecar, volume, keep * model.card.geometry.slices_per_chunk)


def _request(args: argparse.Namespace, before: GenerationRequest) -> GenerationRequest:
    changes = {name: getattr(args, name) for name in ("seed", "chunks") if getattr(args, name) is not None}
    text = args.report if args.report_file is None else read_text(args.report_file)
    if text is not None:
        changes["report"] = Report.parse(text, sex=before.report.sex, age=before.report.age)
    return replace(before, **changes)


def _scan(
    args: argparse.Namespace, sidecar: Sidecar, card: ModelCard, keep: int
) -> tuple[ScanStart | None, StartRecord | None]:
    """The scan that the volume began with, and what its sidecar says of it; None where it began with none."""
    if sidecar.start is None:
        if args.start_from:
            raise RequestError(f"{args.sidecar} is of a volume that began with no scan: leave out --start-from.")
        return None, None
    if not args.start_from:
        raise RequestError(f"That volume began with a scan: give {sidecar.start.scan} with --start-from.")
    if keep * card.geometry.slices_per_chunk <= sidecar.start.slices:
        raise RequestError(
            f"The first {sidecar.start.slices} slices of that volume are the scan's own: keep more than those, or use "
            "generate --mode gt-head."
        )
    begun = read_start(args, sidecar.start.mode, sidecar, card)
    return begun.start, begun.record


def _compare(sidecar_path: Path, volume: Volume, kept: int) -> None:
    """Notes where slices that were to stay are others than in the volume beside the sidecar, if that is still there."""
    for ending in ENDINGS:
        beside = sidecar_path.with_name(sidecar_path.stem + ending)
        if beside.is_file() and not _begins_as(volume, read_nifti(beside), kept):
            note(f"the slices that were to stay differ from those of {beside}, which another machine or version made.")


def _begins_as(volume: Volume, other: Volume, slices: int) -> bool:
    """Whether the first `slices` are the same, as far as there are any."""
    slices = min(slices, len(volume.hu), len(other.hu))
    return np.array_equal(volume.hu[:slices], other.hu[:slices])
