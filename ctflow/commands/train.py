"""`python -m ctflow train`: makes a checkpoint. The demo model comes from nothing but our own phantoms."""

import argparse
import math
from dataclasses import replace
from pathlib import Path

from ctflow.card import CARD
from ctflow.choices import DEVICES
from ctflow.commands.arguments import check_least, extra
from ctflow.errors import RequestError
from ctflow.io.files import make_folder
from ctflow.request import MAX_SEED

DEMO_HELP = """\
Makes --phantoms (1,200 are about 16 GB, kept in --work), two studies of each person with other findings, and trains the
A-VAE, the text encoder and its reader, the image tower and the transformer, each for its share of --hours. The
phantoms, their latents and the fit of the tower to them take their own time beside that. After a call that was cut
short, the same --work goes on with the time that was left when it last saved; after one that ended, it trains the
transformer for its share of --hours more and keeps the others. --from goes on with a checkpoint's weights in a new
--work: a fifth of --hours is for the text encoder's wordings, the reader, a new tower and the A-VAE's decoder, the rest
for the transformer, which begins anew if that checkpoint's has other sizes. The A-VAE's encoder stays, and so does what
the text encoder makes of plain reports. On a GPU batches are eight times as large.

Try the model with: python app.py --model DIR, where DIR is --out."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `train` and its arguments."""
    parser = commands.add_parser("train", help="train a model", allow_abbrev=False)
    kinds = parser.add_subparsers(title="what to train", required=True, metavar="WHAT")
    demo = kinds.add_parser(
        "demo",
        help="a small model, from procedural phantoms",
        description=DEMO_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    demo.set_defaults(run=run_demo)
    demo.add_argument("--hours", type=float, default=8.0, metavar="H", help="of training (default: %(default)s)")
    demo.add_argument("--out", type=Path, metavar="DIR", help="the checkpoint (default: model in --work)")
    demo.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="phantoms and state; the same folder again goes on where it stopped (default: runs/demo)",
    )
    demo.add_argument("--from", dest="beginning", type=Path, metavar="DIR", help="begin with this checkpoint's weights")
    demo.add_argument("--smoke", action="store_true", help="a tiny model in runs/smoke, to see that it all runs")
    demo.add_argument("--phantoms", type=int, metavar="N", help="an even number, 13 MB each (default: 1200)")
    demo.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    demo.add_argument("--device", choices=DEVICES, default="auto")


def run_demo(args: argparse.Namespace) -> None:
    """Trains the demo model. Raises CTFlowError where it cannot begin."""
    if not 0 < args.hours < math.inf:
        raise RequestError(f"--hours is a number more than 0; got {args.hours:g}.")
    check_least(args, seed=0, phantoms=2)
    if args.seed > MAX_SEED:
        raise RequestError(f"--seed is {MAX_SEED} or less; got {args.seed}.")
    if args.phantoms and args.phantoms % 2:
        raise RequestError(f"--phantoms is an even number, two studies of each person; got {args.phantoms}.")
    work = args.work or Path("runs/smoke" if args.smoke else "runs/demo")
    out = args.out or work / "model"
    _check_replaceable(out)
    for folder in (out.parent, work):
        make_folder(folder)
    with extra("train"):
        from ctflow.demo.sizes import DEMO, SMOKE
        from ctflow.demo.train import train_demo

    sizes = SMOKE if args.smoke else DEMO
    if args.phantoms:
        sizes = replace(sizes, phantoms=args.phantoms)
    train_demo(out, work, args.hours, sizes, args.seed, args.device, args.beginning)


def _check_replaceable(out: Path) -> None:
    """Raises RequestError where a checkpoint would take the place of something else."""
    if out.is_symlink() or (out.exists() and not (out.is_dir() and ((out / CARD).exists() or not any(out.iterdir())))):
        raise RequestError(f"{out} is there, and no checkpoint: choose another --out, a new folder or an older model.")
