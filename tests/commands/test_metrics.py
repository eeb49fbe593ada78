"""`evaluate metrics` and `evaluate table` as a user types them, with a tiny model's towers."""

import json
from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.evaluation.metrics.protocols import DEMO
from ctflow.report import Report
from tests.evaluation.metrics.judged import judging, small_volume, write_reports, write_volumes
from tests.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    tiny_checkpoint(folder / "model", heads=True)
    write_volumes(folder / "real", {f"case{i}": small_volume(i) for i in range(8)})
    write_volumes(folder / "fake", {f"case{i}": small_volume(i + 50) for i in range(8)})
    write_volumes(folder / "other", {f"case{i}": small_volume(i + 70) for i in range(8)})
    write_volumes(folder / "few", {f"case{i}": small_volume(i + 70) for i in range(4)})
    write_volumes(folder / "training", {f"train_{i}_a_1": small_volume(i + 90) for i in range(4)})
    write_reports(folder / "reports.jsonl", {f"case{i}": Report(f"Finding {i}.") for i in range(8)})
    return folder


def run(sets: Path, *words: object) -> int:
    given = ("--real", sets / "real", "--protocol", "demo", "--weights", f"ct-clip={sets / 'model'}")
    return main(["evaluate", "metrics", *map(str, (*given, *words))])


@pytest.fixture(scope="module")
def out(sets: Path) -> Path:
    """With the features of all sets that a test measures, made in this process: Ray takes seconds to start."""
    kept, towers = sets / "out/features", {"ct-clip": sets / "model"}
    for fake in ("fake", "other"):
        work = judging(sets / "real", sets / fake, DEMO, kept, weights=towers, training=sets / "training")
        assert not any(outcome.reason for outcome in work.extract())
    return sets / "out"


def test_the_table_is_printed_and_kept_with_its_protocol(
    sets: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--fake", sets / "fake", "--training", sets / "training", "--out", out, "--title", "tiny, A")
    assert run(sets, *given) == 0
    printed = capsys.readouterr().out
    assert "| mode | model | FID, slices ↓ | FVD, volumes ↓ |" in printed
    assert "| unknown | tiny, A |" in printed
    assert "| | better | tiny, A, unknown | reference |" in printed
    for row in ("FID, slices", "KID, slices", "precision", "recall", "lung, % of voxels", "HU to the nearest training"):
        assert f"| {row}" in printed
    assert "| CLIP score, text-image" not in printed  # no report is known
    kept = json.loads((out / "demo-unknown-tiny--A.json").read_text())
    assert kept["protocol"]["counts"] == {"real volumes": 8, "fake volumes": 8}
    assert printed.startswith((out / "demo-unknown-tiny--A.md").read_text(encoding="utf-8"))
    assert len(kept["protocol"]["extractors"]["ct-clip"]["weights_sha256"]) == 64


def test_two_results_are_compared_where_their_protocols_are_equal(
    sets: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = out / "demo-unknown-A.json", out / "demo-unknown-other.json"
    assert run(sets, "--fake", sets / "fake", "--out", out, "--title", "A") == 0
    assert run(sets, "--fake", sets / "other", "--out", out, "--beside", a) == 0
    assert "| | better | other, unknown | A, unknown | reference |" in capsys.readouterr().out
    assert main(["evaluate", "table", str(a), str(b)]) == 0
    assert "| | better | A, unknown | other, unknown | reference |" in capsys.readouterr().out
    assert run(sets, "--fake", sets / "other", "--out", out, "--title", "A") == 2  # it would have replaced the first
    assert "is the result of other volumes of the same title" in capsys.readouterr().err
    (sets / "no_chest.txt").write_text("case7.nii.gz\n")
    assert run(sets, "--fake", sets / "other", "--leave-out", sets / "no_chest.txt", "--out", out, "--beside", a) == 2
    assert "counts.fake volumes is 7 and 8" in capsys.readouterr().err
    assert run(sets, "--fake", sets / "few", "--out", out, "--beside", a) == 2
    assert "counts.fake volumes is 4 and 8" in capsys.readouterr().err
    assert run(sets, "--fake", sets / "other", "--out", out, "--training", sets / "training", "--beside", a) == 2
    assert 'training_set_sha256 is "' in capsys.readouterr().err


def test_a_clip_score_is_refused_where_random_towers_do_not_know_the_right_way_round(
    sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(sets, "--fake", sets / "fake", "--reports", sets / "reports.jsonl", "--out", tmp_path) == 2
    assert "The CLIP score prefers 8 real volumes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--fake", "{sets}/real"), "share a folder"),
        (("--fake", "{sets}/nowhere"), "should be a folder of volumes"),
        (("--fake", "{sets}/fake", "--protocol", "other"), "No protocol 'other'"),
        (("--fake", "{sets}/fake", "--weights", "inception"), "--weights takes NAME=PATH"),
        (("--fake", "{sets}/fake", "--weights", "i3d={sets}/reports.jsonl"), "has no extractor 'i3d'"),
        (("--fake", "{sets}/fake", "--weights", "i3d=/nowhere/i3d.pt"), "/nowhere/i3d.pt does not exist"),
        (("--fake", "{sets}/fake", "--protocol", "ctflow-paper"), "has no extractor 'ct-clip'"),
        (("--fake", "{sets}/fake", "--beside", "{sets}/reports.jsonl"), "is no result of"),
        (("--fake", "{sets}/fake", "--reports", "{sets}/nowhere.csv"), "cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    sets: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    assert run(sets, *(word.format(sets=sets) for word in words), "--out", tmp_path) == 2
    assert says in capsys.readouterr().err


def test_one_volume_is_no_set(sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_volumes(tmp_path / "one", {"case0": small_volume(99)})
    assert run(sets, "--fake", tmp_path / "one", "--out", tmp_path) == 2
    assert "The fake set has 1 volume(s): the metrics of a set need 4 or more" in capsys.readouterr().err
