import gzip
import itertools
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nibabel import Nifti1Header, Nifti1Image

from ctflow.errors import VolumeError
from ctflow.io.nifti import check_replaceable, read_nifti, synthetic_label, write_nifti
from ctflow.volume import DIRECTIONS, Volume, plane_affine

# All 48 ways in which slices, rows and columns can lie.
AXES = [axes for pairs in itertools.permutations(("LR", "PA", "SI")) for axes in itertools.product(*pairs)]


def volume(shape: tuple[int, int, int] = (3, 4, 5), axes: tuple[str, str, str] = ("I", "P", "L")) -> Volume:
    hu = np.random.default_rng(0).integers(-1024, 3072, shape).astype(np.int16)
    return Volume(hu, plane_affine(axes, (3.0, 1.5, 0.75), *shape[1:]))


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    """Asymmetric in shape, content, spacing and place; turned freely, left- and right-handed."""
    hu = draw(hnp.arrays(np.int16, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)))
    spacing_mm = draw(st.tuples(*[st.floats(0.1, 10)] * 3))
    affine = plane_affine(draw(st.sampled_from(AXES)), spacing_mm, *hu.shape[1:])
    x, y, z = draw(st.tuples(*[st.floats(-3, 3)] * 3))
    for a, b, angle in ((0, 1, x), (0, 2, y), (1, 2, z)):
        turn = np.eye(4)
        turn[[a, b], [a, b]], turn[a, b], turn[b, a] = np.cos(angle), -np.sin(angle), np.sin(angle)
        affine = turn @ affine
    affine[:3, 3] += draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return Volume(hu, affine)


@settings(max_examples=50)
@given(made=volumes(), ending=st.sampled_from([".nii", ".nii.gz"]))
def test_a_volume_is_read_back_as_it_was_written(made: Volume, ending: str, tmp_path_factory: object) -> None:
    path = tmp_path_factory.mktemp("nifti") / f"a{ending}"  # type: ignore[attr-defined]
    write_nifti(made, path, "test")
    back = read_nifti(path)
    np.testing.assert_array_equal(back.hu, made.hu)
    np.testing.assert_allclose(back.affine, made.affine, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("axes", AXES)
def test_sform_and_qform_each_say_where_a_voxel_lies(tmp_path: Path, axes: tuple[str, str, str]) -> None:
    """One asymmetric voxel, found again through either of the two, by a reader that is not ours."""
    made = volume(axes=axes)
    write_nifti(made, tmp_path / "both.nii", "test")
    header = bytearray((tmp_path / "both.nii").read_bytes())
    for name, offset in (("qform", 254), ("sform", 252)):  # take away the other one
        only = bytearray(header)
        struct.pack_into("<h", only, offset, 0)
        (tmp_path / f"{name}.nii").write_bytes(only)
        image = sitk.ReadImage(tmp_path / f"{name}.nii")
        expected = made.affine @ (2, 1, 3, 1)
        assert image.TransformIndexToPhysicalPoint((3, 1, 2)) == pytest.approx(tuple(expected[:3]), abs=1e-4)
        assert image[3, 1, 2] == made.hu[2, 1, 3]


def test_the_directions_are_the_patients(tmp_path: Path) -> None:
    """SimpleITK's own words for the axes (column, row, slice) are ours."""
    for axes in AXES:
        write_nifti(volume(axes=axes), tmp_path / "a.nii.gz", "test")
        image = sitk.ReadImage(tmp_path / "a.nii.gz")
        words = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
        assert tuple(words) == axes[::-1]
        assert set(words) <= set(DIRECTIONS)
        assert image.GetSpacing() == pytest.approx((0.75, 1.5, 3.0))


def test_the_header_says_synthetic_and_which_model(tmp_path: Path) -> None:
    write_nifti(volume(), tmp_path / "a.nii.gz", synthetic_label("demo"))
    notes = sitk.ReadImage(tmp_path / "a.nii.gz").GetMetaData("ITK_FileNotes")
    assert notes.rstrip("\0") == "CTFlow SYNTHETIC, not for diagnosis; model demo"


def test_of_the_longest_label_only_the_models_name_is_cut(tmp_path: Path) -> None:
    label = synthetic_label("a-model-of-a-long-name", from_scan=True, missing="272 of 288 slices")
    write_nifti(volume(), tmp_path / "a.nii", label)
    said = (tmp_path / "a.nii").read_bytes()[148:228].decode()
    assert said == "CTFlow SYNTHETIC from a REAL scan, not for diagnosis, PARTIAL: 272 of 288 slices"


def test_a_long_description_is_cut_between_characters(tmp_path: Path) -> None:
    write_nifti(volume(), tmp_path / "a.nii", "é" * 79 + "x")
    field = (tmp_path / "a.nii").read_bytes()[148:228]
    assert field.decode() == "é" * 40
    write_nifti(volume(), tmp_path / "a.nii", "x" + "é" * 79)
    assert (tmp_path / "a.nii").read_bytes()[148:228].rstrip(b"\0").decode() == "x" + "é" * 39


def test_the_same_volume_gives_the_same_bytes_under_any_name_in_any_process(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import numpy as np
from pathlib import Path
from ctflow.io.nifti import write_nifti
from ctflow.volume import Volume, plane_affine
hu = np.random.default_rng(0).integers(-1024, 3072, (3, 4, 5)).astype(np.int16)
affine = plane_affine(("I", "P", "L"), (3.0, 1.5, 0.75), 4, 5)
write_nifti(Volume(hu, affine), Path(sys.argv[1]), "test")
"""
    for name in ("a.nii.gz", "b.nii.gz"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True)
        os.utime(tmp_path / name, (0, 0))
    write_nifti(volume(), tmp_path / "c.nii.gz", "test")
    first, *others = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert others == [first, first]
    assert first[3:8] == bytes(5)  # no flags, so no name; time 0


@pytest.mark.parametrize("name", ["a.nrrd", "a.gz", "a.nii.zip", "nii.gz", "a", ".nii.gz"])
def test_another_ending_is_an_error_that_says_which_to_use(tmp_path: Path, name: str) -> None:
    with pytest.raises(VolumeError, match=r"end in \.nii\.gz or \.nii"):
        write_nifti(volume(), tmp_path / name, "test")
    assert not list(tmp_path.iterdir())


def test_a_volume_that_nifti_cannot_hold_is_refused(tmp_path: Path) -> None:
    sheared = plane_affine(("I", "P", "L"), (3.0, 1.5, 0.75), 4, 5)
    sheared[0, 0] = 1.0
    flat = plane_affine(("I", "P", "L"), (0.0, 1.5, 0.75), 4, 5)
    for hu, affine, message in [
        (np.zeros((0, 4, 5), np.int16), np.eye(4), "1 to 32767"),
        (np.zeros((1, 1, 40_000), np.int16), np.eye(4), "1 to 32767"),
        (np.zeros((3, 4, 5), np.int16), sheared, "right angles"),
        (np.zeros((3, 4, 5), np.int16), flat, "length 0"),
    ]:
        with pytest.raises(VolumeError, match=message):
            write_nifti(Volume(hu, affine), tmp_path / "a.nii.gz", "test")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_file_cut_short_is_an_error(tmp_path: Path, ending: str) -> None:
    """SimpleITK alone reads it, fills it up with zeros and says nothing."""
    path = tmp_path / f"a{ending}"
    write_nifti(volume(), path, "test")
    whole = path.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(VolumeError, match=str(path)):
            read_nifti(path)


def test_a_gz_that_unpacks_to_less_than_its_header_says_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    write_nifti(volume(), path, "test")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-10]))
    with pytest.raises(VolumeError, match="cut short"):
        read_nifti(path)


@pytest.mark.parametrize("content", [None, b"hello", bytes(4000)])
def test_a_file_that_is_missing_or_no_nifti_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.nii"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VolumeError, match=str(path)):
        read_nifti(path)


@pytest.mark.parametrize("offset", [np.nan, np.inf, -np.inf, -8.0])
@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_voxels_that_begin_nowhere_are_an_error(tmp_path: Path, offset: float, kind: type) -> None:
    """It ended in a ValueError or an OverflowError."""
    path = tmp_path / "a.nii"
    sitk.WriteImage(sitk.GetImageFromArray(volume().hu.astype(kind)), path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<f", data, 108, offset)
    path.write_bytes(data)
    with pytest.raises(VolumeError, match=f"says {offset:g} for where its voxels begin"):
        read_nifti(path)


def test_slope_and_intercept_are_applied_once(tmp_path: Path) -> None:
    """CT-RATE's first files need them, and applying them twice is a known bug of others."""
    path = tmp_path / "a.nii"
    write_nifti(volume(), path, "test")
    data = bytearray(path.read_bytes())
    struct.pack_into("<2f", data, 112, 2.0, -1024.0)
    path.write_bytes(data)
    np.testing.assert_array_equal(read_nifti(path).hu, volume().hu * 2 - 1024)


def test_floats_are_rounded_and_what_is_no_hu_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    sitk.WriteImage(sitk.GetImageFromArray(np.array([[[-999.6, 39.7]]])), path)
    assert read_nifti(path).hu.tolist() == [[[-1000, 40]]]
    for value in (40_000.0, np.nan, np.inf):
        sitk.WriteImage(sitk.GetImageFromArray(np.array([[[value, 0.0]]])), path)
        with pytest.raises(VolumeError, match="no HU"):
            read_nifti(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "u2", "i4", "f4", "f8"])
def test_every_type_of_real_number_is_read_in_either_byte_order(tmp_path: Path, order: str, kind: str) -> None:
    header = Nifti1Header(endianness=order)
    header.set_data_dtype(kind)
    stored = np.arange(60).reshape(3, 4, 5).astype(kind)
    Nifti1Image(stored, np.diag([-1.0, -2.0, 3.0, 1.0]), header).to_filename(tmp_path / "a.nii")
    read = read_nifti(tmp_path / "a.nii")
    np.testing.assert_array_equal(read.hu, stored.transpose(2, 1, 0))
    np.testing.assert_array_equal(read.affine, plane_affine(("S", "P", "L"), (3, 2, 1), 1, 1))
    read.hu[0] = 7  # a volume can be written to


@pytest.mark.parametrize("kind", ["c8", [("R", "u1"), ("G", "u1"), ("B", "u1")]])
def test_voxels_that_are_not_one_real_number_are_refused(tmp_path: Path, kind: object) -> None:
    Nifti1Image(np.zeros((3, 4, 5), kind), np.eye(4)).to_filename(tmp_path / "a.nii")
    with pytest.raises(VolumeError, match="one real number per voxel was expected"):
        read_nifti(tmp_path / "a.nii")


def test_a_qform_alone_says_where_a_voxel_lies(tmp_path: Path) -> None:
    for axes in AXES:
        write_nifti(volume(axes=axes), tmp_path / "a.nii", "test")
        edit(tmp_path / "a.nii", (254, "h", 0))
        np.testing.assert_allclose(read_nifti(tmp_path / "a.nii").affine, volume(axes=axes).affine, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([(280, "f", np.nan)], "sform with values that are not numbers"),
        ([(254, "h", 0), (268, "f", np.nan)], "qform with values that are not numbers"),
        ([(254, "h", 0), (80, "f", -1.0)], "qform that makes no axes"),
        ([(254, "h", 0), (256, "f", 2.0)], "qform that makes no axes"),
        ([(70, "h", 77)], "data type 77"),
        ([(40, "h", 9)], "not one 3D volume"),
        ([(42, "h", -5)], "not one 3D volume"),
        ([(108, "f", 0.0)], "says 0 for where its voxels begin"),
    ],
)
def test_a_header_that_means_nothing_is_refused_with_the_reason(
    tmp_path: Path, fields: list[tuple[int, str, float]], said: str
) -> None:
    write_nifti(volume(), tmp_path / "a.nii", "test")
    edit(tmp_path / "a.nii", *fields)
    with pytest.raises(VolumeError, match=said):
        read_nifti(tmp_path / "a.nii")


def test_a_header_in_another_unit_is_read_in_millimetres(tmp_path: Path) -> None:
    for code, step in ((1, 0.001), (2, 1.0), (3, 1000.0), (0, 1.0)):
        header = Nifti1Header()
        header["xyzt_units"] = code
        affine = np.diag([-1.0, -2.0, 3.0, 1 / step]) * step
        affine[:3, 3] = (-10 * step, -20 * step, 30 * step)
        Nifti1Image(np.zeros((3, 4, 5), np.int16), affine, header).to_filename(tmp_path / "a.nii")
        read = read_nifti(tmp_path / "a.nii").affine
        np.testing.assert_allclose(read[:3], [[0, 0, 1, 10], [0, 2, 0, 20], [3, 0, 0, 30]], rtol=1e-6)


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_without_a_slope_there_is_no_intercept(tmp_path: Path, slope: float) -> None:
    write_nifti(volume(), tmp_path / "a.nii", "test")
    edit(tmp_path / "a.nii", (112, "f", slope), (116, "f", -1024.0))
    np.testing.assert_array_equal(read_nifti(tmp_path / "a.nii").hu, volume().hu)


def edit(path: Path, *fields: tuple[int, str, float]) -> None:
    """Changes fields of a header, each given by its offset, type and value."""
    data = bytearray(path.read_bytes())
    for offset, kind, value in fields:
        struct.pack_into("<" + kind, data, offset, value)
    path.write_bytes(data)


def test_a_series_of_volumes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 3, 4, 5), np.int16), isVector=False), path)
    with pytest.raises(VolumeError, match="not one 3D volume"):
        read_nifti(path)


def forms(path: Path, sform: np.ndarray, qform: np.ndarray) -> None:
    """A file whose two forms, in RAS, need not agree."""
    image = Nifti1Image(np.zeros((20, 16, 12), np.int16), None)
    image.set_sform(sform, code=2)
    image.set_qform(qform, code=1, strip_shears=False)
    image.header.set_xyzt_units("mm")
    image.to_filename(path)


RAS = np.array([[-1.6, 0, 0, 40], [0, -1.6, 0, 30], [0, 0, 3.0, -90], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("change", "readings"),
    [
        (np.diag([-1.0, 1, 1, 1]), "columns to R, rows to P, slices to S from \\(40.0, -30.0, -90.0\\)"),
        (np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 50.0], [0, 0, 0, 1]]), "columns to L.* from .*-40.0\\)"),
        (np.diag([-1.0, -1, 1, 1]), "columns to R, rows to A, slices to S"),
    ],
)
def test_forms_that_disagree_are_refused_and_both_are_named(tmp_path: Path, change: np.ndarray, readings: str) -> None:
    """The qform was followed: right and left swapped, or 50 mm off, without a word."""
    forms(tmp_path / "a.nii", sform=RAS, qform=change @ RAS)
    by_sform = r"its sform says columns to L, rows to P, slices to S from \(-40.0, -30.0, -90.0\)"
    with pytest.raises(VolumeError, match=f"disagree: {by_sform}.*; its qform says {readings}"):
        read_nifti(tmp_path / "a.nii")


def test_forms_that_lie_within_a_voxel_are_read_by_the_sform(tmp_path: Path) -> None:
    near = RAS.copy()
    near[:3, 3] += (1.5, -1.5, 2.9)
    forms(tmp_path / "a.nii", sform=RAS, qform=near)
    np.testing.assert_allclose(read_nifti(tmp_path / "a.nii").affine[:3, 3], (-40, -30, -90))
    near[:3, 3] += (0.2, 0, 0)
    forms(tmp_path / "a.nii", sform=RAS, qform=near)
    with pytest.raises(VolumeError, match="qform and sform disagree"):
        read_nifti(tmp_path / "a.nii")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([(84, "f", -1.5)], "qform that makes no axes: its spacing"),
        ([(252, "h", 0), (88, "f", 0.0)], "two spacings"),
        ([(252, "h", 0), (88, "f", np.nan)], "two spacings"),
        ([(254, "h", 0), (88, "f", 0.0)], "0.75 × 1.5 × 0, and three lengths above 0 were expected"),
        ([(254, "h", 0), (80, "f", np.nan)], "qform that makes no axes"),
        ([(254, "h", 0), (84, "f", -1.5)], "qform that makes no axes"),
        ([(254, "h", 0), (76, "f", np.nan)], "qform with values that are not numbers"),
        ([(123, "b", 5)], "the unit of length 5"),
        ([(254, "h", 0), (76, "f", -1024.0)], r"handedness -1024 \(pixdim\[0\]\); 1 or -1 was expected"),
        ([(260, "f", np.nan)], "qform with values that are not numbers"),
        ([(254, "h", 6)], "the sform_code 6"),
        ([(252, "h", -1)], "the qform_code -1"),
        ([(280 + 8, "f", 0.0), (280 + 24, "f", 0.0), (280 + 40, "f", 0.0)], "sform with an axis of length 0"),
        ([(108, "f", 352.5)], "says 352.5 for where its voxels begin; a whole number"),
        ([(112, "f", 2.0), (116, "f", np.nan)], "slope 2 and the intercept nan"),
        ([(70, "h", 32), (72, "h", 64)], "data type 32; one real number per voxel"),
        ([(344, "i", int.from_bytes(b"ni1", "little"))], "half of a pair of .hdr and .img"),
        ([(0, "i", 540), (4, "i", int.from_bytes(b"n+2", "little"))], "is a NIfTI-2 file; NIfTI-1 was expected"),
        ([(72, "h", 8), (40 + 6, "h", 2)], "8 bits per voxel, but its data type int16 has 16"),
    ],
)
def test_a_header_that_could_be_taken_for_another_is_refused(
    tmp_path: Path, fields: list[tuple[int, str, float]], said: str
) -> None:
    write_nifti(volume(), tmp_path / "a.nii", "test")
    edit(tmp_path / "a.nii", *fields)
    with pytest.raises(VolumeError, match=said):
        read_nifti(tmp_path / "a.nii")


@pytest.mark.parametrize("sform_code", [0, 1])
def test_a_half_turn_whose_quaternion_was_rounded_above_1_is_read(tmp_path: Path, sform_code: int) -> None:
    half_turn = np.diag([-1.5, -1.5, 3.0, 1.0])  # about the third axis: b = c = 0, d = 1
    forms(tmp_path / "a.nii", sform=half_turn, qform=half_turn)
    edit(tmp_path / "a.nii", (254, "h", sform_code), (264, "f", np.sqrt(1 + 4e-7)))
    expected = plane_affine(("S", "P", "L"), (3.0, 1.5, 1.5), 1, 1)
    np.testing.assert_allclose(read_nifti(tmp_path / "a.nii").affine, expected, atol=1e-6)
    edit(tmp_path / "a.nii", (264, "f", np.sqrt(1 + 4e-5)))
    with pytest.raises(VolumeError, match="qform that makes no axes"):
        read_nifti(tmp_path / "a.nii")


def test_beside_an_agreeing_sform_the_handedness_may_be_any_number_of_its_sign(tmp_path: Path) -> None:
    mirrored = np.diag([1.5, 1.5, -3.0, 1.0])
    forms(tmp_path / "a.nii", sform=mirrored, qform=mirrored)
    expected = read_nifti(tmp_path / "a.nii").affine
    edit(tmp_path / "a.nii", (76, "f", -1024.0))
    np.testing.assert_array_equal(read_nifti(tmp_path / "a.nii").affine, expected)
    edit(tmp_path / "a.nii", (76, "f", 1024.0))
    with pytest.raises(VolumeError, match="qform and sform disagree"):
        read_nifti(tmp_path / "a.nii")


def test_a_sform_alone_needs_no_sign_in_pixdim(tmp_path: Path) -> None:
    """SimpleITK turns the axis round."""
    write_nifti(volume(), tmp_path / "a.nii", "test")
    edit(tmp_path / "a.nii", (252, "h", 0), (80, "f", -0.75))
    np.testing.assert_allclose(read_nifti(tmp_path / "a.nii").affine, volume().affine, atol=1e-5)


def test_a_wrong_number_of_bits_hides_no_truncation_and_harms_no_whole_file(tmp_path: Path) -> None:
    """Some writers say 8 bits for int16. Half of such a file was taken for all of it, and the rest for air."""
    path = tmp_path / "a.nii"
    write_nifti(volume(), path, "test")
    edit(path, (72, "h", 8))
    np.testing.assert_array_equal(read_nifti(path).hu, volume().hu)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(VolumeError, match="cut short"):
        read_nifti(path)


@pytest.mark.parametrize("name", ["A.NII.GZ", "A.NII", "a.Nii.gz"])
def test_endings_may_be_in_capital_letters(tmp_path: Path, name: str) -> None:
    write_nifti(volume(), tmp_path / name, "test")
    np.testing.assert_array_equal(read_nifti(tmp_path / name).hu, volume().hu)
    assert ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b") == name.lower().endswith(".gz")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_only_a_file_that_ctflow_made_is_replaced(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    check_replaceable(path)
    path.touch()
    check_replaceable(path)
    write_nifti(volume(), path, synthetic_label("demo"))
    check_replaceable(path)
    for foreign in (path.read_bytes()[:60], b"anything", b"CTFlow"):
        path.write_bytes(foreign)
        with pytest.raises(VolumeError, match="was not made by CTFlow"):
            check_replaceable(path)
    write_nifti(volume(), path, "a scanner")
    with pytest.raises(VolumeError, match="was not made by CTFlow"):
        check_replaceable(path)
