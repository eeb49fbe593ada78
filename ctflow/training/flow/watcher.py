"""What happens beside the steps of the flow: validation, pictures, how much of the chip is used, and the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator

from ctflow.io.files import write_atomic
from ctflow.models.stdit import STDiT
from ctflow.training.config.failures import check_finite
from ctflow.training.config.file import as_toml
from ctflow.training.config.stage import CONFIG
from ctflow.training.flow.config import FlowConfig
from ctflow.training.flow.export import Export
from ctflow.training.flow.pictures import Pictures
from ctflow.training.flow.validation import Validation
from ctflow.training.log.curves import append_losses, cut_losses
from ctflow.training.watcher import Watcher


@dataclass(frozen=True)
class ChipUse:
    """The products with which a sample is learnt from, and what products of large matrices reach on the device."""

    gflop_per_sample: float
    peak_gflop_per_s: float


class FlowWatcher(Watcher[STDiT]):
    """Only the main process writes. `validation`, `pictures` and `chip`: None does without."""

    def __init__(
        self,
        config: FlowConfig,
        out: Path,
        export: Export,
        validation: Validation | None,
        pictures: Pictures | None,
        chip: ChipUse | None,
    ) -> None:
        self._config, self._out, self._export = config, out, export
        self._validation, self._pictures, self._chip = validation, pictures, chip

    def begun(self, accelerator: Accelerator, step: int) -> None:
        self._accelerator = accelerator
        if accelerator.is_main_process:
            write_atomic(self._out / CONFIG, as_toml(self._config).encode())
            if self._validation:
                cut_losses(self._validation.table, step)

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        check_finite(values, step, self._out)
        samples_per_s = values["steps_per_s"] * self._config.batch.size
        speed = {"samples_per_s": samples_per_s}
        if self._chip:
            done = samples_per_s / self._accelerator.num_processes * self._chip.gflop_per_sample
            speed["share_of_peak"] = done / self._chip.peak_gflop_per_s
        self._accelerator.log(speed, step)

    def stepped(self, step: int, average: STDiT) -> None:
        if self._validation is None or step % self._config.run.validate_every:
            return
        losses = self._validation.losses(average, self._accelerator)
        self._accelerator.log(losses, step)
        if self._accelerator.is_main_process:
            append_losses(self._validation.table, step, losses)
            if self._pictures:
                self._pictures.draw(step, average, self._accelerator)

    def saved(self, step: int, average: STDiT) -> None:
        if self._accelerator.is_main_process:
            self._export.write(average, step)
