"""Steps of the training loop, timed in turns. `training_step` runs this file in a process of each checkout.

It imports only what checkouts have had since their loop is called `ctflow.training.loop`.
"""

import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ctflow.checkpoint.folder import load_transformer
from ctflow.models.stdit import STDiT
from ctflow.training.loop import train
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.stage import Budget, Stage

# Few chunks, so that the optimizers have a large share. The first step of a turn is not counted.
STEPS, CHUNKS = 4, 2
OPTIMIZER = OptimizerConfig(
    learning_rate=1e-4,
    muon_rate=3e-4,
    muon_prefixes=("blocks.", "detail.blocks."),
    ema_decay=0.995,
    max_gradient_norm=1.0,
)


def turn(model: STDiT, device: str) -> float:
    """Seconds a step of the bundled transformer's training, on chunks of noise."""
    shape = (CHUNKS, model.config.out_channels, *model.config.input_size)
    began_s: list[float] = []

    def losses(model: STDiT, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        began_s.append(time.perf_counter())
        noise = torch.from_numpy(rng.standard_normal((2, *shape), np.float32)).to(device)
        text = torch.zeros(CHUNKS, 1, model.config.caption_channels, device=device)
        answer = model(noise[0], noise[1], text, torch.full((CHUNKS,), 0.5, device=device))
        return {"error": answer.float().square().mean()}

    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(
            name="bench",
            optimizer=OPTIMIZER,
            folder=Path(folder),
            budget=Budget.of_steps(STEPS + 1),  # the start of the last step is the end of the one before it
            seed=0,
            device=device,
        )
        train(stage, model, losses)
    return min(later - earlier for earlier, later in pairwise(began_s[1:]))


def answer_turns(device: str) -> None:
    """Takes a turn for each line of standard input, and answers with its seconds."""
    model = load_transformer(Path("checkpoints/demo/transformer")).requires_grad_(True)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(turn(model, device), flush=True)


if __name__ == "__main__":
    answer_turns(sys.argv[1])
