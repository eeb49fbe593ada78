"""A prepared data set of latents that nobody encoded, a model that goes with it, and a config to train it by."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from ctflow.data.encoder import encoders_sha256
from ctflow.data.manifest import CODES, VERIFIED, SetFacts, set_sha256, write_facts
from ctflow.data.packing import Packer, write_part
from ctflow.data.shards import BLACK, LOG_VARIANCE, MEAN, TEXT, WHITE
from ctflow.training.flow.config import FlowConfig, config_of
from ctflow.training.flow.presets import PRESETS
from tests.data.encoded import source
from tests.tiny import CARD, tiny_checkpoint

BLACK_CODE, WHITE_CODE = -5.0, 5.0
SLICES = (5, 9, 8, 4, 12)


def flow_model(folder: Path) -> Path:
    """The model whose encoders the set names."""
    return tiny_checkpoint(folder)


def flow_set(
    folder: Path,
    model: Path,
    *,
    seed: int = 0,
    log_variance: float = -20.0,
    first_patient: int = 0,
    first_scan: int | None = None,
) -> Path:
    """A verified set of volumes of SLICES slices. Every number of slice s of volume v is about v + s / 100.

    `first_scan`: by default that of the first patient.
    """
    first_scan = first_patient if first_scan is None else first_scan
    folder.mkdir(parents=True)
    packer = Packer(folder, [source(first_patient + number) for number in range(len(SLICES))], shard_bytes=2000)
    for number, count in enumerate(SLICES):
        rng = np.random.default_rng([seed, number])
        levels = (number + np.arange(count) / 100)[:, None, None, None]
        latents = rng.normal(levels, 0.001, (count, 2, 8, 8)).astype(np.float16)
        text = rng.normal(size=(1, 4, 8)).astype(np.float32)
        text[:, 0] = 0
        volume = {MEAN: latents, LOG_VARIANCE: np.full_like(latents, log_variance), TEXT: text}
        packer.encoded(number, write_part(folder, number, volume, f"{first_scan + number:064x}"))
    packer.pack(last=True)
    write_facts(folder, flow_facts(model))
    codes = {BLACK: torch.full((2, 8, 8), BLACK_CODE), WHITE: torch.full((2, 8, 8), WHITE_CODE)}
    save_file(codes, folder / CODES)
    (folder / VERIFIED).write_text(set_sha256(folder))
    return folder


def flow_facts(model: Path) -> SetFacts:
    return SetFacts(
        format=1,
        split="train",
        one_per_patient=False,
        reports_sha256="0" * 64,
        model="tiny",
        encoders_sha256=encoders_sha256(model),
        precision="float32",
        geometry=CARD.geometry,
        intensity=CARD.intensity,
        latent=CARD.latent,
        text=CARD.text,
        shard_bytes=2000,
    )


def flow_config(**tables: dict[str, Any]) -> FlowConfig:
    """The preset for phantoms, as small as it can be; each of `tables` is what differs in a table."""
    values = asdict(PRESETS["phantom"])
    small = {
        "model": {"hidden": 16, "depth": 2, "heads": 2, "patch": (2, 4, 4), "text_facts": 4},
        "batch": {"size": 4, "precision": "float32"},
        "optimizer": {"warm_up_steps": 2},
        "run": {"steps": 6, "log_every": 1, "save_every": 2, "tracker": "none"},
    }
    for changes in (small, tables):
        values |= {name: values[name] | table for name, table in changes.items()}
    return config_of(values, "tests")


def without_noise(config: FlowConfig) -> FlowConfig:
    """Samples that are what stands in the shards."""
    return replace(config, samples=replace(config.samples, previous_noise=0.0, previous_dropout=0.0, text_dropout=0.0))
