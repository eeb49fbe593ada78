"""Archives that strangers send: what is in them is counted before anything is unpacked, and no name in them is used."""

import gzip
import lzma
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from ctflow.errors import VolumeError

_ENCRYPTED = 0x1  # among the flags of an entry
_PIECE_BYTES = 1 << 20
_ENDING = re.compile(r"\.nii\.gz$|\.[a-z0-9]{1,8}$")


@dataclass(frozen=True, kw_only=True)
class UnpackLimits:
    """The most that an archive may hold: files, and bytes of all of them together once they are unpacked."""

    files: int
    unpacked_bytes: int


def own_name(number: int, name: str) -> str:
    """Under which to keep a file that somebody calls `name`: of that only the ending is taken.

    Readers of folders tell slices from other files by names of one kind. So what has a number in its name and no ending
    keeps none, and what has neither gets one of its own.
    """
    found = _ENDING.search(name.lower())
    if found and re.search("[a-z]", found[0]):
        return f"{number:06d}{found[0]}"
    return f"{number:06d}" if re.search(r"\d", name) else f"{number:06d}.other"


def zip_files(path: Path, limits: UnpackLimits) -> list[ZipInfo]:
    """The files in a zip. Raises VolumeError for one that is empty, encrypted, beyond the limits or no zip."""
    with _whole(path), ZipFile(path) as archive:
        entries = archive.infolist()
    if len(entries) > limits.files:
        raise VolumeError(f"{path} holds {len(entries):,} files; at most {limits.files:,} were expected.")
    files = [entry for entry in entries if not entry.is_dir() and not _is_of_the_system(entry)]
    if not files:
        raise VolumeError(f"{path} is an empty zip: it holds no files. Give one that holds a scan.")
    if any(entry.flag_bits & _ENCRYPTED for entry in files):
        raise VolumeError(f"{path} is encrypted. Unpack it with its password, and give what was inside.")
    check_unpacked(sum(entry.file_size for entry in files), path, limits)
    return files


def check_unpacked(unpacked_bytes: int, path: Path, limits: UnpackLimits) -> None:
    """Raises VolumeError for more than an archive may hold."""
    if unpacked_bytes > limits.unpacked_bytes:
        raise VolumeError(
            f"{path} unpacks to more than {limits.unpacked_bytes / 1e9:g} GB, which is more than any scan that can be "
            "shown here. Give a part of it."
        )


def unpack_zip(path: Path, files: Sequence[ZipInfo], folder: Path) -> list[Path]:
    """Writes the files of a zip into a folder, under names of our own. Raises VolumeError for one that is broken."""
    written = []
    with _whole(path), ZipFile(path) as archive:
        for number, entry in enumerate(files, 1):
            out = folder / own_name(number, entry.filename)
            with archive.open(entry) as packed, out.open("wb") as file:  # which ends at the size that was counted
                shutil.copyfileobj(packed, file, _PIECE_BYTES)
            written.append(out)
    return written


def gzip_bytes(path: Path, limits: UnpackLimits) -> int:
    """How many bytes a .gz holds, by unpacking it to nowhere: what it says of itself need not be true, and of one that
    was cut short it is any number. Raises VolumeError as `unpack_gzip`.
    """
    return sum(len(piece) for piece in _gzip_pieces(path, limits))


def unpack_gzip(path: Path, out: Path, limits: UnpackLimits) -> None:
    """Writes what a .gz holds. Raises VolumeError for one that is broken, or as soon as it is beyond the limits."""
    with out.open("wb") as file:
        for piece in _gzip_pieces(path, limits):
            file.write(piece)


def _gzip_pieces(path: Path, limits: UnpackLimits) -> Iterator[bytes]:
    unpacked_bytes = 0
    with _whole(path), gzip.open(path) as packed:
        while piece := packed.read(_PIECE_BYTES):
            unpacked_bytes += len(piece)
            check_unpacked(unpacked_bytes, path, limits)
            yield piece


def _is_of_the_system(entry: ZipInfo) -> bool:
    """What macOS adds beside each file."""
    return entry.filename.rsplit("/", 1)[-1].startswith(".") or entry.filename.startswith("__MACOSX/")


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Around reading an archive: what its reader raises becomes a VolumeError. A full disk stays an OSError."""
    try:
        yield
    except (BadZipFile, EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, ValueError) as error:
        raise VolumeError(f"{path} is no whole archive: it was cut short, or is broken. Copy it again.") from error
    except (NotImplementedError, RuntimeError) as error:
        raise VolumeError(
            f"{path} is packed in a way that cannot be read. Pack it again as an ordinary zip."
        ) from error
