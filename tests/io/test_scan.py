"""Real scans as they come: each kind of file, and each reason to refuse one."""

import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from nibabel import Nifti1Header

from ctflow.errors import VolumeError
from ctflow.io.image import check_self_contained, voxels_in_header
from ctflow.io.scan import read_scan
from tests.io.scans import ORIGIN, SPACING_XYZ, image, values, write_dicom


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
        ("a.nrrd", text_with("^space origin: .*\n", ""), "does not say its 'space origin'"),
        ("a.nrrd", text_with("^space origin: .*", "space origin: (nan,0,0)"), "for its space origin; 3 numbers"),
        (
            "a.nrrd",
            text_with("^space: .*", 'space: LPS\nspace units: "m" "m" "m"'),
            "'space units' of 'm'; mm was",
        ),
        ("a.nrrd", text_with("^space: .*", 'space: LPS\nspace units: "um" "um" "um"'), "'space units' of 'um'"),
        ("a.nrrd", text_with(r"\(0,0,2.5\)", "(0,0,nan)"), "for its space directions; 9 numbers"),
        ("a.nrrd", text_with(r"\(0,0,2.5\)", "(0,0,0)"), "a vector of length 0"),
        ("a.mha", text_with("^Offset .*\n", ""), "does not say its Offset"),
        ("a.mhd", text_with("^Offset .*\n", ""), "does not say its Offset"),
        ("a.mha", text_with("^Offset = .*", "Offset = 1 nan 3"), "for its Offset; 3 numbers"),
        ("a.mha", text_with("^Offset ", "Position = 1 2 3\nOffset "), "says two things"),
        ("a.mha", text_with("^ElementSpacing = .*", "ElementSpacing = -0.8 0.9 2.5"), "three lengths above 0"),
        ("a.mha", text_with("^ElementSpacing = .*", "ElementSpacing = 0.8 0.9 0"), "three lengths above 0"),
        ("a.mha", text_with("^ElementSpacing = .*", "ElementSpacing = 0.8 0.9 nan"), "3 numbers were expected"),
        ("a.mha", text_with("^TransformMatrix = .*", "TransformMatrix = 0 0 0 0 0 0 0 0 0"), "makes no axes"),
        (
            "a.mha",
            text_with("^TransformMatrix = .*", "TransformMatrix = nan 0 0 0 1 0 0 0 1"),
            "9 numbers were expected",
        ),
        ("a.mha", text_with("^ElementSpacing ", "DistanceUnits = cm\nElementSpacing "), "DistanceUnits of 'cm'"),
        ("a.mha", truncated, "cut short: 892 of 1,092 bytes"),
        ("a.mha", text_with("^Offset ", "Offset = 1 2 3\nOffset "), "says its Offset twice: 1 2 3 and -10 20 -300"),
        ("a.nrrd", text_with("^space: ", "space: RAS\nspace: "), "says its space twice"),
        ("a.mha", text_with("^CompressedData = False", "CompressedData = True"), "does not say its CompressedDataSize"),
        ("a.mha", lambda p: p.write_text("NRRD"), "no MetaImage file"),
        ("a.nrrd", lambda p: p.write_text("hello"), "no NRRD file"),
        ("a.mhd", lambda p: p.write_text("hello"), "unknown dimensions"),
        ("a.hdr", lambda p: p.touch(), "no scan that can be read"),
        ("a" * 300 + ".nii", lambda p: None, "File name too long"),
        (os.fsdecode(b"M\xfcller.mha"), lambda p: p.touch(), "not UTF-8"),
        (os.fsdecode(b"M\xfcller.nii"), lambda p: p.touch(), "not UTF-8"),
        ("a.nii", nifti_with((88, "f", 5.0)), "0.8 × 0.9 × 2.5 by its sform, 0.8 × 0.9 × 5 by its pixdim"),
        ("a.nii", nifti_with((88, "f", np.nan)), "by its pixdim"),
        ("a.nii.gz", lambda p: sitk.WriteImage(turned(np.degrees(0.5)), str(p)), "28.6 degrees off the patient's"),
        ("a.mha", lambda p: sitk.WriteImage(turned(11, axis=2), str(p)), "11.0 degrees off the patient's"),
        ("a.nrrd", lambda p: sitk.WriteImage(turned(-11, axis=1), str(p)), "11.0 degrees off the patient's"),
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
        ("a.nrrd", text_with("^space: ", "# by: one\n# by: another\nspace: ")),
        ("a.nrrd", text_with("^space: .*", 'space: LPS\nspace units: "mm" "mm" "mm"')),
        ("a.mha", text_with("^Offset ", "Position ")),
        ("a.mha", text_with("^Offset ", "Origin ")),
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


@pytest.mark.parametrize(
    ("space", "signs"),
    [("left-posterior-superior", (1, 1)), ("right-anterior-superior", (-1, -1)), ("left-anterior-superior", (1, -1))],
)
def test_the_space_of_a_nrrd_says_where_its_numbers_lead(
    tmp_path: Path, space: str, signs: tuple[float, float]
) -> None:
    text_with("^space: .*", f"Space: {space}")(tmp_path / "a.nrrd")
    affine = read_scan(tmp_path / "a.nrrd").affine
    expected = np.array([[0, 0, 0.8, -10], [0, 0.9, 0, 20], [2.5, 0, 0, -300], [0, 0, 0, 1]])
    np.testing.assert_allclose(affine, np.diag([*signs, 1, 1]) @ expected)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd", "dicom"])
def test_what_may_not_be_read_is_an_error_that_says_so(
    tmp_path_factory: pytest.TempPathFactory, name: str, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    """A forbidden file, and one in a forbidden folder. Both ended in a PermissionError."""
    folder = tmp_path_factory.mktemp("scans")
    path = folder / name
    if name == "dicom":
        write_dicom(path)
    else:
        sitk.WriteImage(image(), str(path))
    path.chmod(0)
    with unprivileged(), pytest.raises(VolumeError, match="Permission denied"):
        read_scan(path)
    path.chmod(0o755)
    folder.chmod(0)
    try:
        with unprivileged(), pytest.raises(VolumeError, match="Permission denied"):
            read_scan(path)
    finally:
        folder.chmod(0o755)


def test_a_slice_that_may_not_be_read_is_named(
    tmp_path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    folder = write_dicom(tmp_path / "dicom")
    folder.chmod(0o755)
    (folder / "7.dcm").chmod(0)
    with unprivileged(), pytest.raises(VolumeError, match=r"7\.dcm is no whole DICOM image|Permission denied"):
        read_scan(folder)


@pytest.mark.parametrize("name", ["a.nii", "a.mha", "a.nrrd"])
def test_an_error_is_one_line_and_nothing_is_said_beside_it(tmp_path: Path, name: str) -> None:
    """MetaIO and GDCM write to standard error what is an error of ours, too. A limit makes memory short."""
    truncated(tmp_path / "cut.mha")
    write_large(tmp_path / name)
    code = """
import resource, sys
import SimpleITK
from pathlib import Path
from ctflow.errors import ResourceError, VolumeError
from ctflow.io.image import check_self_contained, voxels_in_header
from ctflow.io.scan import read_scan
try:
    read_scan(Path(sys.argv[1]).with_name("cut.mha"))
except VolumeError as error:
    print(error)
limit = 2 * 1024**3
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    read_scan(Path(sys.argv[1]))
except ResourceError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stderr == ""
    cut, large = done.stdout.splitlines()
    assert "cut short" in cut
    assert f"{name} needs more memory than is free here" in large


def write_large(path: Path) -> None:
    """4 GB of float64, of which the disk keeps the header alone."""
    shape = (1000, 1000, 500)
    if path.suffix == ".nii":
        header = Nifti1Header()
        header.set_data_dtype(np.float64)
        header.set_data_shape(shape)
        header.set_sform(np.diag([-1, -1, 1, 1]), code=1)
        header.set_data_offset(352)
        header["magic"] = b"n+1"
        text = header.binaryblock
    elif path.suffix == ".mha":
        text = (
            b"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
            b"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\nDimSize = 1000 1000 500\n"
            b"ElementType = MET_DOUBLE\nElementDataFile = LOCAL\n"
        )
    else:
        text = (
            b"NRRD0004\ntype: double\ndimension: 3\nspace: left-posterior-superior\nsizes: 1000 1000 500\n"
            b"space directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\nencoding: raw\nspace origin: (0,0,0)\n\n"
        )
    with path.open("wb") as file:
        file.write(text)
        file.truncate(len(text) + 8 * 1000 * 1000 * 500 + 352)


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.mha"])
def test_a_file_that_holds_its_own_voxels_is_known(tmp_path: Path, name: str) -> None:
    sitk.WriteImage(image(), str(tmp_path / name))
    check_self_contained(tmp_path / name)
    assert voxels_in_header(tmp_path / name) == 6 * 7 * 9


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("scan.mhd", "ObjectType = Image\nElementDataFile = /etc/passwd\n"),
        ("scan.mha", "ElementDataFile : LIST\nElementDataFile = LOCAL\n"),
        ("scan.mha", "elementdatafile = x\nElementDataFile = LOCAL\n"),
        ("scan.mha", "ElementDataFile = LOCAL.raw\n"),
        ("scan.nrrd", "NRRD0004\ndata file: ../other.raw\n\n"),
        ("scan.nrrd", "NRRD0004\nDataFile: LIST\n\n"),
    ],
)
def test_a_file_that_names_another_one_is_refused_where_strangers_send_it(
    tmp_path: Path, name: str, header: str
) -> None:
    """The voxels of any file of the server could be seen."""
    (tmp_path / name).write_text(header)
    with pytest.raises(VolumeError, match="has its voxels in another file"):
        check_self_contained(tmp_path / name)
