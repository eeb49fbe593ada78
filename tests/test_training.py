"""The training command, on a model too small to learn anything."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from ctflow.__main__ import main
from ctflow.card import read_card
from ctflow.checkpoints import load_transformer
from ctflow.errors import RequestError
from ctflow.models.stdit import Attention, STDiTConfig
from ctflow.phantom import KINDS
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.training.demo import STAGES, TRANSFORMER_RECIPE
from ctflow.training.loop import Stage, note_network
from ctflow.training.transformer import cosines, look_along, look_around

HOURS = "0.002"  # seconds per network


def train(work: Path) -> None:
    main(["train", "demo", "--smoke", "--hours", HOURS, "--work", str(work), "--out", str(work / "model")])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    train(work)
    return work


def test_training_writes_a_folder_that_generates(work: Path) -> None:
    model = CTFlow.load(work / "model", "cpu")
    volume = model.generate(model.card.request(Report("No pleural effusion."), seed=0, steps=2, chunks=1))
    assert volume.hu.shape == (16, 256, 256)
    assert volume.spacing_mm == (3.0, 1.5, 1.5)


def test_the_card_says_what_it_was_trained_on_and_for_how_long(work: Path) -> None:
    card = read_card(work / "model" / "card.json")
    assert "procedural phantoms" in card.provenance
    assert all(f"{stage} " in card.provenance for stage in STAGES)
    assert "Demo model" in card.notice


def test_the_model_scores_its_volumes_and_says_what_it_reads(work: Path) -> None:
    model = CTFlow.load(work / "model", "cpu")
    report = Report("No pleural effusion.")
    volume = model.generate(model.card.request(report, seed=0, steps=2, chunks=1))
    score, labels = model.score(volume, report), model.labels(volume)
    assert score is not None and 0 <= score <= 100
    assert labels is not None and tuple(labels) == KINDS
    read = model.read(report)
    assert read.known == KINDS
    assert bool(read.found) != bool(read.unread)


def test_each_stage_draws_its_losses(work: Path) -> None:
    for stage in STAGES:
        assert (work / stage / "losses.png").read_bytes().startswith(b"\x89PNG"), stage


def test_training_goes_on_where_it_stopped_with_all_else_as_it_was(work: Path) -> None:
    before = json.loads((work / "transformer" / "trained.json").read_text())["steps"]
    frozen = {path: path.read_bytes() for path in (work / f"{stage}.pt" for stage in STAGES[:-1])}
    train(work)
    assert json.loads((work / "transformer" / "trained.json").read_text())["steps"] > before
    assert all(path.read_bytes() == content for path, content in frozen.items())


def test_a_training_of_another_network_is_not_gone_on_with(tmp_path: Path) -> None:
    """Only the merge of heads differs, so that every weight would fit."""
    stage = Stage(TRANSFORMER_RECIPE, tmp_path / "transformer", 1.0, 0, "cpu")
    usual = STDiTConfig((4, 8, 8), (2, 4, 4), 4, 2, 16, 2, 2, 2.0, 8, "usual")
    released = replace(usual, head_merge="released")
    note_network(stage, released)
    note_network(stage, usual)  # nothing was trained yet
    (stage.folder / "state").mkdir()
    note_network(stage, usual)
    with pytest.raises(RequestError, match="of another network"):
        note_network(stage, released)
    (stage.folder / "network.json").unlink()
    with pytest.raises(RequestError, match="does not describe"):
        note_network(stage, usual)


def test_heads_begin_by_looking_around_up_down_left_and_right() -> None:
    rows, columns, distance = 3, 4, 1
    tokens, size = rows * columns, rows * columns
    attention = Attention(5 * size, 5, "usual")
    positions = torch.zeros(tokens, 5 * size)
    positions[:, :tokens] = cosines(rows, columns)
    with torch.no_grad():
        attention.qkv.bias.zero_()
        look_around(attention, positions, (rows, columns), distance)
        place = F.layer_norm(positions, positions.shape[-1:])
        query, key, _ = attention.qkv(place).unflatten(-1, (3, 5, -1)).movedim(0, 2).unbind(0)
        look = (query @ key.transpose(1, 2) / size**0.5).softmax(-1).unflatten(1, (rows, columns))
    middle = look[:, 1, 1].unflatten(1, (rows, columns))
    assert [divmod(int(one.argmax()), columns) for one in middle] == [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    assert middle[1:].amax((1, 2)).min() > 0.5
    assert middle[0].max() < 0.3, "wide"
    corner = look[1, 0, 0].unflatten(0, (rows, columns))
    assert divmod(int(corner.argmax()), columns) == (0, 0), "nothing is above the first row"


def test_heads_begin_by_looking_along_the_slices() -> None:
    slabs, size = 4, 6
    attention = Attention(4 * size, 4, "usual")
    places = torch.zeros(slabs, 4 * size)
    places[:, 2 : 2 + slabs - 1] = 3 * cosines(slabs, 1)[:, 1:]
    with torch.no_grad():
        attention.qkv.bias.zero_()
        look_along(attention, places)
        query, key, _ = attention.qkv(places).unflatten(-1, (3, 4, -1)).movedim(0, 2).unbind(0)
        look = (query @ key.transpose(1, 2) / size**0.5).softmax(-1)
    assert look[1:].argmax(-1).tolist() == [[0, 1, 2, 3], [3, 0, 1, 2], [1, 2, 3, 3]]
    assert look[1:].amax(-1).min() > 0.7


def test_a_transformer_begins_with_a_place_of_its_own_for_each_token(work: Path) -> None:
    """Told its place in the plane alone, it drew each slab without a look at the next, and lungs in stripes."""
    model = load_transformer(work / "model" / "transformer")
    assert model.config.positions == "chunk"
    assert len(model.pos_embed[0].unique(dim=0)) == math.prod(model.config.tokens)


def test_hours_that_are_none_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "demo", "--hours", "0"]) == 2
    assert "--hours" in capsys.readouterr().err
