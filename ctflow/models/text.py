"""The text encoder: the first token of a BERT, L2-normalised, is the one text token of the transformer."""

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ctflow.models.bert import Bert
from ctflow.reading import Reading


class TextEncoder(nn.Module):
    """Text -> (1, 1, D), of unit length. `tokenizer`: one that neither pads nor cuts, since threads share it."""

    def __init__(self, bert: Bert, tokenizer: Tokenizer, max_tokens: int) -> None:
        super().__init__()
        self.bert, self.tokenizer, self.max_tokens = bert, tokenizer, max_tokens

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (B, L) -> (B, D), of unit length."""
        return F.normalize(self.bert(input_ids, attention_mask)[-1][:, 0], dim=-1)

    def encode(self, text: str) -> Tensor:
        """-> (1, 1, D). Without padding, which would not change the first token."""
        return self(*self.padded(self.token_ids(text)))[:, None]

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

    def token_ids(self, text: str) -> list[int]:
        """From [CLS] to [SEP], cut to `max_tokens` of them."""
        ids = self.tokenizer.encode(text).ids
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def padded(self, *token_ids: list[int]) -> tuple[Tensor, Tensor]:
        """Token ids of N texts -> ids and mask (N, L), as `forward` and `states` take them."""
        rows = [torch.tensor(ids) for ids in token_ids]
        ids, mask = (pad_sequence(one, batch_first=True) for one in (rows, [torch.ones_like(row) for row in rows]))
        return ids.to(self.bert.device), mask.to(self.bert.device)

    def read(self, text: str) -> Reading:
        """How many tokens the text has, and which words lie past the limit."""
        tokens = self.tokenizer.encode(text)
        is_cut = len(tokens.ids) > self.max_tokens
        cut_text = text[tokens.offsets[self.max_tokens - 1][0] :] if is_cut else ""
        return Reading(len(tokens.ids), self.max_tokens, cut_text)


def no_text(text: Tensor) -> Tensor:
    """What means "no report" to a model that was trained with dropped reports: zeros."""
    return torch.zeros_like(text)
