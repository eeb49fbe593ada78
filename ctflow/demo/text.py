"""Training of the text encoder: a small BERT whose first token must tell the truth behind a report."""

import logging
import math
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import BertWordPieceTokenizer, Tokenizer
from tokenizers.processors import BertProcessing
from torch import Tensor, nn

from ctflow.checkpoint.folder import TOKENIZER, load_tokenizer
from ctflow.io.files import replacing
from ctflow.models.bert import Bert, BertConfig, Layer
from ctflow.models.text import TextEncoder, encode_texts
from ctflow.phantom import SIZES, SLOTS, Phrasings, Truth, amounts, draw_truth, grades, write_plainly, write_report
from ctflow.phantom.sentences import UNSIZED
from ctflow.report import encoder_text
from ctflow.runtime.device import on_device
from ctflow.training.loop import train
from ctflow.training.randomness import random_stream
from ctflow.training.stage import Stage

log = logging.getLogger(__name__)

GRADES = 1 + len(SIZES)  # absent, small, moderate, large
LOGIT_SCALE = 10.0  # unit vectors alone could not make a softmax certain
TEMPERATURE = 0.1  # of the contrast between reports
AMOUNT_WEIGHT = 4.0
KEPT_WEIGHT = 10.0  # beside the grades, where a checkpoint's encoder must keep its embeddings of plain reports
BATCH = 64  # reports in a step
CHECKED_REPORTS = 500
VOCABULARY = 2000
HEADS = 4
EMBEDDING_SIZE = 0.05
WAVELENGTHS = (3, 300)  # in tokens: the shortest and the longest of the code of a token's place
# Where the heads of the first two layers begin to look: how many tokens ahead, and how many around that place.
LOOKS = (((-1, 0.6), (1, 0.6), (-2, 1.0), (0, 4.0)), ((-4, 2.0), (4, 2.0), (0, 6.0)))
LOOK_LOGIT = 8.0  # of the place where a head looks, above that of any other place


def keep_tokenizer(folder: Path, parts: tuple[str, ...], reports: int, seed: int) -> Tokenizer:
    """The tokenizer in `folder`, which is made of so many `reports` if it is not there.

    It is made once: the trainer of vocabularies breaks ties at random, so another one would number words otherwise.
    """
    if not folder.exists():
        rng = random_stream(seed, "reports for the vocabulary")
        texts = [_encoder_text(draw_truth(rng), rng, parts) for _ in range(reports)]
        with replacing(folder) as new:
            new.mkdir(parents=True)
            new_tokenizer(texts).save(str(new / TOKENIZER))
    return load_tokenizer(folder)


def new_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """A lower-case WordPiece vocabulary of the texts' own words, between [CLS] and [SEP]."""
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(texts, vocab_size=VOCABULARY, min_frequency=3, show_progress=False)
    begin, end = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = BertProcessing(("[SEP]", end), ("[CLS]", begin))
    return Tokenizer.from_str(tokenizer.to_str())


def new_bert(vocabulary: int, hidden: int, layers: int, max_tokens: int) -> Bert:
    """A BERT without dropout, since phantoms' reports never run out.

    Its tokens have dimensions of their own for their places, and the heads of its first layers begin by looking at
    neighbours: which words stand together is what takes a BERT longest to find out.
    """
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        intermediate_size=4 * hidden,
        max_position_embeddings=max_tokens,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    )
    bert = Bert(config)
    place_size = hidden // HEADS
    shortest, longest = (math.log10(length) for length in WAVELENGTHS)
    frequencies = 2 * math.pi / torch.logspace(shortest, longest, place_size // 2)
    angles = torch.arange(max_tokens)[:, None] * frequencies
    places = EMBEDDING_SIZE * 2**0.5 * torch.cat([angles.sin(), angles.cos()], 1)
    with torch.no_grad():
        for module in bert.encoder.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
                nn.init.zeros_(module.bias)
        embeddings = bert.embeddings
        embeddings.token_type_embeddings.weight.zero_()
        embeddings.word_embeddings.weight.normal_(std=EMBEDDING_SIZE)[:, -place_size:] = 0
        embeddings.position_embeddings.weight.zero_()[:, -place_size:] = places
        for layer, looks in zip(bert.encoder.layer, LOOKS, strict=False):
            assert isinstance(layer, Layer)
            for head, (offset, width) in enumerate(looks):
                _look_ahead(layer.attention.self.query, layer.attention.self.key, head, frequencies, offset, width)
    return bert


def _look_ahead(query: nn.Linear, key: nn.Linear, head: int, frequencies: Tensor, offset: int, width: float) -> None:
    """A head begins to look `offset` tokens ahead and about `width` around, by a sum of cosines of the distance."""
    size = 2 * len(frequencies)
    strength = torch.exp(-((frequencies * width) ** 2) / 2)
    strength = (LOOK_LOGIT * size**0.5 / 2 * strength / strength.sum()).sqrt()
    cos, sin = (strength * frequencies.mul(offset).cos()).diag(), (strength * frequencies.mul(offset).sin()).diag()
    rows = slice(head * size, (head + 1) * size)
    for layer in (query, key):
        layer.weight[rows] = 0
    query.weight[rows, -size:] = torch.cat([torch.cat([cos, sin], 1), torch.cat([-sin, cos], 1)])
    key.weight[rows, -size:] = torch.cat([strength, strength]).diag()


class GradedEncoder(nn.Module):
    """The encoder with linear heads that read, at every slot of a truth, the grade of the finding and its amount."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(encoder.bert.config.hidden_size, len(SLOTS) * (GRADES + 1))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """-> embeddings (B, D), logits of the grades (B, slots, GRADES), amounts (B, slots) from 0 to 1."""
        embedding = self.encoder(input_ids, attention_mask)
        read = self.heads(LOGIT_SCALE * embedding).unflatten(1, (len(SLOTS), -1))
        return embedding, read[..., :GRADES], read[..., GRADES].sigmoid()


def new_graded_encoder(tokenizer: Tokenizer, hidden: int, layers: int, max_tokens: int) -> GradedEncoder:
    """An untrained one for this tokenizer."""
    bert = new_bert(tokenizer.get_vocab_size(), hidden, layers, max_tokens)
    return GradedEncoder(TextEncoder(bert, tokenizer, max_tokens))


def train_text(stage: Stage, model: GradedEncoder, parts: tuple[str, ...]) -> GradedEncoder:
    """Cross-entropy of the grades, error of the amounts, and a contrast: reports of one truth lie together.

    The contrast also spreads the embeddings out, so that reports that differ in one word, as right and left, lie far
    apart.
    """

    def losses(model: GradedEncoder, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        truths = [draw_truth(rng) for _ in range(BATCH // 2)] * 2
        texts = [_encoder_text(truth, rng, parts) for truth in truths]
        embedding, logits, read = encode_texts(model, model.encoder, texts)
        target, amount = on_device(_grades(truths), device), on_device(_amounts(truths), device)
        first, second = embedding.float().chunk(2)
        there = target > 0
        same = (target[: len(first), None] == target[None, len(first) :]).all(-1).float()
        return {
            # Per report: most slots are absent and easy, and a mean over all of them would drown the rest.
            "grade": F.cross_entropy(logits.float().flatten(0, 1), target.flatten(), reduction="sum") / len(truths),
            "amount": AMOUNT_WEIGHT * ((read.float() - amount).square() * there).sum() / len(truths),
            "contrast": F.cross_entropy(first @ second.T / TEMPERATURE, same / same.sum(1, keepdim=True)),
        }

    return train(stage, model, losses)


def train_text_further(stage: Stage, encoder: TextEncoder, heads: nn.Linear, parts: tuple[str, ...]) -> TextEncoder:
    """Teaches a checkpoint's encoder wordings that it does not know yet; what is read off its embeddings stays.

    Each report's embedding nears what the encoder made of a plain report of the same truth before. `heads`, which are
    not trained, must read the grades (B, slots · GRADES) off it.
    """
    before, fixed_heads = deepcopy(encoder).requires_grad_(False), deepcopy(heads).to(stage.device)

    def losses(encoder: TextEncoder, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        truths = [draw_truth(rng) for _ in range(BATCH)]
        texts = [_encoder_text(truth, rng, parts) for truth in truths]
        plain = [encoder_text(write_plainly(truth), parts) for truth in truths]
        (embedding,) = encode_texts(lambda *tokens: (encoder(*tokens),), encoder, texts)
        with torch.inference_mode():
            old = before.to(device).embed(plain)
        logits = fixed_heads(embedding.float()).unflatten(1, (len(SLOTS), GRADES))
        target = on_device(_grades(truths), device)
        return {
            "grade": F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum") / len(truths),
            "kept": KEPT_WEIGHT * (embedding.float() - old).square().sum(1).mean(),
        }

    return train(stage, encoder.requires_grad_(True), losses)


def check_text(encoder: TextEncoder, heads: nn.Linear, parts: tuple[str, ...], seed: int) -> None:
    """Logs how well grades are read off the embeddings of new reports, in known and in held-out wordings."""
    for phrasings in get_args(Phrasings):
        right = grade_accuracy(encoder, heads, parts, CHECKED_REPORTS, seed, phrasings)
        log.info("text encoder reads %.1f %% of grades right in new reports, %s phrasings", 100 * right, phrasings)


@torch.inference_mode()
def grade_accuracy(
    encoder: TextEncoder, heads: nn.Linear, parts: tuple[str, ...], count: int, seed: int, phrasings: Phrasings
) -> float:
    """The share of slots whose grade `heads` (D -> slots · GRADES) read right off embeddings of `count` new reports.

    Slots with a finding weigh as much as those without.
    """
    rng = random_stream(seed, "reports that check the text encoder")
    truths = [draw_truth(rng) for _ in range(count)]
    texts = [encoder_text(write_report(truth, rng, phrasings), parts) for truth in truths]
    logits = heads(encoder.embed(texts)).unflatten(1, (len(SLOTS), GRADES))
    target = _grades(truths)
    right, there = (logits.argmax(-1) == target).float(), target > 0
    return float((right[there].mean() + right[~there].mean()) / 2)


def _encoder_text(truth: Truth, rng: np.random.Generator, parts: tuple[str, ...]) -> str:
    """A report of the truth as training shows it to the encoder: some sentences leave the size out."""
    return encoder_text(write_report(truth, rng, unsized=UNSIZED), parts)


def _grades(truths: list[Truth]) -> Tensor:
    return torch.from_numpy(np.stack([grades(truth) for truth in truths]))


def _amounts(truths: list[Truth]) -> Tensor:
    return torch.from_numpy(np.stack([amounts(truth) for truth in truths]))
