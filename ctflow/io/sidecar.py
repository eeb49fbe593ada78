"""The JSON beside a volume: what made it, completely enough to make it again."""

import hashlib
import platform
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

import ctflow
from ctflow.choices import CUDA_LEVELS
from ctflow.errors import RequestError
from ctflow.generator import VolumeGenerator
from ctflow.io.files import write_atomic
from ctflow.io.nifti import stem_of
from ctflow.report import Report
from ctflow.request import Beginning, GenerationRequest, ScanMode, ScanStart, Solver, VolumeStart, check_volume_start
from ctflow.validation import wrong_fields
from ctflow.volume import Volume

SIDECAR_FORMAT: Final = 1
# A scan's place is rounded to this before it is hashed: much more than what a format loses, much less than a voxel.
_PLACE_MM = 0.1
_PLACE_SHIFT_MM = 0.0314  # so that what people and scanners write, such as 0.05 or 0.625, is near no border
_ROUNDED_SINCE = (0, 3)  # our version
_NEAR_MM = 0.003  # as far as formats may be apart
NOTICE = "Synthetic: made by a computer from text, of no real patient. Not for diagnosis."
NOTICE_SCAN = "Made by a computer, but begun from a real scan: it may show a real patient. Not for diagnosis."
# What the bytes of a volume depend on, besides our own version and Python's.
_PACKAGES = ("torch", "numpy", "tokenizers", "diffusers", "safetensors", "SimpleITK")
_strict = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True, config=_strict)
class Model:
    """Which weights: the card's name and the hash of the files."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True, config=_strict)
class StartRecord:
    """The real scan that a volume began with: its file's name, and the hash of its voxels and where they are."""

    mode: ScanMode
    scan: str
    sha256: str
    slices: int


@dataclass(frozen=True, kw_only=True, config=_strict)
class Sidecar:
    """Everything that went into one volume. `complete`: whether it ran to its end; `seconds`: how long it took.

    `earlier`: the requests that made its first chunks, oldest first, each up to as many as it says; the sidecar's own
    request made the rest. `start`: the scan that all of them began with.
    """

    format: Literal[1]
    notice: str
    synthetic: Literal[True]
    not_for_diagnosis: Literal[True]
    report: Report
    seed: int
    solver: Solver
    shift: float
    steps: int
    chunks: int
    guidance: float
    model: Model
    versions: dict[str, str]
    device: str
    seconds: float
    complete: bool
    # Older sidecars do not say these.
    start: StartRecord | None = None
    guidance_above_t: float = 0.0
    cuda: str = CUDA_LEVELS[0]
    hardware: str | None = None
    earlier: tuple[GenerationRequest, ...] = ()
    precision: str | None = None


_adapter = TypeAdapter(Sidecar)


def sidecar_of(
    request: GenerationRequest,
    generator: VolumeGenerator,
    *,
    seconds: float,
    complete: bool,
    scan: StartRecord | None = None,
    earlier: tuple[GenerationRequest, ...] = (),
) -> Sidecar:
    """The sidecar of a volume that `generator` has just made from `request` on this machine."""
    return Sidecar(
        format=SIDECAR_FORMAT,
        notice=NOTICE_SCAN if scan else NOTICE,
        synthetic=True,
        not_for_diagnosis=True,
        report=request.report,
        seed=request.seed,
        solver=request.solver,
        shift=request.shift,
        steps=request.steps,
        chunks=request.chunks,
        guidance=request.guidance,
        guidance_above_t=request.guidance_above_t,
        model=Model(name=generator.card.name, sha256=generator.model_sha256),
        versions=versions(),
        device=generator.device,
        seconds=round(seconds, 2),
        complete=complete,
        start=scan,
        cuda=generator.cuda,
        hardware=generator.hardware,
        earlier=earlier,
        precision=generator.precision,
    )


def scan_sha256(scan: Volume) -> str:
    """Of a scan's voxels and where they are, whatever file they came from, and in whatever order they lay in it."""
    return next(_scan_hashes(scan))


def is_recorded(scan: Volume, sha256: str) -> bool:
    """Whether `sha256` is of this scan, saved perhaps in another format, which may round its place in another way."""
    exact = hashlib.sha256(scan.hu.tobytes() + scan.affine.tobytes()).hexdigest()  # as older sidecars have it
    return sha256 == exact or sha256 in _scan_hashes(scan)


def has_exact_hash(sidecar: Sidecar) -> bool:
    """Whether a sidecar may be older than 0.3, and hash its scan's affine to the last bit.

    Readers of that time computed another last bit for some scans, so that such a hash need not match the right scan.
    """
    numbers = re.match(r"(\d+)\.(\d+)", sidecar.versions.get("ctflow", ""))
    return numbers is None or (int(numbers[1]), int(numbers[2])) < _ROUNDED_SINCE


def _check_chain(sidecar: Sidecar) -> None:
    """Raises RequestError for values that no request has, or for earlier requests that leave nothing to a later one."""
    request: GenerationRequest = request_of(sidecar)
    start = start_of(sidecar, scan=None)
    while isinstance(start, VolumeStart):
        check_volume_start(start, request)
        request, start = start.request, start.start


def _scan_hashes(scan: Volume) -> Iterator[str]:
    """The hash of a scan, and then those that it would have if it lay a little elsewhere.

    Where the first voxel and the ends of the three axes lie is rounded to _PLACE_MM. A coordinate near the border
    between two steps can fall on either side, so that each of the two gives a hash.
    """
    upright = scan.turned(("S", "P", "L"))
    ends = np.vstack([np.zeros(3), np.diag(np.subtract(upright.hu.shape, 1))])
    places = (ends @ upright.affine[:3, :3].T + upright.affine[:3, 3]).ravel()
    voxels = hashlib.sha256(repr(upright.hu.shape).encode())
    voxels.update(upright.hu.data)
    steps = (places + _PLACE_SHIFT_MM) / _PLACE_MM
    near = _NEAR_MM / _PLACE_MM
    for rounded in product(*([*dict.fromkeys(np.floor([step, step - near, step + near]))] for step in steps)):
        known = voxels.copy()
        known.update(np.array(rounded, np.int64).tobytes())
        yield known.hexdigest()


def request_of(sidecar: Sidecar) -> GenerationRequest:
    """The request that makes the same volume again, given the same model, machine and versions.

    Raises RequestError for values that no request has.
    """
    return GenerationRequest(
        report=sidecar.report,
        seed=sidecar.seed,
        solver=sidecar.solver,
        steps=sidecar.steps,
        shift=sidecar.shift,
        chunks=sidecar.chunks,
        guidance=sidecar.guidance,
        guidance_above_t=sidecar.guidance_above_t,
    )


def start_of(sidecar: Sidecar, scan: ScanStart | None) -> Beginning | None:
    """What its volume began with, earlier chunks included. `scan`: the one that it names, once it has been read."""
    start: Beginning | None = scan
    for request in sidecar.earlier:
        start = VolumeStart(request=request, chunks=request.chunks, start=start)
    return start


def earlier_of(start: Beginning | None) -> tuple[GenerationRequest, ...]:
    """The requests of a chain as a sidecar names them; those that made nothing of what is kept are left out."""
    if not isinstance(start, VolumeStart):
        return ()
    parts: list[GenerationRequest] = []
    for request in (*earlier_of(start.start), start.request):
        parts.append(replace(request, chunks=min(request.chunks, start.chunks)))
        if parts[-1].chunks == start.chunks:
            break
    return tuple(parts)


def versions() -> dict[str, str]:
    """The versions that run here, read from the packages' metadata so that nothing heavy is imported for it."""
    found = {"ctflow": ctflow.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def changed_versions(sidecar: Sidecar) -> str:
    """Which packages run here in another version than those that a volume was made with, in words; "" for none."""
    now = versions()
    changed = [(name, was) for name, was in sidecar.versions.items() if now.get(name) != was]
    return "; ".join(f"{name} {was}, now {now.get(name, 'missing')}" for name, was in changed)


def sidecar_path(volume_path: Path) -> Path:
    """`OUT.nii.gz` -> `OUT.json`. Raises VolumeError for other endings."""
    return volume_path.with_name(f"{stem_of(volume_path)}.json")


def write_sidecar(sidecar: Sidecar, path: Path) -> None:
    """Writes JSON that `read_sidecar` reads back equal. Raises VolumeError where `path` cannot be written."""
    write_atomic(path, _adapter.dump_json(sidecar, indent=2) + b"\n")


def read_sidecar(path: Path) -> Sidecar:
    """Raises RequestError that names the file and each field that is missing, wrong or unknown."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read ({error}). Give the .json that lies beside a volume.") from error
    return parse_sidecar(text, str(path))


def parse_sidecar(text: str, name: str) -> Sidecar:
    """What a sidecar's text says. `name`: for the RequestError, which names each field that is missing or wrong."""
    try:
        sidecar = _adapter.validate_json(text, strict=True)
        _check_chain(sidecar)
    except ValidationError as error:
        wrong = wrong_fields(error)
        raise RequestError(f"{name} is not a CTFlow sidecar of format {SIDECAR_FORMAT}: {wrong}.") from error
    except RequestError as error:
        raise RequestError(f"{name} holds a request that cannot be made: {error}") from error
    return sidecar
