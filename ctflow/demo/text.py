"""Training of the text encoder: a small BERT whose first token must tell the truth behind a report."""

import math
from collections.abc import Callable, Iterable
from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import BertWordPieceTokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel, BertTokenizerFast

from ctflow.models.text import TextEncoder
from ctflow.phantom import SIZES, SLOTS, Phrasings, Truth, amounts, draw_truth, grades, write_plainly, write_report
from ctflow.phantom.sentences import UNSIZED
from ctflow.report import encoder_text
from ctflow.training.loop import Stage, train

GRADES = 1 + len(SIZES)  # absent, small, moderate, large
LOGIT_SCALE = 10.0  # unit vectors alone could not make a softmax certain
TEMPERATURE = 0.1  # of the contrast between reports
AMOUNT_WEIGHT = 4.0
KEPT_WEIGHT = 10.0  # of a plain report's old embedding beside the grades, where an encoder is trained on
HEADS = 4
EMBEDDING_SIZE = 0.05
WAVES = (3, 300)  # in tokens, the shortest and the longest by which a token's place is told
# What the heads of the first layers begin to look at: how many tokens on, and how many around that.
LOOKS = (((-1, 0.6), (1, 0.6), (-2, 1.0), (0, 4.0)), ((-4, 2.0), (4, 2.0), (0, 6.0)))
LOOK = 8.0  # the logit of where a head looks above that of anywhere else
LIKE_LENGTH = 12  # reports of like length that go together


def new_tokenizer(texts: Iterable[str], max_tokens: int) -> BertTokenizerFast:
    """A lower-case WordPiece vocabulary of the reports' own words."""
    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(texts, vocab_size=2000, min_frequency=3, show_progress=False)
    return BertTokenizerFast(tokenizer_object=tokenizer._tokenizer, do_lower_case=True, model_max_length=max_tokens)


def new_bert(vocabulary: int, hidden: int, layers: int, max_tokens: int) -> BertModel:
    """A BERT without pooler and without dropout: phantoms' reports never run out.

    Its tokens begin with a room for their places, and its first layers' heads by looking at neighbours: which words
    stand together is what takes a BERT longest to find out.
    """
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        intermediate_size=4 * hidden,
        max_position_embeddings=max_tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    bert = BertModel(config, add_pooling_layer=False)
    room = hidden // HEADS
    frequencies = 2 * math.pi / torch.logspace(*map(math.log10, WAVES), room // 2)
    angles = torch.arange(max_tokens)[:, None] * frequencies
    with torch.no_grad():
        for module in bert.encoder.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
        embeddings = bert.embeddings
        embeddings.token_type_embeddings.weight.zero_()
        embeddings.word_embeddings.weight.normal_(std=EMBEDDING_SIZE)[:, -room:] = 0
        embeddings.position_embeddings.weight.zero_()[:, -room:] = (
            EMBEDDING_SIZE * 2**0.5 * torch.cat([angles.sin(), angles.cos()], 1)
        )
        for layer, looks in zip(bert.encoder.layer, LOOKS, strict=False):
            for head, (offset, width) in enumerate(looks):
                _look(layer.attention.self, head, frequencies, offset, width)
    return bert


def _look(attention: nn.Module, head: int, frequencies: Tensor, offset: int, width: float) -> None:
    """A head that begins to look `offset` tokens on, and about so many around: by a sum of cosines of the distance."""
    size = 2 * len(frequencies)
    strength = torch.exp(-((frequencies * width) ** 2) / 2)
    strength = (LOOK * size**0.5 / 2 * strength / strength.sum()).sqrt()
    cos, sin = (strength * frequencies.mul(offset).cos()).diag(), (strength * frequencies.mul(offset).sin()).diag()
    rows = slice(head * size, (head + 1) * size)
    for part in (attention.query, attention.key):
        part.weight[rows] = 0
    attention.query.weight[rows, -size:] = torch.cat([torch.cat([cos, sin], 1), torch.cat([-sin, cos], 1)])
    attention.key.weight[rows, -size:] = torch.cat([strength, strength]).diag()


class Attributes(nn.Module):
    """The encoder with linear heads that read, for every slot of a truth, the grade of the finding and its amount."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.Linear(encoder.bert.config.hidden_size, len(SLOTS) * (GRADES + 1))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """-> embeddings (B, D), logits of the grades (B, slots, GRADES), amounts (B, slots) from 0 to 1."""
        embedding = self.encoder(input_ids, attention_mask)
        read = self.heads(LOGIT_SCALE * embedding).unflatten(1, (len(SLOTS), -1))
        return embedding, read[..., :GRADES], read[..., GRADES].sigmoid()


def _grades(truths: list[Truth]) -> Tensor:
    return torch.from_numpy(np.stack([grades(truth) for truth in truths]))


def _amounts(truths: list[Truth]) -> Tensor:
    return torch.from_numpy(np.stack([amounts(truth) for truth in truths]))


def _read(
    model: Callable[..., tuple[Tensor, ...]], encoder: TextEncoder, texts: list[str], device: torch.device
) -> list[Tensor]:
    """What `model` makes of tokens, a few texts of like length at a time: reports differ, and padding costs as much."""
    ids = encoder.tokenizer(texts, truncation=True, max_length=encoder.max_tokens)["input_ids"]
    order = np.argsort([len(one) for one in ids])
    parts = []
    for some in np.array_split(order, -(-len(order) // LIKE_LENGTH)):
        tokens = encoder.tokenizer.pad({"input_ids": [ids[i] for i in some]}, return_tensors="pt").to(device)
        parts.append(model(tokens["input_ids"], tokens["attention_mask"]))
    back = torch.from_numpy(np.argsort(order)).to(device)
    return [torch.cat(tensors)[back] for tensors in zip(*parts, strict=True)]


@torch.inference_mode()
def embeddings(encoder: TextEncoder, texts: list[str]) -> Tensor:
    """-> (texts, D)."""
    return _read(lambda *tokens: (encoder(*tokens),), encoder, texts, encoder.bert.device)[0]


def train_text(stage: Stage, model: Attributes, parts: tuple[str, ...], batch: int) -> Attributes:
    """Cross-entropy of the grades, error of the amounts, and a contrast: reports of one truth lie together.

    The contrast also spreads the embeddings out, so that what differs in a word, as right and left, differs by far.
    """
    encoder = model.encoder

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        truths = [draw_truth(rng) for _ in range(batch // 2)] * 2
        texts = [encoder_text(write_report(truth, rng, unsized=UNSIZED), parts) for truth in truths]
        embedding, logits, read = _read(model, encoder, texts, device)
        target, amount = _grades(truths).to(device), _amounts(truths).to(device)
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


def train_text_on(
    stage: Stage, encoder: TextEncoder, heads: nn.Linear, parts: tuple[str, ...], batch: int
) -> nn.Module:
    """Teaches wordings that an encoder does not know yet; what is made of its embeddings stays as it is.

    Each report's embedding nears what the encoder made of a plain report of the same truth before, and `heads`, which
    are not trained, read the grades (B, slots · GRADES) off it.
    """
    before, heads = deepcopy(encoder).requires_grad_(False), deepcopy(heads).to(stage.device)

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        truths = [draw_truth(rng) for _ in range(batch)]
        texts = [encoder_text(write_report(truth, rng, unsized=UNSIZED), parts) for truth in truths]
        plain = [encoder_text(write_plainly(truth), parts) for truth in truths]
        (embedding,) = _read(lambda *tokens: (model(*tokens),), encoder, texts, device)
        old = embeddings(before.to(device), plain)
        logits = heads(embedding.float()).unflatten(1, (len(SLOTS), GRADES))
        target = _grades(truths).to(device)
        return {
            "grade": F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum") / len(truths),
            "kept": KEPT_WEIGHT * (embedding.float() - old).square().sum(1).mean(),
        }

    return train(stage, encoder.requires_grad_(True), losses)


@torch.inference_mode()
def accuracy(
    encoder: TextEncoder, heads: nn.Linear, parts: tuple[str, ...], count: int, seed: int, phrasings: Phrasings
) -> float:
    """The share of slots whose grade `heads` (D -> slots · GRADES) read right off the embeddings of new reports.

    Slots with a finding weigh as much as the empty.
    """
    rng = np.random.default_rng([seed, 0, 8])  # training has [seed, step]
    truths = [draw_truth(rng) for _ in range(count)]
    texts = [encoder_text(write_report(truth, rng, phrasings), parts) for truth in truths]
    logits = heads(embeddings(encoder, texts)).unflatten(1, (len(SLOTS), GRADES))
    target = _grades(truths)
    right, there = (logits.argmax(-1) == target).float(), target > 0
    return float((right[there].mean() + right[~there].mean()) / 2)
