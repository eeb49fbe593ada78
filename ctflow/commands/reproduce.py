"""`python -m ctflow reproduce --phantom`: the whole chain on phantoms, from nothing to the table of results."""

import argparse
import math
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.commands.arguments import extra, path, place
from ctflow.commands.model import DEFAULT_MODEL
from ctflow.errors import RequestError
from ctflow.request import MAX_SEED

if TYPE_CHECKING:
    from ctflow.reproduction.steps import Step

HELP = """\
Runs the whole chain on simulated chests, as one would with CT-RATE: makes phantoms, prepares and verifies a data set,
trains a transformer, generates volumes in three modes, judges them, and prints the table of results. Each command is
shown before it runs, so that it can be typed by itself.

The same --out again goes on after it was cut short; a training that was cut short then takes its whole time again."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `reproduce` and its arguments."""
    parser = commands.add_parser(
        "reproduce",
        help="the whole chain on phantoms: data, training, volumes, table",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--phantom", action="store_true", required=True, help="on simulated chests")
    parser.add_argument("--minutes", type=float, required=True, metavar="M", help="about how long, on two cores")
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="where everything is, or will be")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn (default: %(default)s)")
    parser.add_argument(
        "--model",
        type=place,
        default=DEFAULT_MODEL,
        metavar="DIR",
        help="whose A-VAE and text encoder are used (default: %(default)s)",
    )
    parser.add_argument("--config", type=path, metavar="FILE", help="of `train flow` (default: its preset phantom)")


def run(args: argparse.Namespace) -> None:
    """Runs the chain and prints the table. Raises CTFlowError, also where one of its commands fails."""
    if not 0 < args.minutes < math.inf:
        raise RequestError(f"--minutes is a number more than 0; got {args.minutes:g}.")
    if not 0 <= args.seed <= MAX_SEED:
        raise RequestError(f"--seed is 0 to {MAX_SEED}; got {args.seed}.")
    with extra("research"):
        from ctflow.reproduction.chain import reproduce
        from ctflow.reproduction.plan import plan_of
    plan = plan_of(
        args.minutes,
        seed=args.seed,
        model=str(find_checkpoint(args.model).resolve()),
        config=str(args.config.resolve()) if args.config else None,
    )
    print(reproduce(plan, args.out, run_step), end="")


def run_step(step: "Step", which: str) -> None:
    """Shows a command and runs it. `which`: of all steps, as "3 of 26".

    Raises RequestError where it fails; its own words stand above then.
    """
    print(f"Step {which}: {step.name}\n$ python -m ctflow {shlex.join(step.words)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "ctflow", *step.words], check=False).returncode
    if code:
        raise RequestError(
            f"The step “{step.name}” ended with exit code {code}; why stands above. Mend it and call this again: it "
            "goes on there."
        )
