"""`python -m ctflow convert`: makes a checkpoint folder out of the released weights."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ctflow.checkpoint.catalog import CXR_BERT, RELEASED, TAEF1, Released, place_for_checkpoint
from ctflow.errors import CheckpointError, RequestError

_PATTERNS = {
    "denoiser": ("config.json", "*.safetensors", "*.safetensors.index.json"),
    "avae": ("config.json", "*.safetensors", "*.safetensors.index.json"),
    "text": ("*",),
    "tokenizer": ("*.json", "*.txt"),
    "taef1": ("config.json", "*.safetensors", "*.safetensors.index.json"),
}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `convert` and its arguments."""
    parser = commands.add_parser(
        "convert", help="make a checkpoint out of the released weights", allow_abbrev=False, description=_describe()
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", choices=tuple(RELEASED))
    for part in next(iter(RELEASED.values())).parts:
        parser.add_argument(
            f"--{part.name}",
            metavar="PATH_OR_ADDRESS",
            help="local, or on the hub: [datasets/]owner/name[@revision]/path (default: where it was published)",
        )
    parser.add_argument(
        "--cxr-bert",
        action="store_true",
        help="CXR-BERT's own weights in place of CT-CLIP's, which are gated: not what the model was trained with",
    )
    parser.add_argument(
        "--taef1",
        nargs="?",
        const=TAEF1,
        metavar="PATH_OR_ADDRESS",
        help=f"takes in a small decoder too, for --decoder taef1 (default: {TAEF1}, MIT)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the checkpoint (default: checkpoints/MODEL)")


def run(args: argparse.Namespace) -> None:
    """Fetches what is not there, converts, verifies. Raises CTFlowError."""
    released, out = RELEASED[args.model], args.out or place_for_checkpoint(args.model)
    if out.exists():
        raise CheckpointError(f"{out} is there already: remove it, or choose another --out.")
    addresses = {
        part.name: getattr(args, part.name) or _published(released, part.name, args.cxr_bert) for part in released.parts
    }
    _check_own(released, addresses)
    from ctflow.released.convert import check_taef1, convert
    from ctflow.released.hub import fetch
    from ctflow.released.sources import Sources
    from ctflow.released.specs import SPECS

    if args.taef1:
        check_taef1(SPECS[args.model])
        addresses["taef1"] = args.taef1
    found = {}
    for name, address in addresses.items():
        print(f"ctflow: {name} from {address}", file=sys.stderr)
        found[name] = fetch(address, _PATTERNS[name])
    card = convert(SPECS[args.model], Sources(**found, cxr_bert=args.cxr_bert, addresses=addresses), out)
    inferred = [name for name, proof in vars(card.evidence).items() if proof == "inferred"]
    print(f"{out}: {card.title}. Inferred and not proved: {', '.join(inferred) or 'nothing'}; see {out / 'card.json'}.")


def _check_own(released: Released, addresses: dict[str, str]) -> None:
    """Raises RequestError for the published part of another model: its shapes may fit all the same."""
    from ctflow.released.hub import parse_address

    for other in RELEASED.values():
        for part in other.parts:
            asked, theirs = parse_address(addresses[part.name]), parse_address(part.source or "")
            own = part.source == released.part(part.name).source
            if theirs and asked and not own and replace(asked, revision=None) == theirs:
                raise RequestError(f"--{part.name} {part.source} is {other.name}'s: give {released.name}'s own.")


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
