"""The names of volumes' files, by which reports, labels and other volumes of the same case are found."""

from pathlib import Path

from ctflow.io.image import ENDINGS as IMAGE_ENDINGS
from ctflow.io.nifti import ENDINGS as NIFTI_ENDINGS

ENDINGS = (*NIFTI_ENDINGS, *IMAGE_ENDINGS)


def case_name(volume: str) -> str:
    """The name of a case from that of its volume in a table: without the ending of a file, if it has one."""
    ending = next((ending for ending in ENDINGS if volume.lower().endswith(ending)), "")
    return volume[: len(volume) - len(ending)] or volume


def case_of_file(path: Path) -> str:
    """The name of the case of a volume's file; empty for other files, and for hidden ones."""
    name = case_name(path.name)
    return "" if name == path.name or name.startswith(".") else name
