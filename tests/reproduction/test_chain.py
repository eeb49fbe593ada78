"""The chain of `reproduce`: each step once, none again, and where it stands when one fails."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctflow.__main__ import main
from ctflow.errors import RequestError
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.results import Result
from ctflow.io.nifti import write_nifti
from ctflow.io.scan import read_volume
from ctflow.reproduction.chain import comparable_groups, reproduce
from ctflow.reproduction.controls import NOISE_HU, NOISY, REPEATED, SHUFFLED, control_folder, write_controls
from ctflow.reproduction.orders import CLIP, EARLY, FID, LAST, OTHERS, RECALL, SWAPPED, orders_in_words
from ctflow.reproduction.plan import Plan, plan_of
from ctflow.reproduction.steps import Places, Step, making
from ctflow.volume import Volume
from tests.tiny import tiny_checkpoint

TINY_CONFIG = """\
preset = "phantom"

[model]
hidden = 16
depth = 1
heads = 2
patch = [2, 4, 4]
text_facts = 0

[batch]
size = 2

[run]
end_tolerance = 1e-9  # with random weights, any slice may look like the end
"""


class StopsAt:
    """Runs nothing, and fails at a step until it is mended."""

    def __init__(self, name: str) -> None:
        self.name: str | None = name
        self.ran: list[str] = []
        self.numbers: list[str] = []

    def __call__(self, step: Step, which: str) -> None:
        self.ran.append(step.name)
        self.numbers.append(which)
        if step.name == self.name:
            raise RequestError("It failed.")


def plan(**changes: object) -> Plan:
    return plan_of(**{"minutes": 10.0, "seed": 0, "model": "demo", "config": None} | changes)  # type: ignore[arg-type]


def test_more_minutes_are_more_phantoms_volumes_and_training_and_never_too_few_to_judge() -> None:
    small, large = plan(minutes=0.01), plan(minutes=600)
    assert small.trained == small.judged == 4
    assert large.trained > 1000 and large.judged > 100
    assert large.early_minutes + large.late_minutes == pytest.approx(large.minutes) == 300


def test_a_chain_that_failed_goes_on_with_the_step_that_failed(tmp_path: Path) -> None:
    run_step = StopsAt("verify train")
    with pytest.raises(RequestError, match="It failed"):
        reproduce(plan(), tmp_path, run_step)
    before = list(run_step.ran)
    run_step.name = "train"
    with pytest.raises(RequestError, match="It failed"):
        reproduce(plan(), tmp_path, run_step)
    names = [step.name for step in making(plan(), Places(tmp_path))]
    assert before + run_step.ran[len(before) + 1 :] == names[: names.index("train") + 1]
    assert run_step.ran[len(before)] == "verify train"
    assert run_step.numbers[len(before) - 1 : len(before) + 2] == ["5 of 19", "5 of 19", "6 of 19"]


def test_another_plan_is_refused_in_the_same_folder(tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        reproduce(plan(), tmp_path, StopsAt("verify train"))
    with pytest.raises(RequestError, match=r"holds another reproduction, .* seed 0.* seed 1.* Name another --out"):
        reproduce(plan(seed=1), tmp_path, StopsAt("verify train"))


def test_the_early_model_is_trained_first_and_the_last_one_goes_on_from_it(tmp_path: Path) -> None:
    steps = {step.name: step.words for step in making(plan(), Places(tmp_path))}
    assert list(steps).index("generate by the early model") < list(steps).index("train")
    early, late = steps["train the early model"], steps["train"]
    assert [word for word, other in zip(early, late, strict=True) if word != other] == ["0.5"]


def test_the_controls_differ_from_their_volumes_in_what_they_are_named_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = {f"train_{i}_a_1.nii.gz": rng.integers(-1000, 400, (4, 16, 16)).astype(np.int16) for i in range(3)}
    (tmp_path / "volumes").mkdir()
    for name, hu in made.items():
        write_nifti(Volume(hu, np.diag([3.0, 1.5, 1.5, 1.0])), tmp_path / "volumes" / name, "")
    write_controls(tmp_path / "volumes", tmp_path / "out", seed=0)

    def of(control: str) -> dict[str, np.ndarray]:
        return {name: read_volume(control_folder(tmp_path / "out", control) / name).hu for name in made}

    originals = {name: read_volume(tmp_path / "volumes" / name).hu for name in made}
    first, second, third = originals
    np.testing.assert_array_equal(of(SHUFFLED)[first], originals[second])
    np.testing.assert_array_equal(of(SHUFFLED)[third], originals[first])
    assert all((hu == originals[first]).all() for hu in of(REPEATED).values())
    noise = np.concatenate([of(NOISY)[name] - originals[name] for name in made]).astype(float)
    assert noise.std() == pytest.approx(NOISE_HU, rel=0.15)
    assert abs(noise.mean()) < NOISE_HU / 4


def result(title: str, mode: str, **values: float) -> Result:
    figures = tuple(
        Figure(
            name=name,
            value=value,
            low=value,
            high=value,
            better="lower" if name == FID else "higher",
            reference=0.0,
            reference_is="",
            beside_reference=0.0,
            samples=(4, 4),
        )
        for name, value in values.items()
    )
    return Result(title=title, mode=mode, fake_set_sha256="", protocol={}, figures=figures, made={})


def test_it_is_said_which_metrics_do_not_tell_apart_what_they_must() -> None:
    results = [
        result(LAST, "full-body", **{FID: 10.0, CLIP: 9.0, SWAPPED: 3.0}),
        result(LAST, "gt-head", **{FID: 90.0}),
        result(EARLY, "full-body", **{FID: 20.0}),
        result(OTHERS, "unknown", **{FID: 5.0, CLIP: 12.0, RECALL: 0.5}),
        result(SHUFFLED, "unknown", **{CLIP: 13.0}),
        result(REPEATED, "unknown", **{RECALL: 0.0}),
    ]
    early, swapped, shuffled, repeated, noisy = orders_in_words(results)
    assert early.endswith(f"{FID} of “{LAST}” 10, {FID} of “{EARLY}” 20: as it must be.")
    assert swapped.endswith(": as it must be.") and repeated.endswith(": as it must be.")
    assert "NOT as it must be" in shuffled
    assert noisy.endswith("not measured.")


def test_a_set_of_which_some_could_not_be_made_stands_in_a_table_of_its_own() -> None:
    short = replace(result(EARLY, "full-body"), protocol={"counts": {"fake volumes": 3}})
    whole = [result(LAST, mode) for mode in ("full-body", "gt-head")]
    assert comparable_groups([whole[0], short, whole[1]]) == [whole, [short]]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_chain_ends_with_the_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = tiny_checkpoint(tmp_path / "tiny")
    config = tmp_path / "tiny.toml"
    config.write_text(TINY_CONFIG)
    words = ["reproduce", "--phantom", "--minutes", "0.05", "--model", str(model), "--config", str(config)]
    again: Callable[[], int] = lambda: main([*words, "--out", str(tmp_path / "out")])  # noqa: E731
    assert again() == 0
    table = capfd.readouterr().out
    for mode, title in ((mode, LAST) for mode in ("full-body", "gt-head", "next-block")):
        assert f"| {mode} | {title} |" in table
    for title in (EARLY, OTHERS, SHUFFLED, REPEATED, NOISY):
        assert f" | {title} |" in table
    assert table.count("as it must be") == 5
    assert again() == 0, "all is done, so that the table alone is printed"
    assert "$ python" not in capfd.readouterr().out
