"""`python -m ctflow evaluate`: measures a model, and prints a table in Markdown."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import DEVICES
from ctflow.commands import metrics, reading, telling
from ctflow.commands.arguments import add_precision_to, check_least, extra, path, place
from ctflow.commands.model import DEFAULT_MODEL, FoundModel, find_model
from ctflow.commands.tables import print_table
from ctflow.errors import RequestError
from ctflow.io.files import make_folder
from ctflow.runtime.threads import cores_given

LEAST_PHANTOMS = 16
DEFAULT = "default: %(default)s"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `evaluate` and its arguments."""
    parser = commands.add_parser("evaluate", help="measure a model", allow_abbrev=False)
    kinds = parser.add_subparsers(title="what to measure", required=True, metavar="WHAT")
    generating = [_add_effusion(kinds), _add_obedience(kinds), _add_trade(kinds), _add_end(kinds), _add_judges(kinds)]
    for measured in (*generating, _add_codec(kinds), reading.add_to(kinds), telling.add_to(kinds)):
        measured.add_argument(
            "--model",
            type=place,
            metavar="DIR",
            default=DEFAULT_MODEL,
            help=f"a model's name, or its folder ({DEFAULT})",
        )
    metrics.add_to(kinds)
    for measured in generating:
        measured.add_argument("--device", choices=DEVICES, default="auto", help=f"where the model runs ({DEFAULT})")
        add_precision_to(measured)


def _add_effusion(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = kinds.add_parser(
        "effusion", help="whether a large effusion is on the side that the report names", allow_abbrev=False
    )
    parser.set_defaults(run=run_effusion)
    parser.add_argument("--seeds", type=int, default=8, metavar="N", help=f"volumes per report ({DEFAULT})")
    parser.add_argument(
        "--in-other-words", action="store_true", help="then also a volume for each of eight other wordings of each"
    )
    return parser


def _add_codec(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = kinds.add_parser("codec", help="what the A-VAE keeps of a chest", allow_abbrev=False)
    parser.set_defaults(run=run_codec)
    parser.add_argument("--phantoms", type=int, default=8, metavar="N", help=f"phantoms to encode ({DEFAULT})")
    return parser


def _add_obedience(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = kinds.add_parser(
        "obedience", help="whether it draws what the report asks for, and nothing that it denies", allow_abbrev=False
    )
    parser.set_defaults(run=run_obedience)
    _add_plan(parser)
    parser.add_argument(
        "--without-phantoms", action="store_true", help="put no phantoms beside the model, which takes half the time"
    )
    parser.add_argument(
        "--training", type=path, metavar="DIR", help="the model's training phantoms, to measure distances to them"
    )
    return parser


def _add_trade(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = kinds.add_parser(
        "trade",
        help="what fewer evaluations of the transformer save in time, and cost in obedience and seams",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run_trade)
    _add_plan(parser)
    return parser


def _add_plan(parser: argparse.ArgumentParser) -> None:
    """How much to measure, and where what is costly is kept."""
    parser.add_argument("--n", type=int, default=192, metavar="N", help=f"how many reports ({DEFAULT})")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help=f"the seed of the reports ({DEFAULT})")
    parser.add_argument(
        "--out",
        type=path,
        default=Path("runs/obedience"),
        metavar="DIR",
        help=f"where tables and pictures go; with the same folder, a stopped measurement goes on ({DEFAULT})",
    )
    parser.add_argument(
        "--phantoms", type=int, default=600, metavar="N", help=f"phantoms that the detectors learn from ({DEFAULT})"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes for phantoms, 1 or more (default: one per core)"
    )


def _add_judges(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = kinds.add_parser(
        "judges",
        help="how far the judges that `found` asks can be trusted; kept in the model's folder",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run_judges)
    parser.add_argument(
        "--phantoms",
        type=int,
        default=360,
        metavar="N",
        help=f"three quarters fit detectors, the rest tests ({DEFAULT})",
    )
    parser.add_argument(
        "--tower-phantoms", type=int, default=90, metavar="N", help=f"of the rest, for the image tower ({DEFAULT})"
    )
    parser.add_argument(
        "--out",
        type=path,
        default=Path("runs/obedience"),
        metavar="DIR",
        help=f"what was measured is kept here, and `obedience` uses it too ({DEFAULT})",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes, 1 or more (default: one per core)")
    return parser


def _add_end(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    parser = kinds.add_parser(
        "end", help="whether its volumes end where they turn white, and not before", allow_abbrev=False
    )
    parser.set_defaults(run=run_end)
    parser.add_argument("--phantoms", type=int, default=48, metavar="N", help=f"phantoms to encode ({DEFAULT})")
    parser.add_argument(
        "--reports", type=int, default=0, metavar="N", help=f"reports to make whole volumes of, each twice ({DEFAULT})"
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help=f"volumes of each report ({DEFAULT})")
    return parser


def run_effusion(args: argparse.Namespace) -> None:
    """Prints each line of the table as soon as it is measured."""
    check_least(args, seeds=1)
    with extra("train"):
        from ctflow.evaluation.obedience import effusion_side

    generator = find_model(args.model).load(args.device, precision=args.precision)
    results = [effusion_side.measure_sides(generator, args.seeds)]
    if args.in_other_words:
        results.append(effusion_side.measure_in_other_words(generator))
    print_table(effusion_side.HEAD, map(effusion_side.markdown, chain(*results)))


def run_codec(args: argparse.Namespace) -> None:
    """Prints the table; on the CPU."""
    check_least(args, phantoms=1)
    folder = find_checkpoint(args.model)
    with extra("train"):
        from ctflow.checkpoint.folder import load_checkpoint
        from ctflow.evaluation.codec import HEAD, markdown, measure_codec

    print_table(HEAD, map(markdown, measure_codec(load_checkpoint(folder), args.phantoms)))


def run_obedience(args: argparse.Namespace) -> None:
    """Writes table, numbers and pictures, and prints the table."""
    found = _model_to_measure(args)
    with extra("train"):
        from ctflow.evaluation.obedience.study import measure_obedience
        from ctflow.evaluation.obedience.trials import Plan

    plan = Plan(args.n, args.seed, args.phantoms)
    generator = found.load(args.device, precision=args.precision)
    workers, with_phantoms = _workers(args), not args.without_phantoms
    steps = measure_obedience(
        generator, found.folder, args.out, plan, workers, args.training, with_phantoms=with_phantoms
    )
    _follow(steps)
    print((args.out / "obedience.md").read_text(encoding="utf-8"), flush=True)


def run_trade(args: argparse.Namespace) -> None:
    """Writes table, numbers and picture, and prints the table."""
    found = _model_to_measure(args)
    with extra("train"):
        from ctflow.evaluation.obedience.trade import measure_trade
        from ctflow.evaluation.obedience.trials import Plan

    plan = Plan(args.n, args.seed, args.phantoms)
    generator = found.load(args.device, precision=args.precision)
    _follow(measure_trade(generator, found.folder, args.out, plan, _workers(args)))
    print((args.out / "trade.md").read_text(encoding="utf-8"), flush=True)


def _model_to_measure(args: argparse.Namespace) -> FoundModel:
    """Checks the plan, finds the model and makes the folder. Raises CTFlowError before anything is made."""
    check_least(args, n=1, seed=0, workers=1)
    if args.phantoms < LEAST_PHANTOMS:
        raise RequestError(
            f"--phantoms is {LEAST_PHANTOMS} or more, and detectors are poor with fewer than some 300; "
            f"got {args.phantoms}."
        )
    found = find_model(args.model)
    make_folder(args.out)
    return found


def _workers(args: argparse.Namespace) -> int:
    return args.workers or cores_given()


def _follow(steps: Iterator[str]) -> None:
    with tqdm(steps) as bar:
        for step in bar:
            bar.set_description(step)


def run_judges(args: argparse.Namespace) -> None:
    """Writes the judges into the model's folder."""
    check_least(args, phantoms=LEAST_PHANTOMS, tower_phantoms=0, workers=1)
    found = find_model(args.model)
    make_folder(args.out)
    with extra("train"):
        from ctflow.evaluation.obedience.judges import measure_judges

    generator, counts = found.load(args.device), (args.phantoms, args.tower_phantoms)
    _follow(measure_judges(generator, found.folder, args.out, *counts, _workers(args)))


def run_end(args: argparse.Namespace) -> None:
    """Prints the rule's errors in phantoms, measured on the CPU, then what is measured of each volume."""
    check_least(args, phantoms=1, reports=0, seeds=1)
    found = find_model(args.model)
    with extra("train"):
        from ctflow.checkpoint.folder import load_checkpoint
        from ctflow.evaluation import ending

    errors = ending.measure_end(load_checkpoint(found.folder, found.card), args.phantoms)
    print_table(ending.ERRORS_HEAD, map(ending.error_line, errors))
    if args.reports:
        generator = found.load(args.device, precision=args.precision)
        forever = replace(found, card=replace(found.card, end=ending.NEVER))
        endless = forever.load(args.device, precision=args.precision)
        volumes = ending.measure_volumes(generator, endless, ending.draw_reports(args.reports), args.seeds)
        print(flush=True)
        print_table(ending.VOLUMES_HEAD, map(ending.volume_line, volumes))
