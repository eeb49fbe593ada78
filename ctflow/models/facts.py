"""What a report says as numbers: read off its sentences, gathered into facts, and told as one embedding.

A slot is a question, (finding, side, lobe). The facts of a report are, at each slot and for each size, how likely it is
that the report asserts a finding of this size there. Facts do not depend on how long a report is, nor on where in it
something is said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.models.mentions import NO_PLACE, Slot
from ctflow.reading import ASSERTED, DENIED, NOT_MENTIONED

ANSWERS = (NOT_MENTIONED, DENIED, ASSERTED)
# A less likely answer counts as none, for people and for the transformer: what is not recognised is not drawn either.
SURE_OF_ANSWER, SURE_OF_SIZE, SURE_OF_CONTRADICTION = 0.9, 0.7, 0.8


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

    def is_placeless(self, slot: Slot) -> bool:
        """Whether this slot holds a finding that has places, but of which none is said."""
        return slot[1:] == NO_PLACE and sum(one[0] == slot[0] for one in self.slots) > 1


class SlotReader(nn.Module):
    """Each slot looks at the tokens of a sentence, and says what it finds there.

    A slot's question is the sum of its finding, its side and its lobe, so that what is learnt of the lingula for one
    finding holds for all. As in Query2Label (Liu et al., 2021), with one layer.
    """

    def __init__(self, config: FactsConfig) -> None:
        super().__init__()
        if config.width % config.heads:
            raise ValueError(f"a width of {config.width} does not divide into {config.heads} heads")
        self.config = config
        columns = tuple(zip(*config.slots, strict=True))
        names = [tuple(dict.fromkeys(column)) for column in columns]
        self.questions = nn.ModuleList(nn.Embedding(len(one), config.width) for one in names)
        places = [[one.index(value) for value in column] for one, column in zip(names, columns, strict=True)]
        self.register_buffer("parts", torch.tensor(places), persistent=False)  # (3, slots)
        self.parts: Tensor
        self.key_value = nn.Linear(config.width, 2 * config.width)
        self.norm = nn.LayerNorm(config.width)
        self.answer = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, len(ANSWERS) + len(config.sizes)),
        )
        self.own = nn.Parameter(torch.zeros(len(config.slots), config.hidden))

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Token states (B, L, width), mask (B, L) -> logits of ANSWERS (B, slots, 3) and of sizes (B, slots, sizes)."""
        questions = sum((one(index) for one, index in zip(self.questions, self.parts, strict=True)), torch.zeros(()))
        keys, values = (self._by_head(one) for one in self.key_value(states).chunk(2, dim=-1))
        queries = self._by_head(questions[None]).expand(len(states), -1, -1, -1)
        seen = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask.bool()[:, None, None])
        read = self.norm(questions + seen.transpose(1, 2).flatten(2))
        first, activation, last = self.answer
        logits = last(activation(first(read) + self.own))
        return logits[..., : len(ANSWERS)], logits[..., len(ANSWERS) :]

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, L, width) -> (B, heads, L, width / heads)."""
        return x.unflatten(2, (self.config.heads, -1)).transpose(1, 2)


class FactTeller(nn.Module):
    """Facts -> the embedding that the transformer is given."""

    def __init__(self, config: FactsConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(len(config.slots) * len(config.sizes), config.teller),
            nn.GELU(),
            nn.Linear(config.teller, config.teller),
            nn.GELU(),
            nn.Linear(config.teller, config.dim),
        )

    def forward(self, facts: Tensor) -> Tensor:
        """(B, slots, sizes) -> (B, dim), of unit length."""
        return F.normalize(self.layers(facts.flatten(1)), dim=-1)


class Facts(nn.Module):
    """The networks around the facts: `read` gets them from sentences, `tell` makes an embedding of them.

    `grades` is what other networks read off such embeddings: which size, or none, at each of the first slots.
    """

    def __init__(self, config: FactsConfig) -> None:
        super().__init__()
        self.config = config
        self.read, self.tell = SlotReader(config), FactTeller(config)
        self.grades = nn.Linear(config.dim, config.graded * (1 + len(config.sizes)))
        placeless = [config.is_placeless(slot) for slot in config.slots]
        same = [[a[0] == b[0] and not config.is_placeless(b) for b in config.slots] for a in config.slots]
        self.register_buffer("placeless", torch.tensor(placeless), persistent=False)
        self.register_buffer("places_of", torch.tensor(same), persistent=False)
        self.placeless: Tensor
        self.places_of: Tensor

    def answers(self, logits: Tensor) -> Tensor:
        """Logits (…, slots, 3) -> NOT_MENTIONED, DENIED or ASSERTED (…, slots); unsure is NOT_MENTIONED."""
        likely, answer = logits.softmax(-1).max(-1)
        return torch.where(likely > SURE_OF_ANSWER, answer, NOT_MENTIONED)

    def sizes(self, logits: Tensor) -> Tensor:
        """Logits (…, slots, sizes) -> index of the size (…, slots), -1 where none is sure."""
        likely, size = logits.softmax(-1).max(-1)
        return torch.where(likely > SURE_OF_SIZE, size, -1)

    def gather(self, answers: Tensor, sizes: Tensor) -> Tensor:
        """Logits of a report's sentences, (N, slots, 3) and (N, slots, sizes) -> its facts (slots, sizes).

        What one sentence asserts is there. Its size is the largest that is sure, or else the surest. That a finding is
        somewhere says nothing beside a sentence that says where.
        """
        asserted = self.answers(answers) == ASSERTED
        likely = sizes.softmax(-1)
        sure, size = self.sizes(sizes), likely.amax(-1)
        rank = torch.where(sure >= 0, 1.0 + sure, size) * asserted
        best = rank.argmax(0)
        there = asserted.any(0)
        placed = (self.places_of & there).any(1)
        there = there & ~(self.placeless & placed)
        return there[:, None] * likely.gather(0, best[None, :, None].expand(-1, -1, likely.shape[-1]))[0]

    def disagreed(self, facts: Tensor) -> frozenset[str]:
        """The findings of which the embedding of these facts (slots, sizes) tells something else than they do.

        A finding that is asserted in several lobes of a side need not be told in each of them.
        """
        told = self.grades(self.tell(facts[None])[0]).unflatten(0, (self.config.graded, -1)).softmax(-1)
        absent = dict(zip(self.config.slots, told[:, 0].tolist(), strict=False))
        there = {slot for slot, size in zip(self.config.slots, facts.sum(-1).tolist(), strict=True) if size}
        placeless = {slot[0] for slot in there if self.config.is_placeless(slot)}
        nowhere = {
            finding
            for finding, side in {slot[:2] for slot in there}
            if finding not in placeless
            and math.prod(absent[slot] for slot in there if slot[:2] == (finding, side)) > SURE_OF_CONTRADICTION
        }
        added = {slot[0] for slot in absent.keys() - there if 1 - absent[slot] > SURE_OF_CONTRADICTION}
        return frozenset(nowhere | (added - placeless))


def with_placeless(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """The slots, and behind them one without a place for each finding that has places."""
    placed = dict.fromkeys(finding for finding, side, _ in slots if side is not None)
    return (*slots, *((finding, *NO_PLACE) for finding in placed))
