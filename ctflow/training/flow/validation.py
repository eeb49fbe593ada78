"""How wrong the averaged transformer is on volumes that it does not learn from: by t, and by their parts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ctflow.data.shards import Shards
from ctflow.models.stdit import STDiT
from ctflow.training.flow.config import FlowConfig
from ctflow.training.flow.losses import squared_errors
from ctflow.training.flow.samples import FlowSamples, Sample
from ctflow.training.randomness import random_stream

VolumePart = Literal["first", "inside", "end"]
PARTS: tuple[VolumePart, ...] = ("first", "inside", "end")  # the first chunk, one inside, the one that turns white
T_BINS = 8
SEED = 0  # the same samples in every training, whatever its seed, so that they can be compared


class Drawn(NamedTuple):
    """A sample of the validation, and where it counts: its part of the volume and its time, by their numbers."""

    sample: Sample
    part: Tensor
    t_bin: Tensor


@dataclass(frozen=True, eq=False)
class ValidationSamples(Dataset[Drawn]):
    """As many of each part and time, of volumes at random; nothing is dropped."""

    samples: FlowSamples

    @classmethod
    def of(cls, shards: Shards, config: FlowConfig) -> "ValidationSamples":
        """The samples of a set, noised as in training."""
        whole = replace(config.samples, previous_dropout=0.0, text_dropout=0.0, parts_kept=())
        return cls(FlowSamples(shards, replace(config, samples=whole)))

    def __len__(self) -> int:
        return self.samples.config.run.validation_samples

    def __getitem__(self, number: int) -> Drawn:
        rng = random_stream(SEED, "validation", number)
        part, t_bin = number % len(PARTS), number // len(PARTS) % T_BINS
        volume = int(rng.integers(len(self.samples.shards)))
        slices = self.samples.shards.rows[volume].slices
        start = start_of(PARTS[part], slices, self.samples.chunk_slices, rng)
        sample = self.samples.draw(volume, start, t_of(t_bin), rng)
        return Drawn(sample, torch.tensor(part), torch.tensor(t_bin))


def start_of(part: VolumePart, slices: int, chunk: int, rng: np.random.Generator) -> int:
    """The first slice of a chunk in that part of a volume; a volume of one whole chunk has no inside but its end."""
    last = slices // chunk
    if part == "first":
        return 0
    if part == "end" or last < 2:
        return chunk * last
    return chunk * int(rng.integers(1, last))


def t_of(t_bin: int) -> float:
    """The middle of a bin."""
    return (t_bin + 0.5) / T_BINS


@dataclass(frozen=True, eq=False)
class Validation:
    """The validation of a training on the set `shards`. `table`: a CSV file of one line for each validation."""

    shards: Shards
    config: FlowConfig
    table: Path

    def losses(self, model: STDiT, accelerator: Accelerator) -> dict[str, float]:
        """Means over all, over each part, and over each time. All processes must call it, and share the work."""
        device = accelerator.device
        sums = torch.zeros(2, len(PARTS), T_BINS, dtype=torch.float64)  # of the errors, and of ones
        with torch.no_grad(), accelerator.autocast():
            for drawn in self._batches(accelerator):
                errors = squared_errors(model, device, drawn.sample, self.config).cpu().double()
                values = torch.stack([errors, torch.ones_like(errors)])
                sums.flatten(1).index_add_(1, drawn.part * T_BINS + drawn.t_bin, values)
        total, count = accelerator.reduce(sums.float().to(device)).double().cpu()
        by_part, by_t = total.sum(1) / count.sum(1), total.sum(0) / count.sum(0)
        found = {"valid/loss": total.sum() / count.sum()}
        found |= {f"valid/{name}": loss for name, loss in zip(PARTS, by_part, strict=True)}
        found |= {f"valid/t={t_of(t_bin):.4f}": loss for t_bin, loss in enumerate(by_t)}
        return {name: float(loss) for name, loss in found.items() if loss.isfinite()}

    def _batches(self, accelerator: Accelerator) -> Iterator[Drawn]:
        samples = ValidationSamples.of(self.shards, self.config)
        mine = range(accelerator.process_index, len(samples), accelerator.num_processes)
        batch = self.config.batch
        size = max(1, batch.size // batch.accumulation // accelerator.num_processes)
        yield from DataLoader(samples, batch_size=size, sampler=mine)
