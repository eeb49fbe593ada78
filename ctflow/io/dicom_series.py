"""A synthetic volume as a DICOM series that a PACS takes as CT: classic CT Image Storage, one file a slice.

Whatever opens it is told that it is synthetic: by the patient's name, by Synthetic Data (0008,001C), by image type, by
the descriptions of study and series, and by how it was derived. Made from the same volume and text, its bytes and UIDs
are the same, so that sending it twice makes no second one.
"""

import hashlib
import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import ctflow
from ctflow.errors import VolumeError
from ctflow.io.files import check_unused, replacing
from ctflow.volume import Volume
from ctflow.windows import WINDOWS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PATIENT = "SYNTHETIC^CTFLOW"
AXES = (
    "I",
    "P",
    "L",
)  # the first slice is the highest; rows to the back, columns to the patient's left, as on a screen
LONG_STRING, SHORT_TEXT = 64, 1024  # characters that DICOM allows in values of these kinds (LO, ST)


@dataclass(frozen=True, kw_only=True)
class SeriesText:
    """What a series says of itself. `label`: as in the volume's NIfTI header; `derivation`: how it was made.

    `missing`: for a volume that is not finished, what there is of it; it goes into the names of the files, too.
    `made_at` stands for all of its dates.
    """

    model: str
    label: str
    derivation: str
    missing: str
    made_at: datetime


def write_dicom_series(volume: Volume, folder: Path, text: SeriesText) -> list[Path]:
    """Writes the slices into a folder that is empty or not there yet; it appears whole or not at all.

    Raises VolumeError where the folder is in use or cannot be written.
    """
    check_unused(folder)
    files = list(dicom_files(volume, text))
    try:
        with replacing(folder) as new:
            new.mkdir(parents=True)
            for name, data in files:
                (new / name).write_bytes(data)
    except OSError as error:
        raise VolumeError(f"{folder} cannot be written ({error.strerror}). Choose another place.") from error
    return sorted(folder.iterdir())


def dicom_files(volume: Volume, text: SeriesText) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each file, from the head down. Voxels are moved and never mixed.

    Raises VolumeError for a volume so oblique that its axes have no order.
    """
    turned = volume.turned(AXES)
    uids = _Uids(turned, text)
    partial = "PARTIAL-" if text.missing else ""
    for number in range(1, len(turned.hu) + 1):
        data = io.BytesIO()
        _slice(turned, number, text, uids).save_as(data, enforce_file_format=True)
        yield f"synthetic-{partial}{number:04d}.dcm", data.getvalue()


class _Uids:
    """Unique identifiers, of the kind that is made from UUIDs (2.25.…), and these from all that a series holds."""

    def __init__(self, volume: Volume, text: SeriesText) -> None:
        content = hashlib.sha256(repr((volume.hu.shape, ctflow.__version__, text)).encode())
        content.update(volume.hu.data)
        content.update(volume.affine.tobytes())
        self._content = content.hexdigest()

    def __call__(self, what: str) -> str:
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{self._content} {what}').int}"

    @property
    def short(self) -> str:
        return self._content[:8]


def _slice(volume: Volume, number: int, text: SeriesText, uids: _Uids) -> "Dataset":
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = uids(f"slice {number}")
    dataset.InstanceNumber = number
    _say_who(dataset, text, uids)
    _say_how(dataset, text)
    _say_where(dataset, volume, number - 1, uids)
    _say_what(dataset, volume.hu[number - 1])
    return dataset


def _say_who(dataset: "Dataset", text: SeriesText, uids: _Uids) -> None:
    """Patient, study and series. What is empty is asked for by the standard, and there is nothing to say."""
    dataset.PatientName = PATIENT
    dataset.PatientID = f"CTFLOW-{uids.short}"
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "CTFlow records no identity"
    dataset.StudyInstanceUID = uids("study")
    dataset.StudyID = uids.short
    dataset.SeriesInstanceUID = uids("series")
    dataset.SeriesNumber = 1
    dataset.StudyDescription = "SYNTHETIC CT, not for diagnosis"
    partial = f"PARTIAL: {text.missing}; " if text.missing else ""
    dataset.SeriesDescription = f"SYNTHETIC, {partial}{text.model}"[:LONG_STRING]
    for what in ("Study", "Series", "Content", "Acquisition"):
        setattr(dataset, f"{what}Date", text.made_at.strftime("%Y%m%d"))
        setattr(dataset, f"{what}Time", text.made_at.strftime("%H%M%S"))
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.AcquisitionNumber = None


def _say_how(dataset: "Dataset", text: SeriesText) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    dataset.Modality = "CT"
    dataset.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    dataset.SyntheticData = "YES"
    dataset.DerivationDescription = f"{text.label}. {text.derivation}"[:SHORT_TEXT]
    dataset.Manufacturer = "CTFlow"
    dataset.ManufacturerModelName = text.model[:LONG_STRING]
    dataset.SoftwareVersions = f"ctflow {ctflow.__version__}"
    dataset.KVP = None
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    purpose, equipment = Dataset(), Dataset()
    code = codes.DCM.ProcessingEquipment
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = code.value, "DCM", code.meaning
    equipment.PurposeOfReferenceCodeSequence = [purpose]
    equipment.Manufacturer = "CTFlow"
    equipment.ContributionDescription = "Generated this image from text"
    dataset.ContributingEquipmentSequence = [equipment]


def _say_where(dataset: "Dataset", volume: Volume, index: int, uids: _Uids) -> None:
    """Directions of columns and rows, in this order, and where the first voxel is, in LPS mm as DICOM has them."""
    slices_mm, rows_mm, columns_mm = volume.spacing_mm
    along_columns, along_rows = volume.affine[:3, 2] / columns_mm, volume.affine[:3, 1] / rows_mm
    dataset.FrameOfReferenceUID = uids("frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.BodyPartExamined = "CHEST"
    dataset.PatientPosition = "HFS"
    dataset.ImageOrientationPatient = [_decimal(value) for value in (*along_columns, *along_rows)]
    dataset.ImagePositionPatient = [_decimal(value) for value in volume.affine[:3] @ (index, 0, 0, 1)]
    dataset.PixelSpacing = [_decimal(rows_mm), _decimal(columns_mm)]
    dataset.SliceThickness = _decimal(slices_mm)


def _say_what(dataset: "Dataset", plane: np.ndarray) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = plane.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation = 1  # signed
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "HU"
    dataset.WindowCenter = [window.level for window in WINDOWS]
    dataset.WindowWidth = [window.width for window in WINDOWS]
    dataset.WindowCenterWidthExplanation = [window.name for window in WINDOWS]
    dataset.PixelData = plane.astype("<i2").tobytes()


def _decimal(value: float) -> str:
    """A number in the 16 characters that DICOM allows, to a ten-thousandth of a millimetre; never -0."""
    return f"{round(float(value), 4) + 0.0:.10g}"
