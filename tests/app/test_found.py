"""Asked, read, found: what the page is told of the findings of a run."""

from pathlib import Path

import pytest

from app.asking import Asking
from app.handlers import Handlers
from app.runs import Runs
from ctflow.judge import Accuracy, Judge, TowerJudge, Verdict
from ctflow.volume import Volume
from tests.app.asking import ask, ended, run_of
from tests.app.fake import WAIT_S, FakeGenerator, Gate

REPORT = "Large right pleural effusion. No pneumothorax."


class Stub:
    name = "a judge of tests"

    def judge(self, volume: Volume) -> dict[str, Verdict]:
        measured = Accuracy(seen_there=0.84, n_there=19, seen_absent=0.02, n_absent=71)
        return {
            "Emphysema": Verdict(True, None),
            "Pleural effusion": Verdict(True, measured),
            "Pneumothorax": Verdict(False, None),
        }


@pytest.fixture
def handlers(tmp_path: Path) -> Handlers:
    generator = FakeGenerator(lambda chunk, step: None, known=("Pleural effusion",))
    return Handlers(generator, Runs(generator, tmp_path))


def asking(handlers: Handlers, *judges: Judge, note: str = "") -> Asking:
    return Asking(handlers, lambda: (judges, note))


def test_a_verdict_stands_beside_how_far_its_judge_can_be_trusted(handlers: Handlers) -> None:
    run = ended(handlers, findings=REPORT)["run"]
    told = asking(handlers, Stub(), note="without the detectors.").found({"run": run})
    assert told["columns"] == ["Finding", "Report says", "Model read", "Seen by a judge of tests"]
    rows = {row[0]: row[1:] for row in told["rows"]}
    assert rows["Pleural effusion"] == [
        "asserted",
        "asserted, large right",
        "yes (seen in 84% of 19 with it, 2% of 71 without)",
    ]
    assert rows["Pneumothorax"] == ["denied", "–", "no (never measured)"]
    assert told["note"] == "Without the detectors."
    assert [row[0] for row in told["rows"]][-1] == "Emphysema", "what only a judge speaks of comes last"


def test_a_model_without_a_tower_says_that_nobody_has_looked(handlers: Handlers) -> None:
    run = ended(handlers, findings=REPORT)["run"]
    told = asking(handlers, TowerJudge(handlers.generator, {})).found({"run": run})
    assert told["columns"] == ["Finding", "Report says", "Model read"]
    assert "nobody has looked into the volume" in told["note"]


def test_what_has_no_report_or_is_gone_is_refused_in_words(handlers: Handlers) -> None:
    volume = handlers.runs.get(ended(handlers)["run"]).volume()  # type: ignore[union-attr]  # it was made above
    scan = handlers.runs.keep(volume, "v", request=None, title="Scan")
    assert "nothing to compare it with" in asking(handlers).found({"run": scan.id})["problem"]
    spread = handlers.runs.keep(
        volume, "v", request=handlers.request({"findings": REPORT}), title="Mean of 2 seeds", is_computed=True
    )
    assert "“Mean of 2 seeds” is no chest" in asking(handlers).found({"run": spread.id})["problem"]
    assert "no longer on the server" in asking(handlers).found({"run": "x" * 22})["problem"]


def test_of_a_half_made_volume_it_is_said_how_much_was_looked_into(
    gated: FakeGenerator, gate: Gate, tmp_path: Path
) -> None:
    handlers = Handlers(gated, Runs(gated, tmp_path))
    run = run_of(handlers, ask(handlers, chunks=3, steps=4))
    gate.open(4)
    with run.news:
        assert run.news.wait_for(lambda: len(run.chunks) == 1, WAIT_S)
    assert asking(handlers, Stub()).found({"run": run.id})["note"].startswith("Only 16 of 48 slices were looked into")
