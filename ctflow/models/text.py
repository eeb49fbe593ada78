"""The text encoder: BERT, its first token, L2-normalised, as one text token of the transformer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertModel, PreTrainedTokenizerBase

from ctflow.events import Reading


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
        """(1, 1, D). No padding: it would not change the first token."""
        tokens = self.tokenizer(text, truncation=True, max_length=self.max_tokens, return_tensors="pt")
        device = next(self.bert.parameters()).device
        return self(tokens["input_ids"].to(device), tokens["attention_mask"].to(device))[:, None]

    def read(self, text: str) -> Reading:
        """How many tokens the text has, and the words past the limit."""
        found = self.tokenizer(text, return_offsets_mapping=True, verbose=False)
        kept = self.max_tokens - 1  # the last place is [SEP]'s
        count = len(found["input_ids"])
        cut_text = text[found["offset_mapping"][kept][0] :] if count > self.max_tokens else ""
        return Reading(count, self.max_tokens, cut_text)


def no_text(text: Tensor) -> Tensor:
    """What a model trained with dropped reports takes for "no report"."""
    return torch.zeros_like(text)
