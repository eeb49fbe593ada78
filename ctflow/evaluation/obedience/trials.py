"""The trials: reports that ask for some findings and deny others, and how many of them a measurement makes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

from ctflow.phantom import KINDS, Kind, Phrasings, Truth, draw_finding, write_report
from ctflow.phantom.rates import EXCLUSIVE, without_hidden
from ctflow.report import Report

# Groups of trials: the main one, and parts of it in known wordings, of other seeds, and with other guidance.
HELD_OUT, KNOWN, SEEDS, GUIDANCE = "held-out", "known", "seeds", "guidance"
GUIDANCES = (1.0, 2.0, 4.0)
OTHER_SEEDS = 3  # of each report whose volumes are compared with each other
SEED_STRIDE = 1000  # between the seeds of one report's volumes


@dataclass(frozen=True)
class Plan:
    """How much to measure: `n` reports, drawn by `seed`, and `phantoms` for the detectors to learn from."""

    n: int
    seed: int
    phantoms: int


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One volume to make: of a report that asks for 2 or 3 findings and denies 2 or 3 others."""

    group: str
    index: int
    seed: int  # of the volume
    truth: Truth
    denied: tuple[Kind, ...]
    report: Report
    guidance: float

    @property
    def name(self) -> str:
        """Part of the names of its files; it differs wherever the volume would."""
        asked = [asdict(self.report), self.truth.to_json(), self.seed, self.guidance]
        digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        return f"{self.group.replace(' ', '-')}-{self.index:04d}-{digest[:12]}"


def draw_trials(plan: Plan, guidance: float, guided: bool) -> dict[str, list[Trial]]:
    """All trials by group.

    `guidance`: the model's default. `guided`: whether it was trained for guidance, so that others can be tried.
    """

    def some(group: str, count: int, strength: float = guidance, repeat: int = 0) -> list[Trial]:
        phrasings: Phrasings = "known" if group == KNOWN else "held-out"
        return [draw_trial(i, plan.seed, group, phrasings, strength, repeat) for i in range(count)]

    groups = {HELD_OUT: some(HELD_OUT, plan.n), KNOWN: some(KNOWN, max(1, plan.n // 4))}
    for strength in GUIDANCES:
        if guided and strength != guidance:
            name = f"{GUIDANCE} {strength:g}"
            groups[name] = some(name, max(1, plan.n // 8), strength)
    repeated = max(1, plan.n // 16)
    groups[SEEDS] = [one for repeat in range(1, 1 + OTHER_SEEDS) for one in some(SEEDS, repeated, repeat=repeat)]
    return groups


def draw_trial(index: int, seed: int, group: str, phrasings: Phrasings, guidance: float, repeat: int = 0) -> Trial:
    """The trial of an index: the same findings whatever the phrasings, the guidance and the `repeat`.

    Each further `repeat` gives the volume another seed. Kinds are dealt like cards, so that each is asked for about as
    often as any other.
    """
    asked, denied = deal(index, seed)
    rng = np.random.default_rng([seed, index])
    truth = Truth(
        findings=tuple(without_hidden([draw_finding(kind, rng)[0] for kind in asked])),
        sex="F" if rng.random() < 0.5 else "M",
        age=int(rng.integers(30, 90)),
    )
    return Trial(
        group=group,
        index=index,
        seed=SEED_STRIDE * repeat + index,
        truth=truth,
        denied=denied,
        report=write_report(truth, np.random.default_rng([seed, index, 1]), phrasings, denied),
        guidance=guidance,
    )


def deal(index: int, seed: int) -> tuple[tuple[Kind, ...], tuple[Kind, ...]]:
    """-> 2 or 3 kinds to ask for, none of which would hide another, and 2 or 3 kinds to deny."""
    order = np.random.default_rng([seed, index, 2]).permutation(len(KINDS))
    kinds = [KINDS[i] for i in order]
    turn = index % len(KINDS)
    kinds.remove(KINDS[turn])
    kinds.insert(0, KINDS[turn])
    while together := [pair for pair in EXCLUSIVE if pair <= set(kinds[:3])]:
        kinds.append(kinds.pop(max(kinds.index(kind) for kind in together[0])))
    asked = 2 + index % 2
    denied = 2 + index // 2 % 2
    return tuple(kinds[:asked]), tuple(kinds[asked : asked + denied])
