"""Models are found by folder or by name, wherever the package is installed."""

import os
from pathlib import Path
from typing import Any

import pytest

from ctflow.checkpoint.catalog import checkpoint_folders, find_checkpoint, place_for_checkpoint
from ctflow.errors import CheckpointError


def folder_of(place: Path, name: str) -> Path:
    """What is looked for is the card alone."""
    (place / name).mkdir(parents=True)
    (place / name / "card.json").write_text("{}", encoding="utf-8")
    return place / name


def test_a_model_is_found_by_its_folder_or_its_name(tmp_path: Path) -> None:
    tiny = folder_of(tmp_path, "tiny")
    assert find_checkpoint(str(tiny), []) == find_checkpoint("tiny", [tmp_path]) == tiny


def test_the_environment_comes_before_the_working_folder_and_that_before_the_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CTFLOW_CHECKPOINTS", raising=False)
    assert find_checkpoint("demo").parts[-2:] == ("checkpoints", "demo")
    here = folder_of(tmp_path / "checkpoints", "demo")
    assert find_checkpoint("demo") == here
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("CTFLOW_CHECKPOINTS", os.pathsep.join(map(str, (first, second))))
    assert find_checkpoint("demo") == here, "neither has such a model"
    in_second = folder_of(second, "demo")
    assert find_checkpoint("demo") == in_second
    assert find_checkpoint("demo", checkpoint_folders()) == in_second
    in_first = folder_of(first, "demo")
    assert find_checkpoint("demo") == in_first


def test_a_new_model_goes_where_it_will_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folders in ("", os.pathsep.join([str(tmp_path / "first"), "second"])):
        monkeypatch.setenv("CTFLOW_CHECKPOINTS", folders)
        place = place_for_checkpoint("new")
        assert place.parent in checkpoint_folders() and place.name == "new"
    assert place.parent == tmp_path / "first"


def test_a_model_that_is_not_there_is_said_with_those_that_are_and_where_was_looked(tmp_path: Path) -> None:
    folder_of(tmp_path / "a", "tiny")
    places = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(CheckpointError, match=r"No model at 'no-such-model'.* names here: tiny\.") as caught:
        find_checkpoint("no-such-model", places)
    assert all(str(place) in str(caught.value) for place in places)
    assert "CTFLOW_CHECKPOINTS" in str(caught.value)


def test_a_released_model_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="python -m ctflow convert ctflow-v1"):
        find_checkpoint("ctflow-v1", [tmp_path])


def test_a_folder_that_may_not_be_looked_into_is_no_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stat = os.stat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if str(path).startswith(str(tmp_path)):
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", refuse)  # tests often run as root, whom no permission stops
    with pytest.raises(CheckpointError, match="No model at"):
        find_checkpoint(str(tmp_path))
