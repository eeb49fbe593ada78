"""Chests with a metal ball at a known place, at random geometries, as other libraries write them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from ctflow.volume import DIRECTIONS, Volume

AXES = [axes for pairs in permutations(("LR", "PA", "SI")) for axes in product(*pairs)]
BALL_HU = 3000
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Chest:
    """`hu`: int16 (slices, rows, columns). `affine`: (slice, row, column, 1) -> LPS mm. `ball_mm`: its centre."""

    hu: np.ndarray
    affine: np.ndarray
    ball_mm: np.ndarray


@st.composite
def chests(draw: st.DrawFn, most_degrees: float = 8.0) -> Chest:
    """Of uneven shape and spacing, turned and mirrored, a little oblique, somewhere in the patient."""
    shape = draw(st.tuples(st.integers(5, 9), st.integers(6, 11), st.integers(7, 13)))
    spacing = draw(st.tuples(*[st.floats(0.4, 6)] * 3))
    degrees = draw(st.just((0.0, 0.0, 0.0)) | st.tuples(*[st.floats(-most_degrees, most_degrees)] * 3))
    affine = np.eye(4)
    affine[:3, :3] = np.array([DIRECTIONS[axis] for axis in draw(st.sampled_from(AXES))]).T * spacing
    for (a, b), angle in zip(((0, 1), (0, 2), (1, 2)), np.radians(degrees) / 2, strict=True):
        turn = np.eye(4)
        turn[[a, b], [a, b]], turn[a, b], turn[b, a] = np.cos(angle), -np.sin(angle), np.sin(angle)
        affine = turn @ affine
    affine[:3, 3] = draw(st.tuples(*[st.floats(-900, 900)] * 3))
    ball = np.array([draw(st.integers(1, size - 2)) for size in shape])
    return Chest(hu_with_ball(shape, ball), affine, (affine @ (*ball, 1))[:3])


def hu_with_ball(shape: tuple[int, int, int], ball: np.ndarray) -> np.ndarray:
    hu = np.full(shape, -850, np.int16)
    hu[:, : shape[1] // 2] = 40
    hu[tuple(ball)] = BALL_HU
    return hu


def off_in_voxels(volume: Volume, chest: Chest) -> float:
    """How far the ball lies from where it is, along the axis where that is most."""
    (found,) = np.argwhere(volume.hu == BALL_HU)
    truth = np.linalg.solve(volume.affine, (*chest.ball_mm, 1))[:3]
    return float(np.abs(found - truth).max())


def write_by_nibabel(
    chest: Chest, path: Path, forms: str = "both", order: str = "<", kind: str = "i2", slope: float = 1.0
) -> None:
    """`forms`: sform, qform or both."""
    affine = LPS_TO_RAS @ chest.affine[:, [2, 1, 0, 3]]
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(kind)
    image = nibabel.Nifti1Image(chest.hu.T / slope, None, header)  # it writes the numbers as they are
    image.set_sform(affine, code=int(forms in ("sform", "both")))
    image.set_qform(affine, code=int(forms in ("qform", "both")))
    image.header.set_slope_inter(slope, 0)
    image.header.set_xyzt_units("mm")
    image.to_filename(path)


def write_by_sitk(chest: Chest, path: Path) -> None:
    image = sitk.GetImageFromArray(chest.hu)
    spacing = np.linalg.norm(chest.affine[:3, :3], axis=0)
    image.SetSpacing(spacing[::-1].tolist())
    image.SetDirection((chest.affine[:3, :3] / spacing)[:, ::-1].ravel().tolist())
    image.SetOrigin(chest.affine[:3, 3].tolist())
    sitk.WriteImage(image, str(path), useCompression=chest.hu.shape[0] % 2 == 0)


def write_by_pydicom(
    chest: Chest,
    folder: Path,
    edit: Callable[[Dataset, int], None] = lambda ds, i: None,
    signed: bool = False,
    implicit: bool = False,
) -> Path:
    """One file per slice; `edit` changes the header of slice i. Names are in no order."""
    folder.mkdir(parents=True)
    spacing = np.linalg.norm(chest.affine[:3, :3], axis=0)
    along_rows, along_columns = (chest.affine[:3, axis] / spacing[axis] for axis in (1, 2))
    series = generate_uid()
    for i, plane in enumerate(chest.hu):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        ds = Dataset()
        ds.file_meta = meta
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        ds.Modality, ds.SeriesInstanceUID, ds.InstanceNumber = "CT", series, i + 1
        ds.ImagePositionPatient = _decimals((chest.affine @ (i, 0, 0, 1))[:3])
        ds.ImageOrientationPatient = _decimals([*along_columns, *along_rows])
        ds.PixelSpacing = _decimals(spacing[1:])
        ds.SamplesPerPixel, ds.PhotometricInterpretation, (ds.Rows, ds.Columns) = 1, "MONOCHROME2", plane.shape
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, int(signed)
        ds.RescaleIntercept, ds.RescaleSlope = "0" if signed else "-1024", "1"
        ds.PixelData = plane.astype("<i2").tobytes() if signed else (plane + 1024).astype("<u2").tobytes()
        ds["PixelData"].VR = "OW"
        edit(ds, i)
        ds.save_as(folder / f"{(i * 7) % 100:02d}-IM{i}.dcm", enforce_file_format=True)
    return folder


def _decimals(numbers: np.ndarray | list[float]) -> list[str]:
    """As DICOM's decimal strings, of at most 16 characters."""
    return [f"{number:.8f}"[:16] for number in numbers]
