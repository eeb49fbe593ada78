"""The text encoders: what they have in common, and the one whose text token is the first token of a BERT."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ctflow.models.bert import Bert
from ctflow.reading import Reading

LIKE_LENGTH = 6  # texts of like length that are encoded together


class ReportEncoder(nn.Module, ABC):
    """Text -> the one text token of the transformer, (1, 1, D), of unit length.

    `tokenizer`: one that neither pads nor cuts, since threads share it. Of a text, the first `max_tokens` count.
    """

    def __init__(self, bert: Bert, tokenizer: Tokenizer, max_tokens: int) -> None:
        super().__init__()
        self.bert, self.tokenizer, self.max_tokens = bert, tokenizer, max_tokens

    @property
    @abstractmethod
    def dim(self) -> int:
        """D, the size of the embedding."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Tensor:
        """-> (texts, D), in their order."""

    def encode(self, text: str) -> Tensor:
        """-> (1, 1, D)."""
        return self.embed([text])[:, None]

    def token_ids(self, text: str) -> list[int]:
        """From [CLS] to [SEP], cut to `max_tokens` of them."""
        ids = self.tokenizer.encode(text).ids
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def padded(self, *token_ids: list[int]) -> tuple[Tensor, Tensor]:
        """Token ids of N texts -> ids and mask (N, L), on the device of the encoder."""
        rows = [torch.tensor(ids) for ids in token_ids]
        ids, mask = (pad_sequence(one, batch_first=True) for one in (rows, [torch.ones_like(row) for row in rows]))
        return ids.to(self.bert.device), mask.to(self.bert.device)

    def read(self, text: str) -> Reading:
        """How many tokens the text has, and which words lie past the limit."""
        tokens = self.tokenizer.encode(text)
        is_cut = len(tokens.ids) > self.max_tokens
        cut_text = text[tokens.offsets[self.max_tokens - 1][0] :] if is_cut else ""
        return Reading(len(tokens.ids), self.max_tokens, cut_text)


class TextEncoder(ReportEncoder):
    """The first token of a BERT."""

    @property
    def dim(self) -> int:
        return self.bert.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (B, L) -> (B, D), of unit length."""
        return F.normalize(self.bert(input_ids, attention_mask)[-1][:, 0], dim=-1)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """A text alone is not padded, which would not change the first token by more than rounding."""
        return encode_texts(lambda *tokens: (self(*tokens),), self, texts)[0]

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids (B, L) -> what `forward` gives, and each layer's mean over the tokens (B, (1 + layers) · D)."""
        layers = self.bert(input_ids, attention_mask)
        mask = attention_mask[..., None]
        means = [(layer * mask).sum(1) / mask.sum(1) for layer in layers]
        return F.normalize(layers[-1][:, 0], dim=-1), torch.cat(means, dim=-1)

    def encode_states(self, *texts: str) -> tuple[Tensor, Tensor]:
        """`states` of N texts: (N, D) and (N, (1 + layers) · D). Shorter ones are padded, which changes no more than
        rounding."""
        return self.states(*self.padded(*map(self.token_ids, texts)))


def encode_texts(
    model: Callable[[Tensor, Tensor], tuple[Tensor, ...]], encoder: ReportEncoder, texts: Sequence[str]
) -> tuple[Tensor, ...]:
    """What `model` makes of the texts' tokens and mask, in the order of the texts; `encoder` tells how to cut them.

    A few texts of like length go together, since padding costs as much as words.
    """
    ids = [encoder.token_ids(text) for text in texts]
    order = np.argsort([len(one) for one in ids])
    groups = np.array_split(order, -(-len(order) // LIKE_LENGTH))
    answers = [model(*encoder.padded(*(ids[index] for index in group))) for group in groups]
    back = torch.from_numpy(np.argsort(order)).to(encoder.bert.device)
    return tuple(torch.cat(tensors)[back] for tensors in zip(*answers, strict=True))


def no_text(text: Tensor) -> Tensor:
    """What means "no report" to a model that was trained with dropped reports: zeros."""
    return torch.zeros_like(text)
