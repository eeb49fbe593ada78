"""CT-RATE's layout is read back as it was written, and other tables are refused."""

from pathlib import Path

import pytest

from ctflow.data.ctrate import (
    ReportRow,
    labels_path,
    metadata_path,
    read_labels,
    read_reports,
    read_table,
    reports_path,
    volume_path,
    write_labels,
    write_reports,
)
from ctflow.errors import RequestError

ROW = ReportRow(
    name="valid_1_a_1.nii.gz",
    clinical_information="Not given.",
    technique="Without contrast.",
    findings='A nodule, "ground-glass".\nNo effusion.',
    impression="",
)


def test_volumes_and_tables_lie_where_ct_rate_keeps_them() -> None:
    root = Path("root")
    folder = "dataset/valid_fixed/valid_1/valid_1_a"
    assert volume_path(root, "valid", "valid_1_a_1.nii.gz") == root / folder / "valid_1_a_1.nii.gz"
    assert reports_path(root, "valid") == root / "dataset/radiology_text_reports/validation_reports.csv"
    assert labels_path(root, "valid") == root / "dataset/multi_abnormality_labels/valid_predicted_labels.csv"
    assert metadata_path(root, "train") == root / "dataset/metadata/train_metadata.csv"


def test_reports_with_quotes_and_lines_are_read_back(tmp_path: Path) -> None:
    write_reports(tmp_path / "reports.csv", [ROW])
    assert read_reports(tmp_path / "reports.csv") == [ROW]


def test_labels_are_read_back(tmp_path: Path) -> None:
    labels = {"valid_1_a_1.nii.gz": frozenset({"Cardiomegaly", "Emphysema"}), "valid_2_a_1.nii.gz": frozenset()}
    write_labels(tmp_path / "labels.csv", labels)  # type: ignore[arg-type]  # a set of literals counts as one of str
    assert read_labels(tmp_path / "labels.csv") == labels


def test_a_table_that_lacks_columns_is_refused_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "reports.csv").write_text("VolumeName,Findings_EN\nvalid_1_a_1.nii.gz,Normal.\n")
    with pytest.raises(RequestError, match="it lacks ClinicalInformation_EN, Impressions_EN, Technique_EN"):
        read_reports(tmp_path / "reports.csv")
    with pytest.raises(RequestError, match=r"none\.csv cannot be read"):
        read_labels(tmp_path / "none.csv")


@pytest.mark.parametrize("word", ["", "nan", "0.7", "yes"])
def test_a_label_that_is_neither_there_nor_not_there_is_refused(tmp_path: Path, word: str) -> None:
    """A probability of 0.9 counted as absent, and an empty cell was a traceback."""
    path = tmp_path / "labels.csv"
    write_labels(path, {"valid_1_a_1.nii.gz": frozenset({"Medical material"})})
    text = path.read_text()
    assert "gz,1,0" in text
    path.write_text(text.replace("gz,1,0", f"gz,{word},0"))
    with pytest.raises(RequestError, match=rf"says '{word}' of Medical material in valid_1_a_1.*0 or 1"):
        read_labels(path)
    path.write_text(text.replace("gz,1,0", "gz,1.0,0.0"))
    assert read_labels(path) == {"valid_1_a_1.nii.gz": {"Medical material"}}


def test_labels_of_one_volume_in_two_rows_are_refused(tmp_path: Path) -> None:
    """The second row counted."""
    path = tmp_path / "labels.csv"
    write_labels(path, {"valid_1_a_1.nii.gz": frozenset(), "valid_1_a_2.nii.gz": frozenset({"Emphysema"})})
    path.write_text(path.read_text().replace("valid_1_a_2", "valid_1_a_1"))
    with pytest.raises(RequestError, match=r"names valid_1_a_1\.nii\.gz twice"):
        read_labels(path)


def test_a_table_that_a_spreadsheet_has_saved_is_read(tmp_path: Path) -> None:
    """The mark at its beginning made the first column another."""
    write_reports(tmp_path / "reports.csv", [ROW])
    (tmp_path / "reports.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "reports.csv").read_bytes())
    assert read_reports(tmp_path / "reports.csv") == [ROW]


def test_a_row_with_a_comma_outside_quotes_is_refused(tmp_path: Path) -> None:
    """The findings ended at the comma, and what followed became the impression."""
    head = "VolumeName,PatientID,Findings_EN,Impressions_EN"
    (tmp_path / "reports.csv").write_text(f"{head}\na.nii.gz,p,Effusion on the right, none on the left.,Effusion.\n")
    with pytest.raises(RequestError, match=r"more fields than columns in the row of 'a\.nii\.gz'.*in quotes"):
        read_table(tmp_path / "reports.csv", ("Findings_EN",))
