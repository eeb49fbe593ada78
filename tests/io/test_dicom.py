"""DICOM folders, and each reason to refuse one."""

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ctflow.errors import VolumeError
from ctflow.io.scan import read_scan
from tests.io.scans import ORIGIN, write_dicom


def edit_tag(tag: str, value: str, only: int | None = None) -> Callable[[int, dict[str, str]], None]:
    def edit(i: int, tags: dict[str, str]) -> None:
        if only in (None, i):
            tags[tag] = value

    return edit


def shear(i: int, tags: dict[str, str]) -> None:
    tags["0020|0032"] = f"{ORIGIN[0]}\\{ORIGIN[1] + 0.5 * i}\\{ORIGIN[2] + 2.5 * i}"


def twice(i: int, tags: dict[str, str]) -> None:
    tags["0020|0032"] = f"{ORIGIN[0]}\\{ORIGIN[1]}\\{ORIGIN[2] + 2.5 * (i - (i > 3))}"


def uneven(i: int, tags: dict[str, str]) -> None:
    tags["0020|0032"] = f"{ORIGIN[0]}\\{ORIGIN[1]}\\{ORIGIN[2] + 2.5 * i + 0.4 * (i > 3)}"


def oblique(i: int, tags: dict[str, str]) -> None:
    """Turned by 0.5 rad about x."""
    tags["0020|0037"] = f"1\\0\\0\\0\\{np.cos(0.5)}\\{np.sin(0.5)}"
    tags["0020|0032"] = f"0\\{-2.5 * i * np.sin(0.5)}\\{2.5 * i * np.cos(0.5)}"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (edit_tag("0008|0060", "MR"), "modality MR; CT was expected"),
        (edit_tag("0008|0060", "PT"), "modality PT"),
        (edit_tag("colour", ""), "colour image"),
        (shear, "tilted gantry"),
        (edit_tag("skip", "", only=3), "missing slices"),
        (uneven, "uneven spacing"),
        (twice, "several slices at one place"),
        (edit_tag("0020|000e", "1.2.3.5", only=2), "holds 2 DICOM series"),
        (edit_tag("0020|0037", "1\\0\\0\\0\\0\\-1", only=2), "size or plane"),
        (edit_tag("0008|0060", ""), "modality unknown"),
        (lambda i, tags: tags.update(skip="") if i else None, "single slice"),
        (oblique, "28.6 degrees off the patient's"),
    ],
)
def test_a_dicom_folder_that_is_not_one_upright_ct_is_refused(
    tmp_path: Path, edit: Callable[[int, dict[str, str]], None], said: str
) -> None:
    with pytest.raises(VolumeError, match=said):
        read_scan(write_dicom(tmp_path / "dicom", edit))


@pytest.mark.parametrize(
    ("element", "value", "said"),
    [
        (0x32, b"", "does not say its position"),
        (0x32, b"1\\2", "says .* for its position; 3 numbers were expected"),
        (0x37, b"1\\0\\0\\0\\x\\0", "says .* for its orientation; 6 numbers were expected"),
    ],
)
def test_a_dicom_file_with_words_where_numbers_belong_is_refused(
    tmp_path: Path, element: int, value: bytes, said: str
) -> None:
    """Such a header ended in a ValueError. SimpleITK writes none, so its bytes are changed."""
    file = write_dicom(tmp_path / "dicom") / "7.dcm"
    data = file.read_bytes()
    begin = data.index(struct.pack("<2H", 0x20, element)) + 8
    (length,) = struct.unpack_from("<I", data, begin - 4)
    file.write_bytes(data[:begin] + value.ljust(length) + data[begin + length :])
    with pytest.raises(VolumeError, match=said):
        read_scan(tmp_path / "dicom")


@pytest.mark.parametrize("name", ["4.dcm", "7.dcm"])
def test_a_dicom_file_that_was_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    """At the end of the scan, where no gap would tell, and inside."""
    folder = write_dicom(tmp_path / "dicom")
    file = folder / name
    file.write_bytes(file.read_bytes()[:-60])
    with pytest.raises(VolumeError, match=f"{name} is no whole DICOM image"):
        read_scan(folder)


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VolumeError, match="no DICOM series"):
        read_scan(tmp_path)


def test_reading_dicom_leaves_the_locale_as_it_was(tmp_path: Path) -> None:
    """GDCM set that of the whole process to "C", and from then on Python took text files for ASCII."""
    code = """
import locale, sys
from pathlib import Path
from ctflow.io.scan import read_volume
before = locale.setlocale(locale.LC_ALL)
read_volume(Path(sys.argv[1]))
assert locale.setlocale(locale.LC_ALL) == before, locale.setlocale(locale.LC_ALL)
Path(sys.argv[2]).write_text("Erguß")
"""
    command = [sys.executable, "-c", code, str(write_dicom(tmp_path / "dicom")), str(tmp_path / "a.txt")]
    subprocess.run(command, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=True)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "Erguß"
