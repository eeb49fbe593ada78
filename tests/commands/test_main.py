"""The command line, driven as a user drives it, with a generator that needs no weights."""

import io
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ctflow.__main__ import main
from ctflow.commands import generate
from ctflow.commands.arguments import extra
from ctflow.commands.model import find_model
from ctflow.errors import ResourceError
from ctflow.io.nifti import read_nifti, write_nifti
from ctflow.io.sidecar import read_sidecar, request_of
from ctflow.report import Report
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SIZE, SPACING_MM, FakeGenerator, chest, fake_card, finder, sleeping
from tests.tiny import tiny_checkpoint

ROOT = Path(__file__).parents[2]
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def fake() -> FakeGenerator:
    return sleeping(0)


def no_model(name: str) -> SimpleNamespace:
    """A model whose card may be read, but that is not to be loaded."""

    def load(*_: str) -> None:
        raise AssertionError("the model was loaded")

    return SimpleNamespace(card=fake_card("I"), load=load)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C as in a terminal, also where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(fake: FakeGenerator | None, *words: object) -> int:
    """`fake`: what stands for the model; None where the command finds one itself."""
    return main(["generate", *map(str, words)], finder(fake) if fake else find_model)


def make(fake: FakeGenerator | None, out: Path, *words: object) -> int:
    return run(fake, "--report", "Clear lungs.", "--chunks", 1, "--out", out, *words)


def module(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ctflow", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, **options)


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


def test_from_runs_where_the_first_one_ran(
    fake: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same request on another kind of device gives other bytes."""
    fake.device, fake.cuda = "cuda:0", "graph"  # type: ignore[misc]
    asked = []

    def load(device: str, decoder: str, cuda: str) -> FakeGenerator:
        asked.append((device, cuda))
        return fake

    first = ("--report", "Clear.", "--out", tmp_path / "a.nii.gz")
    again = ("--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz")
    model = SimpleNamespace(card=fake.card, load=load)
    for words in (first, again, (*again, "--device", "cpu"), (*again, "--device", "cuda")):
        assert main(["generate", *map(str, words)], lambda name: model) == 0
    assert asked == [("auto", "plain"), ("cuda", "graph"), ("cpu", "plain"), ("cuda", "graph")]


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


def test_from_refuses_another_model(fake: FakeGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(fake, tmp_path / "a.nii.gz")
    fake.model_sha256 = "1" * 64  # type: ignore[misc]
    assert run(fake, "--from", tmp_path / "a.json", "--out", tmp_path / "b.nii.gz") == 2
    assert "give --model the folder" in capsys.readouterr().err
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
    assert "fake was trained without sex and age, so that this changes nothing." in capsys.readouterr().err
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
    "words",
    [[], ["generate"], ["generate", "--out", "a.nii"], ["generate", "--report", "a", "--out", "a", "--device", "x"]],
)
def test_words_that_make_no_command_are_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_ctrl_c_closes_the_stream_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ctrl_c: None
) -> None:
    def interrupt(chunk: int, step: int) -> None:
        if (chunk, step) == (1, 1):
            signal.raise_signal(signal.SIGINT)

    fake = FakeGenerator(interrupt)
    assert run(fake, "--report", "Clear.", "--out", tmp_path / "a.nii.gz") == 130
    assert fake.closed == 1
    assert not list(tmp_path.iterdir())
    assert "stopped" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_made_if_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ctrl_c: None
) -> None:
    def interrupt(chunk: int, step: int) -> None:
        if (chunk, step) == (2, 1):
            signal.raise_signal(signal.SIGINT)

    fake = FakeGenerator(interrupt)
    out = tmp_path / "a.nii.gz"
    assert run(fake, "--report", "Clear.", "--seed", 3, "--keep-partial", "--out", out) == 130
    np.testing.assert_array_equal(read_nifti(out).hu, chest(96, 3, "I")[:32])
    assert not read_sidecar(tmp_path / "a.json").complete
    assert "PARTIAL, 32 slices" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.nii.gz"]


@pytest.mark.parametrize("words", [[], ["--keep-partial"]])
def test_ctrl_c_while_the_volume_is_written_costs_neither_it_nor_its_sidecar(
    fake: FakeGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ctrl_c: None, words: list[str]
) -> None:
    def write(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        write_nifti(*given)

    monkeypatch.setattr(generate, "write_nifti", write)
    assert make(fake, tmp_path / "a.nii.gz", *words) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.nii.gz"]
    assert read_sidecar(tmp_path / "a.json").complete


@pytest.mark.parametrize(("start_slices", "files"), [(32, []), (16, ["a.json", "a.nii.gz"])])
def test_ctrl_c_keeps_no_volume_of_the_scans_own_slices_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ctrl_c: None, start_slices: int, files: list[str]
) -> None:
    def interrupt(chunk: int, step: int) -> None:
        if (chunk, step) == (2, 1):
            signal.raise_signal(signal.SIGINT)

    scan = tmp_path / "scan.nii.gz"
    write_nifti(Volume(chest(96, 3, "I"), plane_affine(("I", "P", "L"), SPACING_MM, SIZE, SIZE)), scan, "a scan")
    fake = FakeGenerator(interrupt)
    (tmp_path / "out").mkdir()
    start = ("--mode", "gt-head", "--start-from", scan, "--start-slices", start_slices)
    assert run(fake, "--report", "Clear.", *start, "--keep-partial", "--out", tmp_path / "out" / "a.nii.gz") == 130
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files


def test_ctrl_c_before_the_first_slice_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ctrl_c: None
) -> None:
    fake = FakeGenerator(lambda chunk, step: signal.raise_signal(signal.SIGINT))
    assert run(fake, "--report", "Clear.", "--keep-partial", "--out", tmp_path / "a.nii.gz") == 130
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


def test_as_a_module_it_helps_and_tells_its_version() -> None:
    assert "generate" in module("--help").stdout
    assert module("--version").stdout.startswith("ctflow 0.")


def test_as_a_module_an_error_is_one_line_without_a_traceback(tmp_path: Path) -> None:
    done = module("generate", "--report-file", "-", "--out", str(tmp_path / "a.nii"), input=" \n")
    assert done.returncode == 2
    assert done.stderr.startswith("ctflow: The report is empty.")
    assert done.stderr.count("\n") == 1


def test_a_model_that_is_not_there_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(None, "--report", "Clear.", "--model", "none-such", "--out", tmp_path / "a.nii") == 2
    assert run(None, "--report", "Clear.", "--model", "~no-such-user/x", "--out", tmp_path / "a.nii") == 2
    assert "No model at 'none-such'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "avae" / WEIGHTS).unlink(), f"avae/{WEIGHTS}"),
        (lambda folder: _cut(folder / "transformer" / WEIGHTS), f"transformer/{WEIGHTS}"),
        (lambda folder: _pickled(folder / "transformer" / WEIGHTS), f"transformer/{WEIGHTS}"),
        (lambda folder: _retold(folder / "transformer" / "config.json", '"depth": 2', '"depth": 3'), "blocks.2"),
        (lambda folder: _retold(folder / "card.json", '"format": 1', '"format": 99'), "card.json"),
        (lambda folder: (folder / "card.json").write_text("{"), "card.json"),
    ],
)
def test_a_broken_checkpoint_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object], message: str
) -> None:
    damage(tiny_checkpoint(tmp_path / "model"))
    (tmp_path / "out").mkdir()
    assert make(None, tmp_path / "out" / "a.nii", "--model", tmp_path / "model", "--device", "cpu") == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert message in printed
    assert not list((tmp_path / "out").iterdir())


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _pickled(file: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, file)


def _retold(file: Path, was: str, now: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert was in text
    file.write_text(text.replace(was, now), encoding="utf-8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens where there is no GPU")
def test_a_gpu_where_there_is_none_is_one_line_and_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_checkpoint(tmp_path / "model")
    assert make(None, tmp_path / "a.nii", "--model", model, "--device", "cuda") == 2
    assert capsys.readouterr().err.startswith("ctflow: The device cuda was asked for, but torch finds no CUDA GPU")
    assert not (tmp_path / "a.nii").exists()


def test_training_begins_only_where_it_can_keep_what_it_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["train", "demo", "--out", str(tmp_path / "file" / "model"), "--work", str(tmp_path)]) == 2
    assert "cannot be made" in capsys.readouterr().err
    assert main(["train", "demo", "--hours", "0"]) == 2
    assert "more than 0" in capsys.readouterr().err


def test_a_command_whose_packages_are_missing_says_how_to_get_them() -> None:
    with pytest.raises(ResourceError, match=r"no_such_package.*pip install '.\[train\]'"), extra("train"):
        import no_such_package  # noqa: F401
