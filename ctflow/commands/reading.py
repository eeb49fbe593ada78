"""`python -m ctflow evaluate reading`: how well a model reads sentences."""

import argparse

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.commands.arguments import check_least, extra, path
from ctflow.commands.tables import print_table
from ctflow.evaluation.labelled_sentences import FORMAT, read_sentences

DEFAULT = "default: %(default)s"


def add_to(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Declares `reading` and its arguments; the model is declared with that of the other kinds."""
    parser = kinds.add_parser(
        "reading",
        help="how well its reader reads sentences that it was not taught",
        description="How well the model reads sentences that it was not taught: those of --sentences or --manners, "
        "or new ones of the grammar that taught it.",
        epilog=FORMAT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run_reading)
    parser.add_argument(
        "--n",
        type=int,
        default=6000,
        metavar="N",
        help="sentences to draw in each kind of wording; those of its training are left out, and equal ones count once "
        f"({DEFAULT})",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help=f"the seed of its training ({DEFAULT})")
    parser.add_argument(
        "--sentences",
        type=path,
        metavar="FILE",
        help="read these labelled sentences, in the format below, and no others",
    )
    parser.add_argument(
        "--manners",
        type=int,
        metavar="N",
        help="read N sentences of each manner of ctflow/phantom/language, in wordings that are never taught",
    )
    return parser


def run_reading(args: argparse.Namespace) -> None:
    """Prints the table, and of given sentences also those that were not read right; on the CPU."""
    check_least(args, n=1, seed=0, manners=1)
    folder = find_checkpoint(args.model)
    sentences = read_sentences(args.sentences) if args.sentences else []
    with extra("train"):
        from ctflow.checkpoint.folder import load_checkpoint
        from ctflow.demo.sizes import DEMO
        from ctflow.evaluation import reading
        from ctflow.evaluation import sentences as written
        from ctflow.evaluation.language import held_out_sentences

    checkpoint = load_checkpoint(folder)
    if args.manners:
        sentences = [*sentences, *held_out_sentences(args.manners, args.seed)]
    if sentences:
        print_table(written.HEAD, written.markdown(written.measure_sentences(checkpoint, sentences)))
    else:
        rows = reading.measure_reading(checkpoint, args.n, args.seed, DEMO.sentences)
        print_table(reading.HEAD, map(reading.markdown, rows))
