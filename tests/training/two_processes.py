"""What each of two processes runs: `python -m torch.distributed.run --nproc-per-node 2 two_processes.py DIR`.

Each process has a folder of its own to train in, so that it shows who writes, and reports to a file beside it.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ctflow.errors import RequestError
from ctflow.training.loop import train
from ctflow.training.stage import Budget
from tests.training.line import line, line_losses, line_stage


def main(folder: Path) -> None:
    """Trains in `folder/rank N` by steps, and on in `folder/together`, first by steps and then by seconds."""
    rank = int(os.environ["RANK"])
    drawn: list[float] = []

    def losses(network: nn.Linear, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        drawn.append(rng.random())
        return line_losses(network, device, rng)

    def weights(stage_folder: Path, budget: Budget) -> list[float]:
        network = line()
        averaged = train(line_stage(stage_folder, budget), network, losses)
        return [parameter.item() for one in (network, averaged) for parameter in one.parameters()]

    def refused(describe: dict[str, int]) -> str:
        stage = line_stage(folder / "unlike", Budget.of_steps(1))
        try:
            train(stage, line(), line_losses, describe=describe)
        except RequestError as error:
            return str(error)
        return ""

    report = {
        "unlike": refused({"data": rank}),
        "apart": weights(folder / f"rank {rank}", Budget.of_steps(5)),
        "drawn": drawn[:5],
        "together": [weights(folder / "together", budget) for budget in (Budget.of_steps(5), Budget.of_seconds(0.2))],
    }
    (folder / f"report {rank}.json").write_text(json.dumps(report))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
