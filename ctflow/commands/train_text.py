"""`python -m ctflow train text`: gives a model a text encoder that reads sentence by sentence."""

import argparse
import math
from pathlib import Path

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import DEVICES
from ctflow.commands.arguments import check_least, check_model_place, extra, path, place
from ctflow.errors import RequestError
from ctflow.io.files import make_folder
from ctflow.request import MAX_SEED

DEFAULT_HOURS = 2.5
HELP = """\
Gives a model of `train demo` a text encoder that begins as a public sentence model and reads sentence by sentence: what
its sentences say becomes facts, and the facts what the transformer is told. All other networks stay as they are.

--pretrained is the public model, sentence-transformers/all-MiniLM-L6-v2: that name, which is fetched from the hub, or a
folder with its config.json, model.safetensors and tokenizer.json. No other weights are accepted. Without it, a model
whose encoder reads sentence by sentence keeps that one, which is trained further.

State is kept in --work. Call it again with the same --work after it was cut short, and it continues with the time that
was left. The model that --from names is needed in the first call only."""


def add_to(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `text` and its arguments."""
    parser = kinds.add_parser(
        "text",
        help="the text encoder of a demo model, from a public sentence model",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run_text)
    default = "default: %(default)s"
    add = parser.add_argument
    add("--from", dest="from_checkpoint", type=place, metavar="DIR", help="the model, or its name")
    add("--pretrained", metavar="DIR", help="name or folder of the public model to begin with")
    add("--hours", type=float, default=DEFAULT_HOURS, metavar="H", help=f"how long to train ({default})")
    add("--work", type=path, default=Path("runs/text"), metavar="DIR", help=f"for its state ({default})")
    add("--out", type=path, metavar="DIR", help="where to write the model (default: model in --work)")
    add("--seed", type=int, default=0, metavar="N", help=f"of the training ({default})")
    add("--device", choices=DEVICES, default="auto", help=f"where to train ({default})")


def run_text(args: argparse.Namespace) -> None:
    """Trains, and writes the model. Raises CTFlowError where it cannot begin."""
    check_least(args, seed=0)
    if args.seed > MAX_SEED:
        raise RequestError(f"--seed is {MAX_SEED} or less; got {args.seed}.")
    if not 0 < args.hours < math.inf:
        raise RequestError(f"--hours is a number more than 0; got {args.hours:g}.")
    out = args.out or args.work / "model"
    check_model_place(out)
    base = find_checkpoint(args.from_checkpoint) if args.from_checkpoint else None
    for folder in (out.parent, args.work):
        make_folder(folder)
    with extra("train"):
        from ctflow.demo.text_recipe import DEMO_TEXT, train_text_encoder

    train_text_encoder(
        out,
        args.work,
        hours=args.hours,
        sizes=DEMO_TEXT,
        seed=args.seed,
        device=args.device,
        from_checkpoint=base,
        pretrained=args.pretrained,
    )
