"""What several commands need around their arguments: smallest values, and packages that the app does not need."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from ctflow.errors import RequestError, ResourceError


def check_least(args: argparse.Namespace, **least: int) -> None:
    """Raises RequestError for a number that is given and too small."""
    for name, value in least.items():
        given = getattr(args, name)
        if given is not None and given < value:
            raise RequestError(f"--{name} is {value} or more; got {given}.")


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports: turns a missing package into a ResourceError that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ResourceError(f"This needs the package {error.name}: install it with pip install '.[{name}]'.") from error
