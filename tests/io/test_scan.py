"""Real scans as they come, each kind of file and each reason to refuse one."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ctflow.errors import VolumeError
from ctflow.io.scan import read_scan
from ctflow.model_grid import regrid
from ctflow.volume import Volume, plane_affine

SPACING_XYZ = (0.8, 0.9, 2.5)
ORIGIN = (-10.0, 20.0, -300.0)


def values() -> np.ndarray:
    """(slices, rows, columns), different everywhere."""
    return (np.arange(6 * 7 * 9).reshape(6, 7, 9) * 3 - 1000).astype(np.int16)


def image(array: np.ndarray | None = None) -> sitk.Image:
    made = sitk.GetImageFromArray(values() if array is None else array)
    made.SetSpacing(SPACING_XYZ)
    made.SetOrigin(ORIGIN)
    return made


def write_dicom(folder: Path, edit: Callable[[int, dict[str, str]], None] = lambda i, tags: None) -> Path:
    """One file per slice, from the feet up; `edit` changes the header of slice i."""
    folder.mkdir()
    for i, plane in enumerate(values()):
        tags = {
            "0008|0060": "CT",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0020|000e": "1.2.3.4",
            "0020|000d": "1.2.3",
            "0020|0013": str(i),
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0032": f"{ORIGIN[0]}\\{ORIGIN[1]}\\{ORIGIN[2] + 2.5 * i}",
            "0028|1052": "0",
            "0028|1053": "1",
        }
        edit(i, tags)
        if "skip" in tags:
            continue
        colour = tags.pop("colour", None) is not None
        slice_ = sitk.GetImageFromArray(np.stack([plane.astype(np.uint8)] * 3, -1) if colour else plane, colour)
        slice_.SetSpacing(SPACING_XYZ[:2])
        for tag, value in tags.items():
            slice_.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{9 - i}.dcm"))  # the names are in no order
        writer.Execute(slice_)
    return folder


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.mhd", "dicom"])
def test_each_kind_of_file_gives_the_same_volume(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "dicom":
        write_dicom(path)
    else:
        sitk.WriteImage(image(), str(path))
    volume = read_scan(path)
    np.testing.assert_array_equal(volume.hu, values())
    np.testing.assert_allclose(volume.spacing_mm, SPACING_XYZ[::-1], atol=1e-6)
    np.testing.assert_allclose(volume.affine[:3, 3], ORIGIN, atol=1e-5)


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


def test_padding_far_below_air_is_no_fault(tmp_path: Path) -> None:
    padded = values()
    padded[:, :2] = -3024
    sitk.WriteImage(image(padded), str(tmp_path / "a.mha"))
    np.testing.assert_array_equal(read_scan(tmp_path / "a.mha").hu, padded)


def truncated(path: Path) -> None:
    sitk.WriteImage(image(), str(path))
    path.write_bytes(path.read_bytes()[:-200])


def nifti_with(*fields: tuple[int, str, float]) -> Callable[[Path], None]:
    """Writes a NIfTI file with other values at these offsets of its header."""

    def write(path: Path) -> None:
        sitk.WriteImage(image(), str(path))
        data = bytearray(path.read_bytes())
        for offset, kind, value in fields:
            struct.pack_into("<" + kind, data, offset, value)
        path.write_bytes(data)

    return write


# The least that NRRD asks for, from `space` on.
LEAST_NRRD = r"sizes: 9 7 6\nspacings: 0.8 0.9 2.5\nendian: little\nencoding: raw\n\n"


def text_with(old: str, new: str) -> Callable[[Path], None]:
    """Writes a file with another text in its header, in which SimpleITK says all that is asked for."""

    def write(path: Path) -> None:
        sitk.WriteImage(image(), str(path))
        data = path.read_bytes()
        changed = re.sub(old.encode(), new.encode(), data, count=1, flags=re.MULTILINE)
        assert changed != data
        path.write_bytes(changed)

    return write


def turned(degrees: float, axis: int = 0) -> sitk.Image:
    """The scan of a patient who lies so turned about x, y or z."""
    turn = np.eye(3)
    a, b = (other for other in range(3) if other != axis)
    turn[[a, b], [a, b]] = np.cos(np.radians(degrees))
    turn[a, b], turn[b, a] = -np.sin(np.radians(degrees)), np.sin(np.radians(degrees))
    made = image()
    made.SetDirection(turn.ravel().tolist())
    return made


def oblique(i: int, tags: dict[str, str]) -> None:
    """Turned by 0.5 rad about x."""
    tags["0020|0037"] = f"1\\0\\0\\0\\{np.cos(0.5)}\\{np.sin(0.5)}"
    tags["0020|0032"] = f"0\\{-2.5 * i * np.sin(0.5)}\\{2.5 * i * np.cos(0.5)}"


def pet() -> np.ndarray:
    """Noise about nothing, and one value that a filter drove far below."""
    noise = np.random.default_rng(0).normal(0, 40, values().shape).astype(np.float32)
    noise[3, 3, 3] = -2263
    return noise


def sheared(path: Path) -> None:
    """SimpleITK writes no such file, so the slices' axis is changed in its text."""
    sitk.WriteImage(image(), str(path))
    old, new = {".mha": (b"0 0 1\n", b"0 .3 1\n"), ".nrrd": (b"(0,0,2.5)", b"(0,0.8,2.5)")}[path.suffix]
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("a.mha", sheared, "right angles"),
        ("a.nrrd", sheared, "right angles"),
        ("a.nii", nifti_with((280 + 6 * 4, "f", 0.6)), "right angles"),
        ("a.nii", nifti_with((252, "h", 0), (254, "h", 0)), "patient's right"),
        ("a.nii", nifti_with((123, "B", 1)), "another unit"),
        ("a.nii", nifti_with((123, "B", 3)), "another unit"),
        ("a.mha", truncated, "cannot be read"),
        ("a.nrrd", truncated, "cannot be read"),
        ("a.nii", truncated, "cut short"),
        ("a.nii.gz", truncated, "cannot be read"),
        ("a.mha", lambda p: sitk.WriteImage(image()[:, :, 0], str(p)), "2 dimensions"),
        ("a.nii.gz", lambda p: sitk.WriteImage(image()[:, :, :1], str(p)), "single slice"),
        ("a.nrrd", lambda p: sitk.WriteImage(sitk.JoinSeries([image(), image()]), str(p)), "4 dimensions"),
        ("a.mha", lambda p: sitk.WriteImage(sitk.Compose(image(), image(), image()), str(p)), "colour"),
        ("a.mha", lambda p: sitk.WriteImage(image(np.abs(values())), str(p)), "holds no air"),
        ("a.mha", lambda p: sitk.WriteImage(image(values() - 1024), str(p)), "holds no soft tissue"),
        ("a.nrrd", lambda p: sitk.WriteImage(image(pet()), str(p)), "holds no air"),
        ("a.mha", lambda p: sitk.WriteImage(image(values().astype(np.float32) * np.nan), str(p)), "not numbers"),
        ("a.mha", lambda p: sitk.WriteImage(image(values().astype(np.float32) * 1e4), str(p)), "no HU"),
        ("a.nrrd", text_with(r"(?s)^space: .*?\n\n", LEAST_NRRD), "'space' says nothing"),
        ("a.nrrd", text_with(r"(?s)^space: .*?\n\n", f"space:=LPS\n{LEAST_NRRD}"), "'space' says nothing"),
        ("a.nrrd", text_with("^space: .*\n", "space dimension: 3\n"), "'space' says nothing"),
        ("a.nrrd", text_with("^space: .*", "space: scanner-xyz"), "'space' says scanner-xyz"),
        ("a.nrrd", text_with("^space directions: .*\n", ""), "three 'space directions'"),
        ("a.nrrd", text_with(r"\(0,0,2.5\)", "none"), "three 'space directions'"),
        ("a.mha", text_with("^TransformMatrix .*\n", ""), "does not say its TransformMatrix"),
        ("a.mha", text_with("^TransformMatrix ", "transformmatrix "), "does not say its TransformMatrix"),
        ("a.mha", text_with("^TransformMatrix ", "Comment = TransformMatrix "), "does not say its TransformMatrix"),
        ("a.mhd", text_with("^TransformMatrix .*\n", ""), "does not say its TransformMatrix"),
        ("a.mha", text_with("^ElementSpacing .*\n", ""), "does not say its ElementSpacing"),
        ("a.mhd", text_with("^ElementSpacing .*\n", ""), "does not say its ElementSpacing"),
        ("a.nii", nifti_with((88, "f", 5.0)), "0.8 × 0.9 × 2.5 by its sform, 0.8 × 0.9 × 5 by its pixdim"),
        ("a.nii", nifti_with((88, "f", np.nan)), "by its pixdim"),
        ("a.nii.gz", lambda p: sitk.WriteImage(turned(np.degrees(0.5)), str(p)), "28.6 degrees off the patient's"),
        ("a.mha", lambda p: sitk.WriteImage(turned(11, axis=2), str(p)), "11.0 degrees off the patient's"),
        ("a.nrrd", lambda p: sitk.WriteImage(turned(-11, axis=1), str(p)), "11.0 degrees off the patient's"),
        ("dicom", lambda p: write_dicom(p, oblique), "28.6 degrees off the patient's"),
        ("a.mha", lambda p: None, "cannot be read"),
        ("a.jpg", lambda p: p.touch(), "no scan that can be read"),
    ],
)
def test_a_file_that_is_no_whole_ct_is_refused(
    tmp_path: Path, name: str, write: Callable[[Path], object], said: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(VolumeError, match=said):
        read_scan(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.nrrd", text_with("^space: .*", "space: LPS")),
        ("a.nrrd", text_with("^space: ", "Space: ")),
        ("a.mha", text_with("^TransformMatrix ", "Rotation ")),
        ("a.mha", text_with("^TransformMatrix = ", "Orientation: ")),
        ("a.mha", text_with("^ElementSpacing ", "ElementSize ")),
        ("a.nii", nifti_with((88, "f", 2.51))),
    ],
)
def test_what_says_how_it_lies_in_other_words_is_read(
    tmp_path: Path, name: str, write: Callable[[Path], object]
) -> None:
    write(tmp_path / name)
    volume = read_scan(tmp_path / name)
    np.testing.assert_array_equal(volume.hu, values())
    np.testing.assert_allclose(volume.spacing_mm, SPACING_XYZ[::-1], rtol=0.01)


def test_only_the_spacing_that_counts_is_asked_for(tmp_path: Path) -> None:
    """Without a code, what stands in the sform's place means nothing."""
    nifti_with((254, "h", 0), (280 + 10 * 4, "f", 99.0))(tmp_path / "a.nii")
    np.testing.assert_allclose(read_scan(tmp_path / "a.nii").spacing_mm, SPACING_XYZ[::-1], atol=1e-6)


@pytest.mark.parametrize("degrees", [9, 81, 90, 180, -99])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_patient_who_lies_a_little_askew_is_read_and_so_are_sagittal_and_coronal_slices(
    tmp_path: Path, degrees: float, axis: int
) -> None:
    sitk.WriteImage(turned(degrees, axis), str(tmp_path / "a.mha"))
    np.testing.assert_array_equal(read_scan(tmp_path / "a.mha").hu, values())


def ball(axes: tuple[str, str, str], spacing_mm: tuple[float, float, float], centre: np.ndarray) -> Volume:
    """A ball of 20 mm about a point in the patient, on any grid."""
    affine = plane_affine(axes, spacing_mm, 40, 40)
    affine[:3, 3] += centre - affine[:3, :3] @ (19.5, 0, 0) + (4, -3, 2)
    index = np.stack([*np.indices((40, 40, 40)), np.ones((40, 40, 40))], axis=-1)
    away_mm = np.linalg.norm((index @ affine.T)[..., :3] - centre, axis=-1)
    return Volume(np.where(away_mm < 20, 100, -1000).astype(np.int16), affine)


@pytest.mark.parametrize("axes", [("I", "P", "L"), ("S", "L", "P"), ("L", "I", "A"), ("P", "S", "R")])
def test_what_is_in_a_scan_stays_where_it_is_in_the_patient(axes: tuple[str, str, str]) -> None:
    centre = np.array([30.0, -20.0, 500.0])
    scan = ball(axes, (2.0, 1.5, 1.7), centre)
    moved = regrid(scan, ("I", "P", "L"), (3.0, 1.5, 1.5), (64, 64))
    index = np.argwhere(moved.hu > -450).mean(0)
    np.testing.assert_allclose((moved.affine @ (*index, 1))[:3], centre, atol=0.5)
    assert moved.spacing_mm == (3.0, 1.5, 1.5)
    volume_ml = (moved.hu > -450).sum() * 3 * 1.5 * 1.5 / 1000
    assert abs(volume_ml / (4 / 3 * np.pi * 2**3) - 1) < 0.05


def test_the_grid_begins_with_the_scans_first_slice_and_ends_within_it() -> None:
    scan = Volume(np.full((11, 8, 8), -1000, np.int16), plane_affine(("S", "P", "L"), (2.0, 1.0, 1.0), 8, 8))
    for axis, first in (("S", 0.0), ("I", 20.0)):
        moved = regrid(scan, (axis, "P", "L"), (3.0, 1.0, 1.0), (4, 12))
        assert moved.hu.shape == (7, 4, 12)
        assert moved.affine[2, 3] == first


def test_a_scan_on_the_grid_already_is_not_changed() -> None:
    affine = plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), 7, 9)
    affine[:3, 3] += (3, 4, 5)
    again = regrid(Volume(values(), affine), ("I", "P", "L"), (3.0, 1.5, 1.5), (7, 9))
    np.testing.assert_array_equal(again.hu, values())
    np.testing.assert_allclose(again.affine, affine)
