"""CPU time is that of this process and of all that it started, and of no other."""

import os
from pathlib import Path

import pytest

from ctflow.runtime.cpu_time import tree_cpu_s


def put(proc: Path, process: int, parent: int, ticks: tuple[int, int, int, int], name: str = "python") -> None:
    (proc / str(process)).mkdir()
    between = " ".join("0" for _ in range(9))
    (proc / str(process) / "stat").write_text(
        f"{process} ({name}) S {parent} {between} {' '.join(map(str, ticks))} 20 0\n"
    )


def test_children_of_children_count_and_strangers_do_not(tmp_path: Path) -> None:
    me = os.getpid()
    put(tmp_path, 1, 0, (9999, 0, 0, 0))
    put(tmp_path, me, 1, (100, 20, 3, 0))
    put(tmp_path, me + 1, me, (1000, 0, 0, 0), name="ray::Map) S 1")  # a name may hold anything
    put(tmp_path, me + 2, me + 1, (0, 0, 5000, 400))
    put(tmp_path, me + 3, 1, (7777, 0, 0, 0))
    (tmp_path / "42").mkdir()  # a process that has just ended
    assert tree_cpu_s(tmp_path) == pytest.approx(6523 / os.sysconf("SC_CLK_TCK"))


def test_where_there_is_no_proc_nothing_is_known(tmp_path: Path) -> None:
    assert tree_cpu_s(tmp_path) is None
