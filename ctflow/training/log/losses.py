"""The progress bar and the table of losses while a network trains."""

from collections.abc import Mapping

import torch
from accelerate import Accelerator
from torch import Tensor
from tqdm import tqdm

from ctflow.training.log.curves import append_losses
from ctflow.training.log.stopwatch import Stopwatch
from ctflow.training.progress import Progress
from ctflow.training.stage import Stage

_BAR = "{desc} {percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} {unit}, {remaining} left{postfix}"
SHORTEST_S = 1e-9  # what a clock that stands still is taken for


class LossLog:
    """Means of the losses over the last steps and all processes. The main process writes them.

    A loss is not read before its line is written, because reading it waits for the GPU. `progress` must have been
    started. `stopwatch`: runs while the device works on what a step is for.
    """

    def __init__(self, stage: Stage, accelerator: Accelerator, progress: Progress, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch
        self._progress = progress
        self._marks = [(progress.step, progress.now_s)]  # the start, and after each line
        self._table, self._accelerator, self._total = stage.losses, accelerator, stage.budget.amount
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self.bar = tqdm(
            total=self._total,
            initial=min(progress.spent, self._total),
            desc=stage.name,
            unit="s" if stage.budget.unit == "seconds" else "steps",
            bar_format=_BAR,
            disable=not accelerator.is_main_process,
        )

    @property
    def since_s(self) -> float:
        """Seconds since the last line, or since the start."""
        return self._progress.now_s - self._marks[-1][1]

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Takes in the losses of a step."""
        self._count += 1
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach()

    def write(self) -> dict[str, float]:
        """Appends a line to the table, and moves the bar. All processes must call this after the same step.

        -> the line, and the pace since the one before: `steps_per_s`, and `time_outside`, the share of the time in
        which this process's device was not at forward, backward and optimizer. Nothing, if there was no step.
        """
        if not self._count:
            return {}
        sums = torch.stack(list(self._sums.values())) / self._count
        means = dict(zip(self._sums, self._accelerator.reduce(sums, "mean").tolist(), strict=True))
        self._sums, self._count = {}, 0
        progress = self._progress
        pace = self._pace()
        self._marks.append((progress.step, progress.now_s))
        if self._accelerator.is_main_process:
            append_losses(self._table, progress.step, means)
            self.bar.n = min(progress.spent, self._total)
            self.bar.set_postfix({"step": progress.step} | {name: f"{value:.4f}" for name, value in means.items()})
        return means | pace

    def _pace(self) -> dict[str, float]:
        (step, now_s), computed_s = self._marks[-1], self.stopwatch.seconds()
        passed_s = max(self._progress.now_s - now_s, SHORTEST_S)
        steps_per_s = (self._progress.step - step) / passed_s
        return {"steps_per_s": steps_per_s, "time_outside": max(0.0, 1 - computed_s / passed_s)}

    @property
    def steps_per_s(self) -> float:
        """Steps a second after the first line: what is compiled for a GPU is compiled before it.

        In a call of a single line, those of the whole call.
        """
        first = self._marks[1] if len(self._marks) > 2 else self._marks[0]
        (begin_step, begin_s), (end_step, end_s) = first, self._marks[-1]
        return (end_step - begin_step) / max(end_s - begin_s, SHORTEST_S)
