"""What the commands have in common that train by a config in TOML."""

import argparse
import math
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctflow.commands.arguments import path
from ctflow.errors import RequestError
from ctflow.io.files import make_folder

STOPPED = 128 + signal.SIGTERM  # as a shell has it


Fields = Callable[[], Iterable[tuple[str, str]]]  # each by its dotted name, with what it means


def add_training(
    kinds: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, short: str, long: str, fields: Fields
) -> argparse.ArgumentParser:
    """Declares `train NAME`, with its help, in short and long, and its config."""
    parser = kinds.add_parser(
        name,
        help=short,
        description=long,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action=_help_with_fields(fields))
    parser.add_argument("--config", type=path, required=True, metavar="FILE", help="what is trained and how, in TOML")
    parser.add_argument("--print-config", action="store_true", help="train nothing, and show the whole config")
    return parser


def _help_with_fields(described_fields: Fields) -> type[argparse.Action]:
    """An action that shows the help, and below it every field of the config, which are looked up only then."""

    class HelpWithFields(argparse.Action):
        def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
            shown = "show this help and all fields"
            super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=shown)

        def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
            parser.print_help()
            print("\nfields of the config:")
            for name, description in described_fields():
                is_table = "." not in name
                print(f"\n  [{name}]  {description}" if is_table else f"    {name.partition('.')[2]:20}{description}")
            parser.exit()

    return HelpWithFields


def check_minutes(minutes: float | None) -> None:
    """Raises RequestError for what is no time to train for."""
    if minutes is not None and not 0 < minutes < math.inf:
        raise RequestError(f"--minutes is a number more than 0; got {minutes:g}.")


def is_main_process() -> bool:
    """Whether this process of a launch of many is the one that writes."""
    return not int(os.environ.get("RANK", "0"))


@contextmanager
def training_in(out: Path) -> Iterator[None]:
    """Locks the folder, which the main process does for all. A training that was stopped ends the command, with the
    exit code of SIGTERM. Raises DatasetError if another run is at work there."""
    from ctflow.data.lock import only_run
    from ctflow.training.restarts.stopping import TrainingStopped

    try:
        if is_main_process():
            make_folder(out)
            with only_run(out):
                yield
        else:
            yield
    except TrainingStopped as stopped:
        print(f"ctflow: {stopped}", file=sys.stderr)
        sys.exit(STOPPED)
