"""Sentences that share rows of tokens are read as each alone."""

import pytest
import torch
from torch import nn

from ctflow.demo.text import new_bert
from ctflow.models.sentence_packing import ROW_TOKENS, fill_rows, pack

LENGTHS = (3, ROW_TOKENS + 9, 17, ROW_TOKENS, 5, 40, 4)
CPU = torch.device("cpu")


def sentences() -> list[list[int]]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randint(1, 50, (length,), generator=rng).tolist() for length in LENGTHS]


def test_every_sentence_is_in_one_row_that_has_room_for_it() -> None:
    rows = fill_rows(LENGTHS, ROW_TOKENS)
    assert sorted(index for row in rows for index in row) == list(range(len(LENGTHS)))
    for row in rows:
        assert len(row) == 1 or sum(LENGTHS[index] for index in row) <= ROW_TOKENS
    assert len(rows) == 4, "the short ones fill what the long ones leave"


def test_the_tokens_of_a_sentence_come_back_in_their_order() -> None:
    packed = pack(sentences(), CPU)
    ids, positions = (packed.apart(one[..., None])[..., 0] for one in (packed.ids, packed.positions))
    for index, sentence in enumerate(sentences()):
        assert ids[index][packed.mask[index]].tolist() == sentence
        assert positions[index][packed.mask[index]].tolist() == list(range(len(sentence)))


@torch.inference_mode()
def test_no_sentence_sees_another_one() -> None:
    torch.manual_seed(0)
    bert = new_bert(vocabulary=50, hidden=16, layers=2, max_tokens=2 * ROW_TOKENS).eval()
    for parameter in bert.parameters():
        nn.init.normal_(parameter, std=0.5)  # so that every token matters
    packed = pack(sentences(), CPU)
    together = packed.apart(bert(packed.ids, packed.seen, packed.positions)[-1])
    assert torch.isfinite(together).all()
    for index, sentence in enumerate(sentences()):
        alone = bert(torch.tensor([sentence]), torch.ones(1, len(sentence)))[-1][0]
        torch.testing.assert_close(together[index][packed.mask[index]], alone, atol=1e-4, rtol=1e-4)


def test_one_sentence_is_a_row() -> None:
    packed = pack([[1, 7, 2]], CPU)
    assert packed.ids.tolist() == [[1, 7, 2]]
    assert packed.seen.all() and packed.mask.all()


@pytest.mark.parametrize("most", [1, ROW_TOKENS])
def test_a_sentence_longer_than_a_row_is_not_cut(most: int) -> None:
    assert fill_rows([most + 1, most + 2], most) == [[1], [0]]
