"""Archives that strangers send: counted before they are unpacked, and no name in them leads anywhere."""

import gzip
import zipfile
from pathlib import Path

import pytest

from ctflow.errors import VolumeError
from ctflow.io.unpack import UnpackLimits, gzip_bytes, own_name, unpack_gzip, unpack_zip, zip_files

LIMITS = UnpackLimits(files=3, unpacked_bytes=1000)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Doe^Jane.DCM", "000007.dcm"),
        ("scan.nii.gz", "000007.nii.gz"),
        ("../../etc/passwd.nrrd", "000007.nrrd"),
        ("IM00012", "000007"),
        ("1.2.840.113", "000007"),
        ("README", "000007.other"),
        ("a.very-long-ending", "000007.other"),
        ("1.dcm/../../x.sh;rm", "000007"),
        ("", "000007.other"),
    ],
)
def test_of_a_name_only_the_ending_is_kept(given: str, kept: str) -> None:
    assert own_name(7, given) == kept


def archive(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return path


def test_files_come_out_in_order_under_names_of_our_own(tmp_path: Path) -> None:
    names = {"/b/2.dcm": b"two", "../1.dcm": b"one", "folder/": b"", "__MACOSX/1.dcm": b"x", "a/.DS_Store": b"x"}
    path = archive(tmp_path / "a.zip", names)
    (tmp_path / "out").mkdir()
    written = unpack_zip(path, zip_files(path, UnpackLimits(files=5, unpacked_bytes=1000)), tmp_path / "out")
    assert [(file.name, file.read_bytes()) for file in written] == [("000001.dcm", b"two"), ("000002.dcm", b"one")]
    assert sorted(file.name for file in tmp_path.rglob("*.dcm")) == ["000001.dcm", "000002.dcm"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({str(i): b"" for i in range(4)}, "holds 4 files; at most 3"),
        ({"a": bytes(900), "b": bytes(101)}, "unpacks to more than 1e-06 GB"),
        ({}, "is an empty zip"),
        ({"folder/": b""}, "is an empty zip"),
    ],
)
def test_a_zip_beyond_the_limits_is_refused_from_its_directory(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    with pytest.raises(VolumeError, match=words):
        zip_files(archive(tmp_path / "a.zip", files), LIMITS)


def test_a_zip_that_understates_what_it_holds_is_broken_and_writes_no_more_than_it_said(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a": b"x" * 777})
    data = path.read_bytes().replace((777).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    entries = zip_files(path, LIMITS)
    with pytest.raises(VolumeError, match="is no whole archive"):
        unpack_zip(path, entries, tmp_path)
    assert (tmp_path / "000001.other").stat().st_size <= 10


def test_a_gzip_is_unpacked_no_further_than_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * 999))
    unpack_gzip(tmp_path / "a.gz", tmp_path / "a", LIMITS)
    assert (tmp_path / "a").read_bytes() == b"x" * 999
    assert gzip_bytes(tmp_path / "a.gz", LIMITS) == 999
    (tmp_path / "b.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(VolumeError, match="unpacks to more than"):
        unpack_gzip(tmp_path / "b.gz", tmp_path / "b", LIMITS)
    assert (tmp_path / "b").stat().st_size == 0


@pytest.mark.parametrize("data", [b"", b"PK\3\4 and no more", b"\x1f\x8b\x08 and no more"])
def test_a_broken_archive_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(VolumeError, match="is no whole archive"):
        zip_files(tmp_path / "a", LIMITS)
    if data:
        with pytest.raises(VolumeError, match="is no whole archive"):
            unpack_gzip(tmp_path / "a", tmp_path / "out", LIMITS)
