"""Training on a GPU: the same as on a CPU but for rounding, and no step waits for the GPU."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ctflow.__main__ import main
from ctflow.demo.latents import LatentSet, pad
from ctflow.demo.sizes import SMOKE, transformer_config
from ctflow.demo.transformer import draw_batch, study_difference, train_transformer
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_layers import GeluLinear
from ctflow.runtime.device import on_device
from ctflow.training.flow.compiling import compiled
from ctflow.training.loop import train
from ctflow.training.optimizers.muon import Muon
from ctflow.training.stage import Budget, Stage
from tests.training.line import ADAMW

pytestmark = pytest.mark.gpu

CONFIG = transformer_config(SMOKE)


def cuda_stage(folder: Path, steps: int, **changes: object) -> Stage:
    settings = {"name": "gpu", "optimizer": ADAMW, "seed": 0, "device": "cuda"} | changes
    return Stage(folder=folder, budget=Budget.of_steps(steps), **settings)


def latent_set(studies: int) -> LatentSet:
    generator = torch.Generator().manual_seed(0)
    shape = (CONFIG.out_channels, 40, *CONFIG.input_size[1:])
    volumes = [torch.randn(shape, generator=generator) for _ in range(studies)]
    black, white = (torch.full((shape[0], *shape[2:]), value) for value in (-1.0, 1.0))
    padded, slices = pad(volumes, black, white, CONFIG.input_size[0])
    facts = np.random.default_rng(0).random((studies, 5))
    return LatentSet(
        padded=padded,
        slices=slices,
        chunk=CONFIG.input_size[0],
        black=black,
        white=white,
        texts=torch.randn(studies, 3, CONFIG.caption_channels, generator=generator),
        report_facts=facts,
        person_odds=np.full(studies // 2, 2 / studies),
    )


def test_stacked_matrices_walk_on_a_gpu_as_each_by_itself_does_on_a_cpu() -> None:
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(shape, generator=generator) for shape in [(16, 48), (48, 16), (16, 48), (16, 16)]]
    gradients = [[torch.randn(start.shape, generator=generator) for start in starts] for _ in range(6)]
    ends = []
    for device in ("cpu", "cuda"):
        matrices = [nn.Parameter(start.clone().to(device)) for start in starts]
        optimizer = Muon(matrices, lr=0.01, every=4)
        for step in gradients:
            for matrix, gradient in zip(matrices, step, strict=True):
                matrix.grad = gradient.to(device)
            optimizer.step()
        ends.append([matrix.detach().cpu() for matrix in matrices])
    for on_cpu, on_cuda, start in zip(*ends, starts, strict=True):
        assert (on_cuda - on_cpu).norm() < 1e-3 * (on_cpu - start).norm()


def test_a_step_does_not_wait_for_the_gpu(tmp_path: Path) -> None:
    """Drawing, both networks' passes, clipping, both optimizers and the average: torch raises where one waits."""
    data = latent_set(8).to("cuda")
    difference = study_difference(data)
    steps = 0

    def losses(model: STDiT, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        nonlocal steps
        # From the second step on: the first one makes what the optimizers remember.
        torch.cuda.set_sync_debug_mode("error" if 0 < steps < 4 else "default")
        steps += 1
        drawn = draw_batch(data, difference, 4, rng)
        answer = model(drawn.point, drawn.previous, drawn.text, drawn.t)
        return {"loss": (answer - drawn.chunk).square().mean()}

    with_muon = replace(ADAMW, muon_rate=1e-3, muon_prefixes=("blocks.",))
    try:
        train(cuda_stage(tmp_path, 6, optimizer=with_muon), STDiT(CONFIG), losses)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert steps == 6


def test_a_teacher_computes_in_the_precision_of_the_training() -> None:
    """Autocast does not know the product that ends in GELU, which stayed in float32."""
    layer, x = GeluLinear(64, 64).cuda(), torch.randn(32, 64, device="cuda")
    with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16


def test_compiled_losses_are_those_of_the_same_code_run_plainly() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(64, 64).cuda(), torch.randn(32, 64, device="cuda")

    def loss(network: nn.Linear, x: Tensor) -> Tensor:
        return torch.nn.functional.gelu(network(x)).square().mean()

    compute = compiled(loss, "cuda")
    assert torch.allclose(compute(linear, x), loss(linear, x), rtol=1e-4)


def test_the_transformer_learns_on_a_gpu_while_its_set_grows(tmp_path: Path) -> None:
    small, large = latent_set(8), latent_set(16).to("cuda")
    calls = 0

    def grown() -> LatentSet | None:
        nonlocal calls
        calls += 1
        return large if calls == 5 else None

    torch.manual_seed(0)
    model = train_transformer(cuda_stage(tmp_path, 30), STDiT(CONFIG), small, 8, grown)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert [persons for _, persons in state["examples"]["growth"]] == [4, 8]
    assert all(one.isfinite().all() for one in model.parameters())


def test_what_is_placed_on_the_gpu_is_what_was_given() -> None:
    given = torch.arange(10**6).float()
    assert torch.equal(on_device(given, "cuda").cpu(), given)


def test_the_whole_training_runs_on_a_gpu(tmp_path: Path) -> None:
    words = ["train", "demo", "--smoke", "--minutes", "0.3", "--phantoms", "8", "--measure", "0", "--device", "cuda"]
    assert main([*words, "--work", str(tmp_path)]) == 0
    assert (tmp_path / "chip.json").exists()
