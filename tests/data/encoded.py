"""Encoded volumes and sources, fabricated."""

from pathlib import Path

import numpy as np

from ctflow.data.packing import write_part
from ctflow.data.shard_writer import Encoded
from ctflow.data.shards import LOG_VARIANCE, MEAN, TEXT
from ctflow.data.sources import Source


def source(number: int) -> Source:
    name = f"valid_{number}_a_1.nii.gz"
    return Source(name=name, patient=f"valid_{number}", path=Path(name), findings="Clear lungs.", impression="")


def encoded(number: int, slices: int = 5) -> Encoded:
    random = np.random.default_rng(number)
    latents = (random.normal(size=(slices, 2, 4, 4)).astype(np.float16) for _ in range(2))
    text = random.normal(size=(1, 4, 8)).astype(np.float32)
    return dict(zip((MEAN, LOG_VARIANCE, TEXT), (*latents, text), strict=True))


def put_part(folder: Path, number: int, slices: int = 5) -> int:
    return write_part(folder, number, encoded(number, slices), f"{number:064x}")
