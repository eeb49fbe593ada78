"""Released files become a checkpoint folder of ours, strictly: what does not fit is an error, never a guess."""

import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from ctflow.card import CARD, ModelCard, write_card
from ctflow.checkpoint.config import bert_json, check_class, new_autoencoder, new_tiny, read_by_others, read_config
from ctflow.checkpoint.folder import (
    CTCLIP,
    DIFFUSERS_WEIGHTS,
    RELEASED_PREFIX,
    TAEF1_FOLDER,
    TRANSFORMERS_WEIGHTS,
    load_checkpoint,
)
from ctflow.checkpoint.networks import Checkpoint
from ctflow.checkpoint.unpickle import read_state_dict
from ctflow.checkpoint.weights import (
    CONFIG,
    check_fit,
    check_said,
    read_json,
    read_shapes,
    read_some,
    shapes_of,
    without_weights,
)
from ctflow.errors import CheckpointError
from ctflow.models.bert import Bert
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.released.sources import Sources, members, origins_of
from ctflow.released.specs import TAEF1_CONFIG, ReleaseSpec, card_of
from ctflow.released.text import Weights, bert_config, check_heads, copy_tokenizer, split_ctclip, split_cxr_bert

# If a config has this field, it must have this value: it changes the function, and no shape of a weight shows it.
RELEASED_STDIT = {"no_temporal_pos_emb": False}
UNUSED_WEIGHTS = ("y_embedder.y_embedding",)  # never trained either
POSITIONS = ("pos_embed", "pos_embed_temporal")
POSITIONS_TOLERANCE = 1e-5


def convert(spec: ReleaseSpec, sources: Sources, out: Path) -> ModelCard:
    """Writes the checkpoint folder `out` and loads it once, as a check. Weights keep their released precision.

    Raises CheckpointError for parts that do not fit, and leaves no `out` behind.
    """
    if out.exists():
        raise CheckpointError(f"{out} exists already: remove it, or choose another --out.")
    partial = out.with_name(f".{out.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for name in ("transformer", "avae", "text"):
            (partial / name).mkdir(parents=True)
        card = _write_parts(spec, sources, partial)
        _check_values(load_checkpoint(partial))
        partial.rename(out)
    except (OSError, SafetensorError) as error:  # a full disk raises either
        raise CheckpointError(f"{out} cannot be written ({error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return card


def _check_values(loaded: Checkpoint) -> None:
    """Finds zeros and NaN: a download may make its file at full length first, and break off before it is filled."""
    networks = {"transformer": loaded.transformer, "avae": loaded.avae, "text": loaded.text}
    for part, network in (networks | {CTCLIP: loaded.ctclip, TAEF1_FOLDER: loaded.taef1}).items():
        for name, tensor in network.state_dict().items() if network else ():
            if tensor.ndim < 2 or name in UNUSED_WEIGHTS:
                continue
            low, high = map(float, tensor.aminmax())
            if low == high == 0 or not math.isfinite(low - high):
                raise CheckpointError(
                    f"The weights of {part} are damaged: {name} goes from {low:g} to {high:g}. Fetch them again."
                )


def _write_parts(spec: ReleaseSpec, sources: Sources, out: Path) -> ModelCard:
    config = _copy_transformer(spec, sources.denoiser, out / "transformer")
    _write_avae(spec, sources.avae, out / "avae")
    if sources.taef1:
        _copy_taef1(spec, sources.taef1, out / TAEF1_FOLDER)
    max_tokens = _write_text(spec, sources, out)
    halvings = len(spec.avae_config["block_out_channels"]) - 1
    card = card_of(spec, config, halvings, max_tokens, sources.cxr_bert, origins_of(spec.name, sources))
    write_card(card, out / CARD)
    return card


def _copy_transformer(spec: ReleaseSpec, source: Path, out: Path) -> STDiTConfig:
    check_class(source / CONFIG, "DiffuserSTDiT")
    check_said(source / CONFIG, read_json(source / CONFIG), RELEASED_STDIT)
    config = read_config(STDiTConfig, source / CONFIG)
    with read_by_others(source / CONFIG, "no transformer"):
        expected = shapes_of(without_weights(lambda: STDiT(config)).state_dict())
    path = source / DIFFUSERS_WEIGHTS
    check_fit({RELEASED_PREFIX + name: shape for name, shape in expected.items()}, read_shapes(path), path)
    check_heads(source / CONFIG, config.hidden_size, config.num_heads, spec.head_size)
    _check_positions(config, source)
    _copy_folder(source, out)
    return config


def _check_positions(config: STDiTConfig, source: Path) -> None:
    """The weights hold the positions that they were trained with, and these must follow from their config."""
    expected = STDiT(replace(config, depth=1)).state_dict()  # they do not depend on the depth
    found = read_some(source / DIFFUSERS_WEIGHTS, {RELEASED_PREFIX + name for name in POSITIONS})
    for name in POSITIONS:
        stored = found[RELEASED_PREFIX + name]
        rounding = torch.finfo(stored.dtype).eps if stored.is_floating_point() else 0.0
        off = float((stored.float() - expected[name]).abs().max())
        if not off <= max(POSITIONS_TOLERANCE, rounding):
            raise CheckpointError(
                f"{source / DIFFUSERS_WEIGHTS} holds a {name} that differs by {off:.2g} from what input_size "
                f"{config.input_size} and patch_size {config.patch_size} in its {CONFIG} give: they do not belong to "
                "the same model. Fetch both again from the same place."
            )


def _write_avae(spec: ReleaseSpec, source: Path, out: Path) -> None:
    """From a folder as diffusers saves it, or from a bare state dict if the A-VAE was published without a config."""
    if source.is_dir():
        _copy_checked(new_autoencoder(source / CONFIG), read_json(source / CONFIG), source, out, spec.avae_config)
        return
    if spec.flux_latents:
        raise CheckpointError(
            f"{source} is a single file, which does not say how its latents are scaled. Give the A-VAE of {spec.name} "
            f"as the folder that was published, with {CONFIG} and {DIFFUSERS_WEIGHTS}."
        )
    weights = read_state_dict(source)
    (out / CONFIG).write_text(json.dumps(spec.avae_config, indent=2) + "\n", encoding="utf-8")
    check_fit(shapes_of(new_autoencoder(out / CONFIG).state_dict()), shapes_of(weights), source)
    _save(weights, source, out / DIFFUSERS_WEIGHTS)


def check_taef1(spec: ReleaseSpec) -> None:
    """Raises CheckpointError for a model whose latents TAEF1 cannot decode."""
    if not spec.flux_latents:
        raise CheckpointError(f"TAEF1 decodes FLUX's latents, and {spec.name} has its own: leave out --taef1.")


def _copy_taef1(spec: ReleaseSpec, source: Path, out: Path) -> None:
    check_taef1(spec)
    out.mkdir()
    network = new_tiny(source / CONFIG)
    _copy_checked(network, dict(network.config), source, out, TAEF1_CONFIG)


def _copy_checked(network: nn.Module, said: dict[str, Any], source: Path, out: Path, known: dict[str, Any]) -> None:
    """Copies a decoder that `network` fits. `said`: its config; `known`: what that must say beside the shapes."""
    path = source / DIFFUSERS_WEIGHTS
    check_fit(shapes_of(network.state_dict()), read_shapes(path), path)
    check_said(source / CONFIG, said, known)
    _copy_folder(source, out)


def _write_text(spec: ReleaseSpec, sources: Sources, out: Path) -> int:
    """Writes BERT, its tokenizer and, from CT-CLIP, the image tower. Returns how many tokens it reads at most."""
    config = bert_config(sources.tokenizer / CONFIG, spec.head_size)
    copy_tokenizer(sources.tokenizer, out / "text", spec.vocabulary_sha256)
    with read_by_others(sources.tokenizer / CONFIG, "no text encoder"):
        expected = shapes_of(without_weights(lambda: Bert(config)).state_dict())
    weights = read_state_dict(sources.text)
    if sources.cxr_bert:
        bert = split_cxr_bert(weights, expected, sources.text)
    else:
        bert, tower = split_ctclip(weights, expected, spec.ctclip, sources.text)
        (out / CTCLIP).mkdir()
        (out / CTCLIP / CONFIG).write_text(json.dumps(asdict(spec.ctclip), indent=2) + "\n", encoding="utf-8")
        _save(tower, sources.text, out / CTCLIP / TRANSFORMERS_WEIGHTS)
    (out / "text" / CONFIG).write_text(json.dumps(bert_json(config), indent=2) + "\n", encoding="utf-8")
    _save(bert, sources.text, out / "text" / TRANSFORMERS_WEIGHTS)
    return config.max_position_embeddings


def _save(weights: Weights, source: Path, path: Path) -> None:
    """Writes weights of `source` to `path`. Raises CheckpointError where two names stand for one tensor."""
    names: dict[int, str] = {}
    for name, tensor in weights.items():
        other = names.setdefault(tensor.data_ptr(), name)
        if other != name and tensor.numel():
            raise CheckpointError(
                f"{source} has two names, {other} and {name}, for one tensor; one for each was expected. Save it again "
                "with a copy under each name."
            )
    save_file({name: _alone(tensor) for name, tensor in weights.items()}, path)


def _alone(tensor: Tensor) -> Tensor:
    """The tensor in memory of its own, because safetensors writes no part of a larger one."""
    tensor = tensor.contiguous()
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


def _copy_folder(source: Path, out: Path) -> None:
    """Copies the released files byte by byte, because in the hub's cache they are links."""
    for file in members(source):
        shutil.copyfile(file, out / file.name)
