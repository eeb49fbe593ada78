"""The transformer that `train flow` begins with: new, or a checkpoint's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

from ctflow.checkpoint.folder import load_transformer
from ctflow.data.manifest import SetFacts
from ctflow.errors import RequestError
from ctflow.models.stdit import Block, STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.training.flow.config import ModelSizes
from ctflow.training.randomness import seed_torch

EMBEDDING_SPREAD = 0.02  # of the first weights that read the time and the report


def transformer_config(sizes: ModelSizes, facts: SetFacts, text_size: int) -> STDiTConfig:
    """The transformer of these sizes for a data set, whose text embeddings have `text_size` numbers.

    Raises RequestError for sizes that do not go together.
    """
    latent = facts.latent
    try:
        return STDiTConfig(
            input_size=(facts.geometry.slices_per_chunk, latent.rows, latent.columns),
            patch_size=sizes.patch,
            in_channels=2 * latent.channels,
            out_channels=latent.channels,
            hidden_size=sizes.hidden,
            depth=sizes.depth,
            num_heads=sizes.heads,
            mlp_ratio=sizes.mlp_ratio,
            caption_channels=text_size,
            head_merge=sizes.head_merge,
            positions=sizes.positions,
            text_facts=sizes.text_facts,
            detail=sizes.detail,
            detail_blocks=sizes.detail_blocks,
        )
    except ValueError as error:
        raise RequestError(f"The sizes in [model] make no transformer for this data set: {error}.") from error


def new_transformer(config: STDiTConfig, seed: int) -> STDiT:
    """First weights as is usual for such transformers: what the report and attention along the slices add begins at
    nothing, and so does the answer."""
    seed_torch(seed, "first weights of the transformer")
    model = STDiT(config)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    for embedding in (model.t_embedder, model.t_block, model.y_embedder):
        for module in embedding.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=EMBEDDING_SPREAD)
    for layer in _begin_at_nothing(model):
        nn.init.zeros_(layer.weight)
    return model


def _begin_at_nothing(model: STDiT) -> Iterator[nn.Linear | nn.Conv3d]:
    yield model.final_layer.linear
    if model.detail:
        yield model.detail.answer
    for block in model.blocks:
        yield block.cross_attn.proj
        yield block.attn_temp.proj
        if block.text_modulation:
            yield block.text_modulation


def transformer_of(folder: Path, config: STDiTConfig) -> STDiT:
    """A checkpoint's transformer, to be trained further.

    Raises RequestError unless it is the one that the config and the data set describe, CheckpointError if it cannot be
    read.
    """
    model = load_transformer(folder / "transformer")
    found, wanted = vars(model.config), vars(config)
    if different := [f"{name} is {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name]]:
        raise RequestError(
            f"{folder} holds another transformer than [model] and the data set describe: {'; '.join(different)}. "
            "Give the sizes of the one to begin with."
        )
    return model.requires_grad_(True)


def recompute_blocks(model: STDiT) -> None:
    """Of each block only the input is kept, and the block is computed again when its gradients are."""
    model.blocks = cast(Sequence[Block], nn.ModuleList(checkpoint_wrapper(block) for block in model.blocks))
