"""Which volumes a set has, and which sets are refused."""

from pathlib import Path

import pytest

from ctflow.errors import RequestError, VolumeError
from ctflow.evaluation.metrics.volume_set import (
    check_apart,
    check_no_copies,
    check_one_split,
    find_volumes,
    patient_of,
    without,
)
from tests.evaluation.metrics.judged import small_volume, write_volumes


def test_volumes_are_found_at_any_depth_and_sorted_by_name(tmp_path: Path) -> None:
    write_volumes(tmp_path / "deep/deeper", {"a": small_volume(0)})
    write_volumes(tmp_path, {"b": small_volume(1)})
    (tmp_path / "b.json").write_text("{}", encoding="utf-8")
    found = find_volumes(tmp_path, "real")
    assert [volume.name for volume in found] == ["a", "b"]
    assert len({volume.sha256 for volume in found}) == 2


def test_scans_of_one_patient_are_known_by_ct_rates_names() -> None:
    assert patient_of("valid_12_a_1") == patient_of("valid_12_b_2") == "valid_12"
    assert patient_of("case-7") == "case-7"


def test_a_folder_without_volumes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="holds no volume for the real set"):
        find_volumes(tmp_path, "real")
    with pytest.raises(RequestError, match="should be a folder"):
        find_volumes(tmp_path / "nowhere", "fake")


def test_two_volumes_of_one_name_are_refused(tmp_path: Path) -> None:
    write_volumes(tmp_path / "one", {"a": small_volume(0)})
    write_volumes(tmp_path / "other", {"a": small_volume(1)})
    with pytest.raises(RequestError, match="have one name"):
        find_volumes(tmp_path, "fake")


def test_one_folder_for_both_sets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real/inside").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for fake in ("real", "link", "real/inside"):
        with pytest.raises(RequestError, match="share a folder"):
            check_apart(tmp_path / "real", tmp_path / fake)


def test_a_copy_of_a_real_volume_is_refused_under_any_name(tmp_path: Path) -> None:
    write_volumes(tmp_path / "real", {"a": small_volume(0)})
    write_volumes(tmp_path / "fake", {"made": small_volume(0), "other": small_volume(1)})
    with pytest.raises(RequestError, match=r"1 of 2 fake volumes are real ones, byte for byte: first made, which is a"):
        check_no_copies(find_volumes(tmp_path / "real", "real"), find_volumes(tmp_path / "fake", "fake"))


def test_volumes_behind_links_belong_to_the_set(tmp_path: Path) -> None:
    """Of a folder of links to patients' folders nothing was found, and of a mixed one a part."""
    write_volumes(tmp_path / "disk/p1", {"a": small_volume(0)})
    (tmp_path / "real").mkdir()
    (tmp_path / "real/p1").symlink_to(tmp_path / "disk/p1")
    (tmp_path / "real/again").symlink_to(tmp_path / "real")  # a circle ends
    assert [one.name for one in find_volumes(tmp_path / "real", "real")] == ["a"]
    (tmp_path / "real/b.nii").symlink_to(tmp_path / "gone.nii")
    with pytest.raises(VolumeError, match=r"real/b\.nii cannot be read"):
        find_volumes(tmp_path / "real", "real")


def test_a_set_of_both_splits_is_refused(tmp_path: Path) -> None:
    """The folder of all CT-RATE made training volumes real ones to compare with."""
    write_volumes(tmp_path, {"train_1_a_1": small_volume(0), "valid_1_a_1": small_volume(1), "own": small_volume(2)})
    found = find_volumes(tmp_path, "real")
    with pytest.raises(RequestError, match="both splits of CT-RATE, such as train_1_a_1 and valid_1_a_1"):
        check_one_split(found, "real")
    assert [one.name for one in without(found, frozenset({"train_1_a_1.nii.gz"}))] == ["own", "valid_1_a_1"]
    check_one_split(without(found, frozenset({"train_1_a_1.nii.gz"})), "real")
