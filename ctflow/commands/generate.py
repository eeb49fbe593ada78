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

import numpy as np
from tqdm import tqdm

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import CUDA_LEVELS, DECODERS, DEVICES
from ctflow.commands.modes import add_mode_to, chunks_of, start_of, steps_of
from ctflow.errors import RequestError, VolumeError
from ctflow.generator import (
    ChunkDone,
    Finished,
    Started,
    StepDone,
    VolumeGenerator,
)
from ctflow.io.files import check_writable
from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.io.sidecar import (
    NOTICE,
    Sidecar,
    read_sidecar,
    record_of,
    request_of,
    sidecar_of,
    sidecar_path,
    versions,
    write_sidecar,
)
from ctflow.report import Report
from ctflow.request import (
    MAX_SEED,
    PRESETS,
    GenerationRequest,
    ScanStart,
    Solver,
)
from ctflow.volume import Volume

DEFAULT_MODEL = "demo"
# What a sidecar settles: beside --from these have no say.
_SETTLED = ("impression", "sex", "age", "seed", "chunks", "preset", "solver", "steps", "shift", "guidance")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `generate` and its arguments."""
    parser = commands.add_parser(
        "generate", help="make a CT volume from a report", description=NOTICE, allow_abbrev=False
    )
    parser.set_defaults(run=run)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--report", metavar="TEXT", help="the findings, or a text with Findings: and Impression:")
    source.add_argument("--report-file", metavar="FILE", help="the same from a UTF-8 text file; - is standard input")
    source.add_argument("--from", dest="sidecar", type=Path, metavar="OUT.json", help="make that volume again")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT.nii.gz", help="OUT.json is put beside it")
    parser.add_argument("--impression", metavar="TEXT")
    parser.add_argument("--sex", metavar="F|M")
    parser.add_argument("--age", type=number, metavar="YEARS")
    parser.add_argument("--model", metavar="DIR", default=DEFAULT_MODEL, help="a checkpoint (default: %(default)s)")
    parser.add_argument("--seed", type=number, metavar="N", help="drawn at random, and recorded, if left out")
    parser.add_argument("--chunks", type=number, metavar="N", help="length in chunks of slices (default: the model's)")
    parser.add_argument("--preset", choices=PRESETS, help="solver, steps and shift; parity is the paper's")
    parser.add_argument("--solver", metavar="|".join(get_args(Solver)), help="default: the model's, as below")
    parser.add_argument("--steps", type=number, metavar="N", help="evaluations of the transformer per chunk")
    parser.add_argument("--shift", type=number, metavar="X", help="bends the steps towards noise; 1 = equal steps")
    parser.add_argument("--guidance", type=number, metavar="X", help="how strongly the report is followed; 1 = plainly")
    add_mode_to(parser)
    parser.add_argument("--device", choices=DEVICES, help="default: auto; with --from, the one recorded there")
    parser.add_argument("--decoder", choices=DECODERS, default=DECODERS[0], help="taef1 is faster and coarser")
    parser.add_argument("--cuda", choices=CUDA_LEVELS, help="faster on a GPU, but untried")
    parser.add_argument("--keep-partial", action="store_true", help="at Ctrl-C, write the slices that are made already")


def number(word: str) -> int | float | str:
    """What is none is left for the request to refuse, in the words that the app has for it."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(word)
    return word


def run(args: argparse.Namespace) -> None:
    """Carries it out. Raises CTFlowError before the model is loaded wherever that can be known before."""
    _check_out(args.out)
    recipe = _recipe(args)
    report = recipe.report if recipe else _report(args)
    start = start_of(args, recipe)
    recorded = recipe.device.partition(":")[0] if recipe else "auto"
    device = args.device or recorded
    cuda = args.cuda or (recipe.cuda if recipe and device == recorded else CUDA_LEVELS[0])
    generator = load(args.model, device, args.decoder, cuda)
    if recipe:
        _check_same_model(recipe, generator, args.sidecar)
    request = request_of(recipe) if recipe else _request(args, report, generator, start)
    _say_what_is_not_read(generator, report)
    began_s = time.monotonic()
    made: list[Started | ChunkDone] = []
    write = partial(_write, args, request, start, generator, began_s)
    try:
        volume = _generate(generator, request, start, made)
    except KeyboardInterrupt:
        partial_volume = _so_far(made) if len(made) > 1 else None
        if args.keep_partial and partial_volume and len(partial_volume.hu) > (start.slices if start else 0):
            write(partial_volume, complete=False)
        raise
    write(volume, complete=True)


def load(model: str, device: str, decoder: str = DECODERS[0], cuda: str = CUDA_LEVELS[0]) -> VolumeGenerator:
    """The generator behind a checkpoint's name or folder. This is what takes seconds and brings in torch."""
    folder = find_checkpoint(model)
    from ctflow.pipeline import CTFlow

    return CTFlow.load(folder, device, decoder, cuda)


def _check_out(out: Path) -> None:
    """Raises VolumeError if the volume has no place, or its sidecar would replace a file that is not ours."""
    beside = sidecar_path(out)
    check_writable(out)
    if not beside.exists():
        return
    try:
        read_sidecar(beside)
    except RequestError as error:
        raise VolumeError(f"{beside} is in the way and was not written by CTFlow: choose another name.") from error


def _recipe(args: argparse.Namespace) -> Sidecar | None:
    if not args.sidecar:
        return None
    if given := [f"--{name}" for name in _SETTLED if getattr(args, name) is not None]:
        raise RequestError(f"--from takes everything from {args.sidecar}: leave out {', '.join(given)}.")
    recipe = read_sidecar(args.sidecar)
    now = versions()
    changed = [(name, was) for name, was in recipe.versions.items() if now.get(name) != was]
    if changed:
        was_now = "; ".join(f"{name} {was}, now {now.get(name, 'missing')}" for name, was in changed)
        _note(f"the bytes may differ, because that volume was made with {was_now}.")
    if not recipe.complete:
        _note("that volume was stopped early; this one goes to its end.")
    return recipe


def _report(args: argparse.Namespace) -> Report:
    text = args.report if args.report_file is None else read_text(args.report_file)
    return Report.parse(text, args.impression or "", args.sex, args.age)


def read_text(name: str) -> str:
    """A UTF-8 file, or standard input for `-`. Raises RequestError."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")  # Windows editors begin a text with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"The report {name} cannot be read as UTF-8 text ({error}).") from error


def _request(
    args: argparse.Namespace, report: Report, generator: VolumeGenerator, start: ScanStart | None
) -> GenerationRequest:
    seed = secrets.randbelow(MAX_SEED + 1) if args.seed is None else args.seed
    given = {name: getattr(args, name) for name in ("solver", "steps", "shift", "guidance")}
    given["chunks"] = chunks_of(args, start)
    wishes = PRESETS.get(args.preset, {}) | {name: value for name, value in given.items() if value is not None}
    request = generator.card.request(report, seed, **wishes)
    if args.seed is None:  # said once nothing is wrong: who is refused hears that alone
        _note(f"seed {seed}, drawn at random.")
    return request


def _check_same_model(recipe: Sidecar, generator: VolumeGenerator, path: Path) -> None:
    if (recipe.model.name, recipe.model.sha256) != (generator.card.name, generator.model_sha256):
        raise RequestError(
            f"{path} was made by {recipe.model.name} ({recipe.model.sha256[:12]}…), and this is {generator.card.name} "
            f"({generator.model_sha256[:12]}…): give --model the folder of the former, and --decoder."
        )
    if recipe.hardware not in (None, generator.hardware):
        _note(f"the bytes may differ, because that volume was made on {recipe.hardware}, this on {generator.hardware}.")


def _say_what_is_not_read(generator: VolumeGenerator, report: Report) -> None:
    if idle := [name for name, value in asdict(report).items() if value and name not in generator.card.text.reads]:
        _note(f"{generator.card.name} was taught without {' and '.join(idle)}: here that changes nothing.")
    reading = generator.read(report)
    if reading.cut_text:
        _note(f"the model reads {reading.limit} tokens and this report has more; it will not see: {reading.cut_text}")


def _write(
    args: argparse.Namespace,
    request: GenerationRequest,
    start: ScanStart | None,
    generator: VolumeGenerator,
    began_s: float,
    volume: Volume,
    complete: bool,
) -> None:
    seconds = time.monotonic() - began_s
    record = record_of(start, args.start_from) if start else None
    sidecar = sidecar_of(request, generator, seconds=seconds, complete=complete, start=record)
    with _ctrl_c_held_back():
        write_nifti(volume, args.out, synthetic_label(generator.card.name, from_scan=start is not None))
        write_sidecar(sidecar, sidecar_path(args.out))
    slices = f"{len(volume.hu)} slices" if complete else f"PARTIAL, {len(volume.hu)} slices"
    print(f"{args.out}: {slices}, seed {request.seed}, {seconds:.0f} s. {generator.card.caution}")


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """What is made is written, with its sidecar; Ctrl-C is heard after that."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        signal.raise_signal(signal.SIGINT)


def _so_far(made: list[Started | ChunkDone]) -> Volume:
    chunks = [event.hu for event in made if isinstance(event, ChunkDone)]
    (affine,) = (event.affine for event in made if isinstance(event, Started))
    return Volume(np.concatenate(chunks), affine)


def _generate(
    generator: VolumeGenerator, request: GenerationRequest, start: ScanStart | None, made: list[Started | ChunkDone]
) -> Volume:
    """Drains the stream under a progress bar. Leaving it, by Ctrl-C too, closes the stream.

    `made` takes what a partial volume needs.
    """
    total = steps_of(request, start, generator.card.geometry.slices_per_chunk)
    with closing(generator.stream(request, start)) as events, tqdm(total=total, unit="step") as bar:
        for event in events:
            match event:
                case Started():
                    bar.set_description("chunk 1")
                    made.append(event)
                case ChunkDone() if len(event.hu):
                    made.append(event)
                case StepDone():
                    bar.set_description(f"chunk {event.chunk + 1} of at most {request.chunks}", refresh=False)
                    bar.update()
                case Finished():
                    return event.volume
    raise AssertionError("the stream ended without Finished")


def _note(text: str) -> None:
    print(f"ctflow: {text}", file=sys.stderr)
