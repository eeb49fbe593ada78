"""Which models there are: those on this machine, and the released ones that can be fetched and converted."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ctflow.card import CARD
from ctflow.errors import CheckpointError

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"  # the clone's, if we run in one
CHECKPOINTS_VARIABLE = "CTFLOW_CHECKPOINTS"


@dataclass(frozen=True)
class Part:
    """One argument of `convert`. `source`: its published address; None where the repository's layout is not known.

    An address is `owner/name[@revision]/path/inside`, with `datasets/` before it for a data set.
    """

    name: str
    what: str
    source: str | None
    licence: str


@dataclass(frozen=True)
class Released:
    """A released model, by the name that `convert` and `--model` know."""

    name: str
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)


CXR_BERT = "microsoft/BiomedVLP-CXR-BERT-specialized"
TAEF1 = "madebyollin/taef1"
_TEXT = Part(
    "text",
    "CT-CLIP, text transformer and image tower",
    "datasets/ibrahimhamamci/CT-RATE/models/CT-CLIP-Related/CT-CLIP_v2.pt",
    "CC-BY-NC-SA-4.0, gated: accept its terms on the page of CT-RATE, then `hf auth login`",
)
_FLUX_LICENCE = "Apache-2.0, gated: accept its terms on its page, then `hf auth login`"
_TOKENIZER = Part("tokenizer", "tokenizer and config of CXR-BERT", CXR_BERT, "MIT")
RELEASED = {
    released.name: released
    for released in (
        Released(
            "ctflow-v1",
            (
                Part("denoiser", "transformer", "EnyaWoooo/CTFlow/checkpoint-680000/denoiser_ema", "Apache-2.0"),
                Part("avae", "A-VAE of FLUX.1-schnell", "black-forest-labs/FLUX.1-schnell/vae", _FLUX_LICENCE),
                _TEXT,
                _TOKENIZER,
            ),
        ),
        Released(
            "ctflow-v2",
            (
                Part("denoiser", "transformer, in EnyaWoooo/ctflowv2-vlm3d2026", None, "see its page"),
                Part("avae", "fine-tuned A-VAE, in EnyaWoooo/ctflowv2-vlm3d2026", None, "see its page"),
                _TEXT,
                _TOKENIZER,
            ),
        ),
    )
}


def how_to_get(released: Released) -> str:
    """The command that fetches and converts a released model, and the licences that one accepts by running it."""
    unknown = "".join(f" --{part.name} PATH" for part in released.parts if part.source is None)
    licences = "; ".join(f"{part.what}: {part.licence}" for part in released.parts)
    return (
        f"The released weights of {released.name} are not bundled. This fetches and converts them into "
        f"{place_for_checkpoint(released.name)}: `python -m ctflow convert {released.name}{unknown}`. "
        f"By running it you accept these licences: {licences}."
    )


def checkpoint_folders() -> list[Path]:
    """Where models are looked for by name, in this order.

    The folders named in the environment variable CTFLOW_CHECKPOINTS (as PATH names several), `checkpoints` in the
    working folder, and the clone's, if we run in one.
    """
    return [*_named_folders(), Path("checkpoints"), CHECKPOINTS]


def place_for_checkpoint(name: str) -> Path:
    """Where a new model of that name goes: to the first folder of CTFLOW_CHECKPOINTS, the clone's, or `checkpoints`."""
    if named := _named_folders():
        return named[0] / name
    return (CHECKPOINTS if CHECKPOINTS.is_dir() else Path("checkpoints")) / name


def _named_folders() -> list[Path]:
    return [Path(folder) for folder in os.environ.get(CHECKPOINTS_VARIABLE, "").split(os.pathsep) if folder]


def find_checkpoint(name_or_folder: str, folders: Sequence[Path] | None = None) -> Path:
    """A checkpoint folder given by its path, or by its name in one of `folders` (default: `checkpoint_folders()`).

    Raises CheckpointError that says where it looked, or how to get a released model that is not here.
    """
    folders = checkpoint_folders() if folders is None else folders
    candidates = [Path(os.path.expanduser(name_or_folder)), *(folder / name_or_folder for folder in folders)]
    for folder in candidates:
        if os.path.isfile(folder / CARD):
            return folder.absolute()
    if released := RELEASED.get(name_or_folder):
        raise CheckpointError(how_to_get(released))
    inside = Path(os.path.expanduser(name_or_folder), "model")
    hint = f" There is one at {inside}." if os.path.isfile(inside / CARD) else ""  # a training's
    known = sorted({path.parent.name for folder in folders for path in folder.glob(f"*/{CARD}")})
    raise CheckpointError(
        f"No model at {name_or_folder!r}.{hint} Give a checkpoint folder with a {CARD}, or one of the names here: "
        f"{', '.join(known) or 'none'}. Looked in {', '.join(map(str, dict.fromkeys(folders)))}; "
        f"{CHECKPOINTS_VARIABLE} can name more folders."
    )
