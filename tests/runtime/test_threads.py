"""The threads that compute follow the cores that are really given, and do not spin while they wait."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctflow.runtime.threads import PASSIVE, cores_given, cpu_quota, wait_passively

V1_LINES = "5:cpu,cpuacct:{0}\n3:cpuset:{0}\n1:name=systemd:{0}\n"


def machine(root: Path, groups: str, **files: str) -> Path:
    """A file system that says so in /proc/self/cgroup, and has these files under /sys/fs/cgroup (`__` for a slash)."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups, encoding="utf-8")
    for name, content in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def v1(quota: str, place: str = "cpu") -> dict[str, str]:
    return {f"{place}__cpu.cfs_quota_us": f"{quota}\n", f"{place}__cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),  # docker run --cpus=1.5
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),  # the machine's own root group
        ("0::/a/b\n", {"a__cpu.max": "50000 100000\n", "a__b__cpu.max": "max 100000\n"}, 0.5),  # the group around it
        ("0::/höhe\n", {"höhe__cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a__cpu.max": "400000 100000\n", "a__b__cpu.max": "200000 100000\n"}, 2.0),
        (V1_LINES.format("/"), v1("250000"), 2.5),
        (V1_LINES.format("/"), v1("-1"), None),
        (V1_LINES.format("/docker/12ab"), v1("150000"), 1.5),  # inside, the container's group is the root
        (V1_LINES.format("/a"), v1("-1") | v1("300000", "cpu__a"), 3.0),
    ],
)
def test_the_quota_is_the_least_that_any_group_sets(
    tmp_path: Path, groups: str, files: dict[str, str], quota: float | None
) -> None:
    assert cpu_quota(machine(tmp_path, groups, **files)) == quota


def test_a_system_without_groups_sets_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "cores"), [("20000", 1), ("100000", 1), ("99999900000", None), ("max", None)])
def test_part_of_a_core_counts_as_one_and_never_more_than_there_are(
    tmp_path: Path, quota: str, cores: int | None
) -> None:
    expected = cores or cores_given(tmp_path / "no groups")
    assert cores_given(machine(tmp_path / "some", "0::/\n", **{"cpu.max": f"{quota} 100000\n"})) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_a_process_that_is_bound_to_one_core_is_given_one() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from ctflow.runtime.threads import cores_given; print(cores_given())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "1"


def test_what_a_user_has_set_for_waiting_threads_stays() -> None:
    environment = {"OMP_WAIT_POLICY": "active"}
    wait_passively(environment)
    assert environment == PASSIVE | {"OMP_WAIT_POLICY": "active"}
