"""The text encoder that reads sentence by sentence: what the sentences say becomes facts, and these the text token."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ctflow.models.bert import Bert
from ctflow.models.facts import NO_FACT, Facts
from ctflow.models.text import ReportEncoder, encode_texts
from ctflow.report import sentence_spans

SentenceLogits = tuple[Tensor, Tensor]  # of answers (slots, 3) and of sizes (slots, 1 + sizes)


def facts_of(encoder: ReportEncoder) -> Facts | None:
    """What reads the sentences, of an encoder that does."""
    return encoder.facts if isinstance(encoder, FactEncoder) else None


class FactEncoder(ReportEncoder):
    """Each sentence goes through the BERT alone, so that it says the same in a short report and in a long one."""

    def __init__(self, bert: Bert, tokenizer: Tokenizer, max_tokens: int, facts: Facts) -> None:
        super().__init__(bert, tokenizer, max_tokens)
        self.facts = facts

    @property
    def dim(self) -> int:
        return self.facts.config.dim

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids of sentences (B, L) -> logits of answers (B, slots, 3) and of sizes (B, slots, 1 + sizes)."""
        logits: tuple[Tensor, Tensor] = self.facts.read(self.bert(input_ids, attention_mask)[-1], attention_mask)
        return logits

    def embed(self, texts: Sequence[str]) -> Tensor:
        """A sentence that stands in several of the texts is read once."""
        split = [self.sentences(text) for text in texts]
        read = self.read_sentences(list(dict.fromkeys(sentence for one in split for sentence in one)))
        return self.facts.tell(torch.stack([self.gathered([read[sentence] for sentence in one]) for one in split]))

    def sentences(self, text: str) -> list[str]:
        """Those that stand before the limit of `max_tokens`, whole."""
        taken_in = len(text) - len(self.read(text).cut_text)
        return [text[start:end] for start, end in sentence_spans(text) if end <= taken_in]

    def read_sentences(self, sentences: Sequence[str]) -> dict[str, SentenceLogits]:
        """What is read in each of them, which all differ."""
        if not sentences:
            return {}
        return dict(zip(sentences, zip(*encode_texts(self, self, sentences), strict=True), strict=True))

    def gathered(self, logits: Sequence[SentenceLogits]) -> Tensor:
        """Logits of the sentences of one report -> its facts, int64 (slots,)."""
        if not logits:
            return torch.full((len(self.facts.config.slots),), NO_FACT, device=self.bert.device)
        return self.facts.gather(*(torch.stack(one) for one in zip(*logits, strict=True)))
