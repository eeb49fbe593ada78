"""CT-RATE's layout is read back as it was written, and other tables are refused."""

from pathlib import Path

import pytest

from ctflow.data.ctrate import (
    ReportRow,
    labels_path,
    metadata_path,
    read_labels,
    read_reports,
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
