"""`python -m ctflow seeds`: several volumes of one report, their mean and their standard deviation."""

import argparse
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from ctflow.analysis.making import Progress
from ctflow.analysis.seeds import SeedVolume, Spread, check_seeds, compare_seeds
from ctflow.commands.arguments import path
from ctflow.commands.asking import (
    add_model_to,
    add_report_to,
    add_settings_to,
    load_model,
    note,
    number,
    report_of,
    request_from,
    say_what_is_not_read,
)
from ctflow.commands.making import write_computed, write_made
from ctflow.commands.model import FoundModel
from ctflow.io.files import make_folder

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
    add_report_to(parser)
    add_settings_to(parser)
    parser.add_argument(
        "--seeds", type=number, default=4, metavar="K", help="how many, from --seed on (default: %(default)s)"
    )
    parser.add_argument("--out-dir", type=path, required=True, metavar="DIR")
    add_model_to(parser)


def run(args: argparse.Namespace) -> None:
    """Writes each volume, and what they have in common, as soon as it is there. Raises CTFlowError."""
    report = report_of(args)
    model: FoundModel = args.find_model(args.model)
    request = request_from(args, report, model.card, args.chunks)
    check_seeds(args.seeds)
    make_folder(args.out_dir)
    generator = load_model(args, model)
    if args.seed is None:
        note(f"seed {request.seed}, drawn at random.")
    say_what_is_not_read(generator, report)
    made = 0
    try:
        with closing(compare_seeds(generator, request, args.seeds)) as events, tqdm(unit="step") as bar:
            for event in events:
                match event:
                    case Progress():
                        bar.total = event.total
                        bar.set_description(event.doing, refresh=False)
                        bar.update()
                    case SeedVolume():
                        made += 1
                        name = f"seed-{event.request.seed}.nii.gz"
                        write_made(event.volume, event.request, generator, event.seconds, args.out_dir / name)
                    case Spread():
                        _write_spread(args.out_dir, generator.card.name, event)
    finally:
        print(f"{args.out_dir}: {made} of {args.seeds} volumes. {generator.card.caution}")


def _write_spread(folder: Path, model: str, spread: Spread) -> None:
    for name, words, volume in (
        ("mean", "mean", spread.mean),
        ("deviation", "standard deviation", spread.deviation),
    ):
        kind = f"{words} of {spread.count} seeds"
        write_computed(volume.hu, volume.affine, folder / f"{name}.nii.gz", model, kind)
