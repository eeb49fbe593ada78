"""The student learns in one evaluation what its teacher answers in two."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ctflow.__main__ import main
from ctflow.card import Guidance, PartialGuidance
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.demo.sizes import DEMO
from ctflow.demo.student import guided_answer, train_demo_student, train_student
from ctflow.demo.transformer import Batch, draw_batch, study_difference
from ctflow.errors import RequestError
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.text import no_text
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.stage import Budget, Stage
from tests.demo.test_transformer import latent_set
from tests.tiny import tiny_checkpoint

GUIDANCE = PartialGuidance(trained=True, default=4.0, above_t=0.5)


def small_transformer() -> STDiT:
    torch.manual_seed(0)
    return STDiT(
        STDiTConfig(
            input_size=(4, 2, 2),
            patch_size=(2, 1, 1),
            in_channels=2,
            out_channels=1,
            hidden_size=16,
            depth=1,
            num_heads=2,
            mlp_ratio=2.0,
            caption_channels=3,
        )
    )


def volumes() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, 10, 2, 2, generator=generator) for _ in range(4)]


def test_the_guided_answer_is_the_samplers_and_the_report_alone_where_guidance_does_not_count() -> None:
    teacher, data = small_transformer(), latent_set(volumes(), 4)
    drawn = draw_batch(data, study_difference(data), 20, np.random.default_rng(0))
    with torch.no_grad():
        with_report, without = (
            teacher(drawn.point, drawn.previous, text, drawn.t) for text in (drawn.text, no_text(drawn.text))
        )
    answer, above = guided_answer(teacher, GUIDANCE, drawn), drawn.t > 0.5
    assert above.any() and not above.all()
    torch.testing.assert_close(answer[above], (without + 4 * (with_report - without))[above])
    torch.testing.assert_close(answer[~above], with_report[~above])


def test_a_student_comes_nearer_to_the_guided_answers_of_its_teacher(tmp_path: Path) -> None:
    teacher, data = small_transformer(), latent_set(volumes(), 4)
    optimizer = OptimizerConfig(
        learning_rate=3e-3, muon_rate=None, muon_prefixes=(), ema_decay=0.9, max_gradient_norm=1.0
    )
    stage = Stage(
        name="student", optimizer=optimizer, folder=tmp_path, budget=Budget.of_steps(60), seed=0, device="cpu"
    )
    before = {name: weights.clone() for name, weights in teacher.state_dict().items()}
    student = train_student(stage, copy.deepcopy(teacher), teacher, GUIDANCE, "data", data, batch=16)
    assert all(torch.equal(before[name], weights) for name, weights in teacher.state_dict().items())
    drawn = draw_batch(data, study_difference(data), 50, np.random.default_rng(1))
    wanted = guided_answer(teacher, GUIDANCE, drawn)
    taught, untaught = (error(network, drawn, wanted) for network in (student, teacher))
    assert taught < 0.7 * untaught


@torch.no_grad()
def error(network: STDiT, drawn: Batch, wanted: torch.Tensor) -> float:
    return (network(drawn.point, drawn.previous, drawn.text, drawn.t) - wanted).square().mean().item()


def test_a_student_needs_a_teacher_that_guides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "demo", "--student", "--work", str(tmp_path / "work")]) == 2
    assert "name its checkpoint with --from" in capsys.readouterr().err
    other = tiny_checkpoint(tmp_path / "model", heads=True)
    assert main(["train", "demo", "--student", "--from", str(other), "--work", str(tmp_path / "work")]) == 2
    assert "not of the kind that is trained here" in capsys.readouterr().err


@pytest.mark.slow
def test_the_bundled_model_has_a_student_that_generates_but_no_further_one(tmp_path: Path) -> None:
    teacher = find_checkpoint("demo")
    few = replace(DEMO, phantoms=2, batch=2)
    options = {"hours": 1e-4, "sizes": few, "seed": 5, "device": "cpu"}
    train_demo_student(tmp_path / "model", tmp_path / "work", **options, from_checkpoint=teacher)
    student, before = load_checkpoint(tmp_path / "model"), load_checkpoint(teacher)
    assert student.card.guidance == Guidance(trained=False, default=1.0)
    assert "from ctflow-demo at guidance 3 above t = 0.6" in student.card.provenance
    assert before.card.provenance in student.card.provenance
    assert "was not measured" in student.card.notice
    assert student.card.defaults == before.card.defaults
    changed = [
        name
        for name, weights in student.transformer.state_dict().items()
        if not torch.equal(weights, before.transformer.state_dict()[name])
    ]
    assert changed, "the transformer was trained"
    for name, weights in before.avae.network.state_dict().items():
        assert torch.equal(student.avae.network.state_dict()[name], weights), name
    with pytest.raises(RequestError, match="answers without guidance"):
        train_demo_student(tmp_path / "next", tmp_path / "other", **options, from_checkpoint=tmp_path / "model")
