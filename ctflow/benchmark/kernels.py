"""The kernels that a step and a slice are made of, one by one, where there is more than one way to do the same.

Every section is fenced: what fails is noted and the next one begins, and none begins when its time is over.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile

from ctflow.benchmark.clock import best
from ctflow.benchmark.floor import peak_gflop_per_s
from ctflow.benchmark.subject import published_config
from ctflow.models.autoencoder_kl import AutoencoderKL, AutoencoderKLConfig
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig
from ctflow.models.stdit_layers import Attention, LineAttention
from ctflow.released.specs import FLUX_AVAE

logger = logging.getLogger(__name__)
# What torch and the compilers below it raise for what this device or this version cannot do.
FAILURES = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError,
            ValueError)  # fmt: skip
BACK_ENDS = (
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
)
LAYOUTS = (torch.contiguous_format, torch.channels_last)
TURNS = 20
COPIED_BYTES = {"cpu": 2**24, "cuda": 2**31}


@dataclass(frozen=True)
class Line:
    """One thing measured, or why it was not, in words. `microseconds` where it is a time."""

    section: str
    name: str
    text: str
    microseconds: float | None = None


@dataclass(frozen=True)
class Sizes:
    """What the kernels are measured on: the transformer, the A-VAE, and how many slices are decoded at once."""

    transformer: STDiTConfig
    avae: AutoencoderKLConfig
    batches: tuple[int, ...]


PUBLISHED = Sizes(published_config("L"), FLUX_AVAE, batches=(1, 2, 4, 8, 16))
# For a CPU, and to see that every section runs.
TINY = Sizes(
    STDiTConfig(
        input_size=(4, 8, 8),
        patch_size=(2, 2, 2),
        in_channels=8,
        out_channels=4,
        hidden_size=64,
        depth=2,
        num_heads=2,
        mlp_ratio=4.0,
        caption_channels=16,
    ),
    AutoencoderKLConfig(
        in_channels=1,
        out_channels=1,
        latent_channels=16,
        block_out_channels=(8, 8),
        layers_per_block=1,
        norm_num_groups=4,
        mid_block_add_attention=False,
    ),
    batches=(1, 4),
)


class Kernels:
    """Measures on `device` in bf16. `folder`: for what a profiler writes. `say` receives each line."""

    def __init__(self, device: torch.device, sizes: Sizes, folder: Path, say: Callable[[str], None]) -> None:
        self._device, self._sizes, self._folder, self._say = device, sizes, folder, say

    @torch.inference_mode()
    def measure(self, budget_s: float) -> list[Line]:
        """All sections that begin within `budget_s`, the ones that decide most first."""
        until, lines = time.monotonic() + budget_s, []
        sections = {
            "ceilings": self._ceilings,
            "attention": self._attention,
            "decoder": self._decoder,
            "products": self._products,
            "GELU": self._gelu,
            "patch embedding": self._patches,
            "profile of a step": self._profile,
            "decoder, compiled": self._compiled_decoder,
        }
        for section, run in sections.items():
            for line in self._fenced(section, run, until):
                lines.append(line)
                self._say(f"{line.section}: {line.name}: {line.text}")
        return lines

    def _fenced(self, section: str, run: Callable[[], Iterator[Line]], until: float) -> Iterator[Line]:
        if time.monotonic() > until:
            yield Line(section, "all", "left out: no time")
            return
        try:
            yield from run()
        except FAILURES as error:
            logger.exception("the section %s failed", section)
            yield _failed(section, "the rest", error)

    def _timed(self, section: str, name: str, run: Callable[[], object], turns: int = TURNS) -> Line:
        """One line, also where it fails: others of its section may still run."""
        try:
            microseconds = 1e6 * best(self._device, run, turns, untimed=2)
        except FAILURES as error:
            return _failed(section, name, error)
        return Line(section, name, f"{microseconds:.1f} µs", microseconds)

    def _random(self, *shape: int) -> Tensor:
        return torch.randn(shape, device=self._device, dtype=torch.bfloat16)

    def _ceilings(self) -> Iterator[Line]:
        rate = peak_gflop_per_s(self._device, torch.bfloat16)
        yield Line("ceilings", "products in bf16", f"{rate:.0f} GFLOP/s")
        source = torch.empty(COPIED_BYTES[self._device.type], dtype=torch.uint8, device=self._device)
        target = torch.empty_like(source)
        copy_s = best(self._device, lambda: target.copy_(source), TURNS)
        yield Line("ceilings", "memory, read and written", f"{2 * source.nbytes / copy_s / 1e12:.2f} TB/s")

    def _attention(self) -> Iterator[Line]:
        config = self._sizes.transformer
        (n, rows, columns), heads = config.tokens, config.num_heads
        dim = config.hidden_size // heads
        for what, batch, tokens in (("in the plane", n, rows * columns), ("along the slices", rows * columns, n)):
            q, k, v = self._random(3, batch, heads, tokens, dim).unbind()
            for back_end in BACK_ENDS:
                yield self._timed("attention", f"{what}, {back_end.name}", partial(_attend, back_end, q, k, v))
        lines = LineAttention(config.hidden_size, heads, config.head_merge).to(self._device, torch.bfloat16)
        x = self._random(1, n, rows * columns, config.hidden_size)
        whole = Attention(config.hidden_size, heads, config.head_merge).to(self._device, torch.bfloat16)
        yield self._timed(
            "attention", "along the slices with its products, plain", partial(whole, x[0].transpose(0, 1).contiguous())
        )
        yield self._timed("attention", "along the slices with its products, as a step does it", partial(lines, x))

    def _gelu(self) -> Iterator[Line]:
        tokens, dim, wide = self._token_sizes()
        x, weight, bias = self._random(tokens, dim), self._random(wide, dim), self._random(wide)
        apart = self._timed("GELU", "after the product", lambda: F.gelu(F.linear(x, weight, bias), approximate="tanh"))
        yield apart
        yield self._timed("GELU", "in the product", lambda: torch._addmm_activation(bias, x, weight.t(), use_gelu=True))

    def _patches(self) -> Iterator[Line]:
        config = self._sizes.transformer
        channels, patch = config.out_channels, config.patch_size
        x = self._random(1, channels, *config.input_size)
        weight = self._random(config.hidden_size, channels, *patch)
        tokens, _, _ = self._token_sizes()
        flat = self._random(tokens, weight[0].numel())
        yield self._timed("patch embedding", "convolution", lambda: F.conv3d(x, weight, stride=patch))
        yield self._timed("patch embedding", "product", lambda: F.linear(flat, weight.flatten(1)))

    def _products(self) -> Iterator[Line]:
        """In bf16 and in fp8: the ratio decides whether fp8 is worth its error."""
        tokens, dim, wide = self._token_sizes()
        for rows, inner, outer in (
            (tokens, dim, 3 * dim),
            (tokens, dim, dim),
            (tokens, dim, wide),
            (tokens, wide, dim),
            (2 * tokens, dim, 3 * dim),
        ):
            a, w = self._random(rows, inner), self._random(outer, inner)
            name = f"{rows} × {inner} × {outer}"
            yield self._timed("products", f"{name}, bf16", partial(F.linear, a, w))
            w8 = w.to(torch.float8_e4m3fn)
            yield self._timed("products", f"{name}, fp8", partial(_fp8_product, a, w8))

    def _decoder(self) -> Iterator[Line]:
        network, latents = self._avae()
        for layout in LAYOUTS:
            network.to(memory_format=layout)  # type: ignore[call-overload]  # torch has no type for it
            for count in self._sizes.batches:
                name = f"{count} slices, {str(layout).removeprefix('torch.')}"
                some = latents[:count].contiguous(memory_format=layout)
                yield self._timed("decoder", name, partial(network.decode, some), turns=3)

    def _compiled_decoder(self) -> Iterator[Line]:
        network, latents = self._avae()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch has no type for it
        latents = latents.contiguous(memory_format=torch.channels_last)
        plain, began = network.decode(latents), time.monotonic()
        backend = "inductor" if self._device.type == "cuda" else "eager"  # on a CPU it gains nothing, in minutes
        network.decoder.compile(backend=backend, fullgraph=True, dynamic=False)
        off = (network.decode(latents) - plain).abs().mean().item()
        took_s = time.monotonic() - began
        yield Line("decoder, compiled", "until it is compiled", f"{took_s:.0f} s, mean difference {off:.1e}")
        name = f"{len(latents)} slices, channels_last"
        yield self._timed("decoder, compiled", name, lambda: network.decode(latents), turns=5)

    def _profile(self) -> Iterator[Line]:
        """What a step spends its time in, as a table in a file."""
        with self._device:
            transformer = STDiT(self._sizes.transformer).eval().requires_grad_(False)
        transformer.to_mixed_precision(torch.bfloat16)
        config = self._sizes.transformer
        x = torch.randn(1, config.out_channels, *config.input_size, device=self._device)
        text = torch.randn(1, 1, config.caption_channels, device=self._device)
        condition, modulation = transformer.condition(x, text), transformer.modulation_at(0.5)
        yield self._timed("profile of a step", "a step", lambda: transformer.step(x, condition, modulation))
        on_gpu = self._device.type == "cuda"
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
        with profile(activities=activities) as profiler:
            transformer.step(x, condition, modulation)
        by = "self_device_time_total" if on_gpu else "self_cpu_time_total"
        averages = profiler.key_averages()
        (self._folder / "profile.txt").write_text(averages.table(sort_by=by, row_limit=40), encoding="utf-8")
        yield Line("profile of a step", "operations", f"{sum(one.count for one in averages)}: see profile.txt")

    def _token_sizes(self) -> tuple[int, int, int]:
        """How many tokens, their width, and the width inside the MLP."""
        config = self._sizes.transformer
        n, rows, columns = config.tokens
        return n * rows * columns, config.hidden_size, int(config.hidden_size * config.mlp_ratio)

    def _avae(self) -> tuple[AutoencoderKL, Tensor]:
        """Random weights, and the latents of as many slices as are decoded at once at most."""
        with self._device:
            network = AutoencoderKL(self._sizes.avae).eval().requires_grad_(False)
        network.to(torch.bfloat16)
        _, rows, columns = self._sizes.transformer.input_size
        return network, self._random(max(self._sizes.batches), self._sizes.avae.latent_channels, rows, columns)


def _failed(section: str, name: str, error: Exception) -> Line:
    return Line(section, name, f"failed: {type(error).__name__}: {' '.join(str(error).split())[:160]}")


def _attend(back_end: SDPBackend, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    with sdpa_kernel(back_end):
        return F.scaled_dot_product_attention(q, k, v)


def _fp8_product(tokens: Tensor, weight: Tensor) -> Tensor:
    """`weight` in fp8. The tokens are cast each time, as they would be in a step; one scale for each row."""
    by_row, by_column = (torch.ones(shape, device=tokens.device) for shape in ((len(tokens), 1), (1, len(weight))))
    return torch._scaled_mm(
        tokens.to(weight.dtype), weight.t(), by_row, by_column, out_dtype=torch.bfloat16, use_fast_accum=True
    )
