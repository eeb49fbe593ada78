"""From the released files to a checkpoint folder of ours, strictly: what does not fit is an error, never a guess."""

import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import save_file
from transformers import BertModel

from ctflow.card import CARD, ModelCard, write_card
from ctflow.checkpoints import (
    CTCLIP,
    DIFFUSERS_WEIGHTS,
    RELEASED_PREFIX,
    TAEF1,
    TRANSFORMERS_WEIGHTS,
    check_class,
    load_checkpoint,
    new_diffusers,
    read_config,
)
from ctflow.errors import CheckpointError
from ctflow.models.stdit import STDiT, STDiTConfig
from ctflow.released.recipes import Recipe, card_of
from ctflow.released.text import bert_config, copy_tokenizer, split_ctclip, split_cxr_bert
from ctflow.released.unpickle import read_state_dict
from ctflow.weights import (
    CONFIG,
    Shape,
    check_fit,
    index_of,
    read_json,
    read_shapes,
    shapes_of,
    weight_files,
    without_memory,
)


@dataclass(frozen=True)
class Sources:
    """Where the parts lie on this disk. `cxr_bert`: the text weights are CXR-BERT's own and not CT-CLIP's.

    `taef1`: a faster decoder, which may be left out.
    """

    denoiser: Path
    avae: Path
    text: Path
    tokenizer: Path
    cxr_bert: bool
    taef1: Path | None = None


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
        load_checkpoint(partial)
        partial.rename(out)
    except OSError as error:
        raise CheckpointError(f"{out} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return card


def _write_parts(recipe: Recipe, sources: Sources, out: Path) -> ModelCard:
    config = _copy_transformer(sources.denoiser, out / "transformer")
    avae = _write_avae(recipe, sources.avae, out / "avae")
    if sources.taef1:
        _copy_taef1(recipe, sources.taef1, out / TAEF1)
    max_tokens = _write_text(recipe, sources, out)
    scale, shift = recipe.scale_and_shift or _scale_and_shift(avae, sources.avae / CONFIG)
    levels = len(avae["block_out_channels"]) - 1
    card = card_of(recipe, config, levels, scale, shift, max_tokens, sources.cxr_bert)
    write_card(card, out / CARD)
    return card


def _copy_transformer(source: Path, out: Path) -> STDiTConfig:
    check_class(source / CONFIG, "DiffuserSTDiT")
    config = read_config(STDiTConfig, source / CONFIG)
    expected = shapes_of(without_memory(lambda: STDiT(config)).state_dict())
    path = source / DIFFUSERS_WEIGHTS
    check_fit({RELEASED_PREFIX + name: shape for name, shape in expected.items()}, read_shapes(path), path)
    _copy_folder(source, out)
    return config


def _write_avae(recipe: Recipe, source: Path, out: Path) -> dict[str, Any]:
    """A folder as diffusers saves it, or for some models a bare state dict. Returns its config."""
    if source.is_dir() or recipe.avae_config is None:
        return _copy_diffusers(AutoencoderKL, source, out)
    weights = read_state_dict(source)
    check_fit(_shapes(AutoencoderKL, recipe.avae_config, source), shapes_of(weights), source)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, out / DIFFUSERS_WEIGHTS)
    (out / CONFIG).write_text(json.dumps(recipe.avae_config, indent=2) + "\n")
    return recipe.avae_config


def _copy_taef1(recipe: Recipe, source: Path, out: Path) -> None:
    if not recipe.flux_latents:
        raise CheckpointError(f"TAEF1 decodes FLUX's latents, and {recipe.name} has its own: leave out --taef1.")
    out.mkdir()
    _copy_diffusers(AutoencoderTiny, source, out)


def _copy_diffusers(kind: type[AutoencoderKL | AutoencoderTiny], source: Path, out: Path) -> dict[str, Any]:
    check_class(source / CONFIG, kind.__name__)
    config = read_json(source / CONFIG)
    path = source / DIFFUSERS_WEIGHTS
    check_fit(_shapes(kind, config, source / CONFIG), read_shapes(path), path)
    _copy_folder(source, out)
    return config


def _shapes(kind: type[AutoencoderKL | AutoencoderTiny], config: dict[str, Any], path: Path) -> dict[str, Shape]:
    try:
        return shapes_of(new_diffusers(kind, config).state_dict())
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path} describes no {kind.__name__}: {error}.") from error


def _scale_and_shift(config: dict[str, Any], path: Path) -> tuple[float, float]:
    """A scale that was guessed gives wrong images and no error, so there is nothing to fall back on."""
    values = [config.get(name) for name in ("scaling_factor", "shift_factor")]
    if not all(type(value) in (int, float) and math.isfinite(value) for value in values) or not values[0]:
        raise CheckpointError(
            f"{path} must say scaling_factor and shift_factor of the latents as numbers; it says {values}."
        )
    return float(values[0]), float(values[1])  # type: ignore[arg-type]


def _write_text(recipe: Recipe, sources: Sources, out: Path) -> int:
    """BERT, its tokenizer and, out of CT-CLIP, the image tower. Returns the most tokens that it reads."""
    config = bert_config(sources.tokenizer / CONFIG)
    expected = shapes_of(without_memory(lambda: BertModel(config, add_pooling_layer=False)).state_dict())
    weights = read_state_dict(sources.text)
    if sources.cxr_bert:
        bert = split_cxr_bert(weights, expected, sources.text)
    else:
        bert, tower = split_ctclip(weights, expected, recipe.ctclip, sources.text)
        (out / CTCLIP).mkdir()
        (out / CTCLIP / CONFIG).write_text(json.dumps(asdict(recipe.ctclip), indent=2) + "\n")
        save_file(tower, out / CTCLIP / TRANSFORMERS_WEIGHTS)
    config.save_pretrained(out / "text")
    save_file(bert, out / "text" / TRANSFORMERS_WEIGHTS)
    copy_tokenizer(sources.tokenizer, out / "text")
    return config.max_position_embeddings


def _copy_folder(source: Path, out: Path) -> None:
    """The files byte by byte, as they were released. In the hub's cache they are links."""
    path = source / DIFFUSERS_WEIGHTS
    index = [index_of(path)] if not path.exists() else []
    for file in (source / CONFIG, *index, *weight_files(path)):
        shutil.copyfile(file, out / file.name)
