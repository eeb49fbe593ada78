"""Whole demo volumes of this checkout and of another, in turn, so that a busy machine slows both."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctflow.benchmark.checkout import Checkout, Turn, busy_process
from ctflow.io.nifti import read_nifti

FLOAT32, BFLOAT16, AUTO = ({"precision": name} for name in ("float32", "bfloat16", "auto"))
OTHER, EQUAL, HALF, DEFAULTS = "other", "here, float32", "here, bfloat16", "here, own defaults"
ALONE, BESIDE = "alone", "beside a busy process"


@dataclass(frozen=True)
class Ratio:
    """Seconds that one thing and another took in each round. `note`: what else differs."""

    name: str
    before_s: tuple[float, ...]
    after_s: tuple[float, ...]
    note: str = ""

    @property
    def best(self) -> float:
        """Of the fastest turns."""
        return min(self.after_s) / min(self.before_s)

    @property
    def median(self) -> float:
        """Of the ratios of each round."""
        pairs = zip(self.before_s, self.after_s, strict=True)
        return statistics.median(after / before for before, after in pairs)


def compare_checkouts(
    other: Checkout, here: Checkout, work: Path, budget_s: float, say: Callable[[str], None]
) -> list[Ratio]:
    """As many rounds as fit into `budget_s`, of one at least; the first turn of each checkout is not counted.

    `work`: an empty folder for the volumes. Volumes of the other checkout are made in float32, with its own defaults;
    here with the same settings in float32 and in bf16, and with today's defaults in the precision that suits this CPU.
    Raises RequestError or ResourceError.
    """
    ways = {
        OTHER: (other, other.settings | FLOAT32),
        EQUAL: (here, other.settings | FLOAT32),
        HALF: (here, other.settings | BFLOAT16),
        DEFAULTS: (here, here.settings | AUTO),
    }
    for checkout in (other, here):
        checkout.generate(_unused(work / "first.nii.gz"), other.settings | FLOAT32 | {"chunks": 1})
    rounds: list[dict[str, Turn]] = []
    began = time.monotonic()
    while not rounds or (time.monotonic() - began) * (1 + 1 / len(rounds)) < budget_s:
        turns = {name: way[0].generate(_unused(_volume(work, name)), way[1]) for name, way in ways.items()}
        turns |= {
            f"{name}, {place}": turn for name in (OTHER, DEFAULTS) for place, turn in _one_chunk(*ways[name], work)
        }
        rounds.append(turns)
        say(f"round {len(rounds)}: " + ", ".join(f"{name} {turn.generate_s:.1f} s" for name, turn in turns.items()))
    return _ratios(rounds, work)


def _one_chunk(checkout: Checkout, settings: Mapping[str, object], work: Path) -> list[tuple[str, Turn]]:
    one = {**settings, "chunks": 1}
    alone = checkout.generate(_unused(work / "chunk.nii.gz"), one)
    with busy_process():
        beside = checkout.generate(_unused(work / "chunk.nii.gz"), one)
    return [(ALONE, alone), (BESIDE, beside)]


def _ratios(rounds: list[dict[str, Turn]], work: Path) -> list[Ratio]:
    def generated(name: str) -> tuple[float, ...]:
        return tuple(turns[name].generate_s for turns in rounds)

    def ready(name: str) -> tuple[float, ...]:
        return tuple(turns[name].ready_s for turns in rounds)

    ratios = [Ratio(f"start to ready: {OTHER} → here", ready(OTHER), ready(DEFAULTS))]
    for name in (EQUAL, HALF, DEFAULTS):
        note = "" if name == DEFAULTS else _difference(_volume(work, OTHER), _volume(work, name))
        ratios.append(Ratio(f"volume: {OTHER} → {name}", generated(OTHER), generated(name), note))
    for name in (OTHER, DEFAULTS):
        before, after = generated(f"{name}, {ALONE}"), generated(f"{name}, {BESIDE}")
        ratios.append(Ratio(f"a chunk, {name}: {ALONE} → {BESIDE}", before, after))
    return ratios


def _unused(path: Path) -> Path:
    """`path`, without an earlier volume and its sidecar: an older checkout refuses to replace a newer one's sidecar."""
    for there in (path, path.with_name(f"{path.name.removesuffix('.nii.gz')}.json")):
        there.unlink(missing_ok=True)
    return path


def _volume(work: Path, name: str) -> Path:
    return work / f"{name.replace(', ', '-').replace(' ', '-')}.nii.gz"


def _difference(expected: Path, found: Path) -> str:
    """How far apart two volumes are, in words."""
    before, after = (read_nifti(path).hu.astype(np.float64) for path in (expected, found))
    if before.shape != after.shape:
        return f"another length: {len(after)} slices, not {len(before)}"
    off = np.abs(after - before)
    return f"{np.count_nonzero(off) / off.size:.2%} of voxels differ, by {off.mean():.2g} HU on average of all"
