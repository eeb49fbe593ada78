"""The volumes of a folder, known by what is in them and never by their names alone."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ctflow.checkpoint.weights import file_sha256
from ctflow.errors import RequestError
from ctflow.io.checks import readable
from ctflow.io.files import files_below
from ctflow.io.names import ENDINGS, case_name, case_of_file
from ctflow.runtime.threads import cores_given

_CT_RATE_NAME = re.compile(r"(?P<patient>(?P<split>train|valid)_\d+)_[a-z]+_\d+")


@dataclass(frozen=True)
class VolumeFile:
    """A volume on disk. `name`: that of its file without the ending, which leads to its report.

    `patient`: as CT-RATE names them, else the volume's own name. `sha256`: of the file's bytes.
    """

    name: str
    patient: str
    path: Path
    sha256: str


def find_volumes(folder: Path, what: str) -> list[VolumeFile]:
    """All volumes in a folder and in the folders in it, sorted by name; `what` names the set in errors.

    Raises RequestError for a folder without any, and for two volumes of one name, VolumeError for one that cannot be
    read, such as a link that leads nowhere.
    """
    if not folder.is_dir():
        raise RequestError(f"The {what} set should be a folder of volumes; {folder} is none.")
    paths = [path for path in files_below(folder) if case_of_file(path)]
    if not paths:
        raise RequestError(f"{folder} holds no volume for the {what} set: files ending in {', '.join(ENDINGS)}.")
    found: dict[str, Path] = {}
    for path in paths:
        if before := found.get(case_of_file(path)):
            raise RequestError(
                f"{before} and {path} have one name, by which reports are found. Each volume of the {what} set needs a "
                "name of its own: of several modes or arms, give the folder of one."
            )
        found[case_of_file(path)] = path
    with ThreadPoolExecutor(cores_given()) as pool:  # hashing needs no lock, and CT-RATE has terabytes
        names = sorted(found)
        return list(pool.map(_volume, names, [found[name] for name in names]))


def _volume(name: str, path: Path) -> VolumeFile:
    with readable(path):
        return VolumeFile(name, patient_of(name), path, file_sha256(path))


def check_one_split(volumes: Sequence[VolumeFile], what: str) -> None:
    """Raises RequestError for a set with volumes of both splits of CT-RATE, as the folder of all of it has."""
    splits = {match["split"]: one.name for one in volumes if (match := _CT_RATE_NAME.fullmatch(one.name))}
    if len(splits) > 1:
        raise RequestError(
            f"The {what} set holds volumes of both splits of CT-RATE, such as {' and '.join(splits.values())}: name "
            "the folder of one split, such as dataset/valid_fixed."
        )


def without(volumes: Sequence[VolumeFile], names: frozenset[str]) -> list[VolumeFile]:
    """The volumes of a set but those of these names, which may have the ending of a file."""
    cases = set(map(case_name, names))
    return [one for one in volumes if one.name not in cases]


def patient_of(name: str) -> str:
    """The patient of a volume that is named as CT-RATE names them; of any other name, the name."""
    match = _CT_RATE_NAME.fullmatch(name)
    return match["patient"] if match else name


def check_apart(real_folder: Path, fake_folder: Path) -> None:
    """Raises RequestError where both sets are one folder, or one lies in the other."""
    real, fake = (Path(os.path.realpath(folder)) for folder in (real_folder, fake_folder))
    if real == fake or real in fake.parents or fake in real.parents:
        raise RequestError(
            f"The real and the fake set share a folder, {fake_folder}: a set against itself is perfect. Name two "
            "folders, neither of them in the other."
        )


def check_no_copies(real: Sequence[VolumeFile], fake: Sequence[VolumeFile]) -> None:
    """Raises RequestError where a fake volume is, byte for byte, one of the real ones."""
    known = {one.sha256: one.name for one in real}
    copies = [one for one in fake if one.sha256 in known]
    if copies:
        raise RequestError(
            f"{len(copies)} of {len(fake)} fake volumes are real ones, byte for byte: first {copies[0].name}, which is "
            f"{known[copies[0].sha256]} of the real set. Give the volumes that a model has made."
        )
