"""Verify, load and save checkpoint folders.

card.json
transformer/config.json, diffusion_pytorch_model.safetensors    as released (`DiffuserSTDiT`)
avae/config.json, diffusion_pytorch_model.safetensors           as diffusers saves an AutoencoderKL
text/config.json, model.safetensors, tokenizer files            as transformers saves a BertModel
ctclip/config.json, model.safetensors                           CT-CLIP's image tower; only where there is one
reader/config.json, model.safetensors                           what the text encoder knows; only where that is known
taef1/config.json, diffusion_pytorch_model.safetensors          a faster decoder; only where there is one

Weights may be cut into several files with an index beside them, as the hub's libraries do.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from huggingface_hub import save_torch_state_dict
from huggingface_hub.errors import StrictDataclassError
from pydantic import TypeAdapter, ValidationError
from torch import nn
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerBase

from ctflow.card import CARD, Latent, ModelCard, read_card, write_card
from ctflow.checkpoint.weights import (
    CONFIG,
    file_sha256,
    fill,
    read_json,
    read_weights,
    weight_files,
    without_memory,
)
from ctflow.errors import CheckpointError, faults
from ctflow.models.avae import AVAE, SliceDecoder
from ctflow.models.ctclip import CTClip, CTClipConfig
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.text import TextEncoder

CTCLIP, READER, TAEF1 = "ctclip", "reader", "taef1"
DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"
TRANSFORMERS_WEIGHTS = "model.safetensors"
RELEASED_PREFIX = "model."
ENDINGS = (".json", ".safetensors", ".txt")
MAX_FILE_BYTES = 9_500_000  # so that neither a clone nor a push to a Space (10 MB) needs Git LFS
# What the libraries that build a network raise for a config that makes none: each has its own idea of that.
TRIPS = (
    ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, StrictDataclassError, TypeError, ValueError,
)  # fmt: skip
C = TypeVar("C")
N = TypeVar("N", bound=nn.Module)
A = TypeVar("A", AutoencoderKL, AutoencoderTiny)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A loaded folder: the card, the networks in float32, and the SHA-256 over all of its files."""

    card: ModelCard
    transformer: STDiT
    avae: AVAE
    text: TextEncoder
    ctclip: CTClip | None
    reader: Reader | None
    taef1: SliceDecoder | None
    sha256: str


def load_checkpoint(folder: Path) -> Checkpoint:
    """Reads a whole folder, strictly: every tensor is accounted for and every number comes from a file.

    Raises CheckpointError naming the file at fault.
    """
    card = read_card(folder / CARD)
    avae = AVAE(_load_diffusers(AutoencoderKL, folder / "avae"), card.latent.scale, card.latent.shift)
    transformer = load_transformer(folder / "transformer")
    text = TextEncoder(_load_bert(folder / "text"), _load_tokenizer(folder / "text"), card.text.max_tokens)
    ctclip = _load_head(folder / CTCLIP, CTClip, CTClipConfig, "no image tower")
    reader = _load_head(folder / READER, Reader, ReaderConfig, "no reader")
    taef1 = load_taef1(folder / TAEF1) if (folder / TAEF1).is_dir() else None
    _check_agreement(folder, card, transformer, avae, text, ctclip, reader, taef1)
    for network in filter(None, (transformer, avae, text, ctclip, reader, taef1)):
        network.eval().requires_grad_(False)
    return Checkpoint(card, transformer, avae, text, ctclip, reader, taef1, folder_sha256(folder))


def save_checkpoint(
    folder: Path,
    card: ModelCard,
    transformer: STDiT,
    kl: AutoencoderKL,
    bert: BertModel,
    tokenizer: PreTrainedTokenizerBase,
    ctclip: CTClip | None = None,
    reader: Reader | None = None,
) -> None:
    """Writes a folder that `load_checkpoint` reads, weights in bf16."""
    for name in ("transformer", "avae", "text"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    released_config = {"_class_name": "DiffuserSTDiT", **asdict(transformer.config)}
    (folder / "transformer" / CONFIG).write_text(json.dumps(released_config, indent=2) + "\n")
    _save_bf16(transformer, folder / "transformer" / DIFFUSERS_WEIGHTS, RELEASED_PREFIX)
    kl.save_config(folder / "avae")
    _save_bf16(kl, folder / "avae" / DIFFUSERS_WEIGHTS)
    bert.config.save_pretrained(folder / "text")
    _save_bf16(bert, folder / "text" / TRANSFORMERS_WEIGHTS)
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_padding()  # it keeps how it padded last, and would write it down
    tokenizer.save_pretrained(folder / "text")
    for name, head in ((CTCLIP, ctclip), (READER, reader)):
        if head:
            (folder / name).mkdir(exist_ok=True)
            (folder / name / CONFIG).write_text(json.dumps(asdict(head.config), indent=2) + "\n")
            _save_bf16(head, folder / name / TRANSFORMERS_WEIGHTS)
    write_card(card, folder / CARD)


def load_transformer(folder: Path) -> STDiT:
    """Reads a transformer in the released layout. Raises CheckpointError."""
    config = read_config(STDiTConfig, folder / CONFIG)
    weights = read_weights(folder / DIFFUSERS_WEIGHTS)
    # Without this, `model.x` and `x` would be one name, and either could be what is loaded.
    if bare := [name for name in weights if not name.startswith(RELEASED_PREFIX)]:
        raise CheckpointError(
            f"{folder / DIFFUSERS_WEIGHTS} names {min(bare)}: every name must begin with {RELEASED_PREFIX!r}, as in "
            f"the released layout, and {len(bare)} of {len(weights)} do not. Save or fetch it again in that layout."
        )
    weights = {name.removeprefix(RELEASED_PREFIX): tensor for name, tensor in weights.items()}
    with read_by_others(folder / CONFIG, "no transformer"):
        transformer = without_memory(lambda: STDiT(config))
    fill(transformer, weights, folder / DIFFUSERS_WEIGHTS)
    return transformer


def _load_head(folder: Path, kind: Callable[[Any], N], config_kind: type, makes: str) -> N | None:
    """CT-CLIP or the reader, where the checkpoint has one."""
    if not folder.is_dir():
        return None
    config = read_config(config_kind, folder / CONFIG)
    with read_by_others(folder / CONFIG, makes):
        head = without_memory(lambda: kind(config))
    fill(head, read_weights(folder / TRANSFORMERS_WEIGHTS), folder / TRANSFORMERS_WEIGHTS)
    return head


def load_taef1(folder: Path) -> SliceDecoder:
    """Reads TAEF1 as it is published. Raises CheckpointError."""
    config = read_json(folder / CONFIG)
    # Its latents are the transformer's, as they are; another AutoencoderTiny would say something else here.
    if (config.get("scaling_factor"), config.get("shift_factor")) != (1.0, 0.0):
        raise CheckpointError(
            f"{folder / CONFIG} is not TAEF1's: scaling_factor 1 and shift_factor 0 were expected, not "
            f"{config.get('scaling_factor')} and {config.get('shift_factor')}."
        )
    return SliceDecoder(_load_diffusers(AutoencoderTiny, folder), 1.0, 0.0)


@cache
def _adapter(kind: type[C]) -> TypeAdapter[C]:
    return TypeAdapter(kind)


def read_config(kind: type[C], path: Path) -> C:
    """A dataclass of whole numbers and the like from a JSON file that may say more. Raises CheckpointError."""
    values = read_json(path)
    wanted = {field.name: field.default is MISSING for field in fields(kind)}  # type: ignore[arg-type]
    if missing := {name for name, needed in wanted.items() if needed} - values.keys():
        raise CheckpointError(f"{path} lacks {', '.join(sorted(missing))}.")
    try:
        return _adapter(kind).validate_python({name: values[name] for name in wanted.keys() & values.keys()})
    except ValidationError as error:
        raise CheckpointError(f"{path} is no {kind.__name__}: {faults(error)}.") from error


def folder_sha256(folder: Path) -> str:
    """One hash over the names and contents of a folder's files, of those that checkpoints have."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file())
    return files_sha256(folder, (folder / path for path in files if not str(path).startswith(".")))


def files_sha256(folder: Path, files: Iterable[Path]) -> str:
    """As `folder_sha256`, but of these files in it alone."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(folder).as_posix()} {file_sha256(path)}\n".encode())
    return total.hexdigest()


def _load_diffusers(kind: type[A], folder: Path) -> A:
    check_class(folder / CONFIG, kind.__name__)
    config = read_json(folder / CONFIG)
    with read_by_others(folder / CONFIG, f"no {kind.__name__}"):
        network = new_diffusers(kind, config)
    fill(network, read_weights(folder / DIFFUSERS_WEIGHTS), folder / DIFFUSERS_WEIGHTS)
    return network


def _load_bert(folder: Path) -> BertModel:
    config = read_json(folder / CONFIG)
    with read_by_others(folder / CONFIG, "no text encoder"):
        # with memory: its position ids are in no file
        bert = BertModel(BertConfig.from_dict(config), add_pooling_layer=False)
    fill(bert, read_weights(folder / TRANSFORMERS_WEIGHTS), folder / TRANSFORMERS_WEIGHTS)
    return bert


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    with read_by_others(folder, "no tokenizer"):
        # From a folder: `BertTokenizer(vocab_file=…)` turns every word into [UNK] in transformers 5.
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@contextmanager
def read_by_others(path: Path, makes: str) -> Iterator[None]:
    """Around code that builds something of a file: what it trips over is the file's fault."""
    try:
        yield
    except TRIPS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{path} makes {makes} ({reason}). Fetch or copy it again, whole.") from error


def new_diffusers(kind: type[A], config: dict[str, Any]) -> A:
    """A network without memory, see `without_memory`, of a config that diffusers has written."""
    # It writes down what AutoencoderTiny derives from the rest, and warns of it when it reads it again.
    derived = {"block_out_channels"} if kind is AutoencoderTiny else set()
    given = {name: value for name, value in config.items() if name not in derived}
    return without_memory(lambda: kind.from_config(given))


def check_class(path: Path, expected: str) -> None:
    """Raises CheckpointError for a config of diffusers that says it is of another class."""
    found = read_json(path).get("_class_name")
    if found != expected:
        raise CheckpointError(f"{path} is the config of {found!r}; that of {expected!r} was expected here.")


def _check_agreement(
    folder: Path,
    card: ModelCard,
    transformer: STDiT,
    avae: AVAE,
    text: TextEncoder,
    ctclip: CTClip | None,
    reader: Reader | None,
    taef1: SliceDecoder | None,
) -> None:
    geometry, latent, config, bert = card.geometry, card.latent, transformer.config, text.bert.config
    pairs = {
        "slices per chunk and latent size": (
            config.input_size,
            (geometry.slices_per_chunk, latent.rows, latent.columns),
        ),
        "latent channels": (config.out_channels, latent.channels),
        "channels of the A-VAE": (avae.network.config.latent_channels, latent.channels),
        "input channels of the transformer": (config.in_channels, 2 * latent.channels),
        "size of an image": (_image_size(avae, latent), (geometry.rows, geometry.columns)),
        "size of the text embedding": (config.caption_channels, bert.hidden_size),
        # Where its files are missing, transformers makes a tokenizer that knows no words, without an error.
        "size of the vocabulary": (len(text.tokenizer), bert.vocab_size),
    }
    if ctclip:
        pairs["size of the text embedding of the image tower"] = (ctclip.config.dim_text, bert.hidden_size)
    if reader:
        read = (reader.config.dim, reader.config.layers)
        pairs["size and layers of the text encoder of the reader"] = (read, (bert.hidden_size, bert.num_hidden_layers))
    if taef1:
        pairs["channels of TAEF1"] = (taef1.network.config.latent_channels, latent.channels)
        pairs["size of an image of TAEF1"] = (_image_size(taef1, latent), (geometry.rows, geometry.columns))
    if card.text.max_tokens > bert.max_position_embeddings:
        raise CheckpointError(
            f"{folder} contradicts itself on the length of a text: text.max_tokens in {CARD} is "
            f"{card.text.max_tokens}, and the text encoder has places for {bert.max_position_embeddings}."
        )
    for what, (found, expected) in pairs.items():
        if found != expected:
            raise CheckpointError(f"{folder} contradicts itself on the {what}: {found} against {expected}.")


def _image_size(decoder: SliceDecoder, latent: Latent) -> tuple[int, int]:
    return latent.rows << decoder.halvings, latent.columns << decoder.halvings


def _save_bf16(network: nn.Module, path: Path, prefix: str = "") -> None:
    tensors = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    bf16 = {name: t.to(torch.bfloat16) if t.is_floating_point() else t for name, t in tensors.items()}
    pattern = f"{path.stem}{{suffix}}{path.suffix}"
    save_torch_state_dict(bf16, path.parent, filename_pattern=pattern, max_shard_size=MAX_FILE_BYTES)
    for part in weight_files(path):
        part.chmod(0o644)  # they are written for their owner alone, and a container runs as somebody else
