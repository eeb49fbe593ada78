"""What the text encoder sees in a sentence: is each finding, at each site, asserted, denied or not mentioned?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ctflow.models.mentions import Slot, mentions_of
from ctflow.models.text import TextEncoder
from ctflow.reading import ASSERTED, NOT_MENTIONED, Mention

# A less likely answer counts as none: it is better not to recognise a finding than to misread it.
SURE_OF_MENTION, SURE_OF_SIZE, SURE_OF_CONTRADICTION = 0.98, 0.7, 0.8


@dataclass(frozen=True)
class ReaderConfig:
    """`slots`: the questions that are answered, each (finding, side, lobe). `sizes`: the words, smallest first.

    `dim` and `layers` are the text encoder's; `hidden` is the width of the hidden layer of `mentions`.
    """

    dim: int
    layers: int
    hidden: int
    slots: tuple[Slot, ...]
    sizes: tuple[str, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Every finding that the slots ask for, once."""
        return tuple(dict.fromkeys(finding for finding, _, _ in self.slots))


class Reader(nn.Module):
    """Two heads on the encoder's states: `grades` was trained with the encoder, `mentions` after it."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.grades = nn.Linear(config.dim, len(config.slots) * (1 + len(config.sizes)))
        self.mentions = nn.Sequential(
            nn.Linear((1 + config.layers) * config.dim, config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, len(config.slots) * 3),
        )

    def answers(self, embedding: Tensor, states: Tensor) -> Tensor:
        """Embeddings (B, D) and means of states (B, (1 + layers) · D) -> NOT_MENTIONED, DENIED or ASSERTED (B, slots).

        The grades show what the model itself is given. Where they clearly contradict a mention, it does not count as
        recognised. A finding that is asserted in several lobes of a side need not be in each of them.
        """
        likely, answer = self.mentions(states).unflatten(1, (-1, 3)).softmax(-1).max(-1)
        answer = torch.where(likely > SURE_OF_MENTION, answer, NOT_MENTIONED)
        absent = self.grades(embedding).unflatten(1, (len(self.config.slots), -1)).log_softmax(-1)[..., 0]
        sides = [slot[:2] for slot in self.config.slots]
        same_side = torch.tensor([[one == other for other in sides] for one in sides]).to(absent)
        asserted = answer == ASSERTED
        nowhere = torch.where(asserted, absent, 0) @ same_side
        contradicted = torch.where(asserted, nowhere.exp(), 1 - absent.exp()) > SURE_OF_CONTRADICTION
        return torch.where(contradicted, NOT_MENTIONED, answer)

    def graded(self, embedding: Tensor) -> Tensor:
        """Embeddings (B, D) -> index of the size (B, slots) of a finding that is there, -1 where no size is sure."""
        grades = self.grades(embedding).unflatten(1, (len(self.config.slots), -1))
        likely, size = grades[..., 1:].softmax(-1).max(-1)
        return torch.where(likely > SURE_OF_SIZE, size, -1)

    @torch.inference_mode()
    def read(self, encoder: TextEncoder, sentence: str) -> tuple[Mention, ...]:
        """What a sentence says, by finding; empty if nothing was recognised."""
        return self.read_all(encoder, [sentence])[0]

    @torch.inference_mode()
    def read_all(self, encoder: TextEncoder, sentences: Sequence[str]) -> list[tuple[Mention, ...]]:
        """What each sentence says, as `read` gives it; all are encoded at once."""
        embeddings, states = encoder.encode_states(*sentences)
        answers, sizes = self.answers(embeddings, states).tolist(), self.graded(embeddings).tolist()
        return [mentions_of(self.config.slots, self.config.sizes, *one) for one in zip(answers, sizes, strict=True)]
