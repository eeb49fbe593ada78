"""The model that `train flow` writes: a checkpoint folder with the trained transformer and the encoders of its data."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from ctflow.card import CARD, EndRule, Guidance, ModelCard, read_card, write_card
from ctflow.checkpoint.folder import save_transformer
from ctflow.models.stdit import STDiT
from ctflow.training.config.failures import replacing_model
from ctflow.training.config.stage import MAX_FILE_BYTES
from ctflow.training.flow.config import FlowConfig

WHITE_SHARE = 0.9  # of a white slice's elements, as published
_TAKEN = ("avae", "text", "ctclip", "reader", "taef1")  # what does not depend on the transformer


@dataclass(frozen=True)
class Export:
    """`base`: the checkpoint whose encoders the data set was made with. `out`: where the model is written, and written
    anew. `data`: what the data set is called."""

    base: Path
    out: Path
    config: FlowConfig
    data: str

    def write(self, transformer: STDiT, step: int) -> None:
        """Writes the folder; a kill at any moment leaves the old one or the new one.

        Raises VolumeError where the disk is full or may not be written to.
        """
        with replacing_model(self.out) as new:
            self._fill(new, transformer, step)

    def _fill(self, folder: Path, transformer: STDiT, step: int) -> None:
        for name in _TAKEN:
            if (self.base / name).is_dir():
                shutil.copytree(self.base / name, folder / name)
        save_transformer(folder / "transformer", transformer, MAX_FILE_BYTES)
        write_card(trained_card(read_card(self.base / CARD), self, step), folder / CARD)


def trained_card(base: ModelCard, export: Export, step: int) -> ModelCard:
    """The card of a model after so many steps: that of `base`, but for what the training decides."""
    config, name = export.config, export.out.absolute().parent.name
    trained = config.samples.text_dropout > 0
    guidance = base.guidance if trained and base.guidance.trained else Guidance(trained=trained, default=1.0)
    return replace(
        base,
        name=name,
        title=f"{name}: trained by train flow",
        notice="How well its volumes follow the report was not measured. Not for diagnosis.",
        prediction=config.objective.prediction,
        first_previous=config.samples.first_previous,
        end=EndRule(tolerance=config.run.end_tolerance, share=WHITE_SHARE),
        guidance=guidance,
        provenance=(
            f"Trained by `python -m ctflow train flow`: {step:,} steps of {config.batch.size} samples on "
            f"{export.data}. A-VAE and text encoder are those of {base.name}: {base.provenance}"
        ),
        good_for="Research on report-to-CT models.",
        not_good_for="Anything clinical.",
    )
