"""The folder of a training (`--work`): what is trained there, whether it has room, and what is there for good."""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ctflow.checkpoint.folder import load_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.data.phantoms import MAX_SLICES, VOLUMES, holds
from ctflow.demo.sizes import Sizes, transformer_config
from ctflow.errors import RequestError, ResourceError
from ctflow.hu import IntensityMap
from ctflow.io.files import replacing
from ctflow.phantom.grid import SIZE
from ctflow.training.restarts.plan import note_plan
from ctflow.training.restarts.state import save_atomic
from ctflow.training.stage import Stage

PLAN, BASE, LATENTS, TEXTS = "plan.json", "base", "latents.pt", "reports.pt"
# Goes up when a folder of an older version cannot be gone on with. 2: other random numbers, states in one file.
VERSION = 2
SPARE_BYTES = 2 * 10**8  # networks, their states, and what is written beside them before it takes their place
N = TypeVar("N", bound=nn.Module)


def note_demo(
    work: Path, sizes: Sizes, seed: int, base: str | None, stages: tuple[str, ...], *, growing: bool = False
) -> None:
    """Writes down what is trained in `work`, or compares it with what is written there.

    `base`: the hash of the checkpoint that the training begins with. `stages`: names of folders that only a training
    leaves. `growing`: whether it goes on while phantoms are still being made. Raises RequestError where the folder
    holds another training.
    """
    begun = (work / PLAN).exists() or any((work / name).exists() for name in stages)
    plan = {"version": VERSION, "seed": seed, **asdict(sizes), "base": base}
    if growing:  # folders of before there was such a thing say nothing of it
        plan["growing"] = True
    note_plan(work / PLAN, plan, begun=begun)


def check_room(work: Path, sizes: Sizes, seed: int, free_bytes: int) -> None:
    """Raises ResourceError where the disk has no room for the phantoms and latents that are not there yet."""
    slices, needed = sizes.phantoms * MAX_SLICES, SPARE_BYTES
    if not holds(work, sizes.phantoms, seed):
        (work / VOLUMES).unlink(missing_ok=True)  # they are made again, and should not count
        needed += 2 * slices * SIZE**2
    if not (work / LATENTS).exists():
        needed += 2 * slices * sizes.latent_channels * sizes.latent_side**2
    if free_bytes < needed:
        raise ResourceError(
            f"{work} needs {needed / 1e9:.1f} GB more for phantoms and latents, and its disk has "
            f"{free_bytes / 1e9:.1f} GB free: free some, or choose another --work."
        )


def load_base(work: Path, given: Path | None, sizes: Sizes, intensity: IntensityMap) -> Checkpoint | None:
    """The checkpoint to begin with: the one that is given, or the one that `work` began with; None without either.

    Raises RequestError for one whose networks do not fit those that are trained here, CheckpointError for one that
    cannot be read.
    """
    folder = given or kept_base(work)
    if folder is None:
        return None
    checkpoint = load_checkpoint(folder)
    found, wanted = checkpoint.transformer.config, transformer_config(sizes)
    # A transformer of another size begins anew, for the same latents and texts.
    fits = (found.input_size, found.in_channels, found.caption_channels) == (
        wanted.input_size,
        wanted.in_channels,
        wanted.caption_channels,
    )
    if not fits or not checkpoint.reads or checkpoint.ctclip is None or checkpoint.card.intensity != intensity:
        raise RequestError(
            f"{folder} is not of the kind that is trained here, so training cannot begin with it: latents and texts "
            f"for a transformer of {wanted}, a reader and an image tower were expected, and its transformer is of "
            f"{found}."
        )
    return checkpoint


def kept_base(work: Path) -> Path | None:
    """The checkpoint that `work` began with."""
    return work / BASE if (work / BASE).exists() else None


def keep_base(work: Path, given: Path | None) -> None:
    """Copies the checkpoint to begin with into `work`, so that the next call need not name it."""
    if given is not None and not (work / BASE).exists():
        with replacing(work / BASE) as new:
            shutil.copytree(given, new, dirs_exist_ok=True)


def train_once(stage: Stage, network: N, train: Callable[[Stage], nn.Module]) -> N:
    """The network with its trained weights, frozen. They are trained only once, since what comes after depends on them.

    `train`: returns a network that has the same weights.
    """
    done = stage.folder.with_suffix(".pt")
    if not done.exists():
        save_atomic(train(stage).state_dict(), done)
    network.load_state_dict(torch.load(done, weights_only=True))
    return network.eval().requires_grad_(False)
