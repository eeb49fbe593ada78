"""One training loop for every network: time budget, accelerate, EMA, progress bar, loss curves, resume."""

import copy
import csv
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm

from ctflow.io.files import recover, replacing
from ctflow.runtime.device import bf16_is_fast
from ctflow.training.curves import draw_losses
from ctflow.training.muon import Muon
from ctflow.training.plan import note_plan

TRAINED = "trained.json"  # how long a stage has been trained, written when it ends
STATE, NETWORK = "state", "network.json"  # what a stage goes on from, and of what network that is
SAVE_EVERY_S = 120
BLOCKS = ("blocks.", "detail.blocks.", "encoder.bert.encoder.layer.")  # whose matrices Muon trains
MUON_EVERY = 4  # 1.4 times as many steps an hour on two cores, and about as good ones
WARM_UP_STEPS = 100
OF_RECIPE = ("full_rate", "weight_decay")  # in an optimizer's groups

# (model, its device, random numbers of this step) -> losses by name; their sum is minimised.
Losses = Callable[[nn.Module, torch.device, np.random.Generator], dict[str, Tensor]]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. `matrix_rate`: Muon's learning rate for the matrices of its blocks, None without."""

    name: str
    learning_rate: float
    matrix_rate: float | None
    ema_decay: float
    max_gradient_norm: float


@dataclass(frozen=True)
class Stage:
    """One training. `seconds` is this call's budget; what earlier calls saved in `folder` is resumed.

    Of a call that was cut short the budget is what is left of it.
    """

    recipe: Recipe
    folder: Path
    seconds: float
    seed: int
    device: str


class Average(nn.Module):
    """An exponential moving average that forgets its first steps faster. Nothing here waits for a GPU."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.module, self.decay = copy.deepcopy(model), decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """`step`: how many there were before."""
        weight = min(self.decay, (1 + step) / (10 + step)) if step else 0.0
        torch._foreach_lerp_(list(self.module.parameters()), list(model.parameters()), 1 - weight)
        for ours, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
            ours.copy_(theirs)


def note_network(stage: Stage, config: Any) -> None:
    """Writes down what network is trained, or compares with what is written. `config`: a dataclass.

    Raises RequestError before a state of another network is gone on with.
    """
    saved = stage.folder / STATE
    recover(saved)
    note_plan(stage.folder / NETWORK, asdict(config), begun=saved.exists())


def train(stage: Stage, model: nn.Module, losses: Losses) -> nn.Module:
    """Trains until the budget is spent and returns the averaged model on the CPU; in bf16 where that is faster."""
    bf16 = bf16_is_fast(stage.device)
    torch.backends.cudnn.benchmark = True  # the shapes hardly change
    accelerator = Accelerator(cpu=stage.device == "cpu", mixed_precision="bf16" if bf16 else "no")
    model, *optimizers = accelerator.prepare(model, *_optimizers(stage.recipe, model, bf16))
    plain = accelerator.unwrap_model(model)
    average = Average(plain, stage.recipe.ema_decay)
    clock = _Clock(stage)
    accelerator.register_for_checkpointing(average, clock)
    saved = stage.folder / STATE
    recover(saved)
    if saved.exists():
        ours = [{key: group[key] for key in OF_RECIPE} for group in _groups(optimizers)]
        accelerator.load_state(str(saved))
        for group, recipe in zip(_groups(optimizers), ours, strict=True):
            group |= recipe  # the state brings the last call's

    def save() -> None:
        with replacing(saved) as folder:
            accelerator.save_state(str(folder))

    with tqdm(total=round(stage.seconds), desc=stage.recipe.name, unit="s", bar_format=_BAR) as bar:
        clock.start()
        while clock.spent < stage.seconds:
            for group in _groups(optimizers):
                group["lr"] = group["full_rate"] * clock.rate
            with accelerator.autocast():
                parts = losses(model, accelerator.device, np.random.default_rng([stage.seed, clock.step]))
            accelerator.backward(torch.stack(list(parts.values())).sum())
            accelerator.clip_grad_norm_(model.parameters(), stage.recipe.max_gradient_norm)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            average.update(plain, clock.step)
            if clock.tick(parts, bar):
                save()
                clock.draw()
        clock.finished = True
        save()
        clock.log(bar)
        clock.draw()
    # The model is the caller's: without autocast, and where it was.
    accelerator.unwrap_model(model, keep_fp32_wrapper=False).cpu()
    (stage.folder / TRAINED).write_text(
        json.dumps({"steps": clock.step, "seconds": round(clock.seconds)}), encoding="utf-8"
    )
    return average.module.cpu().eval()


def _groups(optimizers: list[torch.optim.Optimizer]) -> list[dict[str, Any]]:
    return [group for optimizer in optimizers for group in optimizer.param_groups]


def _optimizers(recipe: Recipe, model: nn.Module, bf16: bool) -> list[torch.optim.Optimizer]:
    """AdamW, and Muon for the matrices of the blocks if the recipe has a rate for it; its products perhaps in bf16."""
    named = dict(model.named_parameters())

    def is_matrix(name: str) -> bool:
        return name.startswith(BLOCKS) and name.endswith(".weight") and named[name].ndim >= 2

    # In the model's own order, which a state that is resumed relies on.
    inner = [name for name in named if recipe.matrix_rate and is_matrix(name)]
    rest = [{"params": [p for name, p in named.items() if name not in inner], "full_rate": recipe.learning_rate}]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, weight_decay=0.01, betas=(0.9, 0.95))]
    if recipe.matrix_rate:
        matrices = [{"params": [named[name] for name in inner], "full_rate": recipe.matrix_rate}]
        dtype = torch.bfloat16 if bf16 else torch.float32
        optimizers.append(Muon(matrices, weight_decay=0.01, every=MUON_EVERY, dtype=dtype))
    return optimizers


_BAR = "{desc} {percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} s {postfix}"


class _Clock:
    """Steps, time, learning rate and losses of one stage; they survive a restart.

    What a call that was cut short had saved counts as spent by the next one, so that the learning rate goes on falling.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage, self.step, self.seconds_before = stage, 0, 0.0
        self.left_off, self.finished = 0.0, False
        self.sums, self.count = {}, 0
        self.file = stage.folder / "losses.csv"
        stage.folder.mkdir(parents=True, exist_ok=True)

    def state_dict(self) -> dict[str, float]:
        return {"step": self.step, "seconds": self.seconds, "left_off": 0.0 if self.finished else self.spent}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.left_off = state["step"], state.get("left_off", 0.0)
        self.seconds_before = state["seconds"] - self.left_off

    def start(self) -> None:
        self.saved = self.logged = time.monotonic()
        self.began = self.saved - self.left_off

    @property
    def spent(self) -> float:
        return time.monotonic() - self.began

    @property
    def seconds(self) -> float:
        """Training time of this stage in all calls."""
        return self.seconds_before + self.spent

    @property
    def rate(self) -> float:
        """Falls to zero from the first step on: most is learnt while it does."""
        left = max(0.0, 1 - self.spent / self.stage.seconds)
        return min((self.step + 1) / WARM_UP_STEPS, left)

    def tick(self, losses: dict[str, Tensor], bar: tqdm) -> bool:
        """Counts a step; True when it is time to save. Reads no loss before its line is written: a GPU would wait."""
        self.step += 1
        self.count += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.detach()
        now = time.monotonic()
        if now - self.logged > 10:
            self.log(bar)
            self.logged = now
        if now - self.saved > SAVE_EVERY_S:
            self.saved = now
            return True
        return False

    def log(self, bar: tqdm) -> None:
        """Moves the bar and appends the mean losses since the last line."""
        if not self.count:
            return
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        bar.n = min(round(self.spent), bar.total)
        bar.set_postfix(step=self.step, **{name: f"{value:.4f}" for name, value in means.items()})
        new = not self.file.exists()
        with self.file.open("a", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            if new:
                writer.writerow(["step", *means])
            writer.writerow([self.step, *means.values()])
        self.sums, self.count = {}, 0

    def draw(self) -> None:
        if self.file.exists():
            draw_losses(self.file)
