"""What was measured, in Markdown."""

from collections.abc import Callable, Sequence

from ctflow.benchmark.against import Ratio
from ctflow.benchmark.kernels import Line
from ctflow.benchmark.measure import PUBLISHED_STEPS, Figures
from ctflow.benchmark.solvers import SolverError

Cell = Callable[[Figures], str | None]


def figures_table(found: Sequence[Figures], volume: str) -> list[str]:
    """A column for the reference and for each way. `volume`: what one is, in words."""
    reference = found[0]
    lines = ["| |" + "|".join(f" {figures.name} " for figures in found) + "|", "|---|" + "---|" * len(found)]
    for title, cell in _rows(reference, volume):
        cells = [cell(figures) for figures in found]
        if any(cells):
            lines.append(f"| {title} |" + "|".join(f" {text or ''} " for text in cells) + "|")
    return lines


def _rows(reference: Figures, volume: str) -> list[tuple[str, Cell]]:
    def seconds(name: str) -> Cell:
        return lambda figures: _seconds(figures, reference, name)

    return [
        ("ready to step after", lambda figures: _plain(figures.ready_s, "s")),
        ("a step, on the device", seconds("step_s")),
        ("a step, until Python goes on", lambda figures: _plain(figures.host_s, "s")),
        ("error of a step", lambda figures: _error(figures.step_error)),
        ("large products of matrices", lambda figures: _plain(figures.peak_gflop_per_s, "GFLOP/s", ".0f")),
        ("a step, as a share of these", lambda figures: _share(figures.share_of_peak)),
        ("a slice decoded", seconds("decode_s")),
        ("error of a slice", lambda figures: _error(figures.decode_error)),
        ("a chunk with its slices", seconds("chunk_s")),
        ("error of a chunk", lambda figures: _error(figures.chunk_error)),
        ("its first slices", lambda figures: _plain(figures.first_slices_s, "s")),
        ("in a new thread, and again there", _threads),
        (volume, seconds("volume_s")),
        ("its products alone, at that rate (floor)", lambda figures: _plain(figures.floor_s, "s")),
        (f"with {PUBLISHED_STEPS} steps a chunk", seconds("published_volume_s")),
        ("most memory in use", lambda figures: _plain(figures.memory_gb, "GB", ".1f")),
    ]


def _seconds(figures: Figures, reference: Figures, name: str) -> str | None:
    """With the ratio to the reference, and a mark where it was not measured."""
    value = getattr(figures, name)
    if value is None:
        return None
    ratio = "" if figures is reference else f", {getattr(reference, name) / value:.2f} ×"
    return f"{_plain(value, 's')}{ratio}{' *' if name in figures.computed else ''}"


def _plain(value: float | None, unit: str, form: str = ".3g") -> str | None:
    return None if value is None else f"{value:{form}} {unit}"


def _error(value: float | None) -> str | None:
    return None if value is None else f"{value:.1e}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.0%}"


def _threads(figures: Figures) -> str | None:
    times = figures.thread_first_slices_s
    return None if times is None else f"{times[0]:.3g} s, {times[1]:.3g} s"


def solvers_table(solvers: Sequence[SolverError]) -> list[str]:
    """A row for each."""
    lines = ["| chunk | solver | steps | shift | error | s |", "|---|---|---|---|---|---|"]
    for row in solvers:
        lines.append(
            f"| {row.chunk} | {row.solver} | {row.steps} | {row.shift:g} | {row.error:.4f} | {row.seconds:.1f} |"
        )
    return lines


def ratios_table(ratios: Sequence[Ratio]) -> list[str]:
    """Seconds are those of the fastest turns."""
    lines = ["| | before | after | ratio of the best | median ratio | |", "|---|---|---|---|---|---|"]
    for row in ratios:
        times = f"{min(row.before_s):.1f} s | {min(row.after_s):.1f} s"
        lines.append(f"| {row.name} | {times} | {row.best:.2f} | {row.median:.2f} | {row.note} |")
    return lines


def kernels_table(lines: Sequence[Line]) -> list[str]:
    """A row for each."""
    return ["| | | |", "|---|---|---|", *(f"| {line.section} | {line.name} | {line.text} |" for line in lines)]
