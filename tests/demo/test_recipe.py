"""`python -m ctflow train demo`, on a model too small to learn anything."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from ctflow.__main__ import main
from ctflow.card import read_card
from ctflow.checkpoint.folder import load_checkpoint, load_transformer
from ctflow.demo.recipe import (
    FROM_CHECKPOINT,
    FROM_CHECKPOINT_KEEPING_TEXT,
    FROM_NOTHING,
    begin,
    first_phantoms,
    names,
    train_demo,
)
from ctflow.demo.sizes import SMOKE
from ctflow.demo.text_recipe import TextSizes, train_text_encoder
from ctflow.errors import RequestError
from ctflow.phantom import KINDS
from ctflow.pipeline import CTFlow
from ctflow.report import Report, encoder_text
from tests.demo.pretrained import published_folder

HOURS = "0.002"  # seconds for each network
STAGES = names(FROM_NOTHING)


def train(work: Path) -> None:
    assert main(["train", "demo", "--smoke", "--hours", HOURS, "--work", str(work)]) == 0


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    train(work)
    return work


@pytest.mark.parametrize("table", [FROM_NOTHING, FROM_CHECKPOINT, FROM_CHECKPOINT_KEEPING_TEXT])
def test_the_shares_of_the_stages_are_the_whole_time(table: tuple) -> None:
    assert math.fsum(row.share for row in table) == pytest.approx(1)


@pytest.mark.slow
def test_training_writes_a_folder_that_generates(work: Path) -> None:
    model = CTFlow.load(work / "model", "cpu")
    volume = model.generate(model.card.request(Report("No pleural effusion."), seed=0, steps=2, chunks=1))
    assert volume.hu.shape == (16, 256, 256)
    assert volume.spacing_mm == (3.0, 1.5, 1.5)


@pytest.mark.slow
def test_how_texts_were_padded_in_training_is_not_written_down(work: Path) -> None:
    assert json.loads((work / "model/text/tokenizer.json").read_text())["padding"] is None


@pytest.mark.slow
def test_the_card_says_what_it_was_trained_on_and_for_how_long(work: Path) -> None:
    card = read_card(work / "model" / "card.json")
    assert "procedural phantoms" in card.provenance
    assert all(f"{stage} " in card.provenance for stage in STAGES)
    assert "was not measured" in card.notice


@pytest.mark.slow
def test_the_model_scores_its_volumes_and_says_what_it_reads(work: Path) -> None:
    model = CTFlow.load(work / "model", "cpu")
    report = Report("No pleural effusion.")
    volume = model.generate(model.card.request(report, seed=0, steps=2, chunks=1))
    score, labels = model.score(volume, report), model.labels(volume)
    assert score is not None and 0 <= score <= 100
    assert labels is not None and tuple(labels) == KINDS
    assert model.read(report).known == KINDS
    reader = load_checkpoint(work / "model").reader
    assert reader is not None
    for name, trained in torch.load(work / "mentions.pt", weights_only=True).items():
        assert torch.equal(reader.mentions.state_dict()[name], trained.bfloat16().float()), name


@pytest.mark.slow
def test_each_stage_draws_its_losses(work: Path) -> None:
    for stage in STAGES:
        assert (work / stage / "losses.png").read_bytes().startswith(b"\x89PNG"), stage


@pytest.mark.slow
def test_a_transformer_begins_with_a_place_of_its_own_for_each_token(work: Path) -> None:
    """With its place in the plane alone, it drew each slab without a look at the next, and lungs in stripes."""
    model = load_transformer(work / "model" / "transformer")
    assert model.config.positions == "chunk"
    assert len(model.pos_embed[0].unique(dim=0)) == math.prod(model.config.tokens)


@pytest.mark.slow
def test_training_goes_on_where_it_stopped_with_all_else_as_it_was(work: Path) -> None:
    before = json.loads((work / "transformer" / "trained.json").read_text())["steps"]
    frozen = {path: path.read_bytes() for path in (work / f"{stage}.pt" for stage in STAGES[:-1])}
    train(work)
    assert json.loads((work / "transformer" / "trained.json").read_text())["steps"] > before
    assert all(path.read_bytes() == content for path, content in frozen.items())


@pytest.mark.slow
def test_a_checkpoint_is_trained_further_in_a_new_folder(work: Path, tmp_path: Path) -> None:
    old, new = work / "model", tmp_path / "work"
    words = ["train", "demo", "--smoke", "--hours", HOURS, "--seed", "1", "--work", str(new)]
    assert main([*words, "--from", str(old)]) == 0
    assert main(words) == 0, "the folder knows what it began with"
    before, after = (load_checkpoint(folder) for folder in (old, new / "model"))
    assert before.reader and after.reader
    assert torch.equal(before.reader.grades.weight, after.reader.grades.weight), "what is read off embeddings stays"
    plain = encoder_text(Report("Large right pleural effusion."), before.card.text.parts)
    embeddings = [checkpoint.text.encode(plain).flatten() for checkpoint in (before, after)]
    assert not torch.equal(*embeddings)
    assert F.cosine_similarity(*embeddings, dim=0) > 0.9
    was, now = (checkpoint.avae.network.state_dict() for checkpoint in (before, after))
    changed = {name.partition(".")[0] for name in was if not torch.equal(was[name], now[name])}
    assert changed == {"decoder"}, "the latents are what they were"
    assert after.card.latent == before.card.latent
    assert before.card.provenance in after.card.provenance
    trained, begun = (one.transformer.final_layer.linear.weight.flatten() for one in (after, before))
    assert F.cosine_similarity(trained, begun, dim=0) > 0.5, "it was trained further, not anew"
    assert not torch.equal(trained, begun)


@pytest.mark.slow
def test_an_encoder_that_reads_sentence_by_sentence_stays(work: Path, tmp_path: Path) -> None:
    base, new = tmp_path / "base", tmp_path / "work"
    published, sha256 = published_folder(tmp_path / "published")
    train_text_encoder(
        base,
        tmp_path / "text",
        hours=0.0005,
        sizes=TextSizes(layers=1, vocabulary=600, corpus=20, checked=20),
        seed=0,
        device="cpu",
        from_checkpoint=work / "model",
        pretrained=str(published),
        sha256=sha256,
    )
    words = ["train", "demo", "--smoke", "--hours", HOURS, "--seed", "1", "--work", str(new), "--from", str(base)]
    assert main(words) == 0
    before, after = load_checkpoint(base), load_checkpoint(new / "model")
    kept = before.text.state_dict()
    assert all(torch.equal(one, kept[name]) for name, one in after.text.state_dict().items())
    assert after.card.text == before.card.text and after.reads and after.reader is None
    training = begin(tmp_path / "again", 1.0, SMOKE, 1, "cpu", base, growing=False)
    assert training.table == FROM_CHECKPOINT_KEEPING_TEXT, "no hours are set aside for what is not trained"


@pytest.mark.slow
def test_only_a_checkpoint_of_the_same_kind_is_trained_further(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "demo", "--from", str(work / "model"), "--work", str(tmp_path)]) == 2
    assert "is not of the kind that is trained here" in capsys.readouterr().err
    assert main(["train", "demo", "--smoke", "--from", str(work / "model"), "--work", str(work)]) == 2
    assert "base is None, not" in capsys.readouterr().err


@pytest.mark.slow
def test_a_transformer_of_another_size_begins_anew_with_all_else_as_it_was(work: Path, tmp_path: Path) -> None:
    deeper = replace(SMOKE, depth=SMOKE.depth + 1, phantoms=4)
    train_demo(
        tmp_path / "model",
        tmp_path,
        hours=float(HOURS),
        sizes=deeper,
        seed=1,
        device="cpu",
        from_checkpoint=work / "model",
    )
    before, after = (load_checkpoint(folder) for folder in (work / "model", tmp_path / "model"))
    assert after.transformer.config.depth == before.transformer.config.depth + 1
    assert after.card.latent == before.card.latent
    assert "new transformer" in after.card.provenance
    assert json.loads((tmp_path / "phantoms.json").read_text())["count"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--phantoms", "3"], "--phantoms is an even number, two studies of each person; got 3"),
        (["--hours", "0"], "--hours is a number more than 0; got 0"),
        (["--hours", "inf"], "--hours is a number more than 0; got inf"),
        (["--minutes", "0"], "--minutes is a number more than 0; got 0"),
        (["--minutes", "inf"], "--minutes is a number more than 0; got inf"),
        (["--measure", "-1"], "--measure is 0 or more; got -1"),
        (["--student", "--growing"], "leave out --growing and --measure"),
        (["--hours", "nan"], "--hours is a number more than 0; got nan"),
        (["--seed", "-1"], "--seed is 0 or more; got -1"),
        (["--seed", str(2**32)], "--seed is 4294967295 or less; got 4294967296"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "demo", "--smoke", *words, "--work", str(tmp_path / "new")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_training_begins_with_whole_persons() -> None:
    assert [first_phantoms(count) for count in (2, 8, 40, 2400)] == [2, 2, 4, 300]


@pytest.mark.slow
def test_a_training_that_does_not_wait_for_its_phantoms_keeps_what_they_do_not_teach(
    work: Path, tmp_path: Path
) -> None:
    """The way of a GPU, in small."""
    words = ["train", "demo", "--smoke", "--minutes", "0.1", "--phantoms", "6", "--growing", "--measure", "0"]
    assert main([*words, "--seed", "1", "--work", str(tmp_path), "--from", str(work / "model")]) == 0
    before, after = (load_checkpoint(folder) for folder in (work / "model", tmp_path / "model"))
    assert before.reader and after.reader and before.ctclip and after.ctclip
    for kept, found in ((before.text, after.text), (before.reader, after.reader), (before.ctclip, after.ctclip)):
        for name, weight in kept.state_dict().items():
            assert torch.equal(weight, found.state_dict()[name]), name
    was, now = (one.transformer.final_layer.linear.weight for one in (before, after))
    assert not torch.equal(was, now)
    growth = torch.load(tmp_path / "transformer" / "state.pt", weights_only=True)["examples"]["growth"]
    assert growth[0][0] == 0 and all(1 <= persons <= 3 for _, persons in growth)
    assert f"on {2 * growth[-1][1]} procedural phantoms" in after.card.provenance
    used, trained = (json.loads((tmp_path / name).read_text()) for name in ("chip.json", "transformer/trained.json"))
    assert used["steps_per_s"] == trained["steps_per_s"] and used["chunks_per_step"] == SMOKE.batch
    assert main([*words[:-3], "--no-growing", "--seed", "1", "--work", str(tmp_path)]) == 2, "another training"


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens where there is no GPU")
def test_a_gpu_where_there_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "demo", "--smoke", "--device", "cuda", "--work", str(tmp_path)]) == 2
    assert "torch finds no CUDA GPU" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_several_processes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RequestError, match="is trained by one process"):
        train_demo(tmp_path / "model", tmp_path, hours=1, sizes=SMOKE, seed=0, device="cpu")
    assert not list(tmp_path.iterdir())


def test_what_is_no_checkpoint_is_not_replaced_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").touch()
    assert main(["train", "demo", "--smoke", "--out", str(tmp_path), "--work", str(tmp_path / "work")]) == 2
    assert "is no checkpoint: choose another --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
