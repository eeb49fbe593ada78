"""How many threads compute here, and how they wait for each other. Without torch, which reads some of it at its import.

Containers are given a share of a machine's cores, and torch takes as many threads as the machine has.
"""

import math
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path, PurePosixPath

# How OpenMP's threads wait (GNU's library reads both): asleep. By default they spin, and beside another busy process
# they spend the time for which the thread that they wait for could run.
PASSIVE = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
THREADS_VARIABLE = "OMP_NUM_THREADS"


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> None:
    """Makes OpenMP's idle threads sleep, unless a variable says otherwise. Works only before torch is imported."""
    for name, value in PASSIVE.items():
        environment.setdefault(name, value)


def cores_given(root: Path = Path("/")) -> int:
    """How many cores this process may keep busy: those it may run on, or fewer where cgroups give it less time.

    Part of a core counts as one: with 1.5 cores, two threads do half as much again as one. `root`: of the file system.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(root)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The CPU time per time that cgroups (v1 or v2) give this process; None where they set no limit."""
    quotas = [quota for folder in _groups(root) if (quota := _quota_v2(folder) or _quota_v1(folder))]
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's groups that may limit its CPU time, and of the groups that these are in."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = mount / "cpu" if controllers else mount
        within = PurePosixPath(group.lstrip("/"))  # as the host names it, which a container may not see
        yield from (base / place for place in (within, *within.parents))


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdecimal() else None


def _quota_v1(folder: Path) -> float | None:
    quota, period = (_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdecimal() else None  # -1 is no limit


def _read(path: Path) -> str:
    """The text of a file of the kernel's; empty where this kernel has none."""
    try:
        # A group's name may be any bytes, and is to name the same folder again.
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
