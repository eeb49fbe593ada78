"""Each purpose, step and process of a training has random numbers of its own, and they are the same every time."""

from itertools import product

import pytest

from ctflow.training.randomness import random_stream


def test_the_same_draw_gives_the_same_numbers() -> None:
    assert random_stream(3, "sentences", 7, 1).random() == random_stream(3, "sentences", 7, 1).random()


def test_no_two_draws_share_their_numbers() -> None:
    """[seed, 6] was the sentences of a training and the seventh step of every network."""
    draws = list(product((0, 1, 6, 2**32), ("line", "sentences", ""), (0, 1, 6, 2**32 - 1), (0, 1, 6)))
    assert len({random_stream(*draw).random() for draw in draws}) == len(draws)


@pytest.mark.parametrize(("step", "rank"), [(-1, 0), (2**32, 0), (0, -1), (0, 2**32)])
def test_a_step_or_rank_that_would_need_more_than_a_word_is_refused(step: int, rank: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 4294967295"):
        random_stream(0, "line", step, rank)
