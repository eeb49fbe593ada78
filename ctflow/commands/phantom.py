"""`python -m ctflow phantom`: writes procedural chest CTs and their reports as CT-RATE lays out its data set."""

import argparse
import os
from pathlib import Path

from tqdm import tqdm

from ctflow.commands.arguments import check_least, extra
from ctflow.io.files import make_folder


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `phantom` and its arguments."""
    parser = commands.add_parser(
        "phantom", help="write procedural chest CTs with reports, laid out as CT-RATE", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    parser.add_argument("--n", type=int, required=True, metavar="N", help="how many, 1 or more")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of the first one in its split (default: %(default)s)"
    )
    parser.add_argument("--split", choices=("train", "valid"), default="train", help="default: %(default)s")
    parser.add_argument("--workers", type=int, metavar="N", help="processes, 1 or more (default: one per core)")


def run(args: argparse.Namespace) -> None:
    """Writes them, and prints how fast. Raises CTFlowError for what cannot be."""
    check_least(args, n=1, seed=0, workers=1)
    workers = args.workers or os.cpu_count() or 1
    make_folder(args.out)
    with extra("train"):
        from ctflow.data.ctrate import write_dataset

    written = write_dataset(args.out, args.n, args.seed, args.split, workers)
    seconds = [one.seconds for one in tqdm(written, total=args.n, unit="phantom")]
    print(f"{args.out}: {args.n} phantoms, {60 * args.n / sum(seconds):.0f} per minute and core.")
