"""How the demo model is made, from nothing or from a checkpoint: `python -m ctflow train demo`.

This is the whole recipe: tables of the stages, and below them the stages in their order. What a network is taught, and
how it is checked, stands in the file of that network.
"""

import logging
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

from ctflow.checkpoint.folder import save_checkpoint
from ctflow.data.phantoms import STUDIES, phantoms_in_the_making
from ctflow.demo.card import DEMO_END, INTENSITY, PUBLISHED_END, demo_card
from ctflow.demo.measured import detectors_in_the_making, measure_model, small_plan
from ctflow.demo.sizes import Sizes, transformer_config
from ctflow.demo.stages import StageRow, Training, names, row_of
from ctflow.demo.work import check_room, keep_base, load_base, note_demo
from ctflow.errors import RequestError
from ctflow.io.files import replacing
from ctflow.models.avae import AVAE
from ctflow.models.fact_encoder import FactEncoder, facts_of
from ctflow.models.stdit import STDiT
from ctflow.runtime.device import resolve_device
from ctflow.runtime.threads import cores_given
from ctflow.training.optimizers import OptimizerConfig

log = logging.getLogger(__name__)

BERT_LAYERS = ("encoder.bert.encoder.layer.",)
STDIT_BLOCKS = ("blocks.", "detail.blocks.")
FIRST_SHARE = 1 / 8  # of the phantoms: with them the training begins, if it is not to wait for all
# Of the hours goes to measuring obedience, if it is measured; on a GPU it is, with so many reports.
MEASURED_SHARE, CUDA_REPORTS = 0.15, 48
OBEDIENCE, UNTRAINED = "obedience", "untrained"  # folders in `--work`


def adamw(learning_rate: float, *, max_gradient_norm: float) -> OptimizerConfig:
    """AdamW for all parameters."""
    return OptimizerConfig(
        learning_rate=learning_rate,
        muon_rate=None,
        muon_prefixes=(),
        ema_decay=0.99,
        max_gradient_norm=max_gradient_norm,
    )


def muon(learning_rate: float, muon_rate: float, matrices: tuple[str, ...], *, ema_decay: float) -> OptimizerConfig:
    """Muon for the matrices whose names begin so, AdamW for the rest."""
    return OptimizerConfig(
        learning_rate=learning_rate,
        muon_rate=muon_rate,
        muon_prefixes=matrices,
        ema_decay=ema_decay,
        max_gradient_norm=1.0,
    )


FROM_NOTHING = (
    StageRow(name="avae", share=0.22, optimizer=adamw(4e-3, max_gradient_norm=10.0)),
    StageRow(name="text", share=0.05, optimizer=muon(1e-3, 3e-3, BERT_LAYERS, ema_decay=0.99)),
    StageRow(name="mentions", share=0.008, optimizer=adamw(3e-3, max_gradient_norm=10.0)),
    StageRow(name="tower", share=0.02, optimizer=adamw(3e-3, max_gradient_norm=1.0)),
    StageRow(name="transformer", share=0.702, optimizer=muon(1e-3, 3e-3, STDIT_BLOCKS, ema_decay=0.995)),
)
# At the rates above, networks that were trained to the end would first forget. The mentions learn anew anyway.
FROM_CHECKPOINT = (
    StageRow(name="text", share=0.1, optimizer=adamw(4e-4, max_gradient_norm=1.0)),
    StageRow(name="mentions", share=0.03, optimizer=adamw(3e-3, max_gradient_norm=10.0)),
    StageRow(name="tower", share=0.02, optimizer=adamw(3e-3, max_gradient_norm=1.0)),
    StageRow(name="decoder", share=0.07, optimizer=adamw(2e-3, max_gradient_norm=10.0)),
    StageRow(name="transformer", share=0.78, optimizer=muon(1e-4, 3e-4, STDIT_BLOCKS, ema_decay=0.995)),
)
# While phantoms are still being made, no new tower can be fitted to them all, and a GPU's minutes are for the pictures.
# A text encoder that reads sentence by sentence is trained by `train text` alone.
FROM_CHECKPOINT_KEEPING_TEXT = (
    StageRow(name="decoder", share=0.07, optimizer=adamw(2e-3, max_gradient_norm=10.0)),
    StageRow(name="transformer", share=0.93, optimizer=muon(1e-4, 3e-4, STDIT_BLOCKS, ema_decay=0.995)),
)


def train_demo(
    out: Path,
    work: Path,
    *,
    hours: float,
    sizes: Sizes,
    seed: int,
    device: str,
    from_checkpoint: Path | None = None,
    growing: bool | None = None,
    reports: int | None = None,
) -> None:
    """Trains for about `hours`, keeps its state in `work`, and writes a checkpoint folder `out`.

    Called again, it goes on with what is in `work`. All networks but the transformer are trained once, since what comes
    after them depends on them. With `from_checkpoint` they begin as the networks of that checkpoint; of its A-VAE only
    the decoder is trained further, since nothing depends on it.

    `growing`: whether it learns from the phantoms that are there while others are made, and leaves text encoder, reader
    and tower of a checkpoint as they are; None: on a GPU. `reports`: to so many the new model's obedience is measured,
    and its card tells it; None: CUDA_REPORTS on a GPU, and else 0, which measures nothing.

    Raises RequestError where `work` holds another training, the checkpoint is not of the demo's kind, or several
    processes are started; CheckpointError where the checkpoint cannot be read; ResourceError without the device, or
    without room on the disk.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError("The demo model is trained by one process: start `python -m ctflow train demo` by itself.")
    device = resolve_device(device).type
    on_cuda = device == "cuda"
    growing = on_cuda if growing is None else growing
    reports = CUDA_REPORTS * on_cuda if reports is None else reports
    hours = hours * (1 - MEASURED_SHARE) if reports else hours
    training = begin(work, hours, sizes, seed, device, from_checkpoint, growing=growing)
    cores, plan = cores_given(), small_plan(reports)

    def save(folder: Path, transformer: STDiT, provenance: str) -> None:
        end = DEMO_END if sizes.learns_end else PUBLISHED_END
        card = demo_card(latent, provenance, measured=None, end=end, text=training.text)
        with replacing(folder) as new:
            save_checkpoint(
                new,
                card,
                transformer,
                avae.cpu(),
                encoder.cpu().bert,
                encoder.tokenizer,
                tower,
                reader,
                facts=facts_of(encoder),
            )

    with ExitStack() as stack:
        workers = max(1, cores - 1) if growing else cores
        phantoms = stack.enter_context(phantoms_in_the_making(work, sizes.phantoms, seed, workers))
        if not growing:
            phantoms.wait_for(phantoms.count)
        encoder, reader = training.text_and_reader()
        avae = training.avae(phantoms.wait_for(first_phantoms(phantoms.count)))
        tower = training.tower(phantoms.so_far(), encoder)
        latents, latent = training.latents(phantoms.so_far(), avae, encoder)
        training.decoder(phantoms.so_far(), avae)
        if growing and reports:
            save(work / UNTRAINED, STDiT(transformer_config(sizes)), "Not trained yet.")
            stack.enter_context(detectors_in_the_making(work / UNTRAINED, work / OBEDIENCE, plan, workers))
        pool = training.pool(latents, phantoms, AVAE(avae, latent.scale, latent.shift), encoder)
        transformer = training.transformer(pool)
    save(out, transformer, training.history(len(pool.latents.slices)))
    if reports:
        measure_model(out, work / OBEDIENCE, plan, cores, device)
    log.info("%s is there; try it with: python app.py --model %s", out, out)


def begin(
    work: Path,
    hours: float,
    sizes: Sizes,
    seed: int,
    device: str,
    from_checkpoint: Path | None,
    *,
    growing: bool,
) -> Training:
    """The training in `work`, begun or gone on with; arguments and errors as in `train_demo`."""
    base = load_base(work, from_checkpoint, sizes, INTENSITY)
    folders = names(FROM_NOTHING + FROM_CHECKPOINT)
    note_demo(work, sizes, seed, base.sha256 if base else None, folders, growing=growing)
    check_room(work, sizes, seed, shutil.disk_usage(work).free)
    keep_base(work, from_checkpoint)
    keeps_text = base is not None and (growing or isinstance(base.text, FactEncoder))
    further = FROM_CHECKPOINT_KEEPING_TEXT if keeps_text else FROM_CHECKPOINT
    return Training(
        work=work,
        hours=hours,
        sizes=sizes,
        seed=seed,
        device=device,
        table=further if base else FROM_NOTHING,
        anew=row_of(FROM_NOTHING, "transformer").optimizer,
        base=base,
        keeps_text=keeps_text,
    )


def first_phantoms(count: int) -> int:
    """How many of so many phantoms are waited for before networks learn from pictures: whole persons."""
    return max(STUDIES, int(FIRST_SHARE * count) // STUDIES * STUDIES)
