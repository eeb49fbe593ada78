"""What trials ask for and deny."""

from __future__ import annotations

from collections import Counter

import pytest

from ctflow.evaluation.obedience.trials import GUIDANCE, HELD_OUT, KNOWN, SEEDS, Plan, deal, draw_trial, draw_trials
from ctflow.phantom import KINDS
from ctflow.phantom.rates import EXCLUSIVE, without_hidden

TRIALS = [draw_trial(i, 0, "held-out", "held-out", 1.0) for i in range(190)]


def test_kinds_are_asked_and_denied_about_equally_often_and_never_both() -> None:
    asked = Counter(kind for trial in TRIALS for kind in trial.truth.kinds)
    denied = Counter(kind for trial in TRIALS for kind in trial.denied)
    assert all(15 <= asked[kind] <= 40 and 12 <= denied[kind] <= 40 for kind in KINDS), (asked, denied)
    assert all(not trial.truth.kinds & set(trial.denied) for trial in TRIALS)
    assert {len(trial.truth.kinds) for trial in TRIALS} == {2, 3} == {len(trial.denied) for trial in TRIALS}


def test_nothing_is_asked_for_that_fluid_or_air_would_hide() -> None:
    """It could not be shown, and its report would be called disobeyed."""
    assert all(tuple(without_hidden(trial.truth.findings)) == trial.truth.findings for trial in TRIALS)


def test_other_words_ask_for_the_same_findings() -> None:
    known, new = draw_trial(4, 0, "", "known", 1.0), draw_trial(4, 0, "", "held-out", 1.0)
    assert known.truth == new.truth and known.denied == new.denied and known.seed == new.seed
    assert known.report != new.report


def test_a_repeat_differs_in_the_volumes_seed_alone() -> None:
    first, again = TRIALS[4], draw_trial(4, 0, "held-out", "held-out", 1.0, repeat=1)
    assert first.report == again.report and first.truth == again.truth and first.seed != again.seed


def test_what_would_hide_each_other_is_never_asked_for_together() -> None:
    """Seed 30, index 111: what the first swap pulled in was the other of a second pair."""
    asked = [frozenset(deal(111, 30)[0])]
    asked += [frozenset(deal(index, seed)[0]) for seed in range(100) for index in range(19)]
    assert not [kinds for kinds in asked for pair in EXCLUSIVE if pair <= kinds]


@pytest.mark.parametrize("guided", [False, True])
def test_other_guidance_is_tried_with_models_that_were_trained_for_it(guided: bool) -> None:
    groups = draw_trials(Plan(n=16, seed=0, phantoms=16), guidance=2.0, guided=guided)
    counts = {group: len(trials) for group, trials in groups.items()}
    others = {f"{GUIDANCE} 1": 2, f"{GUIDANCE} 4": 2} if guided else {}
    assert counts == {HELD_OUT: 16, KNOWN: 4, SEEDS: 3} | others
    assert {trial.guidance for trial in groups[HELD_OUT] + groups[KNOWN] + groups[SEEDS]} == {2.0}
    assert all({trial.guidance for trial in groups[name]} == {float(name.split()[1])} for name in others)
