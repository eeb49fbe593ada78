"""What commands share around their arguments."""

import os
from pathlib import Path

import pytest

from ctflow.__main__ import main
from ctflow.commands.arguments import extra
from ctflow.errors import ResourceError
from tests.commands.line import no_model


def test_a_command_whose_packages_are_missing_says_how_to_get_them() -> None:
    with pytest.raises(ResourceError, match=r"no_such_package.*pip install '.\[train\]'"), extra("train"):
        import no_such_package  # noqa: F401


NOT_UTF8 = os.fsdecode(b"M\xfcller")
TOO_LONG = "a" * 300


@pytest.mark.parametrize("name", [NOT_UTF8, TOO_LONG])
@pytest.mark.parametrize(
    "words",
    [
        "generate --report Clear. --out {}.nii",
        "generate --report Clear. --out a.nii --model {}",
        "generate --report-file {} --out a.nii",
        "generate --from {} --out a.nii",
        "generate --report Clear. --mode gt-head --start-from {}.nii --out a.nii",
        "generate --report Clear. --mode gt-head --start-from {}.mha --out a.nii",
        "score {} --report-file a.txt",
        "score a.nii --report-file {}",
        "score a.nii --report-file a.txt --model {}",
        "convert ctflow-v1 --denoiser {}",
        "convert ctflow-v1 --taef1 {}",
        "convert ctflow-v1 --out {}",
        "phantom --n 1 --out {}",
        "train demo --work {}",
        "train demo --out {}",
        "train demo --from {}",
        "train demo --card-of {} --obedience a",
        "train demo --card-of a --obedience {}",
        "evaluate codec --model {}",
        "evaluate obedience --out {}",
        "evaluate obedience --training {}",
        "bench --model {}",
        "bench --reading {}",
        "bench --json {}",
    ],
)
def test_a_name_that_the_system_does_not_take_is_one_line_wherever_a_path_comes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, name: str
) -> None:
    """Some ended in a traceback, some in C++."""
    monkeypatch.chdir(tmp_path)
    assert main([word.format(name) for word in words.split()]) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert ("File name too long" if name == TOO_LONG else "is not UTF-8") in printed
    assert not list(tmp_path.iterdir())


def test_a_report_in_another_encoding_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--report", NOT_UTF8, "--out", str(tmp_path / "a.nii")], no_model) == 2
    assert "is not UTF-8" in capsys.readouterr().err


def test_memory_that_runs_out_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def find(name: str) -> None:
        raise MemoryError("Unable to allocate 4 TiB")

    assert main(["generate", "--report", "Clear.", "--out", str(tmp_path / "a.nii")], find) == 2
    (printed,) = capsys.readouterr().err.splitlines()
    assert printed.startswith("ctflow: There is not enough memory (Unable to allocate 4 TiB).")
