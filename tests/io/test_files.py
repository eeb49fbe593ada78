import subprocess
import sys
from pathlib import Path

import pytest

from ctflow.errors import VolumeError
from ctflow.io.files import check_writable, replacing, write_atomic

WRITERS = [lambda path: write_atomic(path, b"new"), check_writable]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("place", "advice"),
    [("missing/a", "folder does not exist"), ("file/a", "folder does not exist"), ("folder", "name a file in it")],
)
def test_a_place_that_takes_no_file_is_an_error_that_says_what_to_do(
    tmp_path: Path, write: object, place: str, advice: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(VolumeError, match=advice) as caught:
        write(tmp_path / place)  # type: ignore[operator]
    assert str(tmp_path / place) in str(caught.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize("write", WRITERS)
def test_a_folder_that_may_not_be_written_to_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, write: object
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Tests often run as root, whom no permission stops.
    monkeypatch.setattr(Path, "touch", refuse)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(VolumeError, match="cannot be written to"):
        write(tmp_path / "a")  # type: ignore[operator]


def test_a_full_disk_is_an_error_and_the_older_file_stays(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the system cuts the write short in the same way."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    code = f"""
import resource
from pathlib import Path
from ctflow.errors import VolumeError
from ctflow.io.files import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(Path({str(path)!r}), bytes(5000))
except VolumeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert "no room left" in done.stdout
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_probe_leaves_nothing_behind_and_an_older_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    check_writable(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_and_the_file_it_leads_to_is_written(tmp_path: Path, there: bool) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.write_bytes(b"old")
    link.symlink_to(target)
    check_writable(link)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]


def test_a_link_to_a_folder_is_a_way_to_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    write_atomic(tmp_path / "link" / "a", b"new")
    assert (tmp_path / "folder" / "a").read_bytes() == b"new"


@pytest.mark.parametrize("write", WRITERS)
def test_a_link_in_a_circle_is_an_error(tmp_path: Path, write: object) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(VolumeError, match="cannot be written"):
        write(tmp_path / "a" / "file")  # type: ignore[operator]


@pytest.mark.parametrize("write", WRITERS)
def test_a_name_that_is_too_long_is_an_error(tmp_path: Path, write: object) -> None:
    with pytest.raises(VolumeError, match="cannot be written"):
        write(tmp_path / ("a" * 300))  # type: ignore[operator]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_written_beside_takes_the_place_when_it_is_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"

    def write(new: Path, text: str) -> None:
        if kind == "folder":
            new.mkdir()
        (new / "part" if kind == "folder" else new).write_text(text)

    def read() -> str:
        return (path / "part" if kind == "folder" else path).read_text()

    for text in ("first", "second"):
        with replacing(path) as new:
            write(new, text)
        assert read() == text
    with pytest.raises(ZeroDivisionError), replacing(path) as new:
        write(new, "third")
        raise ZeroDivisionError
    assert read() == "second", "cut short"
    with replacing(path) as new:
        write(new, "fourth")
    assert read() == "fourth" and list(tmp_path.iterdir()) == [path]
