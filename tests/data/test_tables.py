"""A table of volumes is read whole or refused: no row of it is passed over."""

from pathlib import Path

import pytest

from ctflow.data.tables import read_table, write_table
from ctflow.errors import RequestError

HEAD = "VolumeName,Findings_EN"
COLUMNS = ("Findings_EN",)
QUOTED = {"VolumeName": "a.nii.gz", "Findings_EN": 'A nodule, "ground-glass".\nNo effusion.'}


def test_what_was_written_is_read_back_also_with_the_mark_that_excel_puts_first(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_table(path, [QUOTED])
    assert read_table(path, COLUMNS) == [QUOTED]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n")  # and an empty line at the end
    assert read_table(path, COLUMNS) == [QUOTED]


# A comma outside quotes ended the findings, and what followed became the impression.
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it lacks Findings_EN, VolumeName"),
        ("VolumeName,Impressions_EN\na,Clear.", "it lacks Findings_EN"),
        ("VolumeName;Findings_EN\na;Clear.", "it lacks Findings_EN, VolumeName"),
        ("VolumeName,Findings_EN,Findings_EN\na,Clear.,Effusion.", "has two columns 'Findings_EN'"),
        (f"{HEAD}\n", "names no volume"),
        (f"{HEAD}\na,Clear.\nb", "has 1 columns in its row 3, and 2 in the first"),
        (f"{HEAD}\na,No nodule, no effusion.", "has 3 columns in its row 2"),
        (f'{HEAD}\na,"Clear.\nb,Clear.', "is no table in CSV .* Is a quote left open"),
        (f'{HEAD}\na,"Clear.\nb,"Clear."', "is no table in CSV"),
        (f"{HEAD}\na,Clear.\na,Effusion.", "names a twice"),
        (f"{HEAD}\n,Clear.", "has no name in its row 2"),
        (f"{HEAD}\na,L\udcfcnge.", "is not UTF-8 .*, at byte 26"),
    ],
)
def test_a_table_that_is_not_whole_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RequestError, match=said):
        read_table(path, COLUMNS)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"none\.csv cannot be read \(No such file"):
        read_table(tmp_path / "none.csv", COLUMNS)
