"""`python -m ctflow evaluate metrics` and `evaluate table`: sets of volumes against real ones, by a named protocol."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import DEVICES
from ctflow.commands.arguments import check_least, extra, path
from ctflow.commands.model import DEFAULT_MODEL
from ctflow.errors import RequestError
from ctflow.io.files import make_folder
from ctflow.runtime.busy import BusyCores
from ctflow.runtime.threads import cores_given

if TYPE_CHECKING:
    from ctflow.evaluation.metrics.case_reports import Reports
    from ctflow.evaluation.metrics.judging import Question
    from ctflow.evaluation.metrics.volume_set import VolumeFile
    from ctflow.io.sidecar import Sidecar

DEFAULT = "default: %(default)s"
DEMO_PROTOCOL, CT_CLIP = "demo", "ct-clip"
WEIGHT_PATTERNS = ("*.safetensors", "*.pth", "*.pt")  # in a folder on the hub; a file's own address needs none
METRICS_HELP = """\
Measures volumes that a model has made against real ones: FID, KID, FVD, IS, precision, recall, CLIP scores, labels, HU
by tissue, slice-to-slice change and nearest training volumes, by a protocol that is kept with every number."""


def add_to(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declares `metrics` and `table` and their arguments."""
    parser = kinds.add_parser(
        "metrics",
        help="a set of volumes against real ones, as papers and challenges do",
        description=METRICS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run_metrics)
    parser.add_argument("--real", type=path, required=True, metavar="DIR", help="the real volumes")
    parser.add_argument("--fake", type=path, required=True, metavar="DIR", help="the volumes that a model has made")
    parser.add_argument(
        "--protocol", required=True, metavar="NAME", help="how to measure: demo, or another one of the README's list"
    )
    parser.add_argument(
        "--reports",
        type=path,
        metavar="FILE",
        help="reports of both sets by the volumes' names: a file as `generate --reports` takes it "
        "(default: those in the sidecars of the fake volumes)",
    )
    parser.add_argument("--labels", type=path, metavar="FILE", help="labels of both sets: CT-RATE's CSV")
    parser.add_argument(
        "--leave-out",
        type=path,
        metavar="FILE",
        help="volumes that count in no set, a name or path a line: for CT-RATE its list of no chests",
    )
    parser.add_argument("--training", type=path, metavar="DIR", help="volumes that the model was trained on")
    parser.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="the weights of an extractor: a file, or its address on the hub (owner/name/path); for "
        f"{CT_CLIP} a model's name or folder, in the protocol {DEMO_PROTOCOL} by default the bundled one's",
    )
    parser.add_argument("--title", metavar="TEXT", help="what the fake volumes are (default: the name of their folder)")
    parser.add_argument(
        "--beside", type=path, action="append", default=[], metavar="JSON", help="an earlier result to compare with"
    )
    parser.add_argument(
        "--out", type=path, default=Path("runs/metrics"), metavar="DIR", help=f"results and features ({DEFAULT})"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help=f"of all that is drawn ({DEFAULT})")
    parser.add_argument("--device", choices=DEVICES, default="auto", help=f"where extractors compute ({DEFAULT})")
    parser.add_argument("--ray", metavar="ADDRESS", help="a Ray cluster (default: this machine)")
    table = kinds.add_parser("table", help="results of `metrics` side by side", allow_abbrev=False)
    table.set_defaults(run=run_table)
    table.add_argument("results", type=path, nargs="+", metavar="JSON", help="what `metrics` wrote")


def run_metrics(args: argparse.Namespace) -> None:
    """Writes the result and prints the table. Raises CTFlowError."""
    check_least(args, seed=0)
    with extra("train"):
        from ctflow.evaluation.metrics.files import check_replaceable, write_files
        from ctflow.evaluation.metrics.judging import Judging
        from ctflow.evaluation.metrics.results import read_result
    args.out = args.out.resolve()  # the workers of a cluster are in other folders
    judging = Judging(_question(args))
    beside = [read_result(one) for one in args.beside]
    judging.check_comparable(beside)
    make_folder(args.out)
    check_replaceable(judging, args.out)
    cores = BusyCores(begin_after=cores_given())  # each worker has come to an end by then
    with extra("research"):
        for outcome in tqdm(judging.extract(), total=judging.steps(), unit="volume"):
            if outcome.made:
                cores.step()
    print(write_files(judging, beside, args.out), end="")
    print(f"\nThis table, its numbers and its pictures are in {args.out}.")
    if not args.ray and (used := cores.summary()):
        print(f"While features were made, {used}")


def _question(args: argparse.Namespace) -> Question:
    from ctflow.data.ctrate import read_no_chests
    from ctflow.evaluation.metrics.beginnings import check_not_swapped, check_one_maker, modes_of, sidecars_of
    from ctflow.evaluation.metrics.judging import Question
    from ctflow.evaluation.metrics.protocols import protocol_named
    from ctflow.evaluation.metrics.ray_extraction import RayExtraction
    from ctflow.evaluation.metrics.volume_set import check_apart, check_no_copies, check_one_split

    protocol, weights = protocol_named(args.protocol), _weights(args)
    check_apart(args.real, args.fake)
    left_out = read_no_chests(args.leave_out) if args.leave_out else frozenset()
    real, fake = (_volumes(folder, what, left_out) for folder, what in ((args.real, "real"), (args.fake, "fake")))
    training = _volumes(args.training, "training", left_out) if args.training else []
    check_no_copies(real, fake)
    for volumes, what in ((real, "real"), (training, "training")):
        check_one_split(volumes, what)
    sidecars = sidecars_of(fake)
    check_one_maker(sidecars)
    check_not_swapped(sidecars_of(real), sidecars)
    return Question(
        title=args.title or args.fake.resolve().name,
        protocol=protocol,
        real=real,
        fake=fake,
        training=training,
        reports=_reports(args.reports, sidecars),
        asked=_asked(args.labels),
        modes=modes_of(sidecars),
        weights=weights,
        device=args.device,
        features=args.out / "features",
        extract_all=RayExtraction(args.ray),
        seed=args.seed,
    )


def _volumes(folder: Path, what: str, left_out: frozenset[str]) -> list[VolumeFile]:
    from ctflow.evaluation.metrics.volume_set import find_volumes, without

    return without(find_volumes(folder.resolve(), what), left_out)


def run_table(args: argparse.Namespace) -> None:
    """Prints the table. Raises RequestError for results of different protocols."""
    with extra("train"):
        from ctflow.evaluation.metrics.results import read_result
        from ctflow.evaluation.metrics.table import results_markdown
    print(results_markdown([read_result(one) for one in args.results]), end="")


def _weights(args: argparse.Namespace) -> dict[str, Path]:
    """By extractor, on this disk or from the hub. Raises CTFlowError for what is no NAME=PATH, or is not there."""
    from ctflow.released.hub import fetch

    weights: dict[str, Path] = {}
    for word in args.weights:
        name, equals, place = word.partition("=")
        if not (name and equals and place):
            raise RequestError(f"--weights takes NAME=PATH, such as {CT_CLIP}=checkpoints/demo; got {word!r}.")
        found = find_checkpoint(place) if name == CT_CLIP else fetch(place, WEIGHT_PATTERNS)
        weights[name] = found.absolute()  # the hub keeps links whose names say what a file is
    if args.protocol == DEMO_PROTOCOL:
        weights.setdefault(CT_CLIP, find_checkpoint(DEFAULT_MODEL).absolute())
    return weights


def _reports(given: Path | None, sidecars: Mapping[str, Sidecar]) -> Reports:
    from ctflow.evaluation.metrics.case_reports import read_case_reports, sidecar_reports

    return read_case_reports(given) if given else sidecar_reports(sidecars)


def _asked(given: Path | None) -> Mapping[str, frozenset[str]]:
    """The labels by case."""
    from ctflow.data.ctrate import read_labels
    from ctflow.io.names import case_name

    return {case_name(name): frozenset(labels) for name, labels in read_labels(given).items()} if given else {}
