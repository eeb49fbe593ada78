"""Pairs of slices of fabricated chests, a model whose A-VAE they tune, and a config to do it by."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ctflow.data.ctrate_sources import ct_rate_sources
from ctflow.data.slice_pairs import collect_pairs, facts_of, open_pairs
from ctflow.training.avae.config import FILE, AvaeConfig
from ctflow.training.avae.presets import PRESETS
from ctflow.training.avae.training import AvaeTraining
from tests.data.chests import fabricated_ct_rate
from tests.tiny import CARD, tiny_checkpoint

VOLUMES, PER_VOLUME = 6, 3


def avae_config(**tables: dict[str, Any]) -> AvaeConfig:
    """The preset for phantoms, as small as it can be, with all of its losses from the first step on."""
    values = asdict(PRESETS["phantom"])
    small: dict[str, dict[str, Any]] = {
        "slices": {"pairs_per_volume": PER_VOLUME, "held_out_volumes": 2, "crop": 16},
        "losses": {"kl_begins": 0, "kl_full": 1, "midpoint_begins": 0, "midpoint_full": 1},
        "adversarial": {"begins": 1, "width": 8, "layers": 2},
        "batch": {"size": 2, "precision": "float32"},
        "optimizer": {"warm_up_steps": 1},
        "run": {"steps": 4, "log_every": 1, "save_every": 2, "tracker": "none"},
    }
    for changes in (small, tables):
        values |= {name: values[name] | table for name, table in changes.items()}
    return FILE.of(values, "tests")


def avae_training(folder: Path, config: AvaeConfig, out: str = "out") -> AvaeTraining:
    """In `folder/out`, of pairs and a model that are made in `folder` once."""
    root, model, pairs = folder / "ct-rate", folder / "model", folder / "pairs"
    if not root.exists():
        fabricated_ct_rate(root, VOLUMES)
        tiny_checkpoint(model, heads=True)
    sources = ct_rate_sources(root, "valid")
    facts = facts_of(sources, CARD.geometry, PER_VOLUME)
    for _ in collect_pairs(pairs, sources, facts, 1, pool=ThreadPoolExecutor):
        pass
    return AvaeTraining(
        config=config,
        pairs=open_pairs(pairs, facts, VOLUMES),
        data=facts.sources_sha256,
        out=folder / out,
        model=model,
        device="cpu",
    )
