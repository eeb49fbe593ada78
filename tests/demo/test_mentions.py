"""The training of the reader's mentions draws the sentences that the check of the reader leaves out."""

from types import SimpleNamespace

import pytest
from torch import Tensor

from ctflow.demo.mentions import train_mentions
from ctflow.phantom.sentences import teaching_sentences


class EnoughSeen(Exception):
    pass


def test_what_training_drew_is_known_again() -> None:
    drawn: list[str] = []

    def tokenizer(texts: list[str], **_: object) -> Tensor:
        drawn.extend(texts)
        raise EnoughSeen

    encoder = SimpleNamespace(tokenizer=tokenizer, max_tokens=16)
    with pytest.raises(EnoughSeen):
        train_mentions(SimpleNamespace(seed=3), None, encoder, ("{findings}",), 50)
    assert drawn == [one.text for one in teaching_sentences(3, 50)]
