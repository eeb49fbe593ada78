"""`python -m ctflow phantom`: writes simulated chest CTs with their reports, laid out as CT-RATE."""

import argparse

from tqdm import tqdm

from ctflow.commands.arguments import check_least, extra, path
from ctflow.data.ctrate import volumes_folder
from ctflow.data.lock import only_run
from ctflow.io.files import make_folder
from ctflow.runtime.threads import cores_given

HELP = """\
Writes simulated chest CTs of no patient (NIfTI, in HU), with reports, labels and metadata, laid out as the public data
set CT-RATE. {split}_truths.json says exactly what is in each of them. The same seed gives the same files; the splits
share no phantom."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `phantom` and its arguments."""
    parser = commands.add_parser(
        "phantom",
        help="write simulated chest CTs with reports, laid out as CT-RATE",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--n", type=int, required=True, metavar="N", help="how many, 1 or more")
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="where to write them")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the first one in its split (default: %(default)s)"
    )
    parser.add_argument("--split", choices=("train", "valid"), default="train", help="default: %(default)s")
    parser.add_argument("--workers", type=int, metavar="N", help="processes, 1 or more (default: one per core)")


def run(args: argparse.Namespace) -> None:
    """Writes the phantoms, and prints how fast. Raises CTFlowError where they cannot be written."""
    check_least(args, n=1, seed=0, workers=1)
    workers = args.workers or cores_given()
    make_folder(args.out)
    with extra("train"):
        from ctflow.data.phantom_dataset import write_dataset

    with only_run(volumes_folder(args.out, args.split)):
        written = write_dataset(args.out, args.n, args.seed, args.split, workers)
        seconds = [one.seconds for one in tqdm(written, total=args.n, unit="phantom")]
    print(f"{args.out}: {args.n} phantoms, {60 * args.n / sum(seconds):.0f} per minute and core.")
