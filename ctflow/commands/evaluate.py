"""`python -m ctflow evaluate`: measures a model, and prints a table in Markdown."""

import argparse
import os
from collections.abc import Iterable
from itertools import starmap
from pathlib import Path

from tqdm import tqdm

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import DEVICES
from ctflow.commands.arguments import check_least, extra
from ctflow.commands.model import DEFAULT_MODEL, find_model
from ctflow.errors import RequestError
from ctflow.io.files import make_folder


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `evaluate` and its arguments."""
    parser = commands.add_parser("evaluate", help="measure a model", allow_abbrev=False)
    kinds = parser.add_subparsers(title="what to measure", required=True, metavar="WHAT")
    effusion = kinds.add_parser(
        "effusion", help="is the effusion on the side that the report names", allow_abbrev=False
    )
    effusion.set_defaults(run=run_effusion)
    effusion.add_argument("--seeds", type=int, default=8, metavar="N", help="volumes per report (default: %(default)s)")
    codec = kinds.add_parser("codec", help="what the A-VAE keeps of a chest", allow_abbrev=False)
    codec.set_defaults(run=run_codec)
    codec.add_argument("--phantoms", type=int, default=8, metavar="N", help="default: %(default)s")
    codec.add_argument("--model", metavar="DIR", default=DEFAULT_MODEL, help="default: %(default)s")
    reading = kinds.add_parser(
        "reading", help="what its reader makes of sentences it was not taught", allow_abbrev=False
    )
    reading.set_defaults(run=run_reading)
    reading.add_argument(
        "--n",
        type=int,
        default=6000,
        metavar="N",
        help="sentences to draw of each wording; those that training drew are left out, equal ones count once "
        "(default: %(default)s)",
    )
    reading.add_argument("--seed", type=int, default=0, metavar="S", help="of its training (default: %(default)s)")
    reading.add_argument("--model", metavar="DIR", default=DEFAULT_MODEL, help="default: %(default)s")
    obedience = kinds.add_parser(
        "obedience", help="does it draw what the report asks for, and nothing that it denies", allow_abbrev=False
    )
    obedience.set_defaults(run=run_obedience)
    obedience.add_argument("--n", type=int, default=192, metavar="N", help="reports (default: %(default)s)")
    obedience.add_argument("--seed", type=int, default=0, metavar="S", help="of the reports (default: %(default)s)")
    obedience.add_argument(
        "--out", type=Path, metavar="DIR", help="the same folder again goes on (default: runs/obedience)"
    )
    obedience.add_argument(
        "--phantoms", type=int, default=600, metavar="N", help="that detectors learn from (default: %(default)s)"
    )
    obedience.add_argument("--training", type=Path, metavar="DIR", help="training phantoms, to measure distances to")
    obedience.add_argument(
        "--workers", type=int, metavar="N", help="processes for phantoms, 1 or more (default: one per core)"
    )
    for measured in (effusion, obedience):
        measured.add_argument("--model", metavar="DIR", default=DEFAULT_MODEL, help="default: %(default)s")
        measured.add_argument("--device", choices=DEVICES, default="auto")


def run_effusion(args: argparse.Namespace) -> None:
    """Prints each row as soon as it is measured."""
    check_least(args, seeds=1)
    with extra("train"):
        from ctflow.evaluation.obedience.effusion import HEAD, markdown, measure

    _print_table(HEAD, map(markdown, measure(find_model(args.model).load(args.device), args.seeds)))


def run_codec(args: argparse.Namespace) -> None:
    """Prints the table, on the CPU."""
    check_least(args, phantoms=1)
    folder = find_checkpoint(args.model)
    with extra("train"):
        from ctflow.checkpoint.folder import load_checkpoint
        from ctflow.evaluation.codec import HEAD, markdown, measure

    _print_table(HEAD, map(markdown, measure(load_checkpoint(folder), args.phantoms)))


def run_reading(args: argparse.Namespace) -> None:
    """Prints the table, on the CPU."""
    check_least(args, n=1, seed=0)
    folder = find_checkpoint(args.model)
    with extra("train"):
        from ctflow.checkpoint.folder import load_checkpoint
        from ctflow.demo.sizes import DEMO
        from ctflow.evaluation.reading import HEAD, markdown, measure

    _print_table(HEAD, starmap(markdown, measure(load_checkpoint(folder), args.n, args.seed, DEMO.sentences)))


def run_obedience(args: argparse.Namespace) -> None:
    """Writes table, numbers and pictures, and prints the table."""
    check_least(args, n=1, seed=0, workers=1)
    workers = args.workers or os.cpu_count() or 1
    if args.phantoms < 16:
        raise RequestError(
            f"Detectors need 16 --phantoms at least, and are poor with less than some 300; got {args.phantoms}."
        )
    out = args.out or Path("runs/obedience")
    make_folder(out)
    with extra("train"):
        from ctflow.evaluation.obedience.study import Plan, obedience

    generator, plan = find_model(args.model).load(args.device), Plan(args.n, args.seed, args.phantoms, workers)
    steps = obedience(generator, find_checkpoint(args.model), out, plan, args.training)
    with tqdm(steps) as bar:
        for step in bar:
            bar.set_description(step)
    print((out / "obedience.md").read_text(encoding="utf-8"), flush=True)


def _print_table(head: str, lines: Iterable[str]) -> None:
    """Each line as soon as it is there, and no head above an error."""
    for i, line in enumerate(lines):
        print(f"{head}\n{line}" if i == 0 else line, flush=True)
