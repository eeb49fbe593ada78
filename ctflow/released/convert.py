"""From the released files to a checkpoint folder of ours, strictly: what does not fit is an error, never a guess."""

import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import BertModel

from ctflow.card import CARD, ModelCard, write_card
from ctflow.checkpoint.config import check_class, new_diffusers, read_by_others, read_config
from ctflow.checkpoint.folder import (
    CTCLIP,
    DIFFUSERS_WEIGHTS,
    RELEASED_PREFIX,
    TAEF1,
    TRANSFORMERS_WEIGHTS,
    load_checkpoint,
)
from ctflow.checkpoint.networks import Checkpoint
from ctflow.checkpoint.weights import (
    CONFIG,
    check_fit,
    check_said,
    read_json,
    read_shapes,
    read_some,
    shapes_of,
    without_memory,
)
from ctflow.errors import CheckpointError
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.released.sources import Sources, members, origins_of
from ctflow.released.specs import TAEF1_CONFIG, Recipe, card_of
from ctflow.released.text import bert_config, check_heads, copy_tokenizer, split_ctclip, split_cxr_bert
from ctflow.released.unpickle import read_state_dict

# What a config says, where it says it, if its weights are of the function that is known here: no shape shows it.
RELEASED_STDIT = {"no_temporal_pos_emb": False}
MEANINGLESS = ("y_embedder.y_embedding",)  # never trained, never used
POSITIONS = ("pos_embed", "pos_embed_temporal")
POSITIONS_TOLERANCE = 1e-5


def convert(recipe: Recipe, sources: Sources, out: Path) -> ModelCard:
    """Writes the checkpoint folder `out` and loads it once, to be sure of it. Weights keep their released precision.

    Raises CheckpointError for parts that do not fit; then `out` is not there.
    """
    if out.exists():
        raise CheckpointError(f"{out} is there already: remove it, or choose another --out.")
    partial = out.with_name(f".{out.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for name in ("transformer", "avae", "text"):
            (partial / name).mkdir(parents=True)
        card = _write_parts(recipe, sources, partial)
        _check_values(load_checkpoint(partial))
        partial.rename(out)
    except (OSError, SafetensorError) as error:  # the latter from a disk that is full
        raise CheckpointError(f"{out} cannot be written ({error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return card


def _check_values(loaded: Checkpoint) -> None:
    """A file that was made at full length before its download, which then broke off, is zeros from there on."""
    networks = {"transformer": loaded.transformer, "avae": loaded.avae, "text": loaded.text}
    for part, network in (networks | {CTCLIP: loaded.ctclip, TAEF1: loaded.taef1}).items():
        for name, tensor in network.state_dict().items() if network else ():
            if tensor.ndim < 2 or name in MEANINGLESS:
                continue
            low, high = map(float, tensor.aminmax())
            if low == high == 0 or not math.isfinite(low - high):
                raise CheckpointError(
                    f"The weights of {part} are damaged: {name} goes from {low:g} to {high:g}. Fetch them again, whole."
                )


def _write_parts(recipe: Recipe, sources: Sources, out: Path) -> ModelCard:
    config = _copy_transformer(recipe, sources.denoiser, out / "transformer")
    _write_avae(recipe, sources.avae, out / "avae")
    if sources.taef1:
        _copy_taef1(recipe, sources.taef1, out / TAEF1)
    max_tokens = _write_text(recipe, sources, out)
    levels = len(recipe.avae_config["block_out_channels"]) - 1
    card = card_of(recipe, config, levels, max_tokens, sources.cxr_bert, origins_of(recipe.name, sources))
    write_card(card, out / CARD)
    return card


def _copy_transformer(recipe: Recipe, source: Path, out: Path) -> STDiTConfig:
    check_class(source / CONFIG, "DiffuserSTDiT")
    check_said(source / CONFIG, read_json(source / CONFIG), RELEASED_STDIT)
    config = read_config(STDiTConfig, source / CONFIG)
    with read_by_others(source / CONFIG, "no transformer"):
        expected = shapes_of(without_memory(lambda: STDiT(config)).state_dict())
    path = source / DIFFUSERS_WEIGHTS
    check_fit({RELEASED_PREFIX + name: shape for name, shape in expected.items()}, read_shapes(path), path)
    check_heads(source / CONFIG, config.hidden_size, config.num_heads, recipe.head_size)
    _check_positions(config, source)
    _copy_folder(source, out)
    return config


def _check_positions(config: STDiTConfig, source: Path) -> None:
    """The weights hold the positions that they were trained with. Those of their own config are the same."""
    expected = STDiT(replace(config, depth=1)).state_dict()  # they do not depend on the depth
    found = read_some(source / DIFFUSERS_WEIGHTS, {RELEASED_PREFIX + name for name in POSITIONS})
    for name in POSITIONS:
        stored = found[RELEASED_PREFIX + name]
        rounding = torch.finfo(stored.dtype).eps if stored.is_floating_point() else 0.0
        off = float((stored.float() - expected[name]).abs().max())
        if not off <= max(POSITIONS_TOLERANCE, rounding):
            raise CheckpointError(
                f"{source / DIFFUSERS_WEIGHTS} holds a {name} that is off by {off:.2g} from that of input_size "
                f"{config.input_size} and patch_size {config.patch_size} in its {CONFIG}: they are not of one model. "
                "Fetch both again, from one place."
            )


def _write_avae(recipe: Recipe, source: Path, out: Path) -> None:
    """A folder as diffusers saves it, or a bare state dict of an A-VAE that was not published with its config."""
    if source.is_dir():
        _copy_diffusers(AutoencoderKL, source, out, recipe.avae_config)
        return
    if recipe.flux_latents:
        raise CheckpointError(
            f"{source} is a single file, which does not say how its latents are scaled: give {recipe.name}'s A-VAE as "
            f"the folder that it was published as, with {CONFIG} and {DIFFUSERS_WEIGHTS}."
        )
    weights = read_state_dict(source)
    check_fit(shapes_of(new_diffusers(AutoencoderKL, recipe.avae_config).state_dict()), shapes_of(weights), source)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, out / DIFFUSERS_WEIGHTS)
    (out / CONFIG).write_text(json.dumps(recipe.avae_config, indent=2) + "\n", encoding="utf-8")


def check_taef1(recipe: Recipe) -> None:
    """Raises CheckpointError for a model whose latents TAEF1 does not decode."""
    if not recipe.flux_latents:
        raise CheckpointError(f"TAEF1 decodes FLUX's latents, and {recipe.name} has its own: leave out --taef1.")


def _copy_taef1(recipe: Recipe, source: Path, out: Path) -> None:
    check_taef1(recipe)
    out.mkdir()
    _copy_diffusers(AutoencoderTiny, source, out, TAEF1_CONFIG)


def _copy_diffusers(
    kind: type[AutoencoderKL | AutoencoderTiny], source: Path, out: Path, known: dict[str, Any]
) -> None:
    """`known`: what the config must say, beyond what the shapes of the weights show."""
    config, path = source / CONFIG, source / DIFFUSERS_WEIGHTS
    check_class(config, kind.__name__)
    with read_by_others(config, f"no {kind.__name__}"):
        network = new_diffusers(kind, read_json(config))
    check_fit(shapes_of(network.state_dict()), read_shapes(path), path)
    check_said(config, {"_class_name": kind.__name__, **network.config}, known)
    _copy_folder(source, out)


def _write_text(recipe: Recipe, sources: Sources, out: Path) -> int:
    """BERT, its tokenizer and, out of CT-CLIP, the image tower. Returns the most tokens that it reads."""
    config = bert_config(sources.tokenizer / CONFIG, recipe.head_size)
    copy_tokenizer(sources.tokenizer, out / "text", recipe.vocabulary_sha256)
    with read_by_others(sources.tokenizer / CONFIG, "no text encoder"):
        expected = shapes_of(without_memory(lambda: BertModel(config, add_pooling_layer=False)).state_dict())
    weights = read_state_dict(sources.text)
    if sources.cxr_bert:
        bert = split_cxr_bert(weights, expected, sources.text)
    else:
        bert, tower = split_ctclip(weights, expected, recipe.ctclip, sources.text)
        (out / CTCLIP).mkdir()
        (out / CTCLIP / CONFIG).write_text(json.dumps(asdict(recipe.ctclip), indent=2) + "\n", encoding="utf-8")
        save_file(tower, out / CTCLIP / TRANSFORMERS_WEIGHTS)
    config.save_pretrained(out / "text")
    save_file(bert, out / "text" / TRANSFORMERS_WEIGHTS)
    return config.max_position_embeddings


def _copy_folder(source: Path, out: Path) -> None:
    """The files byte by byte, as they were released. In the hub's cache they are links."""
    for file in members(source):
        shutil.copyfile(file, out / file.name)
