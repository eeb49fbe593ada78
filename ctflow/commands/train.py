"""`python -m ctflow train`: makes a checkpoint. The demo model needs nothing but our own phantoms.

`train_flow` has what trains on prepared shards, `train_avae` what tunes an A-VAE on volumes.
"""

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from ctflow.card import CARD
from ctflow.choices import DEVICES
from ctflow.commands import train_avae, train_flow, train_text
from ctflow.commands.arguments import check_least, check_model_place, extra, path
from ctflow.errors import RequestError
from ctflow.io.files import make_folder
from ctflow.request import MAX_SEED

DEFAULT_HOURS = 8.0
DEMO_HELP = """\
Trains the demo model on simulated chests: the A-VAE, the text encoder, its reader, the image tower and the
transformer, each for its share of --hours. Making the phantoms and their latents takes time beside that.

Phantoms and state are kept in --work: 16 GB for 1,200 phantoms, which are two studies of each of 600 persons.
Call it again with the same --work
  - after it was cut short, and it continues with the time that was left when it last saved;
  - after it had ended, and it trains the transformer for its share of --hours more.

--from begins with the networks of a checkpoint, in a new --work. A fifth of --hours then goes to the text encoder,
the reader, a new image tower and the A-VAE's decoder, the rest to the transformer. The latents stay what they were,
and so does what the text encoder makes of plain reports. A transformer of another size begins anew.

--student makes no such model, but a student of the one that --from names: a transformer that answers in one evaluation
what its teacher answers in two, with guidance. All of --hours goes to it.

On a GPU batches are larger, training begins with the first phantoms and goes on while others are made (--growing),
and the new model is measured (--measure), for 15 % of the time. With --growing, text encoder, reader and tower of
--from stay as they are.

Without --measure a model that was just trained has a card that says nothing of which findings it draws as asked.
Measure them with `python -m ctflow evaluate obedience --model DIR`, then bring the card up to date, without training,
with `python -m ctflow train demo --card-of DIR --obedience runs/obedience/obedience.json`.

Try the model with: python app.py --model DIR"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `train` and its arguments."""
    parser = commands.add_parser("train", help="train a model", allow_abbrev=False)
    kinds = parser.add_subparsers(title="what to train", required=True, metavar="WHAT")
    demo = kinds.add_parser(
        "demo",
        help="a small model, from simulated chests",
        description=DEMO_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    demo.set_defaults(run=run_demo)
    budget = demo.add_mutually_exclusive_group()
    budget.add_argument("--hours", type=float, metavar="H", help=f"how long to train (default: {DEFAULT_HOURS:g})")
    budget.add_argument("--minutes", type=float, metavar="M", help="the same in minutes")
    demo.add_argument("--out", type=path, metavar="DIR", help="where to write the model (default: model in --work)")
    demo.add_argument(
        "--work",
        type=path,
        metavar="DIR",
        help="where to keep phantoms and state; the same folder again continues (default: runs/demo)",
    )
    demo.add_argument("--from", dest="from_checkpoint", type=path, metavar="DIR", help="begin with this checkpoint")
    demo.add_argument("--student", action="store_true", help="distil the guided answer of the model that --from names")
    demo.add_argument("--smoke", action="store_true", help="train a tiny model in runs/smoke, to see that all runs")
    demo.add_argument(
        "--phantoms", type=int, metavar="N", help="how many, an even number of 13 MB each (default: 1200)"
    )
    demo.add_argument(
        "--growing",
        action=argparse.BooleanOptionalAction,
        help="train while phantoms are still being made (default: on a GPU)",
    )
    demo.add_argument(
        "--measure",
        type=int,
        metavar="N",
        help="measure the obedience of the new model to N reports, for its card (default: 48 on a GPU, else 0)",
    )
    demo.add_argument("--seed", type=int, default=0, metavar="N", help="of persons and training (default: %(default)s)")
    demo.add_argument("--device", choices=DEVICES, default="auto", help="where to train (default: %(default)s)")
    demo.add_argument("--card-of", type=path, metavar="DIR", help="train nothing, and rewrite the card of this model")
    demo.add_argument("--obedience", type=path, metavar="FILE", help="the obedience.json that was measured of it")
    train_flow.add_to(kinds)
    train_avae.add_to(kinds)
    train_text.add_to(kinds)


def run_demo(args: argparse.Namespace) -> None:
    """Trains the demo model, or rewrites a card. Raises CTFlowError where it cannot begin."""
    if args.card_of or args.obedience:
        _rewrite_card(args)
        return
    hours = _hours(args)
    check_least(args, seed=0, phantoms=2, measure=0)
    if args.student and (args.growing or args.measure):
        raise RequestError(
            "A student learns from phantoms that are there, and is not measured: leave out --growing and --measure."
        )
    if args.seed > MAX_SEED:
        raise RequestError(f"--seed is {MAX_SEED} or less; got {args.seed}.")
    if args.phantoms and args.phantoms % 2:
        raise RequestError(f"--phantoms is an even number, two studies of each person; got {args.phantoms}.")
    work = args.work or Path("runs/smoke" if args.smoke else "runs/demo")
    out = args.out or work / "model"
    check_model_place(out)
    for folder in (out.parent, work):
        make_folder(folder)
    with extra("train"):
        from ctflow.demo.recipe import train_demo
        from ctflow.demo.sizes import DEMO, SMOKE
        from ctflow.demo.student import train_demo_student

    sizes = SMOKE if args.smoke else DEMO
    if args.phantoms:
        sizes = replace(sizes, phantoms=args.phantoms)
    settings: dict[str, Any] = {
        "hours": hours,
        "sizes": sizes,
        "seed": args.seed,
        "device": args.device,
        "from_checkpoint": args.from_checkpoint,
    }
    if args.student:
        train_demo_student(out, work, **settings)
    else:
        train_demo(out, work, growing=args.growing, reports=args.measure, **settings)


def _hours(args: argparse.Namespace) -> float:
    """How long to train. Raises RequestError."""
    for name, given in (("hours", args.hours), ("minutes", args.minutes)):
        if given is not None and not 0 < given < math.inf:
            raise RequestError(f"--{name} is a number more than 0; got {given:g}.")
    if args.minutes is not None:
        return args.minutes / 60
    return DEFAULT_HOURS if args.hours is None else args.hours


def _rewrite_card(args: argparse.Namespace) -> None:
    if not (args.card_of and args.obedience):
        raise RequestError(
            "--card-of and --obedience belong together: a model that was trained, and what was measured of it."
        )
    with extra("train"):
        from ctflow.demo.card import read_obedience, rewrite_card

    rewrite_card(args.card_of, read_obedience(args.obedience))
    print(f"{args.card_of / CARD} now says what {args.obedience} measured.")
