"""`python -m ctflow generate`: a report in, a NIfTI volume and the JSON that can make it again out. Or many of them."""

import argparse
from pathlib import Path

from ctflow.card import ModelCard
from ctflow.choices import CUDA_CHOICES, PRECISIONS
from ctflow.commands import batch
from ctflow.commands.arguments import path
from ctflow.commands.asking import (
    SOLVING,
    add_output_to,
    add_report_to,
    add_settings_to,
    note,
    report_of,
    request_from,
    say_what_is_not_read,
)
from ctflow.commands.making import check_out, make
from ctflow.commands.model import FoundModel
from ctflow.commands.modes import add_mode_to, check_mode, chunks_of, read_start
from ctflow.errors import RequestError
from ctflow.generator import VolumeGenerator
from ctflow.io.sidecar import NOTICE, Sidecar, changed_versions, read_sidecar, request_of, start_of
from ctflow.report import Report
from ctflow.request import GenerationRequest, ScanStart, check_scan_start

# What a sidecar settles, so that beside --from these have no say.
_SETTLED = ("impression", "sex", "age", "seed", "chunks", "preset", *SOLVING)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `generate` and its arguments."""
    parser = commands.add_parser(
        "generate",
        help="make CT volumes from reports",
        description=NOTICE,
        epilog=batch.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    source = add_report_to(parser)
    source.add_argument("--reports", type=path, metavar="FILE", help="make a volume for each of these, see below")
    source.add_argument("--from", dest="sidecar", type=path, metavar="OUT.json", help="make that volume again")
    add_settings_to(parser)
    add_mode_to(parser)
    add_output_to(parser, required=False)
    batch.add_to(parser)


def run(args: argparse.Namespace) -> None:
    """Makes one volume, or many. Raises CTFlowError, before the model is loaded wherever it can be known before."""
    if args.reports:
        batch.run(args)
        return
    batch.check_alone(args)
    check_out(args.out, args.start_from)
    sidecar = _given_sidecar(args)
    report = sidecar.report if sidecar else report_of(args)
    mode = check_mode(args, sidecar)
    model: FoundModel = args.find_model(args.model)
    begun = read_start(args, mode, sidecar, model.card) if mode else None
    if begun and not begun.is_checked:
        note(
            f"{args.start_from} cannot be checked against {args.sidecar}, which an older version of CTFlow wrote: make "
            f"sure that it is the same scan."
        )
    start = begun.start if begun else None
    request = request_of(sidecar) if sidecar else _request(args, report, model.card, start)
    generator = load(args, model, sidecar, args.sidecar)
    if args.seed is None and not sidecar:  # said once nothing is wrong: whoever is refused reads that alone
        note(f"seed {request.seed}, drawn at random.")
    say_what_is_not_read(generator, report)
    whole_start = start_of(sidecar, start) if sidecar else start
    make(args, generator, request, whole_start, begun.record if begun else None)


def _given_sidecar(args: argparse.Namespace) -> Sidecar | None:
    if not args.sidecar:
        return None
    if given := [f"--{name}" for name in _SETTLED if getattr(args, name) is not None]:
        raise RequestError(f"--from takes everything from {args.sidecar}: leave out {', '.join(given)}.")
    sidecar = read_sidecar(args.sidecar)
    note_versions(sidecar)
    if not sidecar.complete:
        note("that volume was stopped early; this one goes on to its end.")
    return sidecar


def note_versions(sidecar: Sidecar) -> None:
    """Says where the versions that run here are others than those that a volume was made with."""
    if changed := changed_versions(sidecar):
        note(f"the bytes may differ, because that volume was made with {changed}.")


def _request(args: argparse.Namespace, report: Report, card: ModelCard, start: ScanStart | None) -> GenerationRequest:
    request = request_from(args, report, card, chunks_of(args, start, card))
    if start:
        check_scan_start(start, request, card.geometry.slices_per_chunk)
    return request


def load(args: argparse.Namespace, model: FoundModel, sidecar: Sidecar | None, path: Path | None) -> VolumeGenerator:
    """The generator; with the sidecar of `path`, one that runs as the first one ran, where nothing else is said."""
    recorded = sidecar.device.partition(":")[0] if sidecar else "auto"
    device = args.device or recorded
    cuda = args.cuda or (sidecar.cuda if sidecar and device == recorded else CUDA_CHOICES[0])
    precision = args.precision or (_precision_of(sidecar, device) if sidecar else PRECISIONS[0])
    generator = model.load(device, args.decoder, cuda, precision)
    if sidecar and path:
        _check_same_model(sidecar, generator, path)
    return generator


def _precision_of(sidecar: Sidecar, device: str) -> str:
    """What a recorded volume was made in; `auto` where `device` does not have it, or nobody can know."""
    from ctflow.runtime.device import has_precision

    # Older sidecars do not say it: on a CPU, everything was computed in float32.
    recorded = sidecar.precision or ("float32" if sidecar.device == "cpu" else PRECISIONS[0])
    return recorded if has_precision(device, recorded) else PRECISIONS[0]


def _check_same_model(sidecar: Sidecar, generator: VolumeGenerator, path: Path) -> None:
    if (sidecar.model.name, sidecar.model.sha256) != (generator.card.name, generator.model_sha256):
        raise RequestError(
            f"{path} was made by {sidecar.model.name} ({sidecar.model.sha256[:12]}…), and this is "
            f"{generator.card.name} ({generator.model_sha256[:12]}…): pass the former's folder to "
            "--model, with the same --decoder."
        )
    if sidecar.precision not in (None, generator.precision):
        note(
            f"the bytes will differ, because that volume was made in {sidecar.precision}, this one in "
            f"{generator.precision}."
        )
    if sidecar.hardware not in (None, generator.hardware):
        note(
            f"the bytes may differ, because that volume was made on {sidecar.hardware}, this one on "
            f"{generator.hardware}."
        )
