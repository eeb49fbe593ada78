"""Whole numbers on the command line that have a least value."""

import argparse

from ctflow.errors import RequestError


def check_least(args: argparse.Namespace, **least: int) -> None:
    """Raises RequestError for a number that is given and too small."""
    for name, value in least.items():
        given = getattr(args, name)
        if given is not None and given < value:
            raise RequestError(f"--{name} is {value} or more; got {given}.")
