"""Which model a command runs: its card is read at once, its weights only when they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ctflow.card import CARD, ModelCard, read_card
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.choices import CUDA_CHOICES, DECODERS, PRECISIONS
from ctflow.generator import VolumeGenerator

DEFAULT_MODEL = "demo"


@dataclass(frozen=True)
class FoundModel:
    """A checkpoint folder and its card."""

    folder: Path
    card: ModelCard

    def load(
        self,
        device: str,
        decoder: str = DECODERS[0],
        cuda: str = CUDA_CHOICES[0],
        precision: str = PRECISIONS[0],
    ) -> VolumeGenerator:
        """The generator. This is what takes seconds and brings in torch. Raises CTFlowError."""
        from ctflow.pipeline import CTFlow

        return CTFlow.load(self.folder, device, decoder, cuda, self.card, precision=precision)


def find_model(name_or_folder: str, folders: Sequence[Path] | None = None) -> FoundModel:
    """The model of that name or folder, see `find_checkpoint`. Raises CheckpointError."""
    folder = find_checkpoint(name_or_folder, folders)
    return FoundModel(folder, read_card(folder / CARD))
