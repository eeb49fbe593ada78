"""Volumes one by one and together, timed in turns."""

from pathlib import Path

import pytest

from ctflow.benchmark.together import Side, compare_together
from ctflow.errors import RequestError


@pytest.mark.slow
def test_both_ways_make_the_same_volumes_but_for_rounding(folder: Path) -> None:
    ratio = compare_together(Side(folder, "cpu", "float32"), volumes=3, chunks=1, budget_s=0.1)
    assert ratio.name.startswith("3 volumes: one by one → together, in ")
    assert len(ratio.before_s) == len(ratio.after_s) >= 1 and min(ratio.before_s + ratio.after_s) > 0
    assert ratio.note in ("they differ by 0 HU at most", "they differ by 1 HU at most")


def test_one_volume_is_not_together_with_any(folder: Path) -> None:
    with pytest.raises(RequestError, match="Two volumes or more"):
        compare_together(Side(folder, "cpu", "float32"), volumes=1, chunks=1, budget_s=0.1)
