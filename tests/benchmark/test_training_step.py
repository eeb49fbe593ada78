"""A step of training here, and in another checkout."""

from pathlib import Path

import pytest

import ctflow
from ctflow.benchmark.training_step import compare_steps
from ctflow.errors import RequestError

HERE = Path(ctflow.__file__).parents[1]


@pytest.mark.slow
def test_both_sides_take_as_many_turns() -> None:
    found = compare_steps(HERE, "cpu", budget_s=0, least=1)
    assert len(found.before_s) == len(found.after_s) == 1
    assert min(*found.before_s, *found.after_s) > 0


def test_a_folder_without_a_training_loop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no ctflow/training/stage\.py"):
        compare_steps(tmp_path, "cpu", budget_s=0)
