"""A student: a transformer that answers in one evaluation what its teacher answers in two, with guidance.

Guidance weighs the teacher's answer with the report against its answer without one. The student begins as the teacher
and learns that sum, at the strength and in the part of t that the teacher's card has for its defaults. All other
networks stay the teacher's. The idea is stage one of Meng et al., "On Distillation of Guided Diffusion Models"
(CVPR 2023), for one strength of guidance.

    python -m ctflow train demo --student --from checkpoints/demo --hours 2 --work runs/student
"""

import copy
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ctflow.card import AnyGuidance, Guidance, ModelCard
from ctflow.checkpoint.folder import save_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.data.phantoms import STUDIES, phantom_set
from ctflow.demo.card import INTENSITY, demo_card
from ctflow.demo.latents import LatentSet, embed_reports, encode_phantoms, latent_set
from ctflow.demo.recipe import FROM_CHECKPOINT, row_of
from ctflow.demo.sizes import CHUNK, Sizes
from ctflow.demo.stages import CUDA_CHUNKS, CUDA_SLICES, ENCODED_SLICES
from ctflow.demo.transformer import Batch, draw_batch, first_slices_weight, report_weight, study_difference
from ctflow.demo.work import LATENTS, TEXTS, check_room, keep_base, load_base, note_demo
from ctflow.errors import RequestError
from ctflow.io.files import replacing
from ctflow.models.fact_encoder import facts_of
from ctflow.models.stdit import STDiT
from ctflow.models.text import no_text
from ctflow.runtime.device import resolve_device
from ctflow.training.flow.objective import Prediction, velocity_error
from ctflow.training.loop import train
from ctflow.training.stage import Budget, Stage

log = logging.getLogger(__name__)

STAGE = "student"
Answer = Callable[[Batch], Tensor]


def train_demo_student(
    out: Path, work: Path, *, hours: float, sizes: Sizes, seed: int, device: str, from_checkpoint: Path | None
) -> None:
    """Distils the checkpoint for about `hours`, keeps its state in `work`, and writes a checkpoint folder `out`.

    Called again, it goes on with what is in `work`. Raises RequestError without a checkpoint of the demo's kind that
    was trained for guidance, and otherwise as `train_demo` does.
    """
    device = resolve_device(device).type
    base = load_base(work, from_checkpoint, sizes, INTENSITY)
    if base is None:
        raise RequestError("A student learns from a teacher: name its checkpoint with --from.")
    if not base.card.guidance.trained or base.card.guidance.default == 1:
        raise RequestError(
            f"{base.card.name} answers without guidance, so that a student would learn nothing: give --from a model "
            "whose card has guidance trained, and another default than 1."
        )
    note_demo(work, sizes, seed, base.sha256, (STAGE,))
    check_room(work, sizes, seed, shutil.disk_usage(work).free)
    keep_base(work, from_checkpoint)
    larger, more_slices = (CUDA_CHUNKS, CUDA_SLICES) if device == "cuda" else (1, 1)
    stage = Stage(
        name=STAGE,
        optimizer=row_of(FROM_CHECKPOINT, "transformer").optimizer.scaled(larger**0.5),
        folder=work / STAGE,
        budget=Budget.of_seconds(3600 * hours),
        seed=seed,
        device=device,
    )
    data = _data_of(base, work, sizes, seed, device, ENCODED_SLICES * more_slices)
    student = copy.deepcopy(base.transformer).requires_grad_(True)
    student = train_student(
        stage, student, base.transformer, base.card.guidance, base.card.prediction, data, sizes.batch * larger
    )
    trained = json.loads(stage.summary.read_text(encoding="utf-8"))
    with replacing(out) as new:
        save_checkpoint(
            new,
            student_card(base.card, trained["steps"], trained["seconds"], device),
            student,
            base.avae.network,
            base.text.bert,
            base.text.tokenizer,
            base.ctclip,
            base.reader,
            facts=facts_of(base.text),
        )
    log.info("%s is there; try it with: python app.py --model %s", out, out)


def _data_of(base: Checkpoint, work: Path, sizes: Sizes, seed: int, device: str, slices_at_once: int) -> LatentSet:
    """Phantoms as the teacher sees them. Its A-VAE and its text encoder stay as they are."""
    phantoms = phantom_set(work, sizes.phantoms, seed)
    volumes = encode_phantoms(work / LATENTS, base.avae.network, phantoms, INTENSITY, device, slices_at_once)
    # Not the file of a training in the same folder, whose text encoder may have changed.
    texts = embed_reports(work / f"{STAGE}-{TEXTS}", base.text, phantoms, base.card.text.parts, seed, device)
    return latent_set(volumes, base.avae, texts, phantoms, INTENSITY, CHUNK)


def train_student(
    stage: Stage,
    student: STDiT,
    teacher: STDiT,
    guidance: AnyGuidance,
    prediction: Prediction,
    data: LatentSet,
    batch: int,
) -> STDiT:
    """Flow matching towards the teacher's guided answers. `batch`: chunks in a step, STUDIES of them of each person."""
    data = data.to(stage.device)
    teacher = teacher.to(stage.device).requires_grad_(False)
    weight = (report_weight(data) * first_slices_weight(data.chunk).to(stage.device)).sqrt()
    difference = study_difference(data)

    def losses(student: STDiT, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        drawn = draw_batch(data, difference, batch // STUDIES, rng)
        wanted = guided_answer(teacher, guidance, drawn)
        answer = student(drawn.point, drawn.previous, drawn.text, drawn.t)
        error = velocity_error(answer, wanted, drawn.noise, drawn.t, prediction)
        return {"guided": (error * weight).square().mean()}

    return train(stage, student, losses, describe=asdict(student.config))


@torch.no_grad()
def guided_answer(teacher: STDiT, guidance: AnyGuidance, drawn: Batch) -> Tensor:
    """What the teacher answers by its card's default guidance (N, C, T, H, W), in float32."""

    def answer(text: Tensor) -> Tensor:
        return teacher(drawn.point, drawn.previous, text, drawn.t).float()

    with_report, without = answer(drawn.text), answer(no_text(drawn.text))
    guided = without + guidance.default * (with_report - without)
    return torch.where((drawn.t > guidance.above_t).view(-1, 1, 1, 1, 1), guided, with_report)


def student_card(teacher: ModelCard, steps: int, seconds: float, device: str) -> ModelCard:
    """Of a model that answers as its teacher does with guidance. How well it obeys was not measured yet."""
    guidance = teacher.guidance
    above = f" above t = {guidance.above_t:g}" if guidance.above_t else ""
    provenance = (
        f"Distilled by `python -m ctflow train demo --student` from {teacher.name} at guidance {guidance.default:g}"
        f"{above}, {steps:,} steps in {seconds / 60:.0f} min on {device}, {datetime.now(UTC):%Y-%m-%d}: it answers in "
        f"one evaluation what its teacher answers in two. Of its teacher: {teacher.provenance}"
    )
    card = demo_card(teacher.latent, provenance, measured=None, end=teacher.end, text=teacher.text)
    return replace(
        card,
        title=f"{card.title}, distilled",
        guidance=Guidance(trained=False, default=1.0),
        defaults=teacher.defaults,
    )
