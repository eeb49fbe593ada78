"""Phantoms in CT-RATE's layout: which are written, and the tables that describe them."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctflow.data.ctrate import Split, volume_path
from ctflow.data.phantom_dataset import WrittenPhantom, write_dataset, write_tables
from ctflow.errors import CTFlowError, VolumeError
from ctflow.phantom import Truth
from ctflow.report import Report


class Writer:
    """Writes nothing, and remembers the seeds."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(self, out: Path, split: Split, name: str, seed: int) -> WrittenPhantom:
        self.seeds.append(seed)
        return written(name)


def written(name: str) -> WrittenPhantom:
    return WrittenPhantom(name=name, report=Report("Normal."), truth=Truth(), shape=(80, 256, 256), seconds=1.0)


def test_splits_share_no_phantom_and_no_table(tmp_path: Path) -> None:
    writer = Writer()
    list(write_dataset(tmp_path, 3, 0, "valid", 1, write=writer, pool=ThreadPoolExecutor))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(before) == 5
    list(write_dataset(tmp_path, 3, 0, "train", 1, write=writer, pool=ThreadPoolExecutor))
    assert len(set(writer.seeds)) == 6
    assert (tmp_path / "train_truths.json").exists()
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_set_that_is_stopped_early_has_tables_of_what_is_there(tmp_path: Path) -> None:
    stream = write_dataset(tmp_path, 3, 0, "train", 1, write=Writer(), pool=ThreadPoolExecutor)
    next(stream)
    stream.close()
    with (tmp_path / "dataset/radiology_text_reports/train_reports.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 1
    assert list(json.loads((tmp_path / "train_truths.json").read_text())) == ["train_1_a_1.nii.gz"]


def test_a_table_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """After the work of hours it was a traceback."""
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/radiology_text_reports").write_text("in the way")
    with pytest.raises(CTFlowError, match="dataset/radiology_text_reports"):
        write_tables(tmp_path, "valid", [written("valid_1_a_1.nii.gz")])


def test_a_phantom_does_not_take_the_place_of_a_scan_of_ct_rate(tmp_path: Path) -> None:
    path = volume_path(tmp_path, "valid", "valid_1_a_1.nii.gz")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a scan")
    with pytest.raises(VolumeError, match="was not made by CTFlow"):
        list(write_dataset(tmp_path, 1, 0, "valid", 1, pool=ThreadPoolExecutor))
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
    assert path.read_bytes() == b"a scan"
