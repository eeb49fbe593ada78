"""`python -m ctflow score`: how well a volume fits a report, by the model's own image tower."""

import argparse

from ctflow.choices import DEVICES
from ctflow.commands.arguments import add_precision_to, path, place
from ctflow.commands.asking import read_text
from ctflow.commands.model import DEFAULT_MODEL
from ctflow.errors import RequestError
from ctflow.report import Report


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `score` and its arguments."""
    parser = commands.add_parser("score", help="how well a volume fits a report", allow_abbrev=False)
    parser.set_defaults(run=run)
    parser.add_argument("volume", type=path, metavar="VOLUME", help="a CT in HU: NIfTI, NRRD, MHA or a DICOM folder")
    parser.add_argument(
        "--report-file", type=place, required=True, metavar="FILE", help="a UTF-8 text; - is standard input"
    )
    parser.add_argument(
        "--model", type=place, metavar="DIR", default=DEFAULT_MODEL, help="a checkpoint (default: %(default)s)"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where the model runs (default: %(default)s)")
    add_precision_to(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the CLIP score and the labels, most likely first."""
    from ctflow.io.scan import read_volume

    report = Report.parse(read_text(args.report_file))
    model = args.find_model(args.model)
    volume = read_volume(args.volume)
    generator = model.load(args.device, precision=args.precision)
    score, labels = generator.score(volume, report), generator.labels(volume)
    if score is None or labels is None:
        raise RequestError(f"{generator.card.name} has no image tower: give --model a model that has CT-CLIP's.")
    print(f"CLIP score  {score:.2f}  (0 to 100, by the image tower of {generator.card.name})")
    for label, probability in sorted(labels.items(), key=lambda item: -item[1]):
        print(f"{probability:6.1%}  {label}")
