"""Fabricated release files become a checkpoint that makes volumes; what does not fit is an error."""

import json
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ctflow.__main__ import main
from ctflow.benchmark.subject import published_config
from ctflow.card import read_card
from ctflow.checkpoint.catalog import RELEASED, how_to_get
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.checkpoint.weights import check_fit, read_shapes, shapes_of, without_weights
from ctflow.commands.model import find_model
from ctflow.errors import CheckpointError
from ctflow.io.nifti import read_nifti
from ctflow.models.autoencoder_kl import AutoencoderKL
from ctflow.models.bert import Bert
from ctflow.models.stdit import STDiT
from ctflow.pipeline import CTFlow
from ctflow.released.convert import convert
from ctflow.released.sources import Sources
from ctflow.released.specs import FLUX_AVAE, PUBLISHED_CTCLIP, V1
from ctflow.released.text import INERT_CTCLIP, INERT_CXR_BERT, bert_config, ctclip_shapes
from ctflow.report import Report
from tests.fabricated import WEIGHTS, Released, cxr_bert_file, edit_json, fabricated, run_convert, words_of

GOLDEN = Path(__file__).parents[1] / "golden/ctclip"
REPORT = Report("No pleural effusion.")


@pytest.fixture
def v1(tmp_path: Path) -> Released:
    return fabricated(tmp_path / "v1", "ctflow-v1")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ctflow-v1", "ctflow-v2"])
def test_from_released_files_to_a_volume_and_its_score_by_commands_alone(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, out = fabricated(tmp_path / "files", name).sources, tmp_path / "model"
    run_convert(name, *words_of(sources), "--out", str(out))
    assert "Inferred and not proved: axes" in capsys.readouterr().out
    report, volume = tmp_path / "report.txt", tmp_path / "a.nii.gz"
    report.write_text("No pleural effusion.")
    settings = ["--seed", "1", "--steps", "2", "--chunks", "2", "--device", "cpu", "--model", str(out)]
    assert main(["generate", "--report-file", str(report), "--out", str(volume), *settings]) == 0
    made = read_nifti(volume)
    assert made.hu.shape == (8, 64, 64)
    assert made.spacing_mm == (1.5, 1.5, 1.5)
    assert made.hu.max() <= {"ctflow-v1": 1400, "ctflow-v2": 1000}[name]
    capsys.readouterr()
    assert main(["score", str(volume), "--report-file", str(report), "--model", str(out), "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("CLIP score") and len(lines) == 19
    sitk.WriteImage(sitk.ReadImage(str(volume)), str(tmp_path / "a.nrrd"))
    settings = ["--report-file", str(report), "--model", str(out), "--device", "cpu"]
    assert main(["score", str(tmp_path / "a.nrrd"), *settings]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert sum("Pleural effusion" in line for line in lines) == 1


def test_the_two_releases_differ_as_published(tmp_path: Path) -> None:
    cards = []
    for name in ("ctflow-v1", "ctflow-v2"):
        made = fabricated(tmp_path / name, name)
        cards.append(convert(made.spec, made.sources, tmp_path / f"{name}-out"))
    v1, v2 = cards
    assert (v1.latent.scale, v1.latent.shift) == (0.3611, 0.1159)
    assert (v2.latent.scale, v2.latent.shift) == (0.8487, 0.0)
    assert (v1.first_previous, v2.first_previous) == ("black", "zeros")
    assert (v1.intensity.black, v1.intensity.hu_white) == (0, 1400)
    assert (v2.intensity.black, v2.intensity.hu_white) == (-1, 1000)
    assert (v1.guidance.trained, v2.guidance.trained) == (False, True)
    assert "[Sex: {sex}]" in v2.text.parts and v1.text.parts[0] == "Findings: {findings}"
    assert {v1.evidence.axes, v2.evidence.axes, v1.evidence.spacing, v2.evidence.spacing} == {"inferred"}


def test_the_weights_are_the_released_ones_byte_by_byte(v1: Released, tmp_path: Path) -> None:
    convert(v1.spec, v1.sources, tmp_path / "out")
    for part, source in (("transformer", v1.sources.denoiser), ("avae", v1.sources.avae)):
        assert (tmp_path / "out" / part / WEIGHTS).read_bytes() == (source / WEIGHTS).read_bytes()
    loaded, golden = load_checkpoint(tmp_path / "out"), load_file(GOLDEN / "weights.safetensors")
    assert loaded.ctclip is not None
    towers = ((loaded.text.bert, "text_transformer."), (loaded.ctclip, ""))
    for network, prefix in towers:
        assert all(torch.equal(tensor, golden[prefix + name]) for name, tensor in network.state_dict().items())


def test_the_layout_of_a_tensor_in_the_file_does_not_matter(v1: Released, tmp_path: Path) -> None:
    edit_pickle(v1.sources.text, transposed)
    convert(v1.spec, v1.sources, tmp_path / "out")
    clip, name = load_checkpoint(tmp_path / "out").ctclip, "to_visual_latent.weight"
    assert clip and torch.equal(clip.state_dict()[name], load_file(GOLDEN / "weights.safetensors")[name])


def test_the_tokenizer_gives_the_released_ids(v1: Released, tmp_path: Path) -> None:
    convert(v1.spec, v1.sources, tmp_path / "out")
    text = load_checkpoint(tmp_path / "out").text
    io = load_file(GOLDEN / "io.safetensors")
    ids, mask = io["zeroshot.prompt_input_ids"][12, 1], io["zeroshot.prompt_attention_mask"][12, 1]
    assert text.token_ids("Pleural effusion is not present.") == ids[mask.bool()].tolist()


def in_two_bf16_files(denoiser: Path) -> dict[str, torch.Tensor]:
    """Releases the weights in bf16 and in two files; the weights."""
    weights = {name: tensor.bfloat16() for name, tensor in load_file(denoiser / WEIGHTS).items()}
    (denoiser / WEIGHTS).unlink()
    files = [WEIGHTS.replace(".safetensors", f"-0000{i}-of-00002.safetensors") for i in (1, 2)]
    names = sorted(weights)
    parts = names[::2], names[1::2]
    for file, part in zip(files, parts, strict=True):
        save_file({name: weights[name] for name in part}, denoiser / file)
    index = {"weight_map": {name: file for file, part in zip(files, parts, strict=True) for name in part}}
    (denoiser / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    return weights


def test_a_release_in_bf16_and_in_several_files_is_read_as_well(v1: Released, tmp_path: Path) -> None:
    weights = in_two_bf16_files(v1.sources.denoiser)
    convert(v1.spec, v1.sources, tmp_path / "out")
    loaded = load_checkpoint(tmp_path / "out").transformer.state_dict()
    assert all(torch.equal(tensor, weights[f"model.{name}"].float()) for name, tensor in loaded.items())


def test_cxr_berts_own_weights_only_by_a_flag_and_the_card_says_so(v1: Released, tmp_path: Path) -> None:
    file = cxr_bert_file(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"missing text_transformer\."):
        convert(v1.spec, replace(v1.sources, text=file), tmp_path / "out")
    convert(v1.spec, replace(v1.sources, text=file, cxr_bert=True), tmp_path / "out")
    card = read_card(tmp_path / "out/card.json")
    assert "not parity" in card.provenance and "CXR-BERT" in card.text.encoder
    assert "CT-CLIP" not in card.licence and "CXR-BERT: MIT" in card.licence
    model = CTFlow.load(tmp_path / "out", "cpu")
    assert model.score(model.generate(card.request(REPORT, seed=0, steps=1, chunks=1)), REPORT) is None


def edit_pickle(path: Path, edit: Callable[[dict], object]) -> None:
    weights = torch.load(path, weights_only=True)
    torch.save(edit(weights) or weights, path)


def drop(weights: dict, name: str) -> None:
    del weights[name]


class Evil:
    """Unpickled without care, it would run a command."""

    def __reduce__(self) -> tuple:
        return os.system, ("false",)


def transposed(weights: dict) -> None:
    """The same numbers, as in a file from a machine with another memory layout."""
    name = "to_visual_latent.weight"
    weights[name] = weights[name].t().contiguous().t()


def edit_weights(path: Path, edit: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Changes the last tensor of a file."""
    weights = load_file(path)
    name = max(name for name in weights if weights[name].ndim > 1 and "y_embedding" not in name)
    save_file(weights | {name: edit(weights[name])}, path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: os.truncate(s.denoiser / WEIGHTS, 400_000), "cannot be read as safetensors"),
        (lambda s: os.truncate(s.avae / WEIGHTS, 1000), "cannot be read as safetensors"),
        (lambda s: os.truncate(s.text, 300_000), "Is its download complete"),
        (lambda s: (s.denoiser / WEIGHTS).unlink(), "the download is not complete"),
        (lambda s: (s.denoiser / "config.json").unlink(), "denoiser_ema/config.json cannot be read"),
        (lambda s: (s.denoiser / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
        (lambda s: shutil.copy(s.avae / WEIGHTS, s.denoiser / WEIGHTS), "missing model."),
        (lambda s: shutil.copy(s.avae / "config.json", s.denoiser / "config.json"), "config of 'AutoencoderKL'"),
        (lambda s: shutil.copytree(s.denoiser, s.avae, dirs_exist_ok=True), "config of 'DiffuserSTDiT'"),
        (lambda s: edit_json(s.denoiser / "config.json", depth=4), "missing model.blocks.3"),
        (lambda s: edit_json(s.denoiser / "config.json", depth="4x"), "depth is wrong"),
        (lambda s: edit_json(s.denoiser / "config.json", hidden_size=96), "instead of"),
        (lambda s: edit_json(s.denoiser / "config.json", caption_channels=24), "y_proj.fc1.weight is"),
        (lambda s: edit_json(s.avae / "config.json", latent_channels=8), "instead of"),
        (lambda s: edit_json(s.avae / "config.json", scaling_factor=None), "scaling_factor None instead of 0.3611"),
        (lambda s: edit_json(s.avae / "config.json", shift_factor="0.1"), "shift_factor '0.1' instead of"),
        (lambda s: edit_json(s.avae / "config.json", norm_num_groups=4), "norm_num_groups 4 instead of 2"),
        (lambda s: edit_json(s.avae / "config.json", norm_num_groups=0), "makes no AutoencoderKL"),
        (lambda s: edit_json(s.avae / "config.json", block_out_channels=[]), "makes no AutoencoderKL"),
        (lambda s: edit_json(s.avae / "config.json", in_channels=-1), "makes no AutoencoderKL"),
        (lambda s: edit_json(s.avae / "config.json", act_fn="relu"), "act_fn 'relu' instead of 'silu'"),
        (lambda s: edit_json(s.denoiser / "config.json", num_heads=2), "2 heads for a hidden size of 48"),
        (lambda s: edit_json(s.denoiser / "config.json", num_heads=7), "does not divide into num_heads 7"),
        (lambda s: edit_json(s.denoiser / "config.json", num_heads=0), "num_heads must be at least 1"),
        (lambda s: edit_json(s.denoiser / "config.json", input_size=[5, 8, 8]), "does not divide into patch_size"),
        (lambda s: edit_json(s.denoiser / "config.json", patch_size=[0, 2, 2]), "patch_size must be at least 1"),
        (lambda s: edit_json(s.denoiser / "config.json", hidden_size=-48), "hidden_size must be at least 1"),
        (lambda s: edit_json(s.denoiser / "config.json", hidden_size=50, num_heads=5), "multiple of 4"),
        (lambda s: edit_json(s.denoiser / "config.json", mlp_ratio=0), "mlp_ratio must be positive"),
        (lambda s: edit_json(s.denoiser / "config.json", no_temporal_pos_emb=True), "no_temporal_pos_emb True instead"),
        (lambda s: edit_weights(s.denoiser / WEIGHTS, torch.zeros_like), "transformer are damaged: .* from 0 to 0"),
        (lambda s: edit_weights(s.avae / WEIGHTS, lambda t: t / 0), "avae are damaged"),
        (lambda s: edit_weights(s.denoiser / WEIGHTS, lambda t: t.to(torch.int8)), "as torch.int8: float32"),
        (lambda s: edit_weights(s.avae / WEIGHTS, lambda t: t.to(torch.float8_e4m3fn)), "as torch.float8_e4m3fn"),
        (lambda s: os.truncate(s.text, 0), r"a file of tensors \(EOFError|a file of tensors \(Ran out"),
        (lambda s: s.text.write_bytes(b"a"), "cannot be read as a file of tensors"),
        (lambda s: edit_pickle(s.text, lambda w: w.update({3: torch.zeros(1)})), "where a flat dict"),
        (lambda s: edit_json(s.tokenizer / "config.json", num_attention_heads=5), "5 heads for a hidden size of 48"),
        (lambda s: edit_json(s.tokenizer / "config.json", num_attention_heads=2), "2 heads for a hidden size of 48"),
        (lambda s: edit_json(s.tokenizer / "config.json", hidden_size="x"), "no BertConfig: hidden_size is wrong"),
        (lambda s: edit_json(s.tokenizer / "config.json", vocab_size=-1), "makes no text encoder"),
        (lambda s: edit_pickle(s.text, lambda w: {"model": w}), "holds model where a flat dict"),
        (lambda s: edit_pickle(s.text, lambda w: drop(w, "to_text_latent.weight")), "missing to_text_latent"),
        (lambda s: edit_pickle(s.text, lambda w: w.update(more=torch.zeros(1))), "unknown more"),
        (lambda s: torch.save({"a": Evil()}, s.text), "cannot be read as a file of tensors"),
        (lambda s: s.text.write_text("<html>not found</html>"), "cannot be read as a file of tensors"),
        (lambda s: (s.tokenizer / "vocab.txt").unlink(), "has no vocab.txt"),
        (lambda s: edit_json(s.tokenizer / "config.json", num_hidden_layers=1), "unknown text_transformer."),
        (lambda s: (s.tokenizer / "config.json").write_text('{"dim": 3}'), "config of CXR-BERT was expected"),
    ],
)
def test_what_does_not_fit_is_an_error_and_leaves_no_folder(
    v1: Released, tmp_path: Path, spoil: Callable[[Sources], object], said: str
) -> None:
    spoil(v1.sources)
    with pytest.raises(CheckpointError, match=said):
        convert(v1.spec, v1.sources, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1"]


def test_a_second_half_that_is_missing_is_named(v1: Released, tmp_path: Path) -> None:
    (v1.sources.denoiser / WEIGHTS).rename(v1.sources.denoiser / "one.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (v1.sources.denoiser / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=r"two\.safetensors.*download is not complete"):
        convert(v1.spec, v1.sources, tmp_path / "out")


def test_the_published_transformer_has_474_tensors() -> None:
    large = without_weights(lambda: STDiT(published_config("L")))
    assert len(large.state_dict()) == 474
    assert round(sum(parameter.numel() for parameter in large.parameters()) / 1e6, 1) == 513.7


def test_a_file_of_the_published_size_is_checked_by_its_header(tmp_path: Path) -> None:
    """Two gigabytes that take neither space nor time: a sparse file behind a true header."""
    shapes = shapes_of(without_weights(lambda: STDiT(published_config("L"))).state_dict())
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * torch.Size(shape).numel()
        header[f"model.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with (tmp_path / WEIGHTS).open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    assert end > 2e9
    found = read_shapes(tmp_path / WEIGHTS)
    check_fit({f"model.{name}": shape for name, shape in shapes.items()}, found, tmp_path)
    os.truncate(tmp_path / WEIGHTS, end // 2)
    with pytest.raises(CheckpointError, match="cannot be read as safetensors"):
        read_shapes(tmp_path / WEIGHTS)


def real_bert_shapes(tmp_path: Path) -> dict[str, tuple[int, ...]]:
    real = json.loads((GOLDEN / "config.json").read_text())["real"]["bert"]
    (tmp_path / "config.json").write_text(json.dumps(real))
    config = bert_config(tmp_path / "config.json", V1.head_size)
    return shapes_of(without_weights(lambda: Bert(config)).state_dict())


def test_the_real_ct_clip_v2_would_be_accounted_for_key_by_key(tmp_path: Path) -> None:
    real = json.loads((GOLDEN / "real_keys.json").read_text())["ct_clip_v2"]
    keys = {name: tuple(shape) for name, (shape, _) in real["keys"].items()}
    assert len(keys) == real["n_keys"] == 362
    kept = {name: shape for name, shape in keys.items() if not INERT_CTCLIP.fullmatch(name)}
    assert kept == ctclip_shapes(real_bert_shapes(tmp_path), PUBLISHED_CTCLIP)


def test_the_real_cxr_bert_would_be_accounted_for_key_by_key(tmp_path: Path) -> None:
    real = json.loads((GOLDEN / "real_keys.json").read_text())["cxr_bert_specialized"]
    keys = {name: tuple(shape) for name, (shape, _) in real["keys"].items()}
    kept = {name: shape for name, shape in keys.items() if not INERT_CXR_BERT.fullmatch(name)}
    assert kept == {f"bert.{name}": shape for name, shape in real_bert_shapes(tmp_path).items()}


def test_nothing_with_an_effect_is_called_inert() -> None:
    inert = json.loads((GOLDEN / "real_keys.json").read_text())["tiny_inert_keys"]
    ours = {name for name in load_file(GOLDEN / "weights.safetensors") if INERT_CTCLIP.fullmatch(name)}
    assert ours <= set(inert)


def test_fluxs_config_is_that_of_its_a_vae() -> None:
    avae = without_weights(lambda: AutoencoderKL(FLUX_AVAE))
    assert sum(parameter.numel() for parameter in avae.parameters()) == 83_819_683


def test_v2_asks_for_the_paths_that_nobody_published(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", "ctflow-v2", "--out", str(tmp_path / "out")]) == 2
    assert "Give --denoiser" in capsys.readouterr().err


@pytest.mark.parametrize("name", RELEASED)
def test_a_released_model_that_is_not_here_says_how_to_get_it_and_its_licences(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "--report", "Clear.", "--model", name, "--out", str(tmp_path / "a.nii")]
    assert main(words, partial(find_model, folders=[tmp_path])) == 2
    said = capsys.readouterr().err
    assert f"python -m ctflow convert {name}" in said and "CC-BY-NC-SA-4.0" in said
    assert how_to_get(RELEASED[name]) in said


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that is almost full: the system refuses to make a file any larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("size", "cause"),
    [
        pytest.param(100_000, OSError, id="where Python copies"),
        pytest.param(300_000, SafetensorError, id="where safetensors writes"),
    ],
)
def test_a_disk_that_is_full_is_an_error_that_names_the_folder(
    v1: Released, tmp_path: Path, size: int, cause: type[Exception]
) -> None:
    in_two_bf16_files(v1.sources.denoiser)  # each smaller than the image tower
    with (
        files_of_at_most(size),
        pytest.raises(CheckpointError, match=r"out cannot be written .*File too large") as error,
    ):
        convert(v1.spec, v1.sources, tmp_path / "out")
    assert isinstance(error.value.__cause__, cause)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1"]


def test_a_folder_that_exists_is_never_overwritten(v1: Released, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(CheckpointError, match="exists already"):
        convert(v1.spec, v1.sources, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensor: tensor.to_sparse(), "as a sparse coo tensor; a plain one was expected"),
        (lambda tensor: torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8), "as a quantised tensor"),
        (lambda tensor: tensor.to("meta"), r"as a meta \(empty\) tensor"),
        (lambda tensor: tensor.to(torch.complex64), "as a complex tensor"),
    ],
)
def test_a_tensor_that_is_more_or_less_than_its_values_is_refused(
    tmp_path: Path, change: Callable[[torch.Tensor], torch.Tensor], said: str
) -> None:
    """Each of these ended in a traceback of another kind."""
    made = fabricated(tmp_path / "v2", "ctflow-v2")
    weights = torch.load(made.sources.avae, weights_only=True)
    name = next(name for name, tensor in weights.items() if tensor.ndim == 4)
    torch.save(weights | {name: change(weights[name])}, made.sources.avae)
    with pytest.raises(CheckpointError, match=f"holds {name} {said}"):
        convert(made.spec, made.sources, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_two_names_for_one_tensor_are_refused_and_two_parts_of_one_are_not(tmp_path: Path) -> None:
    made = fabricated(tmp_path / "v2", "ctflow-v2")
    weights = torch.load(made.sources.avae, weights_only=True)
    pairs = ((a, b) for a in weights for b in weights if a < b and weights[a].shape == weights[b].shape)
    one, two = next(pair for pair in pairs if weights[pair[0]].ndim == 4)
    both = torch.stack([weights[one], weights[two]])
    torch.save(weights | {one: both[0], two: both[1]}, made.sources.avae)
    convert(made.spec, made.sources, tmp_path / "parts")
    saved = load_file(tmp_path / "parts" / "avae" / WEIGHTS)
    assert torch.equal(saved[one], weights[one]) and torch.equal(saved[two], weights[two])
    torch.save(weights | {two: weights[one]}, made.sources.avae)
    with pytest.raises(CheckpointError, match=r"two names, .* for one tensor"):
        convert(made.spec, made.sources, tmp_path / "model")
    assert not (tmp_path / "model").exists()
