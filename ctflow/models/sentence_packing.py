"""Short sentences one after another in rows of tokens, since padding costs as much as words."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

ROW_TOKENS = 64  # a row's attention costs the square of it; of 36 sentences, 48 to 96 are about as fast
PADDING = -1  # the sentence of a token that is of none


@dataclass(frozen=True, eq=False)
class PackedSentences:
    """N sentences in R rows of L tokens.

    `ids` and `positions` (R, L): of each token, counted from 0 in its sentence. `seen` (R, L, L): which tokens each may
    attend to, those of its own sentence. `where` (N, longest): the places of a sentence's tokens among all R · L;
    `mask` (N, longest): which of these are of a token, and not padding.
    """

    ids: Tensor
    positions: Tensor
    seen: Tensor
    where: Tensor
    mask: Tensor

    def apart(self, states: Tensor) -> Tensor:
        """States of the rows' tokens (R, L, D) -> of the sentences' (N, longest, D)."""
        return states.flatten(0, 1)[self.where]


def pack(token_ids: Sequence[Sequence[int]], device: torch.device) -> PackedSentences:
    """The token ids of one sentence or more, which stay in their order, on `device`."""
    lengths = [len(ids) for ids in token_ids]
    rows = fill_rows(lengths, ROW_TOKENS)
    width = max(sum(lengths[index] for index in row) for row in rows)
    begins = torch.empty(len(lengths), 1, dtype=torch.int64)
    for number, row in enumerate(rows):
        before = accumulate((lengths[index] for index in row[:-1]), initial=number * width)
        begins[row, 0] = torch.tensor(list(before))
    positions = torch.arange(max(lengths)).expand(len(lengths), -1)
    mask = positions < torch.tensor(lengths)[:, None]
    where = (begins + positions).where(mask, 0)

    def in_rows(values: Tensor, padding: int) -> Tensor:
        """One value for each token, in the order of the sentences -> (R, L)."""
        return torch.full((len(rows) * width,), padding).index_put((where[mask],), values).view(len(rows), width)

    sentence = in_rows(torch.arange(len(lengths))[:, None].expand_as(mask)[mask], PADDING)
    tensors = (
        in_rows(torch.tensor([one for ids in token_ids for one in ids]), 0),
        in_rows(positions[mask], 0),
        sentence[:, :, None] == sentence[:, None],
        where,
        mask,
    )
    return PackedSentences(*(tensor.to(device) for tensor in tensors))


def fill_rows(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Which sentences share a row of `most` tokens: the longest first, each in the first row that has room for it.

    One that is longer has a row of its own.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        row = next((number for number, left in enumerate(room) if left >= lengths[index]), None)
        if row is None:
            rows.append([index])
            room.append(most - lengths[index])
        else:
            rows[row].append(index)
            room[row] -= lengths[index]
    return rows
