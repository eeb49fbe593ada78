"""`train` refuses at once what it cannot do."""

from pathlib import Path

import pytest

from ctflow.__main__ import main


def test_training_begins_only_where_it_can_keep_what_it_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["train", "demo", "--out", str(tmp_path / "file" / "model"), "--work", str(tmp_path)]) == 2
    assert "cannot be made" in capsys.readouterr().err
    assert main(["train", "demo", "--hours", "0"]) == 2
    assert "more than 0" in capsys.readouterr().err
