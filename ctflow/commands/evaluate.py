"""`python -m ctflow evaluate`: measures a model, and prints a table in Markdown."""

import argparse

from ctflow.commands.extra import extra
from ctflow.commands.generate import DEFAULT_MODEL, DEVICES, load
from ctflow.errors import RequestError


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `evaluate` and its arguments."""
    parser = commands.add_parser("evaluate", help="measure a model", allow_abbrev=False)
    kinds = parser.add_subparsers(title="what to measure", required=True, metavar="WHAT")
    effusion = kinds.add_parser(
        "effusion", help="is the effusion on the side that the report names", allow_abbrev=False
    )
    effusion.set_defaults(run=run_effusion)
    effusion.add_argument("--model", metavar="DIR", default=DEFAULT_MODEL, help="a checkpoint (default: %(default)s)")
    effusion.add_argument("--seeds", type=int, default=8, metavar="N", help="volumes per report (default: %(default)s)")
    effusion.add_argument("--device", choices=DEVICES, default="auto")


def run_effusion(args: argparse.Namespace) -> None:
    """Prints each row as soon as it is measured."""
    if args.seeds < 1:
        raise RequestError(f"--seeds is 1 or more; got {args.seeds}.")
    with extra("train"):
        from ctflow.evaluation.effusion import HEAD, markdown, measure

    generator = load(args.model, args.device)
    print(HEAD, flush=True)
    for row in measure(generator, args.seeds):
        print(markdown(row), flush=True)
