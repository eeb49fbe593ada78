"""`python -m ctflow generate`: a report in, a NIfTI volume and the JSON that can make it again out."""

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from ctflow.card import ModelCard
from ctflow.choices import CUDA_CHOICES, DECODERS, DEVICES, PRECISIONS
from ctflow.commands.arguments import add_precision_to, path, place, utf8
from ctflow.commands.model import DEFAULT_MODEL, FoundModel
from ctflow.commands.modes import add_mode_to, check_mode, chunks_of, read_start, steps_of
from ctflow.errors import RequestError, VolumeError
from ctflow.generator import ChunkDone, Event, Started, StepDone, VolumeGenerator, joined
from ctflow.io.files import check_writable
from ctflow.io.nifti import check_replaceable, synthetic_label, write_nifti
from ctflow.io.sidecar import (
    NOTICE,
    Sidecar,
    StartRecord,
    earlier_of,
    read_sidecar,
    request_of,
    sidecar_of,
    sidecar_path,
    start_of,
    versions,
    write_sidecar,
)
from ctflow.report import Report
from ctflow.request import (
    MAX_SEED,
    SOLVER_PRESETS,
    Beginning,
    GenerationRequest,
    ScanStart,
    Solver,
    Start,
    check_scan_start,
    scan_of,
)
from ctflow.volume import Volume

_SOLVING = ("solver", "steps", "shift", "guidance", "guidance_above_t")
# What a sidecar settles, so that beside --from these have no say.
_SETTLED = ("impression", "sex", "age", "seed", "chunks", "preset", *_SOLVING)


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `generate` and its arguments."""
    parser = commands.add_parser(
        "generate", help="make a CT volume from a report", description=NOTICE, allow_abbrev=False
    )
    parser.set_defaults(run=run)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--report", type=utf8, metavar="TEXT", help="the findings, or a text with Findings: and Impression:"
    )
    source.add_argument(
        "--report-file", type=place, metavar="FILE", help="the same from a UTF-8 text file; - is standard input"
    )
    source.add_argument("--from", dest="sidecar", type=path, metavar="OUT.json", help="make that volume again")
    add_report_parts_to(parser)
    add_settings_to(parser)
    add_mode_to(parser)
    add_output_to(parser)


def add_report_parts_to(parser: argparse.ArgumentParser) -> None:
    """Declares what of a report stands beside its text."""
    parser.add_argument("--impression", type=utf8, metavar="TEXT")
    parser.add_argument("--sex", metavar="F|M")
    parser.add_argument("--age", type=number, metavar="YEARS")


def add_settings_to(parser: argparse.ArgumentParser) -> None:
    """Declares the seed and how to sample."""
    parser.add_argument("--seed", type=number, metavar="N", help="drawn at random and recorded if left out")
    parser.add_argument("--chunks", type=number, metavar="N", help="length in chunks of slices (default: the model's)")
    parser.add_argument("--preset", choices=SOLVER_PRESETS, help="solver, steps and shift; parity is the paper's")
    parser.add_argument("--solver", metavar="|".join(get_args(Solver)), help="default: the model's, here and below")
    parser.add_argument("--steps", type=number, metavar="N", help="evaluations of the transformer per chunk")
    parser.add_argument("--shift", type=number, metavar="X", help="bends the steps towards noise; 1 = equal steps")
    parser.add_argument(
        "--guidance", type=number, metavar="X", help="how strongly the report is followed; 1 = it alone"
    )
    parser.add_argument(
        "--guidance-above-t", type=number, metavar="T", help="guidance only at times above it, from 1 (noise) to 0"
    )


def add_model_to(parser: argparse.ArgumentParser) -> None:
    """Declares which model runs, and on what."""
    parser.add_argument(
        "--model", type=place, metavar="DIR", default=DEFAULT_MODEL, help="a checkpoint (default: %(default)s)"
    )
    parser.add_argument("--device", choices=DEVICES, help="default: auto; with a sidecar, the one recorded there")
    add_precision_to(parser, default=None)
    parser.add_argument("--decoder", choices=DECODERS, default=DECODERS[0], help="taef1 is faster and coarser")
    parser.add_argument("--cuda", choices=CUDA_CHOICES, help="how a GPU runs it; default: auto, or as a sidecar says")


def add_output_to(parser: argparse.ArgumentParser) -> None:
    """Declares where a volume goes, and which model makes it on what."""
    parser.add_argument("--out", type=path, required=True, metavar="OUT.nii.gz", help="OUT.json is put beside it")
    add_model_to(parser)
    parser.add_argument("--keep-partial", action="store_true", help="at Ctrl-C, write the slices made so far")


def number(word: str) -> int | float | str:
    """A word that is no number is left for the request to refuse, in the same words as the app."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(word)
    return word


def run(args: argparse.Namespace) -> None:
    """Makes one volume. Raises CTFlowError, before the model is loaded wherever that can be known before."""
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


def make(
    args: argparse.Namespace,
    generator: VolumeGenerator,
    request: GenerationRequest,
    start: Beginning | None,
    scan: StartRecord | None,
) -> Volume:
    """Makes and writes one volume with its sidecar, or at Ctrl-C, if `--keep-partial` asks for it, what there is of it.

    `scan`: what the sidecar says of the scan in `start`.
    """
    write = partial(_write, args, request, start, scan, generator, time.monotonic())
    made: list[Event] = []
    try:
        _generate(generator, request, start, made)
    except KeyboardInterrupt:
        slices = sum(len(event.hu) for event in made if isinstance(event, ChunkDone))
        begun_with = scan_of(start)
        if args.keep_partial and slices > (begun_with.slices if begun_with else 0):
            asked = next(event.shape[0] for event in made if isinstance(event, Started))
            write(joined(made), missing=f"{slices} of {asked} slices")
        raise
    volume = joined(made)
    write(volume, missing="")
    return volume


def check_out(out: Path, scan: Path | None) -> None:
    """Raises VolumeError if the volume cannot be written, or if it or its sidecar would replace what is not ours."""
    beside = sidecar_path(out)
    check_writable(out)
    if scan and out.exists() and scan.exists() and out.samefile(scan):
        raise VolumeError(f"--out {out} is the scan itself, which --start-from names: choose another name.")
    check_replaceable(out)
    if not beside.exists():
        return
    try:
        read_sidecar(beside)
    except RequestError as error:
        raise VolumeError(f"{beside} is in the way and was not written by CTFlow: choose another name.") from error


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
    now = versions()
    changed = [(name, was) for name, was in sidecar.versions.items() if now.get(name) != was]
    if changed:
        was_now = "; ".join(f"{name} {was}, now {now.get(name, 'missing')}" for name, was in changed)
        note(f"the bytes may differ, because that volume was made with {was_now}.")


def report_of(args: argparse.Namespace) -> Report:
    """The report of a command line, by text or by file."""
    text = args.report if args.report_file is None else read_text(args.report_file)
    return Report.parse(text, args.impression or "", args.sex, args.age)


def read_text(name: str) -> str:
    """A UTF-8 file, or standard input for `-`. Raises RequestError."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")  # some editors begin a text with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"The report {name} cannot be read as UTF-8 text ({error}).") from error


def _request(args: argparse.Namespace, report: Report, card: ModelCard, start: ScanStart | None) -> GenerationRequest:
    request = request_from(args, report, card, chunks_of(args, start, card))
    if start:
        check_scan_start(start, request, card.geometry.slices_per_chunk)
    return request


def request_from(args: argparse.Namespace, report: Report, card: ModelCard, chunks: int | None) -> GenerationRequest:
    """The request that the settings of a command line ask for; its seed is drawn if none is given."""
    seed = secrets.randbelow(MAX_SEED + 1) if args.seed is None else args.seed
    given = {name: getattr(args, name) for name in _SOLVING} | {"chunks": chunks}
    wishes = SOLVER_PRESETS.get(args.preset, {}) | {name: value for name, value in given.items() if value is not None}
    return card.request(report, seed, **wishes)


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


def say_what_is_not_read(generator: VolumeGenerator, report: Report) -> None:
    """Notes what of a report will have no effect, and where it contradicts itself."""
    if idle := [name for name, value in asdict(report).items() if value and name not in generator.card.text.reads]:
        note(f"{generator.card.name} was trained without {' and '.join(idle)}, so it has no effect.")
    reading = generator.read(report)
    if reading.cut_text:
        note(f"the model reads {reading.limit} tokens, and this report has more; it will not see: {reading.cut_text}")
    if reading.contradicted:
        note(f"the report both asserts and denies: {', '.join(reading.contradicted)}.")


def _write(
    args: argparse.Namespace,
    request: GenerationRequest,
    start: Beginning | None,
    scan: StartRecord | None,
    generator: VolumeGenerator,
    began_s: float,
    volume: Volume,
    missing: str,
) -> None:
    """`missing`: as in `synthetic_label`; empty for a volume that ran to its end."""
    seconds = time.monotonic() - began_s
    earlier = earlier_of(start)
    sidecar = sidecar_of(request, generator, seconds=seconds, complete=not missing, scan=scan, earlier=earlier)
    label = synthetic_label(generator.card.name, from_scan=scan is not None, missing=missing)
    with ctrl_c_held_back():
        write_nifti(volume, args.out, label)
        write_sidecar(sidecar, sidecar_path(args.out))
    slices = f"{len(volume.hu)} slices"
    if missing:
        slices = f"PARTIAL, {missing}"
    print(f"{args.out}: {slices}, seed {request.seed}, {seconds:.0f} s. {generator.card.caution}")


@contextmanager
def ctrl_c_held_back() -> Iterator[None]:
    """The volume and its sidecar are written in peace; Ctrl-C is heard after that."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        signal.raise_signal(signal.SIGINT)


def _generate(generator: VolumeGenerator, request: GenerationRequest, start: Start | None, made: list[Event]) -> None:
    """Puts the events of the stream into `made`, under a progress bar. Leaving it, by Ctrl-C too, closes the stream."""
    total = steps_of(request, start, generator.card.geometry.slices_per_chunk)
    with closing(generator.stream(request, start)) as events, tqdm(total=total, unit="step") as bar:
        for event in events:
            made.append(event)
            match event:
                case Started():
                    bar.set_description("chunk 1")
                case StepDone():
                    bar.set_description(f"chunk {event.chunk + 1} of at most {request.chunks}", refresh=False)
                    bar.update()


def note(text: str) -> None:
    """Says what a user should know beside the result."""
    print(f"ctflow: {text}", file=sys.stderr)
