"""Opens a scan in a process of its own: `python -m app.open_scan FOLDER`.

Readers of foreign files are large libraries that may break off, take all memory or never end; here that ends with this
process. It is told one JSON object on its standard input, what `Asked` says, and tells what it does in lines of JSON on
its standard output. The bytes that were sent lie in FOLDER/sent; chunks go into FOLDER.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from app.chunks import NOT_WRITTEN, store
from app.messages import error_places, error_text
from ctflow.card import Geometry
from ctflow.errors import CTFlowError, ResourceError, VolumeError
from ctflow.io import image, nifti
from ctflow.io.checks import readable
from ctflow.io.dicom import Series, find_series, read_series
from ctflow.io.scan import check_grid, check_hu, read_volume
from ctflow.io.sidecar import scan_sha256
from ctflow.io.unpack import UnpackLimits, gzip_bytes, unpack_gzip, unpack_zip, zip_files
from ctflow.model_grid import ModelGrid
from ctflow.volume import Volume

ON_GRID = "on-grid.npz"
_SENT = "sent"
_CHUNK_SLICES = 16
_WHAT_OPENS = "NIfTI (.nii, .nii.gz), NRRD (.nrrd), MetaImage (.mha), or DICOM as files, a folder or a zip"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """`geometry`: of the model, onto whose grid the scan is brought too. `memory_bytes`: what this process may take."""

    geometry: Geometry
    limits: UnpackLimits
    voxels: int
    memory_bytes: int


def tell(**said: Any) -> None:
    """One line for the server."""
    print(json.dumps(said), flush=True)


def heard() -> Any:
    """The server's answer to a question. Without one, there is no server any more."""
    line = sys.stdin.readline()
    if not line:
        raise EOFError("the server has gone")
    return json.loads(line)


def open_scan(folder: Path, asked: Asked) -> None:
    """Reads, tells the grid, stores and tells the chunks, and brings the scan onto the model's grid.

    Raises CTFlowError for what cannot be opened.
    """
    sent = folder / _SENT
    volume, is_synthetic = _read(_unpacked(sorted(sent.iterdir()), sent, asked.limits), asked.voxels)
    tell(shape=volume.hu.shape, affine=volume.affine.tolist(), is_synthetic=is_synthetic)
    for first in range(0, len(volume.hu), _CHUNK_SLICES):
        hu = volume.hu[first : first + _CHUNK_SLICES]
        tell(first=first, slices=len(hu), name=store(hu, first, folder).path.name)
    if is_synthetic:
        tell(unfit="This volume is synthetic: open its settings file (JSON) to make it again, and go on from that.")
    else:
        _bring(volume, folder, asked.geometry)


def _unpacked(files: Sequence[Path], folder: Path, limits: UnpackLimits) -> list[Path]:
    """The files of a scan, out of the zip that they may have come in, and NIfTI without its gzip."""
    if _zips(files):
        if len(files) > 1:
            raise VolumeError("There is a zip beside other files. Open the zip alone, or what is in it.")
        entries = zip_files(files[0], limits)
        _ask_for_room(2 * sum(entry.file_size for entry in entries))
        folder = folder / "unpacked"
        folder.mkdir()
        unpacked = unpack_zip(files[0], entries, folder)
        files[0].unlink()
        files = unpacked
        if _zips(files):
            raise VolumeError("The zip holds another zip. Unpack it, and open what is in it.")
    else:
        _ask_for_room(2 * sum(_unpacked_bytes(file, limits) for file in files))
    return [_without_gzip(file, limits) for file in files]


def _zips(files: Sequence[Path]) -> list[Path]:
    return [file for file in files if file.suffix == ".zip"]


def _ask_for_room(needed_bytes: int) -> None:
    """The server may have to remove older runs first."""
    tell(needs=needed_bytes)
    if not heard():
        raise ResourceError("Its disk has no room for this scan. Come back later, or open a smaller one.")


def _unpacked_bytes(file: Path, limits: UnpackLimits) -> int:
    return gzip_bytes(file, limits) if file.suffix == ".gz" else file.stat().st_size


def _without_gzip(file: Path, limits: UnpackLimits) -> Path:
    if not file.name.endswith(".nii.gz"):
        return file
    unpack_gzip(file, file.with_suffix(""), limits)
    file.unlink()
    return file.with_suffix("")


def _read(files: Sequence[Path], most_voxels: int) -> tuple[Volume, bool]:
    """The scan in these files, which lie in one folder, and whether they say that CTFlow has made it.

    Raises VolumeError where there is none, or more than one.
    """
    folder = files[0].parent
    images = [file for file in files if nifti.is_nifti_name(file) or file.suffix in image.ENDINGS]
    if len(images) > 1 or (images and any(_is_dicom(file) for file in files)):
        raise VolumeError("There is more than one scan. Open them one at a time.")
    if images:
        return _read_image(images[0], most_voxels), _says_synthetic(images[0])
    with readable(folder):
        found = find_series(folder)
        volumes = [series for series in found if len(series.slices) > 1] or found
        if not volumes:
            raise VolumeError(f"There is no scan in what was sent. Open {_WHAT_OPENS}.")
        series = volumes[0] if len(volumes) == 1 else volumes[_ask_which(volumes)]
        _check_voxels(series.voxels, folder, most_voxels)
        volume = read_series(series)
    check_grid(volume, folder)
    return volume, series.is_synthetic


def _read_image(path: Path, most_voxels: int) -> Volume:
    with readable(path):
        if not nifti.is_nifti_name(path):
            image.check_self_contained(path)
        voxels = nifti.voxels_in_header(path) if nifti.is_nifti_name(path) else image.voxels_in_header(path)
    _check_voxels(voxels, path, most_voxels)
    return read_volume(path)


def _says_synthetic(path: Path) -> bool:
    return nifti.is_nifti_name(path) and nifti.is_ours(path)


def _is_dicom(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"


def _ask_which(volumes: Sequence[Series]) -> int:
    """In words and numbers that belong to no patient."""
    tell(
        series=[
            {
                "description": one.description,
                "modality": one.modality,
                "slices": len(one.slices),
                "spacing": one.spacing,
            }
            for one in volumes
        ]
    )
    return int(heard())


def _check_voxels(voxels: int, path: Path, most: int) -> None:
    if voxels > most:
        raise VolumeError(
            f"{path} has {voxels / 1e6:,.0f} million voxels; at most {most / 1e6:,.0f} million can be shown, which are "
            f"{most // 512**2} slices of 512 × 512. Open one with fewer or thicker slices."
        )


def _bring(volume: Volume, folder: Path, geometry: Geometry) -> None:
    """Onto the model's grid, for volumes that go on from it; of what is no chest CT, tells why none can."""
    try:
        check_hu(volume.hu, folder)
    except VolumeError as error:
        tell(unfit=in_words(error, folder))
        return
    on_grid = ModelGrid(geometry).bring(volume)
    np.savez(folder / ON_GRID, hu=on_grid.hu, affine=on_grid.affine)
    tell(sha256=scan_sha256(volume))


def in_words(error: CTFlowError, folder: Path) -> str:
    """Without the server's paths: the scan, or the number of one of its files in the order in which they came."""
    names = re.compile(rf"{re.escape(str(folder))}(?:/[a-z]+)*(?:/(0\d{{5}})[.a-z0-9]*)?|\b(0\d{{5}})(?:\.[a-z0-9]+)*")
    alone = len({path.name[:6] for path in (folder / _SENT).rglob("0*")}) < 2

    def name(found: re.Match[str]) -> str:
        number = found[1] or found[2]
        return f"File {int(number)}" if number and not alone else "The scan"

    return names.sub(name, error_text(error))


def main() -> None:
    """See the top of this file."""
    asked = TypeAdapter(Asked).validate_python(heard())
    folder = Path(sys.argv[1])
    if sys.platform == "linux":  # elsewhere a process has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (asked.memory_bytes, asked.memory_bytes))
    try:
        open_scan(folder, asked)
    except CTFlowError as error:
        tell(problem=in_words(error, folder))
    except OSError:
        tell(problem=NOT_WRITTEN)
    except MemoryError:
        tell(problem="The scan needs more memory than is free on the server. Give a smaller part of it.")
    except Exception as error:  # the text of a bug may quote a file
        tell(bug=error_places(error))


if __name__ == "__main__":
    main()
