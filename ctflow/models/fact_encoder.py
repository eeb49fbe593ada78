"""The text encoder that reads sentence by sentence: what the sentences say becomes facts, and these the text token."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ctflow.models.bert import Bert
from ctflow.models.facts import NO_FACT, Facts, SlotReader
from ctflow.models.sentence_packing import PackedSentences, pack
from ctflow.models.text import ReportEncoder
from ctflow.report import sentence_spans

READ_AT_ONCE = 64  # sentences: more than most reports have
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

    def forward(self, sentences: PackedSentences) -> tuple[Tensor, Tensor]:
        """-> logits of answers (N, slots, 3) and of sizes (N, slots, 1 + sizes)."""
        return read_packed(self.bert, self.facts.read, sentences)

    def packed(self, sentences: Sequence[str]) -> PackedSentences:
        """The tokens of one sentence or more, on the device of the encoder."""
        return pack([self.token_ids(sentence) for sentence in sentences], self.bert.device)

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
        """What is read in each of them, which all differ. Those of like length together, a report's at once."""
        ordered = sorted(sentences, key=len)
        read: dict[str, SentenceLogits] = {}
        for some in (ordered[begin : begin + READ_AT_ONCE] for begin in range(0, len(ordered), READ_AT_ONCE)):
            read.update(zip(some, zip(*self(self.packed(some)), strict=True), strict=True))
        return read

    def gathered(self, logits: Sequence[SentenceLogits]) -> Tensor:
        """Logits of the sentences of one report -> its facts, int64 (slots,)."""
        if not logits:
            return torch.full((len(self.facts.config.slots),), NO_FACT, device=self.bert.device)
        return self.facts.gather(*(torch.stack(one) for one in zip(*logits, strict=True)))


def read_packed(bert: Bert, reader: SlotReader, sentences: PackedSentences) -> tuple[Tensor, Tensor]:
    """Logits of answers (N, slots, 3) and of sizes (N, slots, 1 + sizes)."""
    states = bert(sentences.ids, sentences.seen, sentences.positions)[-1]
    logits: tuple[Tensor, Tensor] = reader(states, sentences)
    return logits
