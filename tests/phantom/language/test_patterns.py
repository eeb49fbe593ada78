"""The small language of sentence patterns."""

from collections.abc import Callable

import numpy as np
import pytest

from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.patterns import Slot, fill, parsed, slots


def texts(pattern: str, word: Callable[[Slot], str] = lambda slot: slot.name) -> set[str]:
    chance = Chance(np.random.default_rng(0))
    return {fill(pattern, chance, word) for _ in range(100)}


def test_a_choice_is_one_of_its_options_and_they_may_stand_in_each_other() -> None:
    assert texts("a <b|<c|d> e> f") == {"a b f", "a c e f", "a d e f"}


def test_what_is_optional_is_there_or_not() -> None:
    assert texts("fluid[ <here|there>]") == {"fluid", "fluid here", "fluid there"}


def test_a_slot_is_filled_and_its_number_counts_from_one() -> None:
    assert texts("{2 where} {noun}", lambda slot: f"{slot.name}/{slot.of}") == {"where/1 noun/0"}
    assert slots("{2 where} <{noun}|[{size}]>") == {Slot("where", 1), Slot("noun", 0), Slot("size", 0)}


def test_a_sign_behind_a_backslash_stands_for_itself() -> None:
    assert texts(r"right \> left") == {"right > left"}


@pytest.mark.parametrize("pattern", ["a <b", "a b>", "a [b", "a ]", "a {b", "{}x}"])
def test_brackets_that_do_not_match_are_named(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|closes|missing"):
        parsed(pattern)
