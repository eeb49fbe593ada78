"""Loads and saves checkpoint folders.

card.json
transformer/config.json, diffusion_pytorch_model.safetensors    as released (`DiffuserSTDiT`)
avae/config.json, diffusion_pytorch_model.safetensors           as diffusers saves an AutoencoderKL
text/config.json, model.safetensors, tokenizer.json             as transformers and tokenizers save them
text/facts.json, facts.safetensors                              what it reads in a sentence; only where it reads itself
ctclip/config.json, model.safetensors                           CT-CLIP's image tower; only where there is one
reader/config.json, model.safetensors                           what another encoder knows; only where that is known
taef1/config.json, diffusion_pytorch_model.safetensors          a faster decoder; only where there is one
measured/                                                       what was measured of it; no part of its hash

Weights may be cut into several files with an index beside them, as the hub's libraries do.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from huggingface_hub import save_torch_state_dict
from tokenizers import Tokenizer
from torch import nn

from ctflow.card import CARD, ModelCard, read_card, write_card
from ctflow.checkpoint.config import (
    autoencoder_json,
    bert_json,
    new_autoencoder,
    new_bert,
    new_tiny,
    read_by_others,
    read_config,
)
from ctflow.checkpoint.drawn import MEASURED, read_drawn
from ctflow.checkpoint.networks import Checkpoint, check_agreement
from ctflow.checkpoint.weights import (
    CONFIG,
    file_sha256,
    fill,
    read_json,
    read_weights,
    weight_files,
    without_weights,
)
from ctflow.errors import CheckpointError
from ctflow.io.files import files_below
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.avae import AVAE, TAEF1
from ctflow.models.bert import Bert
from ctflow.models.ctclip import CTClip, CTClipConfig
from ctflow.models.fact_encoder import FactEncoder
from ctflow.models.facts import Facts, FactsConfig
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.text import ReportEncoder, TextEncoder

CTCLIP, READER, TAEF1_FOLDER, TEXT = "ctclip", "reader", "taef1", "text"
DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"
TRANSFORMERS_WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
FACTS_CONFIG, FACTS_WEIGHTS = "facts.json", "facts.safetensors"
RELEASED_PREFIX = "model."
ENDINGS = (".json", ".safetensors", ".txt")
MAX_FILE_BYTES = 9_500_000  # so that neither a clone nor a push to a Space (10 MB) needs Git LFS
N = TypeVar("N", bound=nn.Module)


def load_checkpoint(folder: Path, card: ModelCard | None = None) -> Checkpoint:
    """Reads a whole folder, strictly: every tensor is accounted for, and every number comes from a file.

    `card`: the one in the folder, if it has been read already. Raises CheckpointError that names the file at fault.
    """
    card, sha256 = card or read_card(folder / CARD), folder_sha256(folder)
    checkpoint = Checkpoint(
        card=card,
        transformer=load_transformer(folder / "transformer"),
        avae=AVAE(load_autoencoder(folder / "avae"), card.latent.scale, card.latent.shift),
        text=load_text(folder / TEXT, card.text.max_tokens),
        ctclip=_load_head(folder / CTCLIP, CTClip, CTClipConfig, "no image tower"),
        reader=_load_head(folder / READER, Reader, ReaderConfig, "no reader"),
        taef1=load_taef1(folder / TAEF1_FOLDER) if (folder / TAEF1_FOLDER).is_dir() else None,
        sha256=sha256,
        drawn=read_drawn(folder, sha256),
    )
    check_agreement(checkpoint, folder)
    for network in checkpoint.networks:
        network.eval().requires_grad_(False)
    return checkpoint


def save_checkpoint(
    folder: Path,
    card: ModelCard,
    transformer: STDiT,
    kl: AutoencoderKL,
    bert: Bert,
    tokenizer: Tokenizer,
    ctclip: CTClip | None = None,
    reader: Reader | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
    facts: Facts | None = None,
) -> None:
    """Writes a folder that `load_checkpoint` reads, with weights in bf16 and in files of at most `max_file_bytes`.

    `facts`: of a text encoder that reads sentence by sentence.
    """

    save_transformer(folder / "transformer", transformer, max_file_bytes)
    save_autoencoder(folder / "avae", kl, max_file_bytes)
    save_text(folder / TEXT, bert, tokenizer, facts, max_file_bytes)
    heads: tuple[tuple[str, CTClip | Reader | None], ...] = ((CTCLIP, ctclip), (READER, reader))
    for name, head in heads:
        if head:
            (folder / name).mkdir(exist_ok=True)
            _write_json(asdict(head.config), folder / name / CONFIG)
            _save_bf16(head, folder / name / TRANSFORMERS_WEIGHTS, "", max_file_bytes)
    write_card(card, folder / CARD)


def save_transformer(folder: Path, transformer: STDiT, max_file_bytes: int) -> None:
    """Writes a transformer in the released layout, in bf16 and in files of at most `max_file_bytes`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json({"_class_name": "DiffuserSTDiT", **asdict(transformer.config)}, folder / CONFIG)
    _save_bf16(transformer, folder / DIFFUSERS_WEIGHTS, RELEASED_PREFIX, max_file_bytes)


def save_autoencoder(folder: Path, kl: AutoencoderKL, max_file_bytes: int) -> None:
    """Writes an A-VAE's network as diffusers does, in bf16 and in files of at most `max_file_bytes`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(autoencoder_json(kl.config), folder / CONFIG)
    _save_bf16(kl, folder / DIFFUSERS_WEIGHTS, "", max_file_bytes)


def save_text(
    folder: Path, bert: Bert, tokenizer: Tokenizer, facts: Facts | None, max_file_bytes: int = MAX_FILE_BYTES
) -> None:
    """Writes a text encoder, in bf16 and in files of at most `max_file_bytes`. `facts`: of one that reads sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(bert_json(bert.config), folder / CONFIG)
    _save_bf16(bert, folder / TRANSFORMERS_WEIGHTS, "", max_file_bytes)
    tokenizer.save(str(folder / TOKENIZER))
    if facts:
        _write_json(asdict(facts.config), folder / FACTS_CONFIG)
        _save_bf16(facts, folder / FACTS_WEIGHTS, "", max_file_bytes)


def load_transformer(folder: Path) -> STDiT:
    """Reads a transformer in the released layout. Raises CheckpointError."""
    config = read_config(STDiTConfig, folder / CONFIG)
    weights = read_weights(folder / DIFFUSERS_WEIGHTS)
    # Without this check, `model.x` and `x` would be one name, and either of them could be loaded.
    if bare := [name for name in weights if not name.startswith(RELEASED_PREFIX)]:
        raise CheckpointError(
            f"{folder / DIFFUSERS_WEIGHTS} names {min(bare)}: every name must begin with {RELEASED_PREFIX!r}, as in "
            f"the released layout, and {len(bare)} of {len(weights)} do not. Save or fetch it again in that layout."
        )
    weights = {name.removeprefix(RELEASED_PREFIX): tensor for name, tensor in weights.items()}
    with read_by_others(folder / CONFIG, "no transformer"):
        transformer = without_weights(lambda: STDiT(config))
    fill(transformer, weights, folder / DIFFUSERS_WEIGHTS)
    return transformer


def load_clip(folder: Path) -> tuple[CTClip, ReportEncoder]:
    """The image tower of a checkpoint and its text encoder, without the rest. Raises CheckpointError."""
    clip = _load_head(folder / CTCLIP, CTClip, CTClipConfig, "no image tower")
    if clip is None:
        raise CheckpointError(f"{folder} has no image tower: a checkpoint with the folder {CTCLIP} was expected.")
    return clip, load_text(folder / TEXT, read_card(folder / CARD).text.max_tokens)


def load_text(folder: Path, max_tokens: int) -> ReportEncoder:
    """Reads a text encoder of either kind, from its folder. Raises CheckpointError."""
    bert, tokenizer = load_bert(folder), load_tokenizer(folder)
    if not (folder / FACTS_CONFIG).exists():
        return TextEncoder(bert, tokenizer, max_tokens)
    facts = _load_network(folder / FACTS_CONFIG, folder / FACTS_WEIGHTS, Facts, FactsConfig, "no reading of facts")
    return FactEncoder(bert, tokenizer, max_tokens, facts)


def _load_head(folder: Path, kind: Callable[[Any], N], config_kind: type[Any], makes: str) -> N | None:
    """CT-CLIP or the reader, where the checkpoint has one."""
    if not folder.is_dir():
        return None
    return _load_network(folder / CONFIG, folder / TRANSFORMERS_WEIGHTS, kind, config_kind, makes)


def _load_network(config_path: Path, weights: Path, kind: Callable[[Any], N], config_kind: type[Any], makes: str) -> N:
    config: object = read_config(config_kind, config_path)
    with read_by_others(config_path, makes):
        network = without_weights(lambda: kind(config))
    fill(network, read_weights(weights), weights)
    return network


def load_taef1(folder: Path) -> TAEF1:
    """Reads TAEF1 as it is published. Raises CheckpointError."""
    config = read_json(folder / CONFIG)
    # It decodes the transformer's latents as they are; another AutoencoderTiny would say something else here.
    if (config.get("scaling_factor"), config.get("shift_factor")) != (1.0, 0.0):
        raise CheckpointError(
            f"{folder / CONFIG} is not TAEF1's: scaling_factor 1 and shift_factor 0 were expected, not "
            f"{config.get('scaling_factor')} and {config.get('shift_factor')}."
        )
    network = new_tiny(folder / CONFIG)
    fill(network, read_weights(folder / DIFFUSERS_WEIGHTS), folder / DIFFUSERS_WEIGHTS)
    return TAEF1(network)


def folder_sha256(folder: Path) -> str:
    """One hash over the names and contents of those of a folder's files that belong to a checkpoint."""
    files = (path.relative_to(folder) for path in files_below(folder) if path.suffix in ENDINGS and path.is_file())
    belonging = (path for path in files if not str(path).startswith(".") and path.parts[0] != MEASURED)
    return files_sha256(folder, (folder / path for path in belonging))


def files_sha256(folder: Path, files: Iterable[Path]) -> str:
    """As `folder_sha256`, but only of these files in it."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(folder).as_posix()} {file_sha256(path)}\n".encode())
    return total.hexdigest()


def load_autoencoder(folder: Path) -> AutoencoderKL:
    """Reads an A-VAE's network. Raises CheckpointError."""
    network = new_autoencoder(folder / CONFIG)
    fill(network, read_weights(folder / DIFFUSERS_WEIGHTS), folder / DIFFUSERS_WEIGHTS)
    return network


def load_bert(folder: Path) -> Bert:
    """Reads a text encoder's network. Raises CheckpointError."""
    network = new_bert(folder / CONFIG)
    fill(network, read_weights(folder / TRANSFORMERS_WEIGHTS), folder / TRANSFORMERS_WEIGHTS)
    return network


def load_tokenizer(folder: Path) -> Tokenizer:
    """Reads a tokenizer; how it padded and cut texts when it was saved is forgotten. Raises CheckpointError."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # the library raises nothing narrower
        raise CheckpointError(
            f"{folder / TOKENIZER} makes no tokenizer ({error}). Fetch or copy it again, whole."
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _write_json(values: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _save_bf16(network: nn.Module, path: Path, prefix: str, max_file_bytes: int) -> None:
    tensors = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    bf16 = {name: t.to(torch.bfloat16) if t.is_floating_point() else t for name, t in tensors.items()}
    pattern = f"{path.stem}{{suffix}}{path.suffix}"
    save_torch_state_dict(bf16, path.parent, filename_pattern=pattern, max_shard_size=max_file_bytes)
    for part in weight_files(path):
        part.chmod(0o644)  # they are written for their owner alone, and a container runs as another user
