"""NRRD and MetaImage files, refused where they do not say how they lie in the patient."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctflow.errors import VolumeError
from ctflow.io.itk import itk_reads, volume_of
from ctflow.volume import Volume

if TYPE_CHECKING:
    import SimpleITK

ENDINGS = (".nrrd", ".mha", ".mhd")
# In NRRD's words, long and short. ITK takes any other word for the first of these, and says nothing.
_NRRD_SPACES = {"left-posterior-superior": "lps", "right-anterior-superior": "ras", "left-anterior-superior": "las"}
_MM = ("mm", "millimeter", "millimeters", "millimetre", "millimetres")
# The names of each field in MetaImage files, as ITK reads them.
_MHA_MATRIX = ("TransformMatrix", "Rotation", "Orientation")
_MHA_PLACE = ("Offset", "Position", "Origin")
_MHA_SPACING = ("ElementSpacing", "ElementSize")
_MHA_BYTES = {"CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "FLOAT": 4, "DOUBLE": 8}
_MHA_LAST = "ElementDataFile"
_MAX_HEADER_BYTES = 1 << 20


def check_self_contained(path: Path) -> None:
    """Raises VolumeError for a file whose voxels lie in another one, which it names: a stranger's may name any.

    The first words that could name one decide, whatever else a reader takes them for.
    """
    begin = _begin_of(path)
    named = re.search(rb"data *file *:" if _is_nrrd(path) else rb"ElementDataFile", begin, re.IGNORECASE)
    if named and not re.match(rb"ElementDataFile *[=:] *LOCAL *\r?\n", begin[named.start() :]):
        raise VolumeError(f"{path} has its voxels in another file. Save both as one .nrrd or .mha.")


def voxels_in_header(path: Path) -> int:
    """How many there are by the header, without reading any. Raises VolumeError for a header that cannot be read."""
    reader = _reader_of(path)
    with itk_reads(path):
        reader.ReadImageInformation()
    return math.prod(reader.GetSize())


def read_image(path: Path) -> Volume:
    """One 3D volume. Raises VolumeError for anything else, and for one that does not say how it lies."""
    nrrd, begin = _is_nrrd(path), _begin_of(path)
    if nrrd != begin.startswith(b"NRRD"):
        raise VolumeError(f"{path} is no {'NRRD' if nrrd else 'MetaImage'} file, as its name says. Save it again.")
    if nrrd:
        _check_nrrd(begin, path)
    else:
        _check_mha(begin, path)
    reader = _reader_of(path)
    with itk_reads(path):
        image = reader.Execute()
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise VolumeError(f"{path} is a colour or vector image; one value per voxel was expected.")
    return volume_of(image, path)


def _is_nrrd(path: Path) -> bool:
    return path.suffix.lower() == ".nrrd"


def _begin_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_HEADER_BYTES)


def _reader_of(path: Path) -> "SimpleITK.ImageFileReader":
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if _is_nrrd(path) else "MetaImageIO")  # of its own it knows no endings in capitals
    reader.SetFileName(str(path))
    return reader


def _check_dimensions(text: str, path: Path) -> None:
    if text != "3":
        raise VolumeError(f"{path} has {text} dimensions; 3 were expected. Save one volume of it alone.")


def _check_nrrd(begin: bytes, path: Path) -> None:
    """ITK places a file that does not say how it lies along the patient's axes, at steps of 1 mm from (0, 0, 0)."""
    fields = {name.lower(): value for name, value in _fields(begin, between=": ", last="", path=path).items()}
    _check_dimensions(fields.get("dimension", "unknown"), path)
    space = fields.get("space", "nothing")
    if space.lower() not in {*_NRRD_SPACES, *_NRRD_SPACES.values()}:
        raise VolumeError(
            f"{path} does not say which side is the patient's right: its field 'space' says {space}, and "
            f"{' or '.join(_NRRD_SPACES)} was expected. Save it again with its orientation."
        )
    directions = fields.get("space directions", "")
    if directions.count("(") != 3:
        raise VolumeError(f"{path} does not say its three 'space directions'. Save it again with its orientation.")
    vectors = np.reshape(_numbers("space directions", directions, 9, path), (3, 3))
    if not np.linalg.norm(vectors, axis=1).all():
        raise VolumeError(f"{path} has a vector of length 0 in its 'space directions' {directions}. Save it again.")
    if "space origin" not in fields:
        raise VolumeError(f"{path} does not say its 'space origin', where its first voxel lies. Save it again with it.")
    _numbers("space origin", fields["space origin"], 3, path)
    for name in ("space units", "units"):
        if other := [unit for unit in re.findall('"([^"]*)"', fields.get(name, "")) if unit.lower() not in _MM]:
            raise VolumeError(f"{path} has {name!r} of {other[0]!r}; mm was expected. Save it again in mm.")


def _check_mha(begin: bytes, path: Path) -> None:
    """As `_check_nrrd`."""
    fields = _fields(begin, between="[=:]", last=_MHA_LAST, path=path)
    _check_dimensions(fields.get("NDims", "unknown"), path)
    matrix = np.reshape(_numbers(*_one_of(_MHA_MATRIX, fields, path), 9, path), (3, 3))
    if abs(np.linalg.det(matrix)) < 0.5:  # of a rotation it is 1 or -1
        raise VolumeError(f"{path} has a TransformMatrix that makes no axes: {matrix.tolist()}. Save it again.")
    _numbers(*_one_of(_MHA_PLACE, fields, path), 3, path)
    name, text = _one_of(_MHA_SPACING, fields, path)
    if min(_numbers(name, text, 3, path)) <= 0:
        raise VolumeError(f"{path} says {text!r} for its {name}; three lengths above 0 were expected. Save it again.")
    if (unit := fields.get("DistanceUnits", "mm").lower()) not in _MM:
        raise VolumeError(f"{path} has DistanceUnits of {unit!r}; mm was expected. Save it again in mm.")
    _check_mha_length(fields, begin, path)


def _check_mha_length(fields: Mapping[str, str], begin: bytes, path: Path) -> None:
    """ITK says of a file that was cut short that it cannot be read, or that there is no such file."""
    bytes_each = _MHA_BYTES.get(fields.get("ElementType", "").removeprefix("MET_"))
    local = fields.get(_MHA_LAST, "").lower() == "local"
    compressed = fields.get("CompressedData", "False")[:1] in ("T", "t", "1")
    if local and compressed and "CompressedDataSize" not in fields:
        raise VolumeError(f"{path} does not say its CompressedDataSize, so that its end is not known. Save it again.")
    if not local or compressed or bytes_each is None or "HeaderSize" in fields:
        return
    header = re.search(rf"^[ \t]*{_MHA_LAST}[^\n]*\n".encode(), begin, re.MULTILINE)
    voxels = math.prod(int(size) for size in _numbers("DimSize", fields.get("DimSize", ""), 3, path))
    expected = (header.end() if header else 0) + voxels * bytes_each
    if (there := path.stat().st_size) < expected:
        raise VolumeError(
            f"{path} cannot be read, because it was cut short: {there:,} of {expected:,} bytes are there. "
            "Copy it again."
        )


def _one_of(names: tuple[str, ...], fields: Mapping[str, str], path: Path) -> tuple[str, str]:
    """The name that a file has for one thing, and what it says there. Two names that say two things are an error."""
    found = {name: fields[name] for name in names if name in fields}
    if not found:
        raise VolumeError(f"{path} does not say its {names[0]}. Save it again with its orientation and spacing.")
    if len(found) > 1 and names != _MHA_SPACING and len({tuple(text.split()) for text in found.values()}) > 1:
        raise VolumeError(f"{path} says two things: {found}. Save it again with one of them.")
    return next(iter(found.items()))


def _numbers(name: str, text: str, count: int, path: Path) -> list[float]:
    try:
        found = [float(part) for part in re.split(r"[\s,()]+", text.strip(" \t()"))]
    except ValueError:
        found = []
    if len(found) != count or not np.isfinite(found).all():
        raise VolumeError(f"{path} says {text!r} for its {name}; {count} numbers were expected. Save it again.")
    return found


def _fields(begin: bytes, between: str, last: str, path: Path) -> dict[str, str]:
    """The text before the voxels, whose last line is named `last`. `between`: the pattern between name and value.

    Raises VolumeError for a field that says two things.
    """
    fields: dict[str, str] = {}
    for line in begin.split(b"\n"):
        name, *values = (part.strip() for part in re.split(between, line.decode(errors="replace"), maxsplit=1))
        value = "".join(values)
        comment = name.startswith("#") or name.lower() == "comment"
        if fields.get(name, value) != value and not comment:
            raise VolumeError(f"{path} says its {name} twice: {fields[name]} and {value}. Save it again with one.")
        fields[name] = value
        if name == last:
            break
    return fields
