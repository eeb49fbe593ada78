"""The text encoder: what its heads look at before training, and what its check says."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ctflow.demo.text import GRADES, LOOKS, grade_accuracy, new_bert, new_tokenizer
from ctflow.models.text import TextEncoder, encode_texts
from ctflow.phantom import SLOTS
from ctflow.training.randomness import random_stream

PARTS = ("Findings: {findings}", "Impression: {impression}")
TEXTS = ["No effusion.", "Large right pleural effusion, and a nodule in the left upper lobe.", "Normal.", "Effusion."]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    torch.manual_seed(0)
    tokenizer = new_tokenizer(TEXTS * 5)
    return TextEncoder(new_bert(tokenizer.get_vocab_size(), 16, 1, 32), tokenizer, 32).requires_grad_(False)


def test_heads_begin_by_looking_at_neighbours() -> None:
    torch.manual_seed(0)
    bert = new_bert(vocabulary=200, hidden=128, layers=3, max_tokens=64)
    states, attention = bert.embeddings(torch.randint(200, (1, 64))), bert.encoder.layer[0].attention.self
    query, key = (attention.by_head(layer(states))[0].detach() for layer in (attention.query, attention.key))
    seen = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
    distance = torch.arange(64) - torch.arange(64)[:, None]
    for head, (offset, width) in enumerate(LOOKS[0]):
        near = ((distance - offset).abs() <= 2 * width + 1)[8:56]
        assert (seen[head][8:56] * near).sum(1).mean() > 0.6
        assert near.float().mean() < 0.4, "and that is not everywhere"


def test_texts_of_any_length_are_encoded_in_their_order(encoder: TextEncoder) -> None:
    """They go through the encoder sorted by length, and padded."""
    texts = TEXTS * 10
    (embeddings,) = encode_texts(lambda ids, mask: (encoder(ids, mask),), encoder, texts)
    for text, embedding in zip(texts, embeddings, strict=True):
        assert F.cosine_similarity(embedding, encoder.encode(text)[0, 0], dim=0) > 0.9999


def test_a_head_that_finds_nothing_anywhere_is_right_in_one_half(encoder: TextEncoder) -> None:
    """Slots with a finding weigh as much as those without, which are far more."""
    heads = nn.Linear(16, len(SLOTS) * GRADES).requires_grad_(False)
    heads.weight.zero_()
    heads.bias.copy_(F.one_hot(torch.zeros(len(SLOTS), dtype=torch.int64), GRADES).flatten())
    assert grade_accuracy(encoder, heads, PARTS, 20, 0, "known") == 0.5


def test_the_encoder_is_checked_with_other_reports_than_it_is_taught() -> None:
    """They were drawn as those of one of its first steps."""
    checked = random_stream(3, "reports that check the text encoder").random()
    assert checked not in [random_stream(3, "text", step).random() for step in range(1000)]
