"""What a report says as numbers: read off its sentences, gathered into facts, and told as one embedding.

A slot is a question, (finding, side, lobe). The facts of a report are one whole number at each slot: NO_FACT if the
report does not assert the finding there, UNSIZED if it does and says no size, and then one for each size. They do not
depend on how long a report is, nor on where in it something is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.models.mentions import NO_PLACE, Slot
from ctflow.models.sentence_packing import PackedSentences
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED

ANSWERS = (NOT_MENTIONED, DENIED, ASSERTED)
NO_FACT, UNSIZED = 0, 1
# A less likely answer counts as none, for people and for the transformer: what is not recognised is not drawn either.
AS_GOOD_AS_CERTAIN = 0.9999  # where plain rules cannot tell what a sentence says, see `guard`
SURE_OF_ANSWER, SURE_OF_SIZE, SURE_OF_DISAGREEMENT = 0.9, 0.7, 0.8


@dataclass(frozen=True)
class FactsConfig:
    """`slots`: of a finding that has places, one is (finding, None, None), where a text does not say the place.

    `sizes`: the words, smallest first. `width`: of the states that are read. `heads`, `hidden`: of the reading.
    `teller`: width of the layers from facts to the embedding. `dim`: of the embedding. `graded`: how many of the slots,
    the first ones, are read off embeddings.
    """

    width: int
    heads: int
    hidden: int
    slots: tuple[Slot, ...]
    sizes: tuple[str, ...]
    graded: int
    teller: int
    dim: int

    @property
    def findings(self) -> tuple[str, ...]:
        """Every finding that the slots ask for, once."""
        return tuple(dict.fromkeys(finding for finding, _, _ in self.slots))

    @property
    def fact_values(self) -> int:
        """How many values a fact can have."""
        return 2 + len(self.sizes)

    def is_placeless(self, slot: Slot) -> bool:
        """Whether this slot holds a finding that has places, but of which none is said."""
        return slot[1:] == NO_PLACE and sum(one[0] == slot[0] for one in self.slots) > 1


class SlotReader(nn.Module):
    """Each slot looks at the tokens of a sentence, and says what it finds there.

    A slot's question is the sum of its finding, its side and its lobe, so that what is learnt of the lingula for one
    finding holds for all; what a slot makes of what it saw is partly its own. One layer of Query2Label (Liu et al.,
    2021).
    """

    def __init__(self, config: FactsConfig) -> None:
        super().__init__()
        if config.width % config.heads:
            raise ValueError(f"a width of {config.width} does not divide into {config.heads} heads")
        self.config = config
        columns = tuple(zip(*config.slots, strict=True))
        values = [tuple(dict.fromkeys(column)) for column in columns]
        self.questions = nn.ModuleList(nn.Embedding(len(some), config.width) for some in values)
        parts = [[some.index(value) for value in column] for some, column in zip(values, columns, strict=True)]
        self.register_buffer("parts", torch.tensor(parts), persistent=False)  # (3, slots)
        self.parts: Tensor
        self.key_value = nn.Linear(config.width, 2 * config.width)
        self.norm = nn.LayerNorm(config.width)
        self.first = nn.Linear(config.width, config.hidden)
        outputs = len(ANSWERS) + 1 + len(config.sizes)
        self.last = nn.Linear(config.hidden, outputs)
        self.own = nn.Parameter(torch.zeros(len(config.slots), outputs, config.hidden))

    def forward(self, states: Tensor, sentences: PackedSentences) -> tuple[Tensor, Tensor]:
        """States of the tokens of N sentences (R, L, width) -> logits of ANSWERS (N, slots, 3), and of the sizes of
        what is asserted (N, slots, 1 + sizes), whose first one is that none is said."""
        questions = torch.stack([one(part) for one, part in zip(self.questions, self.parts, strict=True)]).sum(0)
        keys, values = map(self._by_head, sentences.apart(self.key_value(states)).chunk(2, dim=-1))
        queries = self._by_head(questions[None]).expand(len(sentences.mask), -1, -1, -1)
        seen = F.scaled_dot_product_attention(queries, keys, values, attn_mask=sentences.mask[:, None, None])
        read = self.norm(questions + seen.transpose(1, 2).flatten(2))
        hidden = F.gelu(self.first(read))
        logits = self.last(hidden) + torch.einsum("bsh,soh->bso", hidden, self.own)
        return logits[..., : len(ANSWERS)], logits[..., len(ANSWERS) :]

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, L, width) -> (B, heads, L, width / heads)."""
        return x.unflatten(2, (self.config.heads, -1)).transpose(1, 2)


class FactTeller(nn.Module):
    """Facts -> the embedding that the transformer is given."""

    def __init__(self, config: FactsConfig) -> None:
        super().__init__()
        self.values = config.fact_values
        self.layers = nn.Sequential(
            nn.Linear(len(config.slots) * self.values, config.teller),
            nn.GELU(),
            nn.Linear(config.teller, config.teller),
            nn.GELU(),
            nn.Linear(config.teller, config.dim),
        )

    def forward(self, facts: Tensor) -> Tensor:
        """int64 (B, slots) -> (B, dim), of unit length."""
        return F.normalize(self.layers(F.one_hot(facts, self.values).flatten(1).float()), dim=-1)


class Facts(nn.Module):
    """The networks around the facts: `read` gets them from sentences, `tell` makes an embedding of them.

    `grades` is what other networks read off such embeddings: which size, or none, at each of the first slots.
    """

    def __init__(self, config: FactsConfig) -> None:
        super().__init__()
        self.config = config
        self.read, self.tell = SlotReader(config), FactTeller(config)
        self.grades = nn.Linear(config.dim, config.graded * (1 + len(config.sizes)))

    def answers(self, logits: Tensor) -> Tensor:
        """Logits (…, slots, 3) -> NOT_MENTIONED, DENIED or ASSERTED (…, slots); unsure is NOT_MENTIONED."""
        likely, answer = logits.softmax(-1).max(-1)
        return torch.where(likely > SURE_OF_ANSWER, answer, NOT_MENTIONED)

    def sure_of(self, logits: Tensor) -> list[frozenset[str]]:
        """Logits (N, slots, 3) -> of each sentence, the findings of which all answers are as good as certain."""
        unsure = (logits.softmax(-1).amax(-1) < AS_GOOD_AS_CERTAIN).tolist()
        doubted = [{slot[0] for slot in compress(self.config.slots, one)} for one in unsure]
        return [frozenset(set(self.config.findings) - some) for some in doubted]

    def sizes(self, logits: Tensor) -> Tensor:
        """Logits (…, slots, 1 + sizes) -> index of the size (…, slots), -1 where none is said, or none is sure."""
        likely, size = logits.softmax(-1).max(-1)
        return torch.where(likely > SURE_OF_SIZE, size - 1, -1)

    def gather(self, answers: Tensor, sizes: Tensor) -> Tensor:
        """Logits of a report's sentences, (N, slots, 3) and (N, slots, 1 + sizes) -> its facts, int64 (slots,).

        What one sentence asserts is there, and the largest size counts. That a finding is somewhere says nothing beside
        a sentence that says where.
        """
        values = torch.where(self.answers(answers) == ASSERTED, UNSIZED + 1 + self.sizes(sizes), NO_FACT)
        facts = values.amax(0)
        placed = {slot[0] for slot in self.slots_of(facts) if not self.config.is_placeless(slot)}
        for index, slot in enumerate(self.config.slots):
            if self.config.is_placeless(slot) and slot[0] in placed:
                facts[index] = NO_FACT
        return facts

    def slots_of(self, facts: Tensor) -> list[Slot]:
        """The slots where there is something."""
        return [slot for slot, fact in zip(self.config.slots, facts.tolist(), strict=True) if fact != NO_FACT]

    def disagreed(self, facts: Tensor) -> frozenset[str]:
        """The findings of which the embedding of these facts (slots,) tells something else than they do.

        A finding that is asserted in several lobes of a side need not be told in each of them.
        """
        told = self.grades(self.tell(facts[None])[0]).unflatten(0, (self.config.graded, -1)).softmax(-1)
        absent = dict(zip(self.config.slots, told[:, 0].tolist(), strict=False))
        there = set(self.slots_of(facts))
        placeless = {slot[0] for slot in there if self.config.is_placeless(slot)}
        nowhere = {
            finding
            for finding, side in {slot[:2] for slot in there}
            if finding not in placeless
            and math.prod(absent[slot] for slot in there if slot[:2] == (finding, side)) > SURE_OF_DISAGREEMENT
        }
        added = {slot[0] for slot in absent.keys() - there if 1 - absent[slot] > SURE_OF_DISAGREEMENT}
        return frozenset(nowhere | (added - placeless))


def with_placeless(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """The slots, and behind them one without a place for each finding that has places."""
    placed = dict.fromkeys(finding for finding, side, _ in slots if side is not None)
    return (*slots, *((finding, *NO_PLACE) for finding in placed))
