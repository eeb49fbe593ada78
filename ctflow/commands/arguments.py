"""What several commands need around their arguments: texts, paths, smallest values, and packages of some alone."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ctflow.card import CARD
from ctflow.choices import PRECISIONS
from ctflow.errors import RequestError, ResourceError


def utf8(word: str) -> str:
    """A word of the command line as it is. Raises RequestError for bytes in another encoding than UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{word!r} is not UTF-8. Type it in UTF-8, and rename a file of such a name.") from error
    return word


def place(word: str) -> str:
    """A word that may be a path, or a name or address. Raises RequestError where the system does not even look."""
    try:
        os.stat(utf8(word))
    except (FileNotFoundError, NotADirectoryError):
        pass  # what is to be written is not there yet, and what is to be read is missed by its reader
    except OSError as error:
        raise RequestError(f"{word} cannot be reached ({error.strerror}): name another place.") from error
    except ValueError as error:
        raise RequestError(f"{word!r} is no path ({error}).") from error
    return word


def path(word: str) -> Path:
    """As `place`, for a path."""
    return Path(place(word))


def add_precision_to(parser: argparse.ArgumentParser, default: str | None = PRECISIONS[0]) -> None:
    """Declares `--precision`."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=default,
        help="number format of the large matrix products; auto, the default, is the fastest on this hardware",
    )


def check_least(args: argparse.Namespace, **least: int) -> None:
    """Raises RequestError for a number that is given and too small."""
    for name, value in least.items():
        given = getattr(args, name)
        if given is not None and given < value:
            raise RequestError(f"--{name.replace('_', '-')} is {value} or more; got {given}.")


def check_model_place(out: Path) -> None:
    """Raises RequestError where a new checkpoint would replace something else."""
    if out.is_symlink() or (out.exists() and not (out.is_dir() and ((out / CARD).exists() or not any(out.iterdir())))):
        raise RequestError(
            f"{out} exists and is no checkpoint: choose another --out, a new folder or an older model to replace."
        )


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports: turns a missing package into a ResourceError that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ResourceError(f"This needs the package {error.name}: install it with pip install '.[{name}]'.") from error
