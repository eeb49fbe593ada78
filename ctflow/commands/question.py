"""What the questions that make several volumes share: `ablate` and `seeds`."""

import argparse
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TypeVar

from tqdm import tqdm

from ctflow.analysis.making import Progress
from ctflow.commands.arguments import path
from ctflow.commands.asking import (
    add_model_to,
    add_report_to,
    add_settings_to,
    load_model,
    note,
    report_of,
    request_from,
    say_what_is_not_read,
)
from ctflow.commands.model import FoundModel
from ctflow.generator import VolumeGenerator
from ctflow.io.files import check_unused, make_folder
from ctflow.request import GenerationRequest

R = TypeVar("R")


def add_question_to(parser: argparse.ArgumentParser) -> None:
    """Declares the report, how to sample, the model, and the folder of the results."""
    add_report_to(parser)
    add_settings_to(parser)
    parser.add_argument("--out-dir", type=path, required=True, metavar="DIR", help="empty, or not there yet")
    add_model_to(parser)


def begin(
    args: argparse.Namespace, check: Callable[[GenerationRequest], object]
) -> tuple[VolumeGenerator, GenerationRequest]:
    """Makes the folder and loads the model, after all that can be refused has been. Raises CTFlowError."""
    report = report_of(args)
    model: FoundModel = args.find_model(args.model)
    request = request_from(args, report, model.card, args.chunks)
    check(request)
    check_unused(args.out_dir)
    make_folder(args.out_dir)
    generator = load_model(args, model)
    if args.seed is None:
        note(f"seed {request.seed}, drawn at random.")
    say_what_is_not_read(generator, report)
    return generator, request


def results_of(events: Generator[Progress | R, None, None]) -> Iterator[R]:
    """The results among the events; the others move a bar."""
    with closing(events), tqdm(unit="step") as bar:
        for event in events:
            if isinstance(event, Progress):
                bar.total = event.total
                bar.set_description(event.doing, refresh=False)
                bar.update()
            else:
                yield event
