"""What is asked of a generator: a report, a seed and how to sample; and what a volume may begin with."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from ctflow.errors import RequestError
from ctflow.flow import evaluation_times
from ctflow.report import Report
from ctflow.volume import Volume

Solver = Literal["euler", "midpoint", "stochastic"]
ScanMode = Literal["gt-head", "next-block"]
Mode = Literal["full-body", ScanMode]  # the paper's: from the report alone, or with a real scan, see `ScanStart`
# Ways through the solver, by name: the published one, and two that take fewer steps.
SOLVER_PRESETS: dict[str, dict[str, Any]] = {
    "parity": {"solver": "euler", "steps": 200, "shift": 1.0},
    "quality": {"solver": "midpoint", "steps": 24, "shift": 1.5},
    "fast": {"solver": "midpoint", "steps": 10, "shift": 1.5},
}
MAX_SEED = 2**32 - 1
MAX_STEPS = 1000


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise RequestError(f"{name} is a whole number from {low} to {high}; got {value!r}.")


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low <= value <= high:
        raise RequestError(f"{name} is a number from {low:g} to {high:g}; got {value!r}.")


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One volume to make. `ModelCard.request` fills in a model's defaults and checks its limits.

    `steps` is the number of evaluations of the transformer per chunk, so midpoint needs an even number.
    `shift` bends the time grid towards noise (1 = equal steps). `guidance` 1 is the report alone; another one counts at
    times t above `guidance_above_t`, so at all of them above 0, and the report alone at the others.
    Raises RequestError for values out of range.
    """

    report: Report
    seed: int
    solver: Solver
    steps: int
    shift: float
    chunks: int
    guidance: float
    guidance_above_t: float

    def __post_init__(self) -> None:
        _check_whole("Seed", self.seed, 0, MAX_SEED)
        _check_whole("Steps", self.steps, 1, MAX_STEPS)
        _check_whole("The number of chunks", self.chunks, 1, 64)
        _check_number("Shift", self.shift, 0.1, 10)
        _check_number("Guidance", self.guidance, 0, 20)
        _check_number("The t above which guidance counts", self.guidance_above_t, 0, 1)
        if self.solver not in get_args(Solver):
            raise RequestError(f"The solver is one of {', '.join(get_args(Solver))}; got {self.solver!r}.")
        if self.solver == "midpoint" and self.steps % 2:
            raise RequestError(f"Midpoint takes its steps in pairs: give an even number of steps, not {self.steps}.")

    @property
    def evaluations(self) -> int:
        """Of the transformer for one sample, in each chunk: a guided step takes two."""
        times = evaluation_times(self.solver, self.steps, self.shift)
        return sum(2 if is_guided(t, self.guidance, self.guidance_above_t) else 1 for t in times)


def is_guided(t: float, guidance: float, guidance_above_t: float) -> bool:
    """Whether the report is weighed against no report at time t."""
    return guidance != 1 and t > guidance_above_t


@dataclass(frozen=True, eq=False)
class ScanStart:
    """A real scan that a volume begins with, in one of the paper's modes.

    `gt-head`: its first `slices` stand at the beginning, and the model goes on from there.
    `next-block`: every chunk is made from the scan's own chunk before it.
    `scan` lies on the model's grid, where `ModelGrid.bring` puts it. `sha256`: of the scan as it was read
    (`io.sidecar.scan_sha256`), for whoever writes down what a volume began with.
    """

    mode: ScanMode
    scan: Volume
    slices: int
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class VolumeStart:
    """The first `chunks` chunks of the volume that `request` makes: another request goes on from there.

    `start`: what that volume begins with itself, so that these make a chain.
    """

    request: GenerationRequest
    chunks: int
    start: "Beginning | None" = None


@dataclass(frozen=True, kw_only=True)
class SharedPrevious:
    """Every chunk is made from the chunk before it of the volume that `request` makes; nothing of that one is shown.

    With the same seed, two volumes then differ by what their requests ask for and by nothing else. Without it, they
    drift apart after the first chunk in which they differ. Such a volume does not end before its last chunk.
    """

    request: GenerationRequest
    start: "Beginning | None" = None


Beginning = ScanStart | VolumeStart  # whose chunks are the first ones of the volume
Start = Beginning | SharedPrevious


def beginning_of(start: Start | None) -> Beginning | None:
    """What a volume begins with; None where it only shares the chunks before its own."""
    return None if isinstance(start, SharedPrevious) else start


def scan_of(start: Start | None) -> ScanStart | None:
    """The scan that a chain begins with, if it begins with one."""
    while isinstance(start, VolumeStart | SharedPrevious):
        start = start.start
    return start


def check_volume_start(start: VolumeStart, request: GenerationRequest) -> None:
    """Raises RequestError if no chunk is to be kept, more than there are, or if the request leaves nothing to make."""
    if type(start.chunks) is not int or not 1 <= start.chunks <= start.request.chunks:
        raise RequestError(
            f"A volume of {start.request.chunks} chunks is to be kept up to chunk {start.chunks!r}: give a whole "
            f"number from 1 to {start.request.chunks}."
        )
    if request.chunks <= start.chunks:
        raise RequestError(
            f"{start.chunks} chunks are kept, and the whole volume is to have {request.chunks}: ask for more chunks, "
            "or keep fewer."
        )


def check_scan_start(start: ScanStart, request: GenerationRequest, slices_per_chunk: int) -> int:
    """The number of chunks that are taken from the scan as they are.

    Raises RequestError if the scan is too short, or if the request leaves nothing to make.
    """
    head, rest = divmod(start.slices, slices_per_chunk)
    if rest or head < 1:
        raise RequestError(
            f"A volume begins with whole chunks: give a multiple of {slices_per_chunk} slices, not {start.slices}."
        )
    if request.chunks <= head:
        raise RequestError(
            f"{start.slices} slices of the scan are {head} chunks, and the whole volume is to have {request.chunks}: "
            "ask for more chunks, or begin with fewer slices."
        )
    needed = start.slices if start.mode == "gt-head" else request.chunks * slices_per_chunk
    if len(start.scan.hu) < needed:
        raise RequestError(
            f"The scan has {len(start.scan.hu)} slices of {start.scan.spacing_mm[0]:g} mm, and {needed} are needed: "
            "ask for fewer, or give a longer scan."
        )
    return head
