"""Worker processes."""

import os
import signal

import pytest

from ctflow.errors import ResourceError
from ctflow.runtime.processes import THREADS, processes


def test_each_process_has_one_thread_and_what_was_set_here_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(THREADS[0], raising=False)
    monkeypatch.setenv(THREADS[1], "7")
    with processes(1) as pool:
        assert [pool.submit(os.getenv, name).result() for name in THREADS] == ["1"] * len(THREADS)
    assert os.getenv(THREADS[0]) is None and os.getenv(THREADS[1]) == "7"


def test_work_of_which_a_process_was_killed_ends_in_our_words() -> None:
    with (
        pytest.raises(ResourceError, match=r"killed, perhaps because memory is short.* fewer --workers"),
        processes(1) as pool,
    ):
        pool.submit(os.kill, pool.submit(os.getpid).result(), signal.SIGKILL).result()
