"""Verify, load and save checkpoint folders.

card.json
transformer/config.json, diffusion_pytorch_model.safetensors    as released (`DiffuserSTDiT`)
avae/config.json, diffusion_pytorch_model.safetensors           as diffusers saves an AutoencoderKL
text/config.json, model.safetensors, tokenizer files            as transformers saves a BertModel

Weights may be cut into several files with an index beside them, as the hub's libraries do.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from huggingface_hub import save_torch_state_dict
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerBase

from ctflow.card import CARD, ModelCard, read_card, write_card
from ctflow.errors import CheckpointError
from ctflow.models.avae import AVAE
from ctflow.models.stdit import STDiT, STDiTConfig
from ctflow.models.text import TextEncoder

CONFIG = "config.json"
DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"
TRANSFORMERS_WEIGHTS = "model.safetensors"
RELEASED_PREFIX = "model."
MAX_FILE_BYTES = 9_500_000  # so that neither a clone nor a push to a Space (10 MB) needs Git LFS
# What the libraries that build a network raise for a config that makes none: each has its own idea of that.
_TRIPS = (
    ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, StrictDataclassError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A loaded folder: the card, the three networks in float32, and the SHA-256 over all of its files."""

    card: ModelCard
    transformer: STDiT
    avae: AVAE
    text: TextEncoder
    sha256: str


def load_checkpoint(folder: Path) -> Checkpoint:
    """Reads a whole folder, strictly: every tensor is accounted for and every number comes from a file.

    Raises CheckpointError naming the file at fault.
    """
    card = read_card(folder / CARD)
    avae = AVAE(_load_avae(folder / "avae"), card.latent.scale, card.latent.shift)
    transformer = load_transformer(folder / "transformer")
    text = TextEncoder(_load_bert(folder / "text"), _load_tokenizer(folder / "text"), card.text.max_tokens)
    _check_agreement(folder, card, transformer, avae, text)
    networks = (network.eval().requires_grad_(False) for network in (transformer, avae, text))
    return Checkpoint(card, *networks, sha256=folder_sha256(folder))  # type: ignore[arg-type]


def save_checkpoint(
    folder: Path,
    card: ModelCard,
    transformer: STDiT,
    kl: AutoencoderKL,
    bert: BertModel,
    tokenizer: PreTrainedTokenizerBase,
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
    tokenizer.save_pretrained(folder / "text")
    write_card(card, folder / CARD)


def load_transformer(folder: Path) -> STDiT:
    """Reads a transformer in the released layout."""
    values = _read_json(folder / CONFIG)
    wanted = {field.name for field in fields(STDiTConfig)}
    if missing := wanted - values.keys():
        raise CheckpointError(f"{folder / CONFIG} lacks {', '.join(sorted(missing))}.")
    config = STDiTConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in wanted})
    weights = _read_weights(folder / DIFFUSERS_WEIGHTS)
    weights = {name.removeprefix(RELEASED_PREFIX): tensor for name, tensor in weights.items()}
    return _filled(lambda: STDiT(config), weights, folder / DIFFUSERS_WEIGHTS)


def folder_sha256(folder: Path) -> str:
    """One hash over the names and contents of a folder's files."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return total.hexdigest()


def _load_avae(folder: Path) -> AutoencoderKL:
    config = _read_json(folder / CONFIG)
    weights = _read_weights(folder / DIFFUSERS_WEIGHTS)
    return _filled(lambda: AutoencoderKL.from_config(config), weights, folder / DIFFUSERS_WEIGHTS)


def _load_bert(folder: Path) -> BertModel:
    config = _read_json(folder / CONFIG)
    weights = _read_weights(folder / TRANSFORMERS_WEIGHTS)

    def new_network() -> BertModel:
        return BertModel(BertConfig.from_dict(config), add_pooling_layer=False)

    return _filled(new_network, weights, folder / TRANSFORMERS_WEIGHTS)


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    with _read_by_others(folder, "no tokenizer"):
        # From a folder: `BertTokenizer(vocab_file=…)` turns every word into [UNK] in transformers 5.
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@contextmanager
def _read_by_others(path: Path, makes: str) -> Iterator[None]:
    """Around other libraries' code that builds something of a file: what they trip over is the file's fault."""
    try:
        yield
    except _TRIPS as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} makes {makes} ({reason}). Copy the checkpoint again, whole.") from error


def _filled(new_network: Callable[[], Any], weights: dict[str, Tensor], path: Path) -> Any:
    """A network whose every tensor comes from `weights`, in float32. Nothing may be missing, left over or reshaped."""
    with _read_by_others(path.with_name(CONFIG), "no network"):
        network: nn.Module = new_network()
    expected = network.state_dict()
    faults = [f"missing {name}" for name in expected if name not in weights]
    faults += [f"unknown {name}" for name in weights if name not in expected]
    faults += [
        f"{name} is {tuple(weights[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    if faults:
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise CheckpointError(f"{path} does not fit its {CONFIG}: {'; '.join(faults[:5])}{more}.")
    network.load_state_dict({name: weights[name].to(tensor.dtype) for name, tensor in expected.items()})
    return network


def _check_agreement(folder: Path, card: ModelCard, transformer: STDiT, avae: AVAE, text: TextEncoder) -> None:
    geometry, latent, config = card.geometry, card.latent, transformer.config
    levels = len(avae.kl.config.block_out_channels) - 1
    pairs = {
        "slices per chunk and latent size": (
            config.input_size,
            (geometry.slices_per_chunk, latent.rows, latent.columns),
        ),
        "latent channels": (config.out_channels, latent.channels),
        "channels of the A-VAE": (avae.kl.config.latent_channels, latent.channels),
        "input channels of the transformer": (config.in_channels, 2 * latent.channels),
        "size of an image": ((latent.rows << levels, latent.columns << levels), (geometry.rows, geometry.columns)),
        "size of the text embedding": (config.caption_channels, text.bert.config.hidden_size),
        # Where its files are missing, transformers makes a tokenizer that knows no words, without an error.
        "size of the vocabulary": (len(text.tokenizer), text.bert.config.vocab_size),
    }
    for what, (found, expected) in pairs.items():
        if found != expected:
            raise CheckpointError(f"{folder} contradicts itself on the {what}: {found} against {expected}.")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds {type(values).__name__}, where names with values were expected.")
    return values


def _read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of one file, or of the files that its index names."""
    index = path.with_name(f"{path.name}.index.json")
    parts = [path]
    if not path.exists() and index.exists():
        with _read_by_others(index, "no list of files"):
            parts = [path.with_name(name) for name in sorted(set(_read_json(index)["weight_map"].values()))]
    weights: dict[str, Tensor] = {}
    for part in parts:
        try:
            weights.update(load_file(part))
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{part} cannot be read as safetensors ({error}). Copy it again, whole; a pickle is never opened."
            ) from error
    return weights


def _save_bf16(network: nn.Module, path: Path, prefix: str = "") -> None:
    tensors = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    bf16 = {name: t.to(torch.bfloat16) if t.is_floating_point() else t for name, t in tensors.items()}
    pattern = f"{path.stem}{{suffix}}{path.suffix}"
    save_torch_state_dict(bf16, path.parent, filename_pattern=pattern, max_shard_size=MAX_FILE_BYTES)
