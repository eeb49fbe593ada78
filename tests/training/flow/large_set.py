"""`python -m tests.training.flow.large_set DIR`: what an L of the released size is trained from, its weights random.

DIR/model is a converted model of the published sizes and layout, DIR/set a verified data set of four volumes that goes
with it. Needs 8 GB of disk, of which 5 GB are freed again, 5 GB of memory and some minutes.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ctflow.card import CARD, ModelCard, read_card
from ctflow.data.encoder import encoders_sha256
from ctflow.data.manifest import CODES, VERIFIED, SetFacts, set_sha256, write_facts
from ctflow.data.packing import Packer, write_part
from ctflow.data.shards import BLACK, LOG_VARIANCE, MEAN, TEXT, WHITE
from tests.data.encoded import source
from tests.large import converted, fabricated

SLICES = (256, 240, 256, 201)
SHARD_BYTES, TEXT_SIZE = 50_000_000, 768


def large_set(folder: Path, model: Path) -> None:
    """Writes the set."""
    card: ModelCard = read_card(model / CARD)
    folder.mkdir(parents=True)
    shape = (card.latent.channels, card.latent.rows, card.latent.columns)
    packer = Packer(folder, [source(number) for number in range(len(SLICES))], SHARD_BYTES)
    for number, slices in enumerate(SLICES):
        rng = np.random.default_rng(number)
        mean = rng.standard_normal((slices, *shape), np.float32).astype(np.float16)
        text = rng.standard_normal((1, 2 ** len(card.text.parts), TEXT_SIZE), np.float32)
        text /= np.linalg.norm(text, axis=-1, keepdims=True)
        text[:, 0] = 0
        volume = {MEAN: mean, LOG_VARIANCE: np.full_like(mean, -8), TEXT: text}
        packer.encoded(number, write_part(folder, number, volume, f"{number:064x}"))
    packer.pack(last=True)
    write_facts(
        folder,
        SetFacts(
            format=1,
            split="train",
            one_per_patient=False,
            reports_sha256="0" * 64,
            model=card.name,
            encoders_sha256=encoders_sha256(model),
            precision="float32",
            geometry=card.geometry,
            intensity=card.intensity,
            latent=card.latent,
            text=card.text,
            shard_bytes=SHARD_BYTES,
        ),
    )
    save_file({BLACK: torch.full(shape, -1.0), WHITE: torch.full(shape, 1.0)}, folder / CODES)
    (folder / VERIFIED).write_text(set_sha256(folder))


def main(folder: Path) -> None:
    """Writes both."""
    files = folder / "files"
    fabricated(files)
    converted(files)
    (files / "model").rename(folder / "model")
    shutil.rmtree(files)
    large_set(folder / "set", folder / "model")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
