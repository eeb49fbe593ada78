"""`python -m ctflow found`: what a report asks for, what the model read in it, and what its volume shows."""

import argparse
from pathlib import Path

from ctflow.analysis.findings import compare_findings, findings_markdown
from ctflow.choices import DEVICES
from ctflow.commands.arguments import add_precision_to, extra, path, place
from ctflow.commands.asking import note, read_text
from ctflow.commands.model import DEFAULT_MODEL, FoundModel
from ctflow.errors import ResourceError
from ctflow.generator import VolumeGenerator
from ctflow.io.scan import read_volume
from ctflow.judge import Judge, TowerJudge
from ctflow.report import Report

HELP = """\
Prints a table of findings: what the report says of each by plain rules, what the model read, and whether the model's
image tower, and detectors fitted on phantoms, see it in the volume. How often each of these two sees what is there, and
what is not, stands beside it (measured by python -m ctflow evaluate judges)."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `found` and its arguments."""
    parser = commands.add_parser(
        "found",
        help="tell what a report asks for, what was read in it, and what a volume shows",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument("volume", type=path, metavar="VOLUME", help="a CT in HU: NIfTI, NRRD, MHA or a DICOM folder")
    parser.add_argument(
        "--report-file", type=place, required=True, metavar="FILE", help="a UTF-8 text; - is standard input"
    )
    parser.add_argument("--all", action="store_true", help="list also findings that nobody speaks of or sees")
    parser.add_argument(
        "--model", type=place, metavar="DIR", default=DEFAULT_MODEL, help="a checkpoint (default: %(default)s)"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the model runs (default: %(default)s)")
    add_precision_to(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the table. Raises CTFlowError."""
    report = Report.parse(read_text(args.report_file))
    model: FoundModel = args.find_model(args.model)
    volume = read_volume(args.volume)
    generator = model.load(args.device, precision=args.precision)
    judges, missing = judges_of(model.folder, generator)
    if missing:
        note(missing)
    print(findings_markdown(compare_findings(report, volume, generator, judges), args.all), end="")


def judges_of(folder: Path, generator: VolumeGenerator) -> tuple[list[Judge], str]:
    """The image tower, and the detectors where they were measured and what they need is installed.

    `folder`: the checkpoint's. Beside them, what to say of those that are missing, or how far they can be trusted.
    """
    try:
        with extra("train"):
            from ctflow.evaluation.obedience.judges import read_judges
    except ResourceError as error:
        return [TowerJudge(generator, {})], f"without the detectors that are fitted on phantoms: {error}"
    measured = read_judges(folder)
    if measured is None:
        note = f"no judge of {generator.card.name} was measured: `python -m ctflow evaluate judges` does it."
        return [TowerJudge(generator, {})], note
    return [TowerJudge(generator, measured.tower), measured.detectors], ""
