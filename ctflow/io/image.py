"""NRRD and MetaImage files, refused where they do not say how they lie in the patient."""

import re
from pathlib import Path

from ctflow.errors import VolumeError
from ctflow.io.itk import itk_reads, volume_of
from ctflow.volume import Volume

ENDINGS = (".nrrd", ".mha", ".mhd")
# In NRRD's words, long and short. ITK takes any other word for the first of these, and says nothing.
_NRRD_SPACES = {"left-posterior-superior": "lps", "right-anterior-superior": "ras", "left-anterior-superior": "las"}
# The names of each field in MetaImage files, as ITK reads them.
_MHA_FIELDS = (("TransformMatrix", "Rotation", "Orientation"), ("ElementSpacing", "ElementSize"))


def read_image(path: Path) -> Volume:
    """One 3D volume. Raises VolumeError for anything else, and for one that does not say how it lies."""
    import SimpleITK as sitk

    with itk_reads(path):
        image = sitk.ReadImage(str(path))
    if image.GetDimension() != 3:
        raise VolumeError(f"{path} has {image.GetDimension()} dimensions of size {image.GetSize()}; 3 were expected.")
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise VolumeError(f"{path} is a colour or vector image; one value per voxel was expected.")
    if path.suffix.lower() == ".nrrd":
        _check_nrrd(path)
    else:
        _check_mha(path)
    return volume_of(image, path)


def _check_nrrd(path: Path) -> None:
    """ITK places a file that does not say how it lies along the patient's axes, at steps of 1 mm."""
    fields = {name.lower(): value for name, value in _fields(path, between=": ", last="").items()}
    space = fields.get("space", "nothing")
    if space.lower() not in {*_NRRD_SPACES, *_NRRD_SPACES.values()}:
        raise VolumeError(
            f"{path} does not say which side is the patient's right: its field 'space' says {space}, and "
            f"{' or '.join(_NRRD_SPACES)} was expected. Save it again with its orientation."
        )
    if fields.get("space directions", "").count("(") != 3:
        raise VolumeError(f"{path} does not say its three 'space directions'. Save it again with its orientation.")


def _check_mha(path: Path) -> None:
    """As `_check_nrrd`."""
    fields = _fields(path, between="[=:]", last="ElementDataFile")
    for names in _MHA_FIELDS:
        if not fields.keys() & set(names):
            raise VolumeError(f"{path} does not say its {names[0]}. Save it again with its orientation and spacing.")


def _fields(path: Path, between: str, last: str) -> dict[str, str]:
    """The text before the voxels, whose last line is named `last`. `between`: the pattern between name and value."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for line in file:
            name, *value = re.split(between, line.decode(errors="replace"), maxsplit=1)
            fields[name.strip()] = "".join(value).strip()
            if name.strip() == last:
                break
    return fields
