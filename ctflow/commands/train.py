"""`python -m ctflow train`: makes a checkpoint. The demo model comes from nothing but our own phantoms."""

import argparse
from pathlib import Path

from ctflow.card import CHECKPOINTS
from ctflow.commands.extra import extra
from ctflow.commands.generate import DEVICES
from ctflow.errors import RequestError
from ctflow.io.files import make_folder


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `train` and its arguments."""
    parser = commands.add_parser("train", help="train a model", allow_abbrev=False)
    kinds = parser.add_subparsers(title="what to train", required=True, metavar="WHAT")
    demo = kinds.add_parser("demo", help="the bundled small model, from procedural phantoms", allow_abbrev=False)
    demo.set_defaults(run=run_demo)
    demo.add_argument("--hours", type=float, default=8.0, metavar="H", help="for how long (default: %(default)s)")
    demo.add_argument("--out", type=Path, metavar="DIR", help="the checkpoint (default: checkpoints/demo)")
    demo.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="phantoms and state; the same folder again goes on where it stopped (default: runs/demo)",
    )
    demo.add_argument("--smoke", action="store_true", help="a tiny model in runs/smoke, to see that it all runs")
    demo.add_argument("--seed", type=int, default=0, metavar="N")
    demo.add_argument("--device", choices=DEVICES, default="auto")


def run_demo(args: argparse.Namespace) -> None:
    """Trains the demo model. Raises CTFlowError where it cannot begin."""
    if not args.hours > 0:
        raise RequestError(f"--hours is more than 0; got {args.hours:g}.")
    work = args.work or Path("runs/smoke" if args.smoke else "runs/demo")
    out = args.out or (work / "model" if args.smoke else CHECKPOINTS / "demo")
    for folder in (out, work):
        make_folder(folder)
    with extra("train"):
        from ctflow.training.demo import train_demo

    train_demo(out, work, args.hours, args.smoke, args.seed, args.device)
