"""The training command, on a model too small to learn anything."""

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ctflow.__main__ import main
from ctflow.card import read_card
from ctflow.checkpoint.folder import load_checkpoint, load_transformer
from ctflow.data.phantoms import STUDIES
from ctflow.demo.initial import (
    begin_blocks,
    begin_facts,
    cosines,
    look_along,
    look_around,
)
from ctflow.demo.latents import LatentSet, padded
from ctflow.demo.sizes import DEMO, SMOKE
from ctflow.demo.text import LOOKS, new_bert
from ctflow.demo.train import (
    GO_ON_RECIPE,
    STAGES,
    TRANSFORMER_RECIPE,
    check_room,
    for_batches,
    note_demo,
)
from ctflow.demo.transformer import (
    DIFFER_SHARE,
    apart,
    apart_weight,
    differing,
    draw_batch,
    draw_starts,
)
from ctflow.errors import RequestError, ResourceError
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.stdit_layers import Attention
from ctflow.phantom import KINDS
from ctflow.pipeline import CTFlow
from ctflow.report import Report, encoder_text
from ctflow.training.loop import Recipe, Stage, note_network
from ctflow.training.loop import train as train_stage

HOURS = "0.002"  # seconds per network


def train(work: Path) -> None:
    assert main(["train", "demo", "--smoke", "--hours", HOURS, "--work", str(work)]) == 0


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


def test_how_texts_were_padded_in_training_is_not_written_down(work: Path) -> None:
    assert json.loads((work / "model/text/tokenizer.json").read_text())["padding"] is None


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
    assert model.read(report).known == KINDS
    reader = load_checkpoint(work / "model").reader
    assert reader is not None
    for name, trained in torch.load(work / "mentions.pt", weights_only=True).items():
        assert torch.equal(reader.mentions.state_dict()[name], trained.bfloat16().float()), name


def test_each_stage_draws_its_losses(work: Path) -> None:
    for stage in STAGES:
        assert (work / stage / "losses.png").read_bytes().startswith(b"\x89PNG"), stage


def test_training_goes_on_where_it_stopped_with_all_else_as_it_was(work: Path) -> None:
    before = json.loads((work / "transformer" / "trained.json").read_text())["steps"]
    frozen = {path: path.read_bytes() for path in (work / f"{stage}.pt" for stage in STAGES[:-1])}
    train(work)
    assert json.loads((work / "transformer" / "trained.json").read_text())["steps"] > before
    assert all(path.read_bytes() == content for path, content in frozen.items())


def test_a_checkpoint_is_gone_on_with_in_a_new_folder(work: Path, tmp_path: Path) -> None:
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
    assert F.cosine_similarity(trained, begun, dim=0) > 0.5, "it was trained on, not anew"
    assert not torch.equal(trained, begun)


def test_only_a_checkpoint_of_the_same_kind_is_gone_on_with(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "demo", "--from", str(work / "model"), "--work", str(tmp_path)]) == 2
    assert "is not of the kind that is trained here" in capsys.readouterr().err
    assert main(["train", "demo", "--smoke", "--from", str(work / "model"), "--work", str(work)]) == 2
    assert "beginning is None, not" in capsys.readouterr().err


def test_a_training_of_another_network_is_not_gone_on_with(tmp_path: Path) -> None:
    """Only the merge of heads differs, so that every weight would fit."""
    stage = Stage(TRANSFORMER_RECIPE, tmp_path / "transformer", 1.0, 0, "cpu")
    usual = STDiTConfig((4, 8, 8), (2, 4, 4), 4, 2, 16, 2, 2, 2.0, 8, "usual")
    released = replace(usual, head_merge="released")
    note_network(stage, released)
    note_network(stage, usual)  # nothing was trained yet
    (stage.folder / "state").mkdir()
    note_network(stage, usual)
    with pytest.raises(RequestError, match="head_merge is usual, not released"):
        note_network(stage, released)
    (stage.folder / "network.json").unlink()
    with pytest.raises(RequestError, match="does not describe"):
        note_network(stage, usual)


def test_a_folder_is_gone_on_with_by_the_same_seed_and_sizes_alone(tmp_path: Path) -> None:
    note_demo(tmp_path, SMOKE, 0)
    note_demo(tmp_path, SMOKE, 0)
    with pytest.raises(RequestError, match=r"seed is 0, not 1.*another --work"):
        note_demo(tmp_path, SMOKE, 1)
    with pytest.raises(RequestError, match="phantoms is 2, not 1200"):
        note_demo(tmp_path, DEMO, 0)


def test_a_folder_without_a_plan_is_believed_where_its_phantoms_are_those_asked_for(tmp_path: Path) -> None:
    (tmp_path / "avae").mkdir()
    with pytest.raises(RequestError, match=r"plan\.json does not describe"):
        note_demo(tmp_path, SMOKE, 3)
    (tmp_path / "phantoms.json").write_text(
        json.dumps({"count": SMOKE.phantoms, "seed": 3, "studies": STUDIES, "phantoms": []})
    )
    with pytest.raises(RequestError, match=r"plan\.json does not describe"):
        note_demo(tmp_path, SMOKE, 4)
    note_demo(tmp_path, SMOKE, 3)
    assert json.loads((tmp_path / "plan.json").read_text())["seed"] == 3


def line_losses(model: torch.nn.Module, device: torch.device, rng: object) -> dict[str, torch.Tensor]:
    return {"loss": model(torch.ones(1, 1, device=device)).square().mean()}


def steps_after(stage: Stage) -> int:
    train_stage(stage, torch.nn.Linear(1, 1), line_losses)
    return json.loads((stage.folder / "trained.json").read_text())["steps"]


def test_a_kill_while_state_is_saved_costs_no_more_than_what_was_not_yet_saved(tmp_path: Path) -> None:
    stage = Stage(Recipe("line", 1e-3, None, 0.9, 1.0), tmp_path / "line", 0.05, 0, "cpu")
    first = steps_after(stage)
    state, new, old = (stage.folder / name for name in ("state", "state.new", "state.old"))
    new.mkdir()
    (new / "model.safetensors").write_bytes(b"cut")
    second = steps_after(stage)
    assert second > first, "half a state is not read"
    state.rename(new)  # killed between the two renames
    old.mkdir()
    assert steps_after(stage) > second
    assert not new.exists() and not old.exists()


def test_what_is_gone_on_with_goes_by_the_rates_of_this_call(tmp_path: Path) -> None:
    """The saved state brought those of the last one."""
    stage = Stage(Recipe("line", 1e-3, None, 0.9, 1.0), tmp_path / "line", 0.05, 0, "cpu")
    steps_after(stage)
    weights = []

    def losses(model: torch.nn.Linear, device: torch.device, rng: object) -> dict[str, torch.Tensor]:
        weights.append(model.weight.item())
        return line_losses(model, device, rng)

    train_stage(replace(stage, recipe=replace(stage.recipe, learning_rate=0.0)), torch.nn.Linear(1, 1), losses)
    assert len(weights) > 1 and len(set(weights)) == 1


def test_rates_grow_with_the_root_of_the_batch() -> None:
    """A GPU's batches of 64 would go on at the slow pace that batches of 8 need."""
    assert for_batches(GO_ON_RECIPE, 1) == GO_ON_RECIPE
    grown = for_batches(GO_ON_RECIPE, 4)
    assert (grown.learning_rate, grown.matrix_rate) == (2e-4, 6e-4)
    assert for_batches(replace(GO_ON_RECIPE, matrix_rate=None), 4).matrix_rate is None


def test_facts_of_the_report_begin_as_what_it_tells_and_change_nothing_yet() -> None:
    torch.manual_seed(0)
    model = STDiT(STDiTConfig((4, 8, 8), (2, 4, 4), 4, 2, 16, 2, 2, 2.0, 8, text_facts=3)).requires_grad_(False)
    texts = F.normalize(torch.randn(300, 1, 8), dim=-1)
    told = (texts[:, 0] @ torch.randn(8, 3)).clamp(min=0)
    begin_facts(model, texts.expand(-1, 4, -1), told)
    facts = model.text_facts(texts[:, 0])
    for fact, truth in zip(facts.T, told.T, strict=True):
        assert torch.corrcoef(torch.stack([fact, truth]))[0, 1] > 0.8
    assert model.text_facts(torch.zeros(8)).abs().max() < 0.2 * facts.std()
    x, t = torch.randn(1, 2, 4, 8, 8), torch.tensor([0.5])
    plain = STDiT(replace(model.config, text_facts=0)).requires_grad_(False)
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name in plain.state_dict()})
    assert torch.equal(model(x, x, texts[:1], t), plain(x, x, texts[:1], t))


def test_what_differs_between_a_persons_studies_counts_apart_from_what_does_not() -> None:
    person, finding = torch.randn(3, 1, 4, generator=torch.Generator().manual_seed(0)), torch.ones(3, 1, 4)
    alike, unlike = torch.cat([person, person], 1).flatten(0, 1), torch.cat([finding, -finding], 1).flatten(0, 1)
    parts = apart(alike + unlike, torch.tensor([1.0, 2.0, 6.0]))
    assert parts["common"].item() == pytest.approx(person.square().mean().item())
    assert parts["told"].item() == pytest.approx(3.0)


def test_an_error_counts_more_where_the_reports_say_that_studies_differ_little() -> None:
    told, differ = np.zeros((40, 2)), np.full((20, 5), 1e-9)
    told[0:20:2, 0], told[20::2, 1] = 1.0, 1.0  # a large finding in ten persons, a small one in ten
    differ[:10, 2], differ[10:, 2] = 1.0, 0.01
    differ[0], differ[10] = 0.0001, 1.0  # one of each is not as told
    large, small = apart_weight(told, differ)[[0, 10]]
    assert small > 2 * large, "not by how they are, but by how most are"


def latent_set(studies: list[torch.Tensor], chunk: int) -> LatentSet:
    black, white = torch.full((1, 2, 2), -1.0), torch.full((1, 2, 2), 1.0)
    together, slices = padded(studies, black, white, chunk)
    count = len(studies)
    texts, odds = torch.ones(count, 1, 3), np.full(count // 2, 2 / count)
    return LatentSet(together, slices, chunk, black, texts, told=np.zeros((count, 1)), odds=odds)


def test_before_a_volume_is_black_and_after_it_white() -> None:
    short, long = torch.zeros(1, 5, 2, 2), torch.arange(9.0).expand(1, 2, 2, 9).permute(0, 3, 1, 2)
    data = latent_set([short, long], 4)
    first, last, beyond = data.windows(np.array([1, 1, 0]), np.array([-4, 5, 8]), 8)[:, 0, :, 0, 0].tolist()
    assert first == [-1, -1, -1, -1, 0, 1, 2, 3]
    assert last == [5, 6, 7, 8, 1, 1, 1, 1]
    assert beyond == [1] * 8


def test_a_batch_shows_both_studies_of_a_person_under_the_same_noise() -> None:
    generator = torch.Generator().manual_seed(0)
    data = latent_set([torch.randn(1, 10, 2, 2, generator=generator) for _ in range(4)], 4)
    batch = draw_batch(data, differing(data), 6, np.random.default_rng(0))
    again = draw_batch(data, differing(data), 6, np.random.default_rng(0))
    assert all(torch.equal(one, other) for one, other in zip(batch, again, strict=True))
    assert batch.chunk.shape == batch.previous.shape == (12, 1, 4, 2, 2)
    t = batch.t.view(-1, 1, 1, 1, 1)
    noise = (batch.point - (1 - t) * batch.chunk) / t
    for one, other in ((t, t), (noise, noise), (batch.text, batch.text)):
        assert torch.allclose(one[::2], other[1::2], atol=1e-4)
    assert not torch.equal(batch.chunk[::2], batch.chunk[1::2])


def test_chunks_are_drawn_more_often_where_the_studies_differ() -> None:
    same, other = torch.zeros(2, 1, 30, 2, 2)
    other[:, 25] = 1
    differ = differing(latent_set([same, other], 8))
    assert differ.shape == (1, 30) and differ[0].argmax() == 25
    starts = draw_starts(differ.repeat(2000, axis=0), 8, np.random.default_rng(0))
    later = starts[starts > 0]
    assert np.mean((later <= 25) & (later > 25 - 8)) > DIFFER_SHARE + 0.1
    assert set(range(0, 40, 8)) <= set(starts.tolist()), "and all others at times, the white one after the end too"


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


def test_heads_of_the_text_encoder_begin_by_looking_at_neighbours() -> None:
    torch.manual_seed(0)
    bert = new_bert(vocabulary=200, hidden=128, layers=3, max_tokens=64)
    bert.set_attn_implementation("eager")
    seen = bert(torch.randint(200, (1, 64)), output_attentions=True).attentions[0][0].detach()
    distance = torch.arange(64) - torch.arange(64)[:, None]
    for head, (offset, width) in enumerate(LOOKS[0]):
        near = ((distance - offset).abs() <= 2 * width + 1)[8:56]
        assert (seen[head][8:56] * near).sum(1).mean() > 0.6
        assert near.float().mean() < 0.4, "and that is not everywhere"


def test_blocks_of_detail_begin_by_changing_nothing_and_are_told_report_and_time() -> None:
    torch.manual_seed(0)
    config = STDiTConfig((4, 8, 8), (2, 4, 4), 4, 2, 16, 2, 2, 2.0, 8, text_facts=3, detail=2, detail_blocks=2)
    model, plain = (STDiT(one).requires_grad_(False) for one in (config, replace(config, detail_blocks=0)))
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if name in plain.state_dict()})
    begin_blocks(model)
    x, texts, t = torch.randn(1, 2, 4, 8, 8), torch.randn(2, 1, 1, 8), torch.tensor([0.5])
    assert torch.equal(model(x, x, texts[0], t), plain(x, x, texts[0], t))
    for block in model.blocks:  # so that report and time reach the answer through `detail` alone
        for layer in (block.cross_attn.proj, block.text_modulation):
            layer.weight.zero_()
    torch.nn.init.normal_(model.detail.up.weight)
    one, other = (model(x, x, text, t) for text in texts)
    assert not torch.allclose(one, other)
    condition, late, early = model.condition(x, texts[0]), model.modulation_at(0.5), model.modulation_at(0.1)
    assert not torch.allclose(model.step(x, condition, replace(late, detail=early.detail)), one)


def test_a_transformer_begins_with_a_place_of_its_own_for_each_token(work: Path) -> None:
    """Told its place in the plane alone, it drew each slab without a look at the next, and lungs in stripes."""
    model = load_transformer(work / "model" / "transformer")
    assert model.config.positions == "chunk"
    assert len(model.pos_embed[0].unique(dim=0)) == math.prod(model.config.tokens)


def test_hours_that_are_none_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "demo", "--hours", "0"]) == 2
    assert "--hours" in capsys.readouterr().err


def test_a_transformer_of_another_size_begins_anew_with_all_else_as_it_was(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctflow.demo.sizes.SMOKE", replace(SMOKE, depth=SMOKE.depth + 1))
    words = ["train", "demo", "--smoke", "--hours", HOURS, "--seed", "1", "--work", str(tmp_path)]
    assert main([*words, "--phantoms", "4", "--from", str(work / "model")]) == 0
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens where there is no GPU")
def test_a_gpu_where_there_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "demo", "--smoke", "--device", "cuda", "--work", str(tmp_path)]) == 2
    assert "torch finds no CUDA GPU" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_no_checkpoint_is_not_replaced_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").touch()
    assert main(["train", "demo", "--smoke", "--out", str(tmp_path), "--work", str(tmp_path / "work")]) == 2
    assert "no checkpoint: choose another --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_disk_without_room_is_refused_before_hours_of_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=15 * 10**9))
    check_room(tmp_path, SMOKE, 0)
    with pytest.raises(ResourceError, match=r"needs 16\.0 GB more.*15\.0 GB free"):
        check_room(tmp_path, DEMO, 0)


def test_after_a_kill_a_stage_has_what_was_left_of_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    stage = Stage(Recipe("line", 1e-3, None, 0.9, 1.0), tmp_path / "line", 1.0, 0, "cpu")

    def losses(model: torch.nn.Module, device: torch.device, rng: object) -> dict[str, torch.Tensor]:
        nonlocal now
        if now == 0.5 and kill:
            raise KeyboardInterrupt
        now += 0.25
        return line_losses(model, device, rng)

    monkeypatch.setattr("ctflow.training.loop.time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr("ctflow.training.loop.SAVE_EVERY_S", 0)
    kill = True
    with pytest.raises(KeyboardInterrupt):
        train_stage(stage, torch.nn.Linear(1, 1), losses)
    kill, now = False, 100.0
    for steps, seconds in ((4, 1), (8, 2)):
        train_stage(stage, torch.nn.Linear(1, 1), losses)
        assert json.loads((stage.folder / "trained.json").read_text()) == {"steps": steps, "seconds": seconds}
