"""How much CPU time a process and those that it has started have used, to say how busy they keep the cores."""

import os
from pathlib import Path

# The fields of /proc/PID/stat by number, as proc(5) counts them. The second one, the name, may hold anything.
_FIRST_AFTER_NAME, _PARENT, _TICKS = 3, 4, (14, 15, 16, 17)


def tree_cpu_s(proc: Path = Path("/proc")) -> float | None:
    """CPU seconds of this process, its descendants, and those of them that have ended; None where there is no /proc.

    `proc`: where Linux says what each process does.
    """
    stats = _stats(proc)
    if os.getpid() not in stats:
        return None
    return sum(stats[process][1] for process in _tree(os.getpid(), stats)) / os.sysconf("SC_CLK_TCK")


def tree_of(process: int, proc: Path = Path("/proc")) -> set[int]:
    """A process and its descendants, those that are running."""
    stats = _stats(proc)
    return _tree(process, stats) & stats.keys()


def _tree(process: int, stats: dict[int, tuple[int, int]]) -> set[int]:
    members, size = {process}, 0
    while len(members) > size:
        size = len(members)
        members |= {child for child, (parent, _) in stats.items() if parent in members}
    return members


def _stats(proc: Path) -> dict[int, tuple[int, int]]:
    """By process: its parent, and the ticks of itself and of its children that have ended."""
    found = {}
    for folder in proc.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has ended
        fields = text.rpartition(")")[2].split()
        parent, *ticks = (int(fields[number - _FIRST_AFTER_NAME]) for number in (_PARENT, *_TICKS))
        found[int(folder.name)] = parent, sum(ticks)
    return found
