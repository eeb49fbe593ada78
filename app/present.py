"""What the page is told: a run as a small manifest, its progress and its report in words. Never voxels or HTML."""

from typing import Any

import numpy as np

from app.chunks import Chunk
from app.run import Run
from app.scan import Scan
from ctflow.volume import DIRECTIONS


def manifest(run: Run, ahead: int, wait_s: float | None, slices_per_chunk: int) -> dict[str, Any]:
    """A run as the viewer needs it (viewer/data/transport.js, `Manifest`).

    `ahead`: runs that come before this one; `wait_s`: seconds until it begins, None if that is not known.
    """
    with run.news:
        return {
            "run": run.id,
            "version": run.version,
            "state": run.state,
            "stopping": run.stopping and not run.ended,
            "title": run.title,
            "is_scan": run.is_scan,
            "is_synthetic": not isinstance(run, Scan) or run.is_synthetic,
            "series": run.series if isinstance(run, Scan) else [],
            "seed": run.request.seed if run.request else None,
            "digest": run.digest,
            "grid": _grid(run),
            "chunks": [_chunk(chunk) for chunk in run.chunks],
            "draft": _chunk(run.draft) if run.draft else None,
            "share": 1.0 if run.state == "finished" else _share(run),
            "status": status(run, ahead, wait_s, slices_per_chunk),
            "detail": detail(run),
        }


def unknown_run() -> dict[str, Any]:
    """For a page that comes back too late, or to a server that was restarted."""
    return {
        "run": None,
        "version": 0,
        "state": "gone",
        "stopping": False,
        "title": "",
        "is_scan": False,
        "is_synthetic": True,
        "series": [],
        "seed": None,
        "digest": "",
        "grid": None,
        "chunks": [],
        "draft": None,
        "share": 0.0,
        "status": "This volume is no longer on the server. Generate it again with the same seed.",
        "detail": "",
    }


def _chunk(chunk: Chunk) -> dict[str, Any]:
    return {"path": str(chunk.path), "first": chunk.first_slice, "slices": chunk.shape[0]}


def _grid(run: Run) -> dict[str, Any] | None:
    """Of a run, None before the model has begun."""
    if run.shape is None or run.affine is None:
        return None
    return grid(run.shape, run.affine)


def grid(shape: tuple[int, ...], affine: np.ndarray) -> dict[str, Any]:
    """Where voxels lie: their shape, their spacing in mm, the direction in which each index grows, and the affine's
    three rows, which give LPS mm.
    """
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    return {
        "shape": shape,
        "spacing": [float(mm) for mm in spacing_mm],
        "axes": directions(affine),
        "affine": affine[:3].tolist(),
    }


def directions(affine: np.ndarray) -> list[str]:
    """The letter (L R P A S I) that the slice, row and column index each grow towards most."""
    letters, vectors = list(DIRECTIONS), np.array(list(DIRECTIONS.values()))
    return [letters[int(np.argmax(vectors @ affine[:3, axis]))] for axis in range(3)]


def _share(run: Run) -> float:
    return run.share if isinstance(run, Scan) else run.steps_done / run.steps_total


def status(run: Run, ahead: int, wait_s: float | None, slices_per_chunk: int) -> str:
    """One line that seldom changes, because a screen reader speaks it."""
    if run.state == "waiting":
        return run.message or (_waiting(ahead, wait_s) if ahead else "Starting.")
    if run.state == "running":
        return "Stopping after this step." if run.stopping else _making(run, slices_per_chunk)
    if run.state == "finished":
        return _finished(run)
    if run.is_scan:
        return run.message
    return f"{run.message or 'Stopped.'} {_kept(run)}"


def _kept(run: Run) -> str:
    if run.shape is None or not run.slices_made:
        return "No slices were made."
    return f"{run.slices_made} of {run.shape[0]} slices kept."


def _waiting(ahead: int, wait_s: float | None) -> str:
    about = "" if wait_s is None else f", about {roughly(wait_s)}"
    return f"Waiting for the model: {count(ahead, 'run')} ahead of yours{about}. Press Stop to leave the line."


def roughly(seconds: float) -> str:
    """In tens of seconds, later in minutes: it is a guess, and should not flicker."""
    return f"{max(1, round(seconds / 10)) * 10} s" if seconds < 95 else f"{round(seconds / 60)} min"


def _making(run: Run, slices_per_chunk: int) -> str:
    if run.request is None:
        return _opening(run)
    if run.shape is None:
        return "Starting."
    chunk = max(0, run.steps_done - 1) // run.request.steps
    first = chunk * slices_per_chunk
    return f"Making slices {first + 1} to {min(first + slices_per_chunk, run.shape[0])} of {run.shape[0]}."


def _opening(run: Run) -> str:
    if isinstance(run, Scan) and not run.has_arrived:
        return "Receiving the scan."
    return "Reading the scan."


def _finished(run: Run) -> str:
    height_mm = 0.0 if run.affine is None else run.slices_made * float(np.linalg.norm(run.affine[:3, 0]))
    size = f"{run.slices_made} slices, {height_mm:.0f} mm"
    if run.request is None:
        return f"{run.title}: {size}."
    if run.title:
        return f"{run.title}: {size}. Seed {run.request.seed}."
    return f"Done: {size}, in {duration(run.elapsed_s())}. Seed {run.request.seed}."


def detail(run: Run) -> str:
    """Step and time left. It changes several times a second, so it is shown but not spoken."""
    if run.request is None or run.state != "running" or not run.steps_done:
        return ""
    step = (run.steps_done - 1) % run.request.steps + 1
    words = f"step {step} of {run.request.steps}"
    left_s = run.left_s()
    return words if left_s is None else f"{words}, about {duration(left_s)} left"


def duration(seconds: float) -> str:
    seconds = max(1, round(seconds))
    return f"{seconds} s" if seconds < 100 else f"{seconds // 60} min {seconds % 60:02d} s"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
