"""CT-RATE's volumes as they lie on disk: which are taken, in both versions, and which tables are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from ctflow.data.ctrate import (
    MetadataRow,
    ReportRow,
    metadata_path,
    no_chest_path,
    reports_path,
    volume_path,
    write_metadata,
    write_no_chests,
    write_reports,
)
from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.own_sources import own_sources
from ctflow.data.sources import (
    StoredValues,
    check_there,
    first_of_each_patient,
    sex_of,
    sources_sha256,
    years_of,
)
from ctflow.errors import RequestError

NAMES = ["valid_1_a_1.nii.gz", "valid_1_a_2.nii.gz", "valid_1_b_1.nii.gz", "valid_2_a_1.nii.gz"]


def ct_rate(root: Path, *, first_version: bool = False) -> Path:
    """Tables, and files that hold nothing."""
    write_reports(reports_path(root, "valid"), [report_row(name) for name in NAMES])
    write_metadata(metadata_path(root, "valid"), [metadata_row(name) for name in NAMES])
    write_no_chests(no_chest_path(root, "valid"), [])
    for name in NAMES:
        path = volume_path(root, "valid", name, first_version=first_version)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def report_row(name: str) -> ReportRow:
    return ReportRow(name=name, clinical_information="", technique="", findings="Clear lungs.", impression="Not given.")


def metadata_row(name: str) -> MetadataRow:
    return MetadataRow(
        name=name, sex="F", age=54, pixel_spacing_mm=0.7, slice_spacing_mm=1.5, rows=512, columns=512, slices=200
    )


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_a_source_has_its_patient_its_place_and_its_report(tmp_path: Path) -> None:
    source = ct_rate_sources(ct_rate(tmp_path), "valid")[2]
    assert (source.name, source.patient) == ("valid_1_b_1.nii.gz", "valid_1")
    assert source.path == tmp_path / "dataset/valid_fixed/valid_1/valid_1_b/valid_1_b_1.nii.gz"
    report = source.report()
    assert (report.findings, report.impression, report.sex, report.age) == ("Clear lungs.", "", "F", 54)
    assert source.stored is None


def test_the_first_version_needs_what_the_metadata_say_and_gives_way_to_the_second(tmp_path: Path) -> None:
    root = ct_rate(tmp_path, first_version=True)
    edit(metadata_path(root, "valid"), "1,0,", "2,-1024,")
    source = ct_rate_sources(root, "valid")[0]
    assert source.path == root / "dataset/valid/valid_1/valid_1_a/valid_1_a_1.nii.gz"
    assert source.stored == StoredValues(slope=2, intercept=-1024, pixel_spacing_mm=0.7, slice_spacing_mm=1.5)
    assert all(source.stored is None for source in ct_rate_sources(ct_rate(root), "valid"))


def test_volumes_that_are_no_chests_are_dropped_and_a_missing_list_is_an_error(tmp_path: Path) -> None:
    root = ct_rate(tmp_path)
    write_no_chests(no_chest_path(root, "valid"), [f"valid/valid_1/valid_1_a/{NAMES[1]}"])  # a path, as CT-RATE has it
    assert [source.name for source in ct_rate_sources(root, "valid")] == [NAMES[0], *NAMES[2:]]
    write_no_chests(no_chest_path(root, "valid"), ["valid_1_a_2"])  # it would have dropped nothing
    with pytest.raises(RequestError, match=r"no_chest_valid\.txt names 'valid_1_a_2'"):
        ct_rate_sources(root, "valid")
    write_no_chests(no_chest_path(root, "valid"), NAMES)
    with pytest.raises(RequestError, match="leave no volume to read"):
        check_there(ct_rate_sources(root, "valid"), skip_missing=True)
    no_chest_path(root, "valid").unlink()
    with pytest.raises(RequestError, match=r"no_chest_valid\.txt cannot be read.*an empty file says"):
        ct_rate_sources(root, "valid")


def test_the_first_volume_of_each_patient_may_be_taken_alone(tmp_path: Path) -> None:
    sources = ct_rate_sources(ct_rate(tmp_path), "valid")
    assert [source.name for source in first_of_each_patient(sources)] == [NAMES[0], NAMES[3]]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Findings_EN", "Findings", "lacks Findings_EN"),
        ("valid_1_a_2.nii.gz", "valid_1_a_1.nii.gz", "names valid_1_a_1.nii.gz twice"),
        ("valid_1_a_2.nii.gz", "", "has no name in its row 3"),
        ("valid_1_a_2.nii.gz", "../../x_1_a_2.nii.gz", "a volume as valid_1_a_1.nii.gz was expected"),
        ("valid_1_a_2.nii.gz", "train_1_a_2.nii.gz", "a volume as valid_1_a_1.nii.gz was expected"),
    ],
)
def test_a_table_of_reports_that_makes_no_sense_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    root = ct_rate(tmp_path)
    edit(reports_path(root, "valid"), before, after)
    with pytest.raises(RequestError, match=said):
        ct_rate_sources(root, "valid")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("valid_2_a_1.nii.gz", "valid_3_a_1.nii.gz", "has no row for it"),
        ("2_a_1.nii.gz,F,054Y,1,0", "2_a_1.nii.gz,F,054Y,,0", "no slope, intercept or spacing"),
        ("2_a_1.nii.gz,F,054Y,1,0", "2_a_1.nii.gz,F,054Y,0,0", "slope 0"),
        ('2_a_1.nii.gz,F,054Y,1,0,"[0.7, 0.7]"', '2_a_1.nii.gz,F,054Y,1,0,"[0.7, 0.8]"', "the same across and down"),
        ('2_a_1.nii.gz,F,054Y,1,0,"[0.7, 0.7]",1.5', '2_a_1.nii.gz,F,054Y,1,0,"[0.7, 0.7]",-1', "above 0"),
    ],
)
def test_a_volume_of_which_the_metadata_say_too_little_has_a_fault(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    root = ct_rate(tmp_path, first_version=True)
    edit(metadata_path(root, "valid"), before, after)
    sources = ct_rate_sources(root, "valid")
    assert fault in sources[3].fault
    assert not any(source.fault for source in sources[:3])


def test_a_folder_without_volumes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="--ct-rate is the folder that holds dataset"):
        ct_rate_sources(tmp_path, "train")


def test_missing_files_are_an_error_unless_they_may_be_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sources = ct_rate_sources(ct_rate(tmp_path), "valid")
    sources[1].path.unlink()
    with pytest.raises(RequestError, match=r"1 of the 4 volumes .* not there, first .*valid_1_a_2.*skip-missing"):
        check_there(sources, skip_missing=False)
    assert [source.name for source in check_there(sources, skip_missing=True)] == [NAMES[0], *NAMES[2:]]
    assert "1 of the 4 volumes" in caplog.text and "they are skipped" in caplog.text
    for source in check_there(sources, skip_missing=True):
        source.path.unlink()
    with pytest.raises(RequestError, match="4 of the 4 volumes"):
        check_there(sources, skip_missing=True)


def test_volumes_of_ones_own_come_from_a_table_with_the_patient(tmp_path: Path) -> None:
    table = tmp_path / "reports.csv"
    table.write_text("VolumeName,PatientID,Findings_EN,Impressions_EN,PatientAge\na/b.nrrd,p7,Clear.,,7M\n")
    (source,) = own_sources(tmp_path / "scans", table)
    assert (source.name, source.patient, source.path) == ("a/b.nrrd", "p7", tmp_path / "scans/a/b.nrrd")
    assert source.report().age == 0 and source.report().sex is None
    for wrong, said in (("/a.nrrd,p", "inside the folder"), ("../a.nrrd,p", "inside the folder"), ("a.nrrd,", "whose")):
        table.write_text(f"VolumeName,PatientID,Findings_EN,Impressions_EN\n{wrong},Clear.,\n")
        with pytest.raises(RequestError, match=said):
            own_sources(tmp_path / "scans", table)


def test_the_hash_of_sources_is_of_what_they_say_and_not_of_where_they_lie(tmp_path: Path) -> None:
    sources = ct_rate_sources(ct_rate(tmp_path), "valid")
    assert sources_sha256(sources) == sources_sha256([replace(one, path=Path("elsewhere")) for one in sources])
    assert sources_sha256(sources) != sources_sha256([*sources[:3], replace(sources[3], findings="Effusion.")])
    assert sources_sha256(sources) != sources_sha256(sources[::-1])


@pytest.mark.parametrize(
    ("text", "years"), [("054Y", 54), ("7", 7), ("018M", 1), ("030W", 0), ("", None), ("nan", None)]
)
def test_ages_are_full_years(text: str, years: int | None) -> None:
    assert years_of(text) == years


def test_an_age_or_sex_that_is_none_is_refused() -> None:
    with pytest.raises(RequestError, match="054Y, was expected"):
        years_of("old")
    with pytest.raises(RequestError, match="F, M, O or nothing"):
        sex_of("W")
    assert [sex_of(text) for text in (" f", "M", "O", "")] == ["F", "M", None, None]
