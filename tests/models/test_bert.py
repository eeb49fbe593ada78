"""Our BERT and its tokenizer give what those of transformers give, from the files that we write."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, BertModel

from ctflow.checkpoint.folder import load_bert, load_tokenizer
from ctflow.errors import CheckpointError
from tests.tiny import tiny_checkpoint

TEXTS = ["Large right effusion.", "No pleural effusion.\n\nNaïve É 3×4 mm — [MASK]", " "]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny") / "text"


@torch.inference_mode()
def test_every_state_is_that_of_transformers(folder: Path) -> None:
    ours = load_bert(folder).eval()
    theirs = BertModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()
    ids = torch.randint(ours.config.vocab_size, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1] * 9, [1] * 4 + [0] * 5])
    expected = theirs(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    for found, state in zip(ours(ids, mask), expected, strict=True):
        torch.testing.assert_close(found[mask.bool()], state[mask.bool()])


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_becomes_the_tokens_of_transformers(folder: Path, text: str) -> None:
    expected = AutoTokenizer.from_pretrained(folder, local_files_only=True)(text, return_offsets_mapping=True)
    found = load_tokenizer(folder).encode(text)
    assert (found.ids, found.offsets) == (expected["input_ids"], expected["offset_mapping"])


def test_a_config_of_another_kind_of_network_is_refused(folder: Path) -> None:
    """Its weights might fit, and would mean something else."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    with pytest.raises(CheckpointError, match="says hidden_act 'relu' instead of 'gelu'"):
        load_bert(folder)
