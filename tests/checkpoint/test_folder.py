"""A checkpoint folder loads whole and exactly, or not at all."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ctflow.checkpoint.folder import folder_sha256, load_checkpoint, load_transformer
from ctflow.errors import CheckpointError
from tests.tiny import CARD, tiny_checkpoint

WEIGHTS = Path("transformer/diffusion_pytorch_model.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny")


def change_weights(folder: Path, change) -> None:
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS)


def test_what_was_saved_is_loaded(folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.card == CARD
    saved = load_file(folder / WEIGHTS)
    for name, tensor in loaded.transformer.state_dict().items():
        assert torch.equal(tensor, saved[f"model.{name}"].float())
        assert tensor.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.pop("model.t_block.1.bias"), "missing t_block.1.bias"),
        (lambda w: w.update({"model.surplus": torch.zeros(1)}), "unknown surplus"),
        (lambda w: w.update({"model.t_block.1.bias": torch.zeros(3)}), r"t_block.1.bias is \(3,\) instead of \(96,\)"),
    ],
)
def test_a_missing_an_extra_and_a_reshaped_tensor_are_named(folder: Path, change, said: str) -> None:
    change_weights(folder, change)
    with pytest.raises(CheckpointError, match=said):
        load_checkpoint(folder)


def test_a_name_without_the_prefix_is_refused_and_not_taken_for_one_with_it(folder: Path) -> None:
    """`t_block.1.bias` beside `model.t_block.1.bias` was the same name, and what was loaded was by chance."""
    change_weights(folder, lambda weights: weights.update({"t_block.1.bias": torch.ones(96)}))
    with pytest.raises(CheckpointError, match=r"names t_block\.1\.bias: every name must begin with 'model\.'.* 1 of"):
        load_checkpoint(folder)


def test_weights_without_any_prefix_are_not_in_the_released_layout(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({name.removeprefix("model."): tensor for name, tensor in weights.items()}, folder / WEIGHTS)
    with pytest.raises(CheckpointError, match=rf"{len(weights)} of {len(weights)} do not"):
        load_checkpoint(folder)


@pytest.mark.parametrize("file", ["card.json", "avae/config.json", str(WEIGHTS), "text/model.safetensors"])
def test_a_missing_and_a_cut_file_are_named(folder: Path, file: str) -> None:
    (folder / file).write_bytes((folder / file).read_bytes()[:20])
    with pytest.raises(CheckpointError, match=Path(file).name):
        load_checkpoint(folder)
    (folder / file).unlink()
    with pytest.raises(CheckpointError, match=Path(file).name):
        load_checkpoint(folder)


def test_weights_in_several_files_are_the_same_weights(folder: Path, tmp_path: Path) -> None:
    parts = tiny_checkpoint(tmp_path / "parts", max_file_bytes=4000)
    files = sorted((parts / "transformer").glob("*.safetensors"))
    assert len(files) > 1
    one, several = (load_checkpoint(path).transformer.state_dict() for path in (folder, parts))
    assert all(torch.equal(one[name], several[name]) for name in one)
    files[0].unlink()
    with pytest.raises(CheckpointError, match=files[0].name):
        load_checkpoint(parts)


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    (folder / "text/tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="tokenizer"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("transformer/config.json", "[]"),
        ("transformer/config.json", '{"depth": "two"}'),
        ("avae/config.json", '{"block_out_channels": 0}'),
        ("text/config.json", '{"hidden_size": "x"}'),
        ("text/config.json", '{"num_attention_heads": 0}'),
        ("text/tokenizer.json", "[]"),
        ("text/tokenizer.json", '{"a": 1}'),
        ("text/config.json", "[" * 100_000),
    ],
)
def test_a_config_that_makes_nothing_is_named(folder: Path, file: str, content: str) -> None:
    path = folder / file
    if content.startswith("{") and "config" in file:
        content = json.dumps({**json.loads(path.read_text()), **json.loads(content)})
    path.write_text(content)
    with pytest.raises(CheckpointError, match=file.split("/")[0]):
        load_checkpoint(folder)


def test_a_config_that_is_silent_is_read_as_the_released_code_has_it(folder: Path) -> None:
    path = folder / "transformer" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"head_merge": "usual"}))
    assert load_transformer(path.parent).config.head_merge == "usual"
    ours = {"head_merge": "released", "positions": "plane", "text_facts": 0, "detail": 0, "detail_blocks": 0}
    for name in ours:
        del config[name]
    path.write_text(json.dumps(config))
    silent = load_transformer(path.parent).config
    assert {name: getattr(silent, name) for name in ours} == ours
    path.write_text(json.dumps(config | {"head_merge": "other"}))
    with pytest.raises(CheckpointError, match="head_merge"):
        load_transformer(path.parent)
    path.write_text(json.dumps(config | {"detail": 2, "detail_blocks": 1}))
    with pytest.raises(CheckpointError, match="need detail and text_facts"):
        load_transformer(path.parent)


def test_weights_that_cannot_be_read_are_named_and_no_traceback(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir()
    with pytest.raises(CheckpointError, match="change its permissions"):
        load_checkpoint(folder)


def test_weights_are_for_every_account_to_read(folder: Path) -> None:
    """They were their owner's alone, and a container, which runs as nobody, could not read them."""
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.safetensors")} == {0o644}


def test_a_pickle_is_not_opened(folder: Path) -> None:
    opened = []

    class Trap:
        def __reduce__(self) -> tuple:
            return opened.append, (1,)

    (folder / WEIGHTS).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError, match="a pickle is never opened"):
        load_checkpoint(folder)
    assert not opened


@pytest.mark.parametrize("names", [[], {"weight_map": []}, {"weight_map": {"a": 3}}, {"weight_map": {"a": "../x"}}])
def test_an_index_that_names_no_files_is_named(folder: Path, names: object) -> None:
    (folder / WEIGHTS).unlink()
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(names))
    with pytest.raises(CheckpointError, match="index"):
        load_checkpoint(folder)


def test_a_card_that_disagrees_with_the_networks_is_refused(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    card["geometry"]["rows"] = 64
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="size of an image"):
        load_checkpoint(folder)


def test_a_card_that_asks_for_longer_texts_than_the_encoder_takes_is_refused(folder: Path) -> None:
    """It was loaded, and the first long report was an IndexError."""
    card = json.loads((folder / "card.json").read_text())
    card["text"]["max_tokens"] = 17
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=r"length of a text: .* is 17, and the text encoder has places for 16"):
        load_checkpoint(folder)


def test_the_hash_follows_every_file(folder: Path) -> None:
    before = folder_sha256(folder)
    (folder / "card.json").write_text((folder / "card.json").read_text() + " ")
    assert folder_sha256(folder) != before


def test_the_hash_does_not_follow_what_systems_and_hubs_leave_in_a_folder(folder: Path) -> None:
    before = folder_sha256(folder)
    for stray in ("README.md", "text/.DS_Store", ".cache/huggingface/download/card.json", ".gitattributes"):
        (folder / stray).parent.mkdir(parents=True, exist_ok=True)
        (folder / stray).write_text("{}")
    assert folder_sha256(folder) == before


def test_the_hash_is_of_what_lies_behind_links_too(folder: Path, tmp_path: Path) -> None:
    """Two models whose A-VAE was linked had one hash, whatever it was."""
    whole = folder_sha256(folder)
    (folder / "avae").rename(tmp_path / "avae")
    (folder / "avae").symlink_to(tmp_path / "avae")
    assert folder_sha256(folder) == whole
