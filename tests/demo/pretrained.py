"""A folder as the public sentence model is published, with small random weights."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from ctflow.checkpoint.weights import file_sha256
from ctflow.demo.text import new_tokenizer
from ctflow.phantom.language import sentences


def published_folder(folder: Path, layers: int = 2) -> tuple[Path, str]:
    """-> the folder and the hash of its weights. It has what the published one has, and nobody needs."""
    torch.manual_seed(0)
    drawn = sentences(0)
    tokenizer = new_tokenizer([next(drawn).text for _ in range(500)])
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=24,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.position_ids"] = torch.arange(64)[None]
    save_file(weights, folder / "model.safetensors")
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder, file_sha256(folder / "model.safetensors")
