"""The public sentence model: read as it is published, and none other taken for it."""

from pathlib import Path

import pytest
import torch
from transformers import BertModel

from ctflow.demo.pretrained import load_pretrained
from ctflow.errors import CheckpointError
from tests.demo.pretrained import published_folder


@torch.inference_mode()
def test_its_states_are_those_of_transformers(tmp_path: Path) -> None:
    folder, sha256 = published_folder(tmp_path / "published")
    bert, tokenizer = load_pretrained(str(folder), sha256)
    theirs = BertModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = tokenizer.encode("Large right pleural effusion, and many more words than it was cut to when it was saved.")
    assert len(tokens.ids) > 16, "how it cut and padded is forgotten"
    ids = torch.tensor([tokens.ids])
    expected = theirs(input_ids=ids, output_hidden_states=True).hidden_states
    for found, state in zip(bert.eval()(ids, torch.ones_like(ids)), expected, strict=True):
        torch.testing.assert_close(found, state)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    folder, _ = published_folder(tmp_path / "published")
    with pytest.raises(CheckpointError, match="and 53aa5117… was expected"):
        load_pretrained(str(folder))


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no model"):
        load_pretrained(str(tmp_path))
