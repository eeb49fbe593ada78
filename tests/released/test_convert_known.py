"""What the shapes of weights do not show is compared with what is known of the released models."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertTokenizer

from ctflow.__main__ import main
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.errors import CheckpointError
from ctflow.released.convert import convert
from ctflow.released.specs import SPECS
from tests.fabricated import VOCABULARY, WEIGHTS, Released, edit_json, fabricated, taef1_folder

LABELS = Path(__file__).parents[1] / "golden/ctclip/labels.json"


@pytest.fixture
def v1(tmp_path: Path) -> Released:
    return fabricated(tmp_path / "v1", "ctflow-v1")


def swapped(*pair: str) -> list[str]:
    """The vocabulary with two words exchanged: its size and the place of its special words stay the same."""
    places = dict(zip(pair, reversed(pair), strict=True))
    return [places.get(word, word) for word in VOCABULARY]


def write(words: list[str], tokenizer: Path) -> None:
    (tokenizer / "vocab.txt").write_text("\n".join(words) + "\n")


@pytest.mark.parametrize(
    "words",
    [swapped("left", "right"), swapped("effusion", "not"), [*VOCABULARY[5:], *VOCABULARY[:5]], VOCABULARY[:100]],
)
def test_the_vocabulary_of_another_bert_is_refused_even_if_it_has_the_same_size(
    v1: Released, tmp_path: Path, words: list[str]
) -> None:
    """Only the ids of the five special words used to be checked, and every report was read as another one."""
    write(words, v1.sources.tokenizer)
    with pytest.raises(CheckpointError, match=r"vocab\.txt is not CXR-BERT's: its sha256 begins with \w{12} instead"):
        convert(v1.spec, v1.sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_beside_the_vocabulary_changes_the_words(v1: Released, tmp_path: Path) -> None:
    """A tokenizer.json is read instead of a vocab.txt, and a tokenizer_config.json sets what a text begins with."""
    other = tmp_path / "other"
    shutil.copytree(v1.sources.tokenizer, other)
    write(swapped("effusion", "not"), other)
    BertTokenizer.from_pretrained(other).save_pretrained(other)
    shutil.copy(other / "tokenizer.json", v1.sources.tokenizer)
    edit_json(v1.sources.tokenizer / "tokenizer_config.json", cls_token="[MASK]", do_lower_case=False)
    convert(v1.spec, v1.sources, tmp_path / "out")
    found = load_checkpoint(tmp_path / "out").text.token_ids("No effusion.")
    assert found == [VOCABULARY.index(word) for word in ("[CLS]", "no", "effusion", ".", "[SEP]")]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_released_vocabulary_is_the_one_of_the_golden_ids(spec) -> None:
    assert spec.vocabulary_sha256 == json.loads(LABELS.read_text(encoding="utf-8"))["real_tokenizer"]["vocab_sha256"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"hidden_act": "gelu_new"}, "says hidden_act 'gelu_new' instead of 'gelu'"),
        ({"layer_norm_eps": 1e-5}, "says layer_norm_eps 1e-05 instead of 1e-12"),
        ({"pad_token_id": 1}, "says pad_token_id 1 instead of 0"),
        ({"pad_token_id": None}, "says pad_token_id None instead of 0"),
    ],
)
def test_a_bert_of_another_function_is_refused(v1: Released, tmp_path: Path, said: dict, words: str) -> None:
    edit_json(v1.sources.tokenizer / "config.json", **said)
    with pytest.raises(CheckpointError, match=f"cxr/config.json {words}"):
        convert(v1.spec, v1.sources, tmp_path / "out")


def change(path: Path, name: str, edit: Callable[[torch.Tensor], torch.Tensor]) -> None:
    weights = load_file(path)
    save_file(weights | {name: edit(weights[name])}, path)


@pytest.mark.parametrize("size", [[4, 16, 4], [4, 4, 16]])
def test_a_plane_of_as_many_tokens_in_another_shape_is_refused(v1: Released, tmp_path: Path, size: list[int]) -> None:
    """Every tensor fits, but the volumes would have another shape than the model was trained for."""
    edit_json(v1.sources.denoiser / "config.json", input_size=size)
    with pytest.raises(CheckpointError, match=r"holds a pos_embed that differs by .* not belong to the same model"):
        convert(v1.spec, v1.sources, tmp_path / "out")


@pytest.mark.parametrize("name", ["pos_embed", "pos_embed_temporal"])
@pytest.mark.parametrize(
    "edit",
    [lambda t: t + 2e-5, lambda t: t.flip(1), lambda t: t * torch.nan, lambda t: t.bfloat16() * 2, torch.Tensor.int],
)
def test_positions_that_the_config_does_not_make_are_refused(
    v1: Released, tmp_path: Path, name: str, edit: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    change(v1.sources.denoiser / WEIGHTS, f"model.{name}", edit)
    with pytest.raises(CheckpointError, match=f"holds a {name} that differs by"):
        convert(v1.spec, v1.sources, tmp_path / "out")


@pytest.mark.parametrize("edit", [lambda t: t + 5e-6, torch.Tensor.bfloat16, torch.Tensor.half])
def test_positions_may_be_rounded(v1: Released, tmp_path: Path, edit: Callable[[torch.Tensor], torch.Tensor]) -> None:
    for name in ("pos_embed", "pos_embed_temporal"):
        change(v1.sources.denoiser / WEIGHTS, f"model.{name}", edit)
    convert(v1.spec, v1.sources, tmp_path / "out")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"act_fn": "silu"}, "act_fn 'silu' instead of 'relu'"),
        ({"upsample_fn": "bilinear"}, "upsample_fn 'bilinear' instead of 'nearest'"),
        ({"latent_magnitude": 4}, "latent_magnitude 4 instead of 3"),
        ({"latent_shift": 0.4}, r"latent_shift 0\.4 instead of 0\.5"),
        ({"upsampling_scaling_factor": 4}, "upsampling_scaling_factor 4 instead of 2"),
        ({"scaling_factor": 0.5}, "scaling_factor 1 and shift_factor 0 were expected, not 0.5"),
        ({"shift_factor": 0.1}, "scaling_factor 1 and shift_factor 0 were expected, not 1.0 and 0.1"),
    ],
)
def test_a_small_decoder_with_another_function_than_taef1_is_refused(
    v1: Released, tmp_path: Path, said: dict, words: str
) -> None:
    small = taef1_folder(tmp_path / "small", **said)
    with pytest.raises(CheckpointError, match=words):
        convert(v1.spec, replace(v1.sources, taef1=small), tmp_path / "out")


def test_a_small_decoder_has_diffusers_defaults_for_fields_left_out(v1: Released, tmp_path: Path) -> None:
    small = taef1_folder(tmp_path / "small")
    config = json.loads((small / "config.json").read_text())
    for name in ("act_fn", "upsample_fn", "latent_magnitude", "latent_shift", "upsampling_scaling_factor"):
        del config[name]
    (small / "config.json").write_text(json.dumps(config))
    convert(v1.spec, replace(v1.sources, taef1=small), tmp_path / "out")


def test_a_bare_avae_is_refused_if_it_was_published_with_its_scale(v1: Released, tmp_path: Path) -> None:
    v2 = fabricated(tmp_path / "v2", "ctflow-v2")
    with pytest.raises(CheckpointError, match="does not say how its latents are scaled"):
        convert(v1.spec, replace(v1.sources, avae=v2.sources.avae), tmp_path / "out")


def test_fluxs_own_avae_is_not_taken_for_v2s(v1: Released, tmp_path: Path) -> None:
    v2 = fabricated(tmp_path / "v2", "ctflow-v2")
    with pytest.raises(CheckpointError, match=r"scaling_factor 0\.3611 instead of 0\.8487"):
        convert(v2.spec, replace(v2.sources, avae=v1.sources.avae), tmp_path / "out")


@pytest.mark.parametrize(
    "address",
    [
        "EnyaWoooo/CTFlow/checkpoint-680000/denoiser_ema",
        "hf://EnyaWoooo/CTFlow/checkpoint-680000/denoiser_ema/",
        "EnyaWoooo/CTFlow@main/checkpoint-680000/denoiser_ema",
    ],
)
def test_the_published_part_of_another_model_is_refused_before_anything_is_fetched(
    address: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["convert", "ctflow-v2", "--denoiser", address, "--avae", "a/b/c.pt", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "is part of ctflow-v1: give that of ctflow-v2" in said


def test_taef1_is_refused_before_anything_is_fetched_if_it_cannot_decode_the_latents(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["convert", "ctflow-v2", "--denoiser", "a/b", "--avae", "a/c", "--taef1", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines() == [
        "ctflow: TAEF1 decodes FLUX's latents, and ctflow-v2 has its own: leave out --taef1."
    ]
