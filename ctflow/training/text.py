"""Training of the text encoder: a small BERT whose first token must tell the truth behind a report."""

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import BertWordPieceTokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel, BertTokenizerFast

from ctflow.models.text import TextEncoder
from ctflow.phantom import EFFUSION_ML, Truth, draw_truth, write_report
from ctflow.report import encoder_text
from ctflow.training.loop import Stage, train

EFFUSION_SIZES = list(EFFUSION_ML)
LOGIT_SCALE = 10.0  # unit vectors alone could not make a softmax certain
AGREEMENT_WEIGHT = 1.0


def new_tokenizer(texts: Iterable[str], max_tokens: int) -> BertTokenizerFast:
    """A lower-case WordPiece vocabulary of the reports' own words."""
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(texts, vocab_size=2000, min_frequency=3, show_progress=False)
    return BertTokenizerFast(tokenizer_object=tokenizer._tokenizer, do_lower_case=True, model_max_length=max_tokens)


def new_bert(vocabulary: int, hidden: int, layers: int, max_tokens: int) -> BertModel:
    """A BERT without pooler and without dropout: phantoms' reports never run out."""
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=4 * hidden,
        max_position_embeddings=max_tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertModel(config, add_pooling_layer=False)


class Attributes(nn.Module):
    """The encoder with a linear head per side, which reads the size of the effusion there."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(encoder.bert.config.hidden_size, 2 * len(EFFUSION_SIZES))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """-> embeddings (B, D), logits (B, side, size)."""
        embedding = self.encoder(input_ids, attention_mask)
        return embedding, self.heads(LOGIT_SCALE * embedding).unflatten(1, (2, -1))


def _sizes(truths: list[Truth]) -> Tensor:
    return torch.tensor(
        [[EFFUSION_SIZES.index(truth.effusion_right), EFFUSION_SIZES.index(truth.effusion_left)] for truth in truths]
    )


def train_text(stage: Stage, model: Attributes, parts: tuple[str, ...], batch: int) -> Attributes:
    """Cross-entropy of the sizes, and two reports of one truth must agree."""
    encoder = model.encoder

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        truths = [draw_truth(rng) for _ in range(batch // 2)] * 2
        texts = [encoder_text(write_report(truth, rng), parts) for truth in truths]
        tokens = encoder.tokenizer(
            texts, padding=True, truncation=True, max_length=encoder.max_tokens, return_tensors="pt"
        ).to(device)
        embedding, logits = model(tokens["input_ids"], tokens["attention_mask"])
        target = _sizes(truths).to(device)
        first, second = embedding.float().chunk(2)
        return {
            "size": F.cross_entropy(logits.float().flatten(0, 1), target.flatten()),
            "agreement": AGREEMENT_WEIGHT * (first - second).square().sum(-1).mean(),
        }

    return train(stage, model, losses)


@torch.inference_mode()
def accuracy(model: Attributes, parts: tuple[str, ...], count: int, seed: int) -> float:
    """The share of new reports whose sizes on both sides are read right."""
    rng = np.random.default_rng(seed)
    truths = [draw_truth(rng) for _ in range(count)]
    encoder = model.encoder
    texts = [encoder_text(write_report(truth, rng), parts) for truth in truths]
    tokens = encoder.tokenizer(texts, padding=True, truncation=True, max_length=encoder.max_tokens, return_tensors="pt")
    _, logits = model(tokens["input_ids"], tokens["attention_mask"])
    return float((logits.argmax(-1) == _sizes(truths)).all(-1).float().mean())
