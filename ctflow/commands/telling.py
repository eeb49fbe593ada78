"""`python -m ctflow evaluate telling`: how well a report's embedding tells what the report says."""

import argparse

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.commands.arguments import check_least, extra
from ctflow.commands.tables import print_table


def add_to(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declares `telling` and its arguments; the model is declared with that of the other kinds."""
    parser = kinds.add_parser(
        "telling",
        help="how well a report's embedding tells what the report says",
        description="How near reports of one truth lie in several manners of writing, and how many grades of findings "
        "can be read off the embeddings of short and of long reports.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run_telling)
    parser.add_argument(
        "--n", type=int, default=100, metavar="N", help="truths, each in all manners (default: %(default)s)"
    )
    parser.add_argument(
        "--known", action="store_true", help="in wordings that training knows, instead of those that it leaves out"
    )
    return parser


def run_telling(args: argparse.Namespace) -> None:
    """Prints the table; on the CPU."""
    check_least(args, n=2)
    folder = find_checkpoint(args.model)
    with extra("train"):
        from ctflow.checkpoint.folder import load_checkpoint
        from ctflow.evaluation.telling import HEAD, markdown, measure_telling

    print_table(
        HEAD, map(markdown, measure_telling(load_checkpoint(folder), args.n, "known" if args.known else "held-out"))
    )
