"""Questions that make several volumes: one turn on the model, rows that come one by one, volumes to look at."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from app.asking import Asking
from app.handlers import Handlers
from app.question import SeedQuestion, SentenceQuestion
from app.runs import Limits, Runs
from ctflow.judge import TowerJudge
from ctflow.report import Report
from tests.app.clock import FakeClock
from tests.app.fake import FakeGenerator, Gate, Heeding, chest, wait_until

EFFUSION, NODULE, CLEAR = "Large right effusion.", "No nodule.", "Clear."
FIELDS: dict[str, Any] = {
    "findings": f"{EFFUSION} {NODULE} {CLEAR}", "seed": 7, "chunks": 2, "steps": 2, "kind": "ablate", "seeds": 2,
    "visitor": "somebody",
}  # fmt: skip
VOLUMES = 3 + 1 + 2
LIMITS = Limits()


def asking(generator: FakeGenerator, root: Path, limits: Limits = LIMITS, driven: bool = False, **more: Any) -> Asking:
    handlers = Handlers(generator, Runs(generator, root, limits, **more), driven)
    return Asking(handlers, lambda: ([TowerJudge(generator, {})], ""))


def heeding(step: Any = lambda chunk, number: None) -> Heeding:
    return Heeding(step, known=("effusion",))


@pytest.fixture
def desk(tmp_path: Path) -> Asking:
    return asking(heeding(), tmp_path)


def news(desk: Asking, question: Any, seen: int | None = None) -> dict[str, Any]:
    return asyncio.run(desk.question({"question": question, "seen": seen}))


def ended(desk: Asking, question: Any) -> dict[str, Any]:
    told = news(desk, question)
    while told["state"] in ("waiting", "running"):
        told = news(desk, question, told["version"])
    return told


def asked(desk: Asking, **changes: Any) -> dict[str, Any]:
    """Asks a question and follows it to its end."""
    return ended(desk, desk.ask({**FIELDS, **changes})["question"])


def test_each_sentence_stands_beside_what_chance_changes(desk: Asking) -> None:
    told = asked(desk)
    assert (told["state"], told["share"], told["status"][:16]) == ("finished", 1.0, "Done: 6 volumes ")
    effusion, nodule, clear = told["rows"]
    assert [row["sentence"] for row in told["rows"]] == [EFFUSION, NODULE, CLEAR]
    assert effusion["stands_out"] and effusion["verdict"] == "Clear effect"
    assert effusion["ml"] > 2 * told["chance"]["ml"] > 0
    assert effusion["where"].endswith("in the place it names (right), 0 HU elsewhere")
    assert not nodule["stands_out"] and nodule["ml"] == clear["ml"] == 0
    assert nodule["verdict"] == "No more than chance"
    assert "mean of 2 other seeds" in told["chance"]["words"]


def test_the_volumes_are_runs_that_the_viewer_shows(desk: Asking) -> None:
    told = asked(desk)
    runs = desk.find(told["question"]).runs  # type: ignore[union-attr]  # it was asked above
    assert [run.title for run in runs] == ["The whole report", *(f"Without sentence {n} of 3" for n in (1, 2, 3))]
    assert [run.id for run in runs] == [told["whole"]["run"], *(row["run"] for row in told["rows"])]
    assert all(run.state == "finished" and "effusion" not in run.title for run in runs)
    np.testing.assert_array_equal(runs[1].volume().hu, chest(32, 7, "I"))
    assert (runs[0].volume().hu != runs[1].volume().hu).any()
    assert runs[1].request and runs[1].request.report == Report(f"{NODULE} {CLEAR}")
    assert runs[0].digest != runs[1].digest


def test_no_volume_is_made_twice(tmp_path: Path) -> None:
    """A model that keeps its last chunks then makes no evaluation twice (tests/analysis/test_ablation.py)."""
    steps: list[tuple[int, int]] = []
    generator = heeding(lambda chunk, step: steps.append((chunk, step)))
    asked(asking(generator, tmp_path))
    assert len(generator.requests) == len(set(map(repr, generator.requests))) == VOLUMES
    assert len(steps) == VOLUMES * 2 * 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"findings": CLEAR}, "at least two sentences"),
        ({"findings": " "}, "The report is empty"),
        ({"seeds": 0}, "at least one"),
        ({"seeds": "many"}, "at least one"),
        ({"seeds": 17}, "At most 16 seeds"),
        ({"findings": " ".join(f"Finding {n}." for n in range(98))}, "at most 100: shorten the report"),
        ({"chunks": 7}, "at most 6 chunks"),
        ({"kind": "why"}, "The kind of question is one of ablate, seeds"),
        ({"kind": "seeds", "seeds": 1}, "at least two"),
        ({"question": "short"}, "22 characters"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(desk: Asking, changes: dict[str, Any], words: str) -> None:
    assert words in desk.ask({**FIELDS, **changes})["problem"]
    if "question" not in changes:
        assert words in desk.cost({**FIELDS, **changes})["problem"]


@pytest.mark.slow
def test_sixty_sentences_are_compared_one_by_one(desk: Asking) -> None:
    said = [f"Finding {number}." for number in range(59)]
    told = asked(desk, findings=" ".join([*said, EFFUSION]), chunks=1, steps=1)
    assert len(told["rows"]) == 60
    assert [row["sentence"] for row in told["rows"] if row["stands_out"]] == [EFFUSION]


def test_the_cost_follows_the_pace_of_the_last_run(tmp_path: Path, gate: Gate, clock: FakeClock) -> None:
    desk = asking(heeding(lambda chunk, step: clock.advance(2)), tmp_path, clock=clock)
    assert desk.cost(FIELDS) == {"volumes": VOLUMES, "words": "3 sentences, seed 7: 6 volumes"}
    asked(desk)
    assert desk.cost(FIELDS)["words"] == "3 sentences, seed 7: 6 volumes, about 50 s"  # 24 steps of 2 s


@pytest.mark.parametrize(
    ("steps", "doing", "rows"),
    [
        (1, "volume 1 of 6 (whole report)", 0),
        (5, "volume 2 of 6 (seed 8)", 0),
        (13, "volume 4 of 6 (sentence 1 of 3)", 0),
        (17, "volume 5 of 6 (sentence 2 of 3)", 1),
    ],
)
def test_stop_keeps_what_is_done(tmp_path: Path, gate: Gate, steps: int, doing: str, rows: int) -> None:
    generator = heeding(gate)
    desk = asking(generator, tmp_path)
    question = desk.ask(FIELDS)["question"]
    gate.open(steps)
    wait_until(lambda: news(desk, question)["status"] == f"Making {doing}.")
    desk.handlers.stop({"run": question})
    assert news(desk, question)["status"] == "Stopping after this step."
    gate.open(1)
    told = ended(desk, question)
    assert (told["state"], len(told["rows"])) == ("stopped", rows)
    assert told["status"] == f"Stopped. {rows} of 3 sentences done, which stay."
    assert gate.count == steps + 1 and generator.closed == 1
    assert bool(told["whole"]) == (steps > 4)
    table = desk.answer({"question": question, "kind": "table"})
    if told["chance"]:
        assert len(Path(table["path"]).read_text(encoding="utf-8").splitlines()) == 1 + rows + 1
    else:
        assert "There is nothing to save" in table["problem"]


def test_a_question_waits_in_line_as_one_and_can_leave_it(tmp_path: Path, gate: Gate) -> None:
    desk = asking(heeding(gate), tmp_path)
    first = desk.ask(FIELDS)["question"]
    gate.wait_inside()
    second = desk.ask({**FIELDS, "kind": "seeds"})["question"]
    told = news(desk, second)
    assert told["status"].startswith("Waiting for the model: 1 run ahead of yours")
    desk.handlers.stop({"run": second})
    assert ended(desk, second)["status"] == "Stopped before it began. 0 of 2 volumes done, which stay."
    desk.handlers.stop({"run": first})
    gate.open(1)
    assert ended(desk, first)["state"] == "stopped"


def test_a_page_that_asks_again_gets_the_same_question(desk: Asking) -> None:
    asked_twice = {**FIELDS, "question": "q" * 22}
    assert [desk.ask(asked_twice)["question"] for _ in range(2)] == 2 * ["q" * 22]
    assert ended(desk, "q" * 22)["state"] == "finished"


def test_a_question_that_is_not_known_is_gone(desk: Asking) -> None:
    told = news(desk, "x" * 22)
    assert (told["state"], told["question"]) == ("gone", None)
    assert "Ask again" in told["status"]


def test_a_volume_that_was_swept_is_told_and_its_map_refused(tmp_path: Path, clock: FakeClock) -> None:
    limits = Limits(keep_s=100, watched_s=1)
    desk = asking(heeding(), tmp_path, limits, clock=clock)
    told = asked(desk)
    question = desk.find(told["question"])
    assert question
    clock.advance(90)
    question.seen_at_s = clock.monotonic()  # the question alone: as if its page had not asked since
    clock.advance(50)
    desk.handlers.runs.sweep()
    now = news(desk, told["question"])
    assert not any(one["is_kept"] for one in (now["whole"], *now["rows"]))
    refused = desk.answer({"question": told["question"], "kind": "map", "number": 1})["problem"]
    assert "no longer on the server" in refused
    assert "path" in desk.answer({"question": told["question"], "kind": "table"}), "the figures need no volume"


def test_whoever_looks_at_a_question_looks_at_its_volumes(tmp_path: Path, clock: FakeClock) -> None:
    desk = asking(heeding(), tmp_path, Limits(keep_s=100, watched_s=50), clock=clock)
    told = asked(desk)
    for _ in range(4):
        clock.advance(40)
        now = news(desk, told["question"])
        desk.handlers.runs.sweep()
    assert all(one["is_kept"] for one in (now["whole"], *now["rows"]))


def test_a_question_beyond_the_disk_limit_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    generator = heeding()
    desk = asking(generator, tmp_path, Limits(disk_bytes=30_000_000))  # room for three of its six volumes
    told = asked(desk)
    assert told["state"] == "failed" and "beyond the server's disk limit" in told["status"]
    assert generator.requests == []


def test_on_zerogpu_a_request_of_the_page_drives_a_question(tmp_path: Path) -> None:
    desk = asking(heeding(), tmp_path, driven=True)
    question = desk.ask(FIELDS)["question"]
    assert news(desk, question)["needs_driver"]
    desk.handlers.drive({"run": question})
    told = news(desk, question)
    assert (told["state"], len(told["rows"]), told["needs_driver"]) == ("finished", 3, False)


def test_the_table_and_the_map_can_be_taken_away(desk: Asking) -> None:
    question = asked(desk)["question"]
    table = Path(desk.answer({"question": question, "kind": "table"})["path"])
    assert table.name.endswith("-seed7-sentences.csv") and "ffusion" not in table.name
    lines = table.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 3 + 1 and lines[1].startswith(EFFUSION)
    saved = desk.answer({"question": question, "kind": "map", "number": 1})
    assert saved["name"].endswith("-seed7-sentence1-map.nii.gz")
    image = sitk.ReadImage(saved["path"])
    found = desk.find(question)
    assert isinstance(found, SentenceQuestion) and found.whole
    expected = found.whole.volume().hu - found.rows[0].run.volume().hu
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), expected)
    assert expected.max() > 800, "with it minus without it: fluid where there was air"
    assert "SYNTHETIC" in image.GetMetaData("descrip") and "HU change by sentence 1" in image.GetMetaData("descrip")
    assert "no row 4" in desk.answer({"question": question, "kind": "map", "number": 4})["problem"]


def test_seeds_bring_their_volumes_and_what_they_have_in_common(desk: Asking) -> None:
    told = asked(desk, kind="seeds", seeds=3)
    assert [one["title"] for one in told["volumes"]] == ["Seed 7", "Seed 8", "Seed 9"]
    assert {name: one["title"] for name, one in told["spread"].items()} == {
        "mean": "Mean of 3 seeds",
        "deviation": "Standard deviation of 3 seeds",
    }
    question = desk.find(told["question"])
    assert isinstance(question, SeedQuestion)
    volumes = np.stack([run.volume().hu for run in question.volumes]).astype(float)
    for name, expected in (("mean", volumes.mean(axis=0)), ("deviation", volumes.std(axis=0, ddof=1))):
        assert np.abs(question.spread[name].volume().hu - expected).max() <= 0.51


def test_seeds_that_were_stopped_have_the_mean_of_those_that_are_done(tmp_path: Path, gate: Gate) -> None:
    desk = asking(heeding(gate), tmp_path)
    question = desk.ask({**FIELDS, "kind": "seeds", "seeds": 4})["question"]
    gate.open(9)
    wait_until(lambda: len(news(desk, question)["volumes"]) == 2)
    desk.handlers.stop({"run": question})
    gate.open(1)
    told = ended(desk, question)
    assert told["status"] == "Stopped. 2 of 4 volumes done, which stay."
    assert told["spread"]["mean"]["title"] == "Mean of 2 seeds"
