"""The reader's mentions: the sentences that teach them, and the words that are lost in these."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.demo.mentions import encode_with_unknown_words, train_mentions
from ctflow.phantom.sentences import draw_sentence, teaching_sentences
from ctflow.report import Report, encoder_text
from tests.tiny import CARD, tiny_checkpoint


class EnoughSeen(Exception):
    pass


def test_the_sentences_that_teach_are_those_that_the_check_leaves_out() -> None:
    taught: list[str] = []

    def token_ids(text: str) -> list[int]:
        taught.append(text)
        if len(taught) == 50:
            raise EnoughSeen
        return [0]

    tokenizer = SimpleNamespace(get_vocab=lambda: {"[UNK]": 1, "[CLS]": 2, "[SEP]": 3})
    encoder = SimpleNamespace(tokenizer=tokenizer, token_ids=token_ids)
    with pytest.raises(EnoughSeen):
        train_mentions(SimpleNamespace(seed=3), None, encoder, ("{findings}",), 50)  # type: ignore[arg-type]  # fakes
    assert taught == [one.text for one in teaching_sentences(3, 50)]


def test_about_every_second_sentence_loses_words(tmp_path: Path) -> None:
    encoder = load_checkpoint(tiny_checkpoint(tmp_path / "tiny")).text
    rng = np.random.default_rng(0)
    sentences = [draw_sentence(rng, "known") for _ in range(200)]
    parts = CARD.text.parts
    states = encode_with_unknown_words(encoder, sentences, parts, np.random.default_rng(1))
    whole = torch.cat([encoder.encode_states(encoder_text(Report(one.text), parts))[1] for one in sentences])
    unchanged = (states - whole).abs().amax(1) < 1e-4
    assert 0.4 < unchanged.float().mean() < 0.9, "and short ones may keep all of theirs"
