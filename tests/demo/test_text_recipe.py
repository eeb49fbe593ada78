"""`python -m ctflow train text`, on a public model too small to learn anything."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.demo.fact_training import new_facts, said_facts, train_telling
from ctflow.demo.pretrained import NAME
from ctflow.demo.recipe import adamw
from ctflow.demo.taught import FACT_SLOTS
from ctflow.demo.text_recipe import PARTS, TextSizes, train_text_encoder
from ctflow.errors import RequestError
from ctflow.models.fact_encoder import FactEncoder
from ctflow.models.facts import NO_FACT, UNSIZED
from ctflow.models.reader import ReaderConfig
from ctflow.phantom import SIZES, SLOTS, draw_truth, grades, write_plainly
from ctflow.pipeline import CTFlow
from ctflow.report import Report, encoder_text
from ctflow.training.randomness import random_stream
from ctflow.training.stage import Budget, Stage
from tests.demo.pretrained import published_folder
from tests.tiny import CARD, tiny_checkpoint

READER = ReaderConfig(8, 1, 4, tuple((kind, *site) for kind, site in SLOTS), SIZES)
SMOKE = TextSizes(layers=1, vocabulary=600, corpus=20, checked=30)


def train(work: Path, base: Path | None, published: tuple[Path, str] | None, seed: int = 0) -> Path:
    """`published`: what it begins as, and its hash; None leaves the model its encoder."""
    train_text_encoder(
        work / "model",
        work,
        hours=0.0005,
        sizes=SMOKE,
        seed=seed,
        device="cpu",
        from_checkpoint=base,
        **({"pretrained": str(published[0]), "sha256": published[1]} if published else {}),
    )
    return work / "model"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("base") / "tiny", heads=True, reader=READER)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return published_folder(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, base: Path, published: tuple[Path, str]) -> Path:
    work = tmp_path_factory.mktemp("work")
    train(work, base, published)
    return work


@pytest.mark.slow
def test_all_but_the_text_encoder_stays(work: Path, base: Path) -> None:
    before, after = load_checkpoint(base), load_checkpoint(work / "model")
    assert isinstance(after.text, FactEncoder) and after.reader is None
    assert (after.text.bert.config.num_hidden_layers, after.text.bert.config.vocab_size) == (1, SMOKE.vocabulary)
    for kept, found in ((before.transformer, after.transformer), (before.ctclip, after.ctclip)):
        assert kept is not None and found is not None
        assert all(torch.equal(one, found.state_dict()[name]) for name, one in kept.state_dict().items())
    assert before.reader and torch.equal(before.reader.grades.weight, after.text.facts.grades.weight)


@pytest.mark.slow
def test_the_files_of_all_but_the_text_encoder_are_copied(work: Path, base: Path) -> None:
    """What is measured through an A-VAE goes by its files, of which a new config alone made others."""
    model = work / "model"
    parts = {path.name for path in model.iterdir()}
    assert parts == {path.name for path in base.iterdir()} - {"reader"} | {"text"}
    for path in (path for path in base.rglob("*") if path.is_file()):
        copied = path.relative_to(base)
        if copied.parts[0] not in ("card.json", "text", "reader"):
            assert (model / copied).read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_the_card_says_what_the_encoder_began_as(work: Path, published: tuple[Path, str]) -> None:
    card = load_checkpoint(work / "model").card
    assert all(words in card.text.encoder for words in (NAME, "Apache-2.0", published[1]))
    assert card.text.parts == PARTS and card.text.max_tokens == 64, "as many as the public model has places"
    assert card.provenance.startswith(CARD.provenance) and "train text" in card.provenance
    assert replace(card, text=CARD.text, provenance=CARD.provenance) == CARD


@pytest.mark.slow
def test_the_model_generates_and_reads(work: Path) -> None:
    model = CTFlow.load(work / "model", "cpu")
    report = Report("Large right pleural effusion.")
    assert len(model.generate(model.card.request(report, seed=0, chunks=1)).hu)
    assert model.read(report).known


@pytest.mark.slow
def test_called_again_it_trains_nothing(work: Path, published: tuple[Path, str]) -> None:
    before = (work / "model/text/facts.safetensors").read_bytes()
    train(work, None, published)
    assert (work / "model/text/facts.safetensors").read_bytes() == before


@pytest.mark.slow
def test_an_encoder_that_reads_by_itself_is_trained_further(work: Path, tmp_path: Path) -> None:
    before, after = (
        load_checkpoint(work / "model").text,
        load_checkpoint(train(tmp_path, work / "model", None)).text,
    )
    assert isinstance(before, FactEncoder) and isinstance(after, FactEncoder)
    told = zip(before.facts.tell.parameters(), after.facts.tell.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in told), "so that the transformer stays"
    assert not torch.equal(before.facts.read.first.weight, after.facts.read.first.weight)


@pytest.mark.slow
def test_where_a_public_model_is_given_it_takes_the_place_of_an_encoder_that_reads_by_itself(
    work: Path, published: tuple[Path, str], tmp_path: Path
) -> None:
    train(tmp_path, work / "model", published)
    after = load_checkpoint(tmp_path / "model")
    assert isinstance(after.text, FactEncoder) and (tmp_path / "telling").exists()
    with pytest.raises(RequestError, match="begun as"):
        train(tmp_path, None, None)


def test_without_a_model_or_with_one_that_reads_nothing_it_is_refused(
    tmp_path: Path, published: tuple[Path, str]
) -> None:
    with pytest.raises(RequestError, match="name its checkpoint with --from"):
        train(tmp_path / "a", None, published)
    with pytest.raises(RequestError, match="cannot say what it reads"):
        train(tmp_path / "b", tiny_checkpoint(tmp_path / "mute"), published)


@pytest.mark.slow
def test_another_training_in_the_same_folder_is_refused(work: Path, published: tuple[Path, str]) -> None:
    with pytest.raises(RequestError, match="seed is 0, not 1"):
        train(work, None, published, seed=1)


def test_a_report_leaves_out_sizes_and_places_and_invents_nothing() -> None:
    rng = random_stream(0, "truths")
    for truth in (draw_truth(rng) for _ in range(300)):
        facts, graded = said_facts(truth, rng), grades(truth)
        for index, slot in enumerate(FACT_SLOTS):
            at = graded[[i for i, (kind, _) in enumerate(SLOTS) if kind == slot[0]]]
            if index < len(SLOTS):
                assert facts[index] in (NO_FACT, UNSIZED, UNSIZED + graded[index])
                assert graded[index] or facts[index] == NO_FACT
            else:
                assert facts[index] == NO_FACT or at.any()
        said = {FACT_SLOTS[index][0] for index in facts.nonzero()[0]}
        assert said == {one.kind for one in truth.findings}


@pytest.mark.slow
def test_telling_nears_what_the_encoder_before_makes_of_plain_reports(base: Path, tmp_path: Path) -> None:
    """Its random weights tell all truths nearly alike, so that a few steps are enough."""
    before = load_checkpoint(base)
    assert before.reader is not None
    torch.manual_seed(0)
    facts = new_facts(24, before.text.dim, before.reader.grades)
    stage = Stage(
        name="telling",
        optimizer=adamw(5e-3, max_gradient_norm=1.0),
        folder=tmp_path,
        budget=Budget.of_steps(60),
        seed=0,
        device="cpu",
    )
    rng = random_stream(1, "truths")
    truths = [draw_truth(rng) for _ in range(20)]
    said = torch.from_numpy(np.stack([said_facts(truth, rng) for truth in truths]))
    with torch.no_grad():
        wanted = before.text.embed([encoder_text(write_plainly(truth), CARD.text.parts) for truth in truths])
        untrained = (facts.tell(said) - wanted).square().sum(1).mean()
    trained = train_telling(stage, facts, before.text, CARD.text.parts)
    with torch.no_grad():
        assert (trained(said) - wanted).square().sum(1).mean() < untrained / 4
