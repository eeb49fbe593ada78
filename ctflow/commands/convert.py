"""`python -m ctflow convert`: makes a checkpoint folder from the released weights."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

from ctflow.card import ModelCard
from ctflow.checkpoint.catalog import CXR_BERT, RELEASED, TAEF1, Released, place_for_checkpoint
from ctflow.commands.arguments import path, place
from ctflow.errors import CheckpointError, RequestError


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `convert` and its arguments."""
    parser = commands.add_parser(
        "convert", help="make a checkpoint from the released weights", allow_abbrev=False, description=_describe()
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", choices=tuple(RELEASED))
    for part in next(iter(RELEASED.values())).parts:
        parser.add_argument(
            f"--{part.name}",
            type=place,
            metavar="PATH_OR_ADDRESS",
            help="local, or on the hub: [datasets/]owner/name[@revision]/path (default: where it was published)",
        )
    parser.add_argument(
        "--cxr-bert",
        action="store_true",
        help="take CXR-BERT's own weights instead of CT-CLIP's, which are gated: the model was not trained with them",
    )
    parser.add_argument(
        "--taef1",
        nargs="?",
        const=TAEF1,
        type=place,
        metavar="PATH_OR_ADDRESS",
        help=f"add a small decoder, for --decoder taef1 (default: {TAEF1}, MIT)",
    )
    parser.add_argument("--out", type=path, metavar="DIR", help="the checkpoint (default: checkpoints/MODEL)")


def run(args: argparse.Namespace, install: Callable[..., ModelCard] | None = None) -> None:
    """Fetches what is not there, converts and checks it. Raises CTFlowError.

    `install`: `ctflow.released.install.fetch_and_convert`, or the same with other specs or another hub.
    """
    released, out = RELEASED[args.model], args.out or place_for_checkpoint(args.model)
    if out.exists():
        raise CheckpointError(f"{out} exists already: remove it, or choose another --out.")
    addresses = {
        part.name: getattr(args, part.name) or _published(released, part.name, args.cxr_bert) for part in released.parts
    }
    _check_own(released, addresses)
    if args.taef1:
        addresses["taef1"] = args.taef1
    if install is None:
        from ctflow.released.install import fetch_and_convert

        install = fetch_and_convert
    card = install(args.model, addresses, out, cxr_bert=args.cxr_bert, say=_say)
    inferred = [name for name, proof in vars(card.evidence).items() if proof == "inferred"]
    print(f"{out}: {card.title}. Inferred and not proved: {', '.join(inferred) or 'nothing'}; see {out / 'card.json'}.")


def _say(text: str) -> None:
    print(f"ctflow: {text}", file=sys.stderr)


def _check_own(released: Released, addresses: dict[str, str]) -> None:
    """Raises RequestError for a published part of another model, because its shapes may fit nevertheless."""
    from ctflow.released.hub import parse_address

    for other in RELEASED.values():
        for part in other.parts:
            asked, theirs = parse_address(addresses[part.name]), parse_address(part.source or "")
            shared = part.source == released.part(part.name).source
            if theirs and asked and not shared and replace(asked, revision=None) == theirs:
                raise RequestError(
                    f"--{part.name} {part.source} is part of {other.name}: give that of {released.name}."
                )


def _published(released: Released, name: str, cxr_bert: bool) -> str:
    if name == "text" and cxr_bert:
        return f"{CXR_BERT}/pytorch_model.bin"
    part = released.part(name)
    if part.source is None:
        raise RequestError(f"Give --{name}: the file names of {released.name} ({part.what}) are not known to CTFlow.")
    return part.source


def _describe() -> str:
    licences = {part.what: part.licence for released in RELEASED.values() for part in released.parts}
    return "Licences of the parts: " + "; ".join(f"{what}: {licence}" for what, licence in licences.items()) + "."
