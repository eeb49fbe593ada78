"""`python -m ctflow seeds`: several volumes of one report, their mean and their standard deviation."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from ctflow.analysis.seeds import SeedVolume, Spread, check_seeds, compare_seeds
from ctflow.commands.asking import number
from ctflow.commands.making import write_computed, write_made
from ctflow.commands.question import add_question_to, begin, results_of

HELP = """\
Makes volumes of one report with several seeds: what they share is what the report fixes, and where they differ is what
it leaves open. Into DIR go the volumes, and mean and standard deviation of those made so far. Ctrl-C keeps them."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `seeds` and its arguments."""
    parser = commands.add_parser(
        "seeds",
        help="make several volumes of one report, and tell where they differ",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add_question_to(parser)
    parser.add_argument(
        "--seeds", type=number, default=4, metavar="K", help="how many, from --seed on (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    """Writes each volume, and what they have in common, as soon as it is there. Raises CTFlowError."""
    generator, request = begin(args, lambda _: check_seeds(args.seeds))
    made = 0
    results: Iterator[SeedVolume | Spread] = results_of(compare_seeds(generator, request, args.seeds))
    try:
        for result in results:
            if isinstance(result, SeedVolume):
                made += 1
                name = f"seed-{result.request.seed}.nii.gz"
                write_made(result.volume, result.request, generator, result.seconds, args.out_dir / name)
            else:
                _write_spread(args.out_dir, generator.card.name, result)
    finally:
        print(f"{args.out_dir}: {made} of {args.seeds} volumes. {generator.card.caution}")


def _write_spread(folder: Path, model: str, spread: Spread) -> None:
    for name, words, volume in (
        ("mean", "mean", spread.mean),
        ("deviation", "standard deviation", spread.deviation),
    ):
        kind = f"{words} of {spread.count} seeds"
        write_computed(volume.hu, volume.affine, folder / f"{name}.nii.gz", model, kind)
