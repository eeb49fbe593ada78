"""The text encoder from CT-CLIP's or CXR-BERT's file, with every tensor accounted for, and its tokenizer."""

import re
from dataclasses import fields
from pathlib import Path

from tokenizers import BertWordPieceTokenizer
from torch import Tensor

from ctflow.checkpoint.catalog import CXR_BERT
from ctflow.checkpoint.config import read_by_others, read_config
from ctflow.checkpoint.folder import TOKENIZER
from ctflow.checkpoint.weights import Shape, check_fit, check_said, file_sha256, read_json, shapes_of, without_weights
from ctflow.errors import CheckpointError
from ctflow.models.bert import BertConfig
from ctflow.models.ctclip import CTClip, CTClipConfig
from ctflow.released.sources import HASH_DIGITS, VOCABULARY

CTCLIP_BERT_PREFIX, CXR_BERT_PREFIX = "text_transformer.", "bert."
# Weights in CT-CLIP's file that have no effect on what it computes: never used, never trained, or only for training.
INERT_CTCLIP = re.compile(
    r"text_transformer\.(embeddings\.position_ids|pooler\.dense\.\w+)"
    r"|to_(text|visual)_latent_extra\.weight"
    r"|visual_transformer\.(to_patch_emb_first_frame|to_pixels|to_pixels_first_frame)\.\d+\.\w+"
    r"|visual_transformer\.enc_\w+_transformer\.layers\.\d+\.1\.(context_norm\.\w+|null_kv)"
    r"|visual_transformer\.vq\._codebook\.(cluster_size|initted)"
)
INERT_CXR_BERT = re.compile(r"bert\.embeddings\.position_ids|bert\.pooler\.dense\.\w+|cls\..*|cls_projection_head\..*")
# What the released weights belong to, and their shapes do not show.
_RELEASED_BERT = {"hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0}
Weights = dict[str, Tensor]


def bert_config(path: Path, head_size: int) -> BertConfig:
    """The config of a plain BERT from CXR-BERT's. Raises CheckpointError for fields that are missing or wrong."""
    values = read_json(path)
    expected = [*(field.name for field in fields(BertConfig)), *_RELEASED_BERT]
    if missing := [name for name in dict.fromkeys(expected) if name not in values]:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}: the config of CXR-BERT was expected.")
    check_said(path, values, _RELEASED_BERT)
    config = read_config(BertConfig, path)
    check_heads(path, config.hidden_size, config.num_attention_heads, head_size)
    return config


def check_heads(path: Path, hidden: int, heads: int, head_size: int) -> None:
    """Raises CheckpointError for heads of another size than the released ones, which no shape of a weight shows."""
    if hidden != heads * head_size:
        raise CheckpointError(
            f"{path} says {heads} heads for a hidden size of {hidden}, but released heads have a size of {head_size}. "
            "Fetch the config again from where the weights came from."
        )


def ctclip_shapes(bert: dict[str, Shape], config: CTClipConfig) -> dict[str, Shape]:
    """What CT-CLIP's file must hold beside what has no effect. `bert`: the shapes of the plain BertModel."""
    tower = shapes_of(without_weights(lambda: CTClip(config)).state_dict())
    return {CTCLIP_BERT_PREFIX + name: shape for name, shape in bert.items()} | tower


def split_ctclip(weights: Weights, bert: dict[str, Shape], config: CTClipConfig, path: Path) -> tuple[Weights, Weights]:
    """CT-CLIP's file -> the weights of BERT, and those of the image tower and the projections."""
    kept = _without(weights, INERT_CTCLIP)
    check_fit(ctclip_shapes(bert, config), shapes_of(kept), path)
    tower = {name: tensor.contiguous() for name, tensor in kept.items() if not name.startswith(CTCLIP_BERT_PREFIX)}
    return _stripped(kept, CTCLIP_BERT_PREFIX), tower


def split_cxr_bert(weights: Weights, bert: dict[str, Shape], path: Path) -> Weights:
    """CXR-BERT's own file -> the weights of BERT, without its heads."""
    kept = _without(weights, INERT_CXR_BERT)
    check_fit({CXR_BERT_PREFIX + name: shape for name, shape in bert.items()}, shapes_of(kept), path)
    return _stripped(kept, CXR_BERT_PREFIX)


def copy_tokenizer(source: Path, out: Path, vocabulary_sha256: str) -> None:
    """Writes CXR-BERT's tokenizer, which is a plain lower-case WordPiece, without code from its authors.

    Raises CheckpointError for the vocabulary of another BERT, which may have the same size.
    """
    vocabulary = source / VOCABULARY
    if not vocabulary.is_file():
        raise CheckpointError(f"{source} has no {VOCABULARY}: the folder of CXR-BERT's tokenizer was expected.")
    with read_by_others(source, "no tokenizer"):
        found = file_sha256(vocabulary)
    if found != vocabulary_sha256:
        raise CheckpointError(
            f"{vocabulary} is not CXR-BERT's: its sha256 begins with {found[:HASH_DIGITS]} instead of "
            f"{vocabulary_sha256[:HASH_DIGITS]}. Fetch it from {CXR_BERT}, and leave every byte as it is."
        )
    with read_by_others(source, "no tokenizer"):
        BertWordPieceTokenizer(str(vocabulary), lowercase=True).save(str(out / TOKENIZER))


def _without(weights: Weights, inert: re.Pattern[str]) -> Weights:
    return {name: tensor for name, tensor in weights.items() if not inert.fullmatch(name)}


def _stripped(weights: Weights, prefix: str) -> Weights:
    return {
        name.removeprefix(prefix): tensor.contiguous() for name, tensor in weights.items() if name.startswith(prefix)
    }
