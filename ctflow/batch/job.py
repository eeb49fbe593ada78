"""What each worker of a batch must know, and where its files lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ctflow.batch.tasks import Task
from ctflow.choices import CUDA_CHOICES, DECODERS, PRECISIONS
from ctflow.io.sidecar import sidecar_path

Layout = Literal["nifti", "challenge"]
OWN = ".ctflow"  # the folder of what a batch must remember beside its volumes
REJECTED = "rejected.jsonl"


@dataclass(frozen=True, kw_only=True)
class BatchJob:
    """`model`: a checkpoint's folder. `device`, `cuda`, `precision` and `decoder`: as for `CTFlow`.

    `layout`: nifti, with a sidecar beside each volume, or challenge, with nothing to be seen but volumes.
    `together`: how many volumes one worker makes in step. `start_slices`: of a real volume, for gt-head.
    """

    model: Path
    out: Path
    layout: Layout = "nifti"
    device: str = "auto"
    cuda: str = CUDA_CHOICES[0]
    precision: str = PRECISIONS[0]
    decoder: str = DECODERS[0]
    together: int = 1
    start_slices: int | None = None

    @property
    def own(self) -> Path:
        """The folder for what the batch remembers."""
        return self.out / OWN

    @property
    def rejected(self) -> Path:
        """The list of what was left out."""
        return (self.out if self.layout == "nifti" else self.own) / REJECTED

    def volume_path(self, task: Task) -> Path:
        """Where a volume goes."""
        return self.out / task.folder / f"{task.name}.nii.gz"

    def sidecar_path(self, task: Task) -> Path:
        """Where its sidecar goes."""
        beside = sidecar_path(self.volume_path(task))
        return beside if self.layout == "nifti" else self.own / task.folder / beside.name
