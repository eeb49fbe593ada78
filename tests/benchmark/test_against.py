"""The comparison with another checkout: what is run, what is timed, and what is said of the volumes."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.benchmark.against import Ratio, compare_checkouts
from ctflow.benchmark.checkout import Checkout, busy_process
from ctflow.errors import RequestError, ResourceError
from ctflow.io.nifti import write_nifti
from ctflow.volume import Volume

# In place of `python -m ctflow generate`: notes its words, takes its time and copies a volume to --out.
STAND_IN = """
import pathlib, shutil, sys, time
words = sys.argv[1:]
if "--help" in words:
    print({help!r})
    sys.exit(0)
with open({notes!r}, "a") as notes:
    notes.write(" ".join(words) + "\\n")
time.sleep({ready_s})
print("chunk 1:   0%", file=sys.stderr)
time.sleep({generate_s})
{then}
shutil.copy({volume!r}, words[words.index("--out") + 1])
"""
CARD = """{"defaults": {"solver": "euler", "steps": 5, "shift": 1.0, "chunks": 2}, "guidance": {"default": 2.0%s}}"""


def stand_in(folder: Path, options: str, hu: int, above_t: str = "", ready_s: float = 0.0, then: str = "") -> Checkout:
    for place in ("ctflow", "checkpoints/demo"):
        (folder / place).mkdir(parents=True)
    (folder / "checkpoints/demo/card.json").write_text(CARD % above_t)
    volume = folder / "volume.nii.gz"
    write_nifti(Volume(np.full((4, 3, 2), hu, np.int16), np.eye(4)), volume, "a test")
    (folder / "ctflow/__init__.py").touch()
    (folder / "ctflow/__main__.py").write_text(
        STAND_IN.format(
            help=options, notes=str(folder / "notes"), ready_s=ready_s, generate_s=0.1, then=then, volume=str(volume)
        )
    )
    return Checkout(folder, folder / "bytecode")


def words_of(checkout: Checkout) -> list[str]:
    return (checkout.folder / "notes").read_text().splitlines()


OLD = "--solver X --steps N --shift X --chunks N --guidance X "
NEW = OLD + "--guidance-above-t T --precision P "


@pytest.mark.slow
def test_both_checkouts_make_the_same_volumes_in_turn(tmp_path: Path) -> None:
    old, new = (
        stand_in(tmp_path / "old", OLD, hu=10, ready_s=0.3),
        stand_in(tmp_path / "new", NEW, 12, ', "above_t": 0.5'),
    )
    (tmp_path / "work").mkdir()
    ratios = compare_checkouts(old, new, tmp_path / "work", budget_s=0.0, say=lambda _: None)
    ready, equal, half, own, *beside = ratios
    assert len(ready.before_s) == 1 and min(ready.before_s) > 0.3 and min(equal.after_s) > 0.1, "the stand-ins sleep"
    assert equal.note == half.note == "100.00% of voxels differ, by 2 HU on average of all" and own.note == ""
    assert [ratio.name.partition(":")[0] for ratio in beside] == ["a chunk, other", "a chunk, here, own defaults"]
    assert all("--solver euler --steps 5 --shift 1.0 " in words for words in words_of(old))
    assert not any("--precision" in words or "above-t" in words for words in words_of(old))
    first, exact, bf16, default, *_ = words_of(new)
    assert "--chunks 1" in first
    assert "--guidance-above-t 0.0 --precision float32" in exact and "--chunks 2" in exact
    assert "--guidance-above-t 0.0 --precision bfloat16" in bf16
    assert "--guidance-above-t 0.5 --precision auto" in default


def test_a_ratio_is_of_the_fastest_turns_and_of_the_turns_side_by_side() -> None:
    ratio = Ratio("x", before_s=(10.0, 20.0, 8.0), after_s=(5.0, 30.0, 2.0))
    assert ratio.best == 0.25 and ratio.median == 0.5


def test_what_fails_in_a_checkout_is_said_in_its_own_words(tmp_path: Path) -> None:
    failing = stand_in(tmp_path / "failing", OLD, 0, then="sys.exit('ctflow: no such report')")
    with pytest.raises(ResourceError, match="no such report"):
        failing.generate(tmp_path / "x.nii.gz", failing.settings)


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RequestError, match="is no checkout of CTFlow"):
        Checkout(tmp_path, tmp_path).settings  # noqa: B018
    assert main(["bench", "--against", str(tmp_path)]) == 2
    assert "is no checkout of CTFlow" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_busy_process_is_busy_and_ends_with_its_with() -> None:
    def children() -> set[str]:
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())

    before = children()
    with busy_process():
        (child,) = children() - before
        deadline = time.monotonic() + 60
        while float(Path(f"/proc/{child}/stat").read_text().split()[13]) < 5:  # 5 hundredths of a second of computing
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert children() == before
