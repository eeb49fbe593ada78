"""`generate`, driven as a user drives it, with a generator that needs no weights."""

import io
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.io.nifti import read_nifti, synthetic_label, write_nifti
from ctflow.io.sidecar import read_sidecar, request_of, write_sidecar
from ctflow.report import Report
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SIZE, SPACING_MM, FakeGenerator, chest
from tests.commands.line import make, no_model, run


def test_generate_writes_the_volume_and_beside_it_what_made_it(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.nii.gz"
    text = "Findings: No effusion. Impression: Normal."
    words = ("--impression", "Old.", "--sex", "F", "--age", 54, "--seed", 7, "--solver", "midpoint", "--steps", 2)
    assert run(fake, "--report", text, "--chunks", 2, "--shift", 1.5, "--out", out, *words) == 0
    assert (read_nifti(out).hu == chest(32, 7, "I")).all()
    sidecar = read_sidecar(tmp_path / "a.json")
    assert sidecar.complete
    request = request_of(sidecar)
    assert request.report == Report("No effusion.", "Old. Normal.", "F", 54)
    assert (request.seed, request.solver, request.steps, request.chunks, request.shift) == (7, "midpoint", 2, 2, 1.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.nii.gz"]
    printed = capsys.readouterr()
    assert "32 slices, seed 7" in printed.out
    assert "chunk 2 of at most 2" in printed.err
    assert "4/4" in printed.err


def test_from_makes_the_same_bytes_again(fake: FakeGenerator, tmp_path: Path) -> None:
    assert make(fake, tmp_path / "a.nii.gz") == 0
    assert run(fake, "--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz") == 0
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert request_of(read_sidecar(tmp_path / "a.json")) == request_of(read_sidecar(tmp_path / "b.json"))


@pytest.mark.parametrize(("version", "code", "said"), [("0.2.0", 0, "cannot be checked"), ("0.3.0", 2, "is not the")])
def test_a_scan_that_a_sidecar_does_not_know_is_let_pass_only_by_an_older_one(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str, code: int, said: str
) -> None:
    """Readers before 0.3 gave other last bits to a turned scan's place, which went into its hash."""
    scan = tmp_path / "scan.nii.gz"
    write_nifti(Volume(chest(96, 3, "I"), plane_affine(("I", "P", "L"), SPACING_MM, SIZE, SIZE)), scan, "a scan")
    start = ("--start-from", scan)
    assert run(fake, "--report", "Clear.", "--mode", "gt-head", *start, "--out", tmp_path / "a.nii.gz") == 0
    made = read_sidecar(tmp_path / "a.json")
    assert made.start
    other = replace(made, versions={"ctflow": version}, start=replace(made.start, sha256="0" * 64))
    write_sidecar(other, tmp_path / "a.json")
    capsys.readouterr()
    assert run(fake, "--from", tmp_path / "a.json", *start, "--out", tmp_path / "b.nii.gz") == code
    assert said in capsys.readouterr().err


def test_from_runs_where_the_first_one_ran(
    fake: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same request on another kind of device gives other bytes."""
    fake.device, fake.cuda = "cuda:0", "graph"  # type: ignore[misc]
    asked = []

    def load(device: str, decoder: str, cuda: str, precision: str) -> FakeGenerator:
        asked.append((device, cuda))
        return fake

    first = ("--report", "Clear.", "--out", tmp_path / "a.nii.gz")
    again = ("--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz")
    model = SimpleNamespace(card=fake.card, load=load)
    for words in (first, again, (*again, "--device", "cpu"), (*again, "--device", "cuda")):
        assert main(["generate", *map(str, words)], lambda name: model) == 0
    assert asked == [("auto", "auto"), ("cuda", "graph"), ("cpu", "auto"), ("cuda", "graph")]


def test_from_on_another_machine_says_that_bytes_may_differ(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(fake, tmp_path / "a.nii.gz")
    run(fake, "--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz")
    assert "may differ" not in capsys.readouterr().err
    fake.hardware = "an abacus"  # type: ignore[misc]
    run(fake, "--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz")
    assert (
        "the bytes may differ, because that volume was made on nothing, this one on an abacus."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("recorded", "words", "expected"),
    [
        ("bfloat16", (), "bfloat16"),
        ("float32", (), "float32"),
        ("float16", (), "auto"),  # of a GPU: no CPU has it
        (None, (), "float32"),  # as everything was on a CPU when sidecars did not say it yet
        ("float32", ("--precision", "bfloat16"), "bfloat16"),
    ],
)
def test_from_computes_in_the_precision_of_the_first_one_where_it_can(
    fake: FakeGenerator, tmp_path: Path, recorded: str | None, words: tuple[str, ...], expected: str
) -> None:
    make(fake, tmp_path / "a.nii.gz")
    write_sidecar(replace(read_sidecar(tmp_path / "a.json"), precision=recorded), tmp_path / "a.json")
    asked = []

    def load(device: str, decoder: str, cuda: str, precision: str) -> FakeGenerator:
        asked.append(precision)
        return fake

    model = SimpleNamespace(card=fake.card, load=load)
    again = ["generate", "--from", str(tmp_path / "a.json"), "--out", str(tmp_path / "b.nii.gz"), *words]
    assert main(again, lambda name: model) == 0
    assert asked == [expected]


def test_from_in_another_precision_says_that_bytes_will_differ(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(fake, tmp_path / "a.nii.gz")
    assert read_sidecar(tmp_path / "a.json").precision == "float32"
    fake.precision = "bfloat16"  # type: ignore[misc]
    run(fake, "--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz")
    said = capsys.readouterr().err
    assert "the bytes will differ, because that volume was made in float32, this one in bfloat16." in said


def test_from_refuses_another_model(fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(fake, tmp_path / "a.nii.gz")
    fake.model_sha256 = "1" * 64  # type: ignore[misc]
    assert run(fake, "--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz") == 2
    assert "pass the former's folder to --model" in capsys.readouterr().err
    assert not (tmp_path / "b.nii.gz").exists()


def test_from_settles_everything_so_options_beside_it_are_refused(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(fake, tmp_path / "a.nii.gz")
    assert run(fake, "--from", tmp_path / "a.json", "--out", tmp_path / "b.nii", "--seed", 0, "--steps", 2) == 2
    assert "leave out --seed, --steps" in capsys.readouterr().err


def test_from_says_when_versions_differ(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(fake, tmp_path / "a.nii.gz")
    path = tmp_path / "a.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"ctflow": "', '"ctflow": "0.'))
    assert run(fake, "--from", path, "--out", tmp_path / "b.nii.gz") == 0
    assert "the bytes may differ" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--preset", "parity"], ("euler", 200, 1.0)),
        (["--preset", "quality"], ("midpoint", 24, 1.5)),
        (["--preset", "fast", "--steps", "8"], ("midpoint", 8, 1.5)),
    ],
)
def test_a_preset_is_a_way_through_the_solver_and_what_is_said_beside_it_counts(
    fake: FakeGenerator, tmp_path: Path, words: list[str], expected: tuple[str, int, float]
) -> None:
    make(fake, tmp_path / "a.nii.gz", *words)
    request = request_of(read_sidecar(tmp_path / "a.json"))
    assert (request.solver, request.steps, request.shift) == expected


def test_a_seed_that_was_not_given_is_drawn_said_and_recorded(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        assert make(fake, tmp_path / f"{name}.nii.gz") == 0
    seeds = [read_sidecar(tmp_path / f"{name}.json").seed for name in ("a", "b")]
    printed = capsys.readouterr().err
    assert seeds[0] != seeds[1]
    assert all(f"seed {seed}, drawn at random" in printed for seed in seeds)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_report_comes_from_a_file_or_from_standard_input(
    fake: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: bytes
) -> None:
    text = mark + "Kleiner Erguß.".encode()
    (tmp_path / "report.txt").write_bytes(text)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    for name in (tmp_path / "report.txt", "-"):
        assert run(fake, "--report-file", name, "--chunks", 1, "--out", tmp_path / "a.nii.gz") == 0
        assert read_sidecar(tmp_path / "a.json").report == Report("Kleiner Erguß.")


def test_what_the_model_will_not_read_is_said(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fake, "--report", "clear " * 63 + "but one", "--chunks", 1, "--out", tmp_path / "a.nii") == 0
    assert "it will not see: but one" in capsys.readouterr().err


def test_what_the_model_was_taught_without_is_said(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The released v1 knows neither sex nor age, and took both without a word."""
    fake.card = replace(fake.card, text=replace(fake.card.text, parts=("{findings}", "{impression}")))
    asked = ("--report", "Clear.", "--sex", "F", "--age", 54, "--chunks", 1, "--out", tmp_path / "a.nii")
    assert run(fake, *asked) == 0
    assert "fake was trained without sex and age, so it has no effect." in capsys.readouterr().err
    fake.card = replace(fake.card, text=replace(fake.card.text, parts=("{sex}", "{age}", "{findings}")))
    assert run(fake, *asked) == 0
    assert "trained without" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--report", "Clear.", "--out", "{}/a.nrrd"), "end in .nii.gz or .nii"),
        (("--report", "Clear.", "--out", "{}/missing/a.nii.gz"), "create it, or choose another"),
        (("--report", "Clear.", "--out", "{}/taken.nii.gz"), "taken.json is in the way"),
        (("--report", " ", "--out", "{}/a.nii.gz"), "The report is empty"),
        (("--report", "Clear.", "--age", "200", "--out", "{}/a.nii.gz"), "from 0 to 120"),
        (("--report-file", "{}/none.txt", "--out", "{}/a.nii.gz"), "none.txt cannot be read"),
        (("--report-file", "{}/latin.txt", "--out", "{}/a.nii.gz"), "latin.txt cannot be read as UTF-8"),
        (("--from", "{}/none.json", "--out", "{}/a.nii.gz"), "none.json cannot be read"),
        (("--from", "{}/taken.json", "--out", "{}/a.nii.gz"), "taken.json is not a CTFlow sidecar"),
    ],
)
def test_what_can_be_known_before_is_said_before_the_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "taken.json").write_text('{"mine": 1}')
    (tmp_path / "latin.txt").write_bytes("Erguß".encode("latin-1"))
    before = sorted(tmp_path.iterdir())
    assert main(["generate", *(word.format(tmp_path) for word in words)], no_model) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.startswith("ctflow: ") and printed.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_what_the_model_cannot_do_is_one_line_and_code_2(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fake, "--report", "Clear.", "--seed", 1, "--chunks", 7, "--out", tmp_path / "a.nii") == 2
    assert "at most 6 chunks" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--report", "x" * 50_000), "at most 20,000"),
        (("--report", "\u202e\u2066"), "empty"),
        (("--report", "Clear.", "--seed", "-1"), "from 0 to 4294967295"),
        (("--report", "Clear.", "--steps", "0"), "from 1 to 1000"),
        (("--report", "Clear.", "--steps", "3", "--solver", "midpoint"), "even number"),
        (("--report", "Clear.", "--chunks", "65"), "from 1 to 64"),
        (("--report", "Clear.", "--guidance", "nan"), "from 0 to 20"),
        (("--report", "Clear.", "--guidance", "2"), "not trained for guidance"),
        (("--report", "Clear.", "--shift", "inf"), "from 0.1 to 10"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_leaves_nothing(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert run(fake, *words, "--out", tmp_path / "a.nii.gz") == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("report", ["Erguß 👩‍⚕️ 胸水", "\u202eabc\x07", "<script>alert(1)</script>", "no\x00 effusion"])
def test_any_letters_make_a_volume_and_no_file_name(fake: FakeGenerator, tmp_path: Path, report: str) -> None:
    assert run(fake, "--report", report, "--chunks", 1, "--out", tmp_path / "a.nii.gz") == 0
    assert read_sidecar(tmp_path / "a.json").report == Report(report)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.nii.gz"]


def test_a_bug_of_ours_is_not_hidden(fake: FakeGenerator, tmp_path: Path) -> None:
    def break_down(chunk: int, step: int) -> None:
        raise ZeroDivisionError

    fake.step = break_down
    with pytest.raises(ZeroDivisionError):
        make(fake, tmp_path / "a.nii.gz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("other", ["itself", "symbolic link", "hard link", "other words"])
def test_the_scan_is_not_overwritten_by_what_is_made_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: str
) -> None:
    """The real scan was gone, and the sidecar named a scan that was no more."""
    scan, out = tmp_path / "scan.nii.gz", tmp_path / "out.nii.gz"
    write_nifti(Volume(chest(32, 7, "I"), np.eye(4)), scan, synthetic_label("fake"))
    before = scan.read_bytes()
    match other:
        case "itself":
            out = scan
        case "symbolic link":
            out.symlink_to(scan)
        case "hard link":
            out.hardlink_to(scan)
        case "other words":
            (tmp_path / "folder").mkdir()
            out = tmp_path / "folder" / ".." / "scan.nii.gz"
    start = ["--report", "Clear.", "--mode", "gt-head", "--start-from", str(scan), "--out", str(out)]
    assert main(["generate", *start], no_model) == 2
    assert "is the scan itself" in capsys.readouterr().err
    assert scan.read_bytes() == before
    assert not list(tmp_path.glob("*.json"))


def test_a_volume_that_ctflow_did_not_make_is_not_overwritten(
    fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign, link = tmp_path / "foreign.nii.gz", tmp_path / "link.nii.gz"
    write_nifti(Volume(chest(32, 7, "I"), np.eye(4)), foreign, "a scanner")
    link.symlink_to(foreign)
    before = foreign.read_bytes()
    for out in (foreign, link):
        assert main(["generate", "--report", "Clear.", "--out", str(out)], no_model) == 2
        assert "was not made by CTFlow" in capsys.readouterr().err
    assert foreign.read_bytes() == before
    for _ in range(2):
        assert make(fake, tmp_path / "a.nii.gz") == 0
