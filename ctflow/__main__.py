"""`python -m ctflow`: picks the command, and turns what goes wrong into one line and an exit code."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

import ctflow
from ctflow.commands import (
    ablate,
    bench,
    continuing,
    convert,
    evaluate,
    export,
    found,
    generate,
    phantom,
    prepare,
    reproduce,
    score,
    seeds,
    train,
)
from ctflow.commands.model import FoundModel, find_model
from ctflow.errors import CTFlowError
from ctflow.runtime.threads import wait_passively

_COMMANDS = (
    generate,
    continuing,
    ablate,
    seeds,
    found,
    export,
    score,
    convert,
    phantom,
    prepare,
    train,
    evaluate,
    reproduce,
    bench,
)
FAILED = 2  # as argparse has it
INTERRUPTED = 130  # as a shell has it


def main(argv: Sequence[str] | None = None, find_model: Callable[[str], FoundModel] = find_model) -> int:
    """Runs one command and returns its exit code: 0, 2 for what the user can mend, 130 for Ctrl-C.

    `find_model`: what `generate` and `score` ask for the model of `--model`.
    """
    parser = _parser()
    parser.set_defaults(find_model=find_model)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("ctflow").setLevel(logging.INFO)  # other packages tell of what nobody asked
    try:
        args = parser.parse_args(argv)
        args.run(args)
    except CTFlowError as error:
        print(f"ctflow: {error}", file=sys.stderr)
        return FAILED
    except MemoryError as error:
        print(f"ctflow: There is not enough memory ({error}). Close other programs, or ask for less.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nctflow: stopped.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ctflow",
        description="A radiology report in, a synthetic chest CT out. Not for diagnosis.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ctflow {ctflow.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    wait_passively()
    sys.exit(main())
