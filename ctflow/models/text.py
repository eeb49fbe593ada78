"""The text encoder: the first token of a BERT, L2-normalised, is the one text token of the transformer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import BertModel, PreTrainedTokenizerBase

from ctflow.reading import Reading


class TextEncoder(nn.Module):
    """Text -> (1, 1, D), of unit length."""

    def __init__(self, bert: BertModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
        super().__init__()
        self.bert, self.tokenizer, self.max_tokens = bert, tokenizer, max_tokens

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids (B, L) -> (B, D), of unit length."""
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return F.normalize(states[:, 0], dim=-1)

    def encode(self, text: str) -> Tensor:
        """-> (1, 1, D). Without padding, which would not change the first token."""
        return self(*self._inputs(text))[:, None]

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids (B, L) -> what `forward` gives, and each layer's mean over the tokens (B, (1 + layers) · D)."""
        layers = self.bert(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True).hidden_states
        mask = attention_mask[..., None]
        means = [(layer * mask).sum(1) / mask.sum(1) for layer in layers]
        return F.normalize(layers[-1][:, 0], dim=-1), torch.cat(means, dim=-1)

    def encode_states(self, *texts: str) -> tuple[Tensor, Tensor]:
        """`states` of N texts: (N, D) and (N, (1 + layers) · D). Shorter ones are padded, which changes no more than
        rounding."""
        return self.states(*self._inputs(*texts))

    def _inputs(self, *texts: str) -> tuple[Tensor, Tensor]:
        """Token ids and mask (N, L), cut at `max_tokens`.

        Not padded by the tokenizer: like truncation, that is a state which threads share.
        """
        rows = [torch.tensor(self._cut(self._tokens(text)[0])) for text in texts]
        device = next(self.bert.parameters()).device
        input_ids, mask = (
            pad_sequence(one, batch_first=True) for one in (rows, [torch.ones_like(row) for row in rows])
        )
        return input_ids.to(device), mask.to(device)

    def _cut(self, ids: list[int]) -> list[int]:
        return ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]

    def read(self, text: str) -> Reading:
        """How many tokens the text has, and which words lie past the limit."""
        ids, offsets = self._tokens(text)
        cut_text = text[offsets[self.max_tokens - 1][0] :] if len(ids) > self.max_tokens else ""
        return Reading(len(ids), self.max_tokens, cut_text)

    def _tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids from [CLS] to [SEP], and their places in the text.

        Not truncated here: truncation is a state of the tokenizer, and threads that read and encode share it.
        """
        tokens = self.tokenizer(text, return_offsets_mapping=True, verbose=False)
        return tokens["input_ids"], tokens["offset_mapping"]


def no_text(text: Tensor) -> Tensor:
    """What means "no report" to a model that was trained with dropped reports: zeros."""
    return torch.zeros_like(text)
