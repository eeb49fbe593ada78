"""The parts that go into a conversion, and where they came from, in words that are true on every machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ctflow.checkpoint.catalog import RELEASED
from ctflow.checkpoint.catalog import TAEF1 as TAEF1_ADDRESS
from ctflow.checkpoint.folder import DIFFUSERS_WEIGHTS, TAEF1_FOLDER, files_sha256
from ctflow.checkpoint.weights import CONFIG, file_sha256, index_of, weight_files
from ctflow.released.hub import parse_address, resolved

VOCABULARY = "vocab.txt"
HASH_DIGITS = 12  # enough to tell files apart


@dataclass(frozen=True)
class Sources:
    """Where the parts are on this disk.

    `cxr_bert`: the text weights are CXR-BERT's own and not CT-CLIP's. `taef1`: a faster decoder, which may be left out.
    `addresses`: what the user asked for, by the name of the part.
    """

    denoiser: Path
    avae: Path
    text: Path
    tokenizer: Path
    cxr_bert: bool
    taef1: Path | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Origins:
    """Where the parts of a model came from.

    `parts`: for each, its address on the hub with the commit, or its hash. `published`: whether all came from where
    they were published.
    """

    parts: Mapping[str, str]
    published: bool


def origins_of(model: str, sources: Sources) -> Origins:
    """What the card of a converted `model` says about its parts. No path of this machine is in it."""
    paths = {part.name: getattr(sources, part.name) for part in RELEASED[model].parts}
    places = {part.name: part.source for part in RELEASED[model].parts} | {TAEF1_FOLDER: TAEF1_ADDRESS}
    if sources.taef1:
        paths[TAEF1_FOLDER] = sources.taef1
    hub = {name: resolved(sources.addresses.get(name, ""), path) for name, path in paths.items()}
    published = all(hub[name] and _same_place(sources.addresses[name], places[name]) for name in paths)
    return Origins({name: hub[name] or _local(name, path) for name, path in paths.items()}, published)


def members(folder: Path) -> list[Path]:
    """The files that are read in a folder of weights: config, weights and, if these are in several files, the index."""
    path = folder / DIFFUSERS_WEIGHTS
    index = [index_of(path)] if not path.exists() else []
    return [folder / CONFIG, *index, *weight_files(path)]


def _same_place(asked: str, published: str | None) -> bool:
    """Another revision than the published one is another place, whatever its commit."""
    return published is not None and parse_address(asked) == parse_address(published)


def _local(name: str, path: Path) -> str:
    if path.is_file():
        return f"a local file (sha256 {file_sha256(path)[:HASH_DIGITS]})"
    # Only of what is read: a clone has its .git, and a download its notes.
    files = [path / CONFIG, path / VOCABULARY] if name == "tokenizer" else members(path)
    return f"a local folder (sha256 over {len(files)} files {files_sha256(path, files)[:HASH_DIGITS]})"
