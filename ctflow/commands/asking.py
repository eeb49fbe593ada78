"""What several commands ask for in the same words: a report, how to sample, a model; and what they say besides."""

import argparse
import secrets
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from ctflow.card import ModelCard
from ctflow.choices import CUDA_CHOICES, DECODERS, DEVICES, PRECISIONS
from ctflow.commands.arguments import add_precision_to, path, place, utf8
from ctflow.commands.model import DEFAULT_MODEL, FoundModel
from ctflow.errors import RequestError
from ctflow.generator import VolumeGenerator
from ctflow.report import Report
from ctflow.request import MAX_SEED, SOLVER_PRESETS, GenerationRequest, Solver

SOLVING = ("solver", "steps", "shift", "guidance", "guidance_above_t")


def add_report_to(parser: argparse.ArgumentParser) -> "argparse._MutuallyExclusiveGroup":
    """Declares the report, of which one source must be given; others may be added to the group."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--report", type=utf8, metavar="TEXT", help="the findings, or a text with Findings: and Impression:"
    )
    source.add_argument(
        "--report-file", type=place, metavar="FILE", help="the same from a UTF-8 text file; - is standard input"
    )
    parser.add_argument(
        "--impression", type=utf8, metavar="TEXT", help="the impression, where --report has only findings"
    )
    parser.add_argument("--sex", metavar="F|M", help="of the patient, for models that read it")
    parser.add_argument("--age", type=number, metavar="YEARS", help="of the patient, for models that read it")
    return source


def add_settings_to(parser: argparse.ArgumentParser) -> None:
    """Declares the seed and how to sample."""
    parser.add_argument(
        "--seed", type=number, metavar="N", help="decides the noise; if left out, it is drawn at random and recorded"
    )
    parser.add_argument("--chunks", type=number, metavar="N", help="length in chunks of slices (default: the model's)")
    parser.add_argument("--preset", choices=SOLVER_PRESETS, help="solver, steps and shift; parity is the paper's")
    parser.add_argument(
        "--solver",
        metavar="|".join(get_args(Solver)),
        help="how steps are made (default: the model's, also of the four options below)",
    )
    parser.add_argument("--steps", type=number, metavar="N", help="steps from noise to data for each chunk")
    parser.add_argument(
        "--shift", type=number, metavar="X", help="above 1, more of the steps are near noise; 1 = equal steps"
    )
    parser.add_argument(
        "--guidance",
        type=number,
        metavar="X",
        help="how strongly the report is followed; 1 = the report alone, which takes half the evaluations",
    )
    parser.add_argument(
        "--guidance-above-t",
        type=number,
        metavar="T",
        help="guidance only at times t above this, where 1 is noise and 0 data; 0 = always",
    )


def add_model_to(parser: argparse.ArgumentParser) -> None:
    """Declares which model runs, and on what."""
    parser.add_argument(
        "--model", type=place, metavar="DIR", default=DEFAULT_MODEL, help="a checkpoint (default: %(default)s)"
    )
    parser.add_argument("--device", choices=DEVICES, help="where the model runs (default: auto, or as a sidecar says)")
    add_precision_to(parser, default=None)
    parser.add_argument(
        "--decoder", choices=DECODERS, default=DECODERS[0], help="taef1, where the model has it, is faster and coarser"
    )
    parser.add_argument(
        "--cuda",
        choices=CUDA_CHOICES,
        help="how a GPU runs the model, see app/README.md (default: auto, or as a sidecar says)",
    )


def load_model(args: argparse.Namespace, model: FoundModel) -> VolumeGenerator:
    """The generator that the arguments of `add_model_to` ask for. Raises CTFlowError."""
    device, cuda = args.device or DEVICES[0], args.cuda or CUDA_CHOICES[0]
    return model.load(device, args.decoder, cuda, args.precision or PRECISIONS[0])


def add_output_to(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declares where a volume goes, and which model makes it on what."""
    parser.add_argument("--out", type=path, required=required, metavar="OUT.nii.gz", help="OUT.json is put beside it")
    add_model_to(parser)
    parser.add_argument("--keep-partial", action="store_true", help="at Ctrl-C, write the slices made so far")


def number(word: str) -> int | float | str:
    """A word that is no number is left for the request to refuse, in the same words as the app."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(word)
    return word


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


def request_from(args: argparse.Namespace, report: Report, card: ModelCard, chunks: int | None) -> GenerationRequest:
    """The request that the settings of a command line ask for; its seed is drawn if none is given."""
    seed = secrets.randbelow(MAX_SEED + 1) if args.seed is None else args.seed
    return card.request(report, seed, **(settings_of(args) | {"chunks": chunks}))


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The fields of a request that a command line settles: how to sample, and how many chunks."""
    given = {name: getattr(args, name) for name in (*SOLVING, "chunks")}
    return SOLVER_PRESETS.get(args.preset, {}) | {name: value for name, value in given.items() if value is not None}


def say_what_is_not_read(generator: VolumeGenerator, report: Report) -> None:
    """Notes what of a report will have no effect, and where it contradicts itself."""
    if idle := [name for name, value in asdict(report).items() if value and name not in generator.card.text.reads]:
        note(f"{generator.card.name} was trained without {' and '.join(idle)}, so it has no effect.")
    reading = generator.read(report)
    if reading.cut_text:
        note(f"the model reads {reading.limit} tokens, and this report has more; it will not see: {reading.cut_text}")
    if reading.contradicted:
        note(f"the report both asserts and denies: {', '.join(reading.contradicted)}.")


def note(text: str) -> None:
    """Says what a user should know beside the result."""
    print(f"ctflow: {text}", file=sys.stderr)
