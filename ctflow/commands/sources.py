"""Which volumes a command reads: CT-RATE's, or one's own with a table."""

import argparse
from typing import TYPE_CHECKING

from ctflow.commands.arguments import path
from ctflow.errors import RequestError

if TYPE_CHECKING:
    from ctflow.data.sources import Source


def add_sources_to(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Declares the arguments that `sources_of` reads."""
    given = parser.add_mutually_exclusive_group(required=required)
    given.add_argument("--ct-rate", type=path, metavar="ROOT", help="the folder of CT-RATE")
    given.add_argument("--volumes", type=path, metavar="DIR", help="the folder of volumes of your own")
    parser.add_argument("--split", choices=("train", "valid"), help="which part of CT-RATE")
    parser.add_argument("--reports", type=path, metavar="CSV", help="the table of volumes of your own")
    parser.add_argument("--one-per-patient", action="store_true", help="take only the first volume of each patient")
    parser.add_argument("--skip-missing", action="store_true", help="leave out volumes whose files are not there")


def sources_of(args: argparse.Namespace) -> "list[Source]":
    """The volumes that are asked for and there. Raises RequestError, and where files are not there, unless they may be
    missing."""
    from ctflow.data.ctrate_sources import ct_rate_sources
    from ctflow.data.own_sources import own_sources
    from ctflow.data.sources import check_there, first_of_each_patient

    if (args.split is None) == (args.ct_rate is not None) or (args.reports is None) == (args.volumes is not None):
        raise RequestError("Give --ct-rate with --split, or --volumes with --reports.")
    if args.ct_rate:
        found = ct_rate_sources(args.ct_rate.resolve(), args.split)
    else:
        found = own_sources(args.volumes.resolve(), args.reports)
    chosen = first_of_each_patient(found) if args.one_per_patient else found
    return check_there(chosen, skip_missing=args.skip_missing)
