"""What the text encoder sees in a sentence: each finding that it knows, at each site: asserted, denied, or neither."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ctflow.events import Mention
from ctflow.models.text import TextEncoder

Site = tuple[str | None, str | None]  # side and lobe
NOT_MENTIONED, DENIED, ASSERTED = range(3)
SURE = 0.6  # a size that is less likely is none that the sentence gives


@dataclass(frozen=True)
class ReaderConfig:
    """`slots`: every question that is answered: finding, side, lobe. `sizes`: in the order of their grades.

    `dim` and `layers` are the text encoder's; `hidden` is the width of the mentions' own layer.
    """

    dim: int
    layers: int
    hidden: int
    slots: tuple[tuple[str, str | None, str | None], ...]
    sizes: tuple[str, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Each once."""
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

    def forward(self, embedding: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D) and (B, (1 + layers) · D) -> logits of the sizes (B, slots, sizes), of the mentions (B, slots, 3)."""
        graded = self.grades(embedding).unflatten(1, (len(self.config.slots), -1))[..., 1:]  # without "absent"
        return graded, self.mentions(states).unflatten(1, (-1, 3))

    @torch.inference_mode()
    def read(self, encoder: TextEncoder, sentence: str) -> tuple[Mention, ...]:
        """What a sentence says, by finding; nothing where nothing was recognised."""
        graded, said = self(*encoder.encode_states(sentence))
        likely, size = graded[0].softmax(-1).max(-1)
        places: dict[tuple[str, bool, str | None], list[Site]] = defaultdict(list)
        for slot, (finding, *site) in enumerate(self.config.slots):
            answer = int(said[0, slot].argmax())
            if answer != NOT_MENTIONED:
                told = answer == ASSERTED and likely[slot] > SURE
                name = self.config.sizes[int(size[slot])] if told else None
                places[finding, answer == ASSERTED, name].append((site[0], site[1]))
        return tuple(
            Mention(finding, asserted, *site, size)
            for (finding, asserted, size), sites in places.items()
            for site in self._joined(finding, asserted, sites)
        )

    def _joined(self, finding: str, asserted: bool, sites: list[Site]) -> list[Site]:
        """All lobes of a side are that side; all sides are both, or none in particular where there is nothing."""
        every = [(side, lobe) for kind, side, lobe in self.config.slots if kind == finding]
        if sites == every:
            return [("both" if asserted and len(every) > 1 else None, None)]
        whole = {side for side, _ in every if set(_of(side, every)) <= set(sites)}
        return list(dict.fromkeys((side, None if side in whole else lobe) for side, lobe in sites))


def _of(side: str | None, sites: Iterable[Site]) -> list[Site]:
    return [site for site in sites if site[0] == side]
