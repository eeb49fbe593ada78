"""Which device a model runs on, and that float32 stays float32 there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ctflow.errors import RequestError
from ctflow.runtime.device import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    bf16_is_fast,
    cpu_vendor,
    gpu_precisions,
    has_precision,
    resolve_device,
    resolve_precision,
)


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_resolving_a_device_switches_the_rounding_to_tf32_off(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    resolve_device(name)
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


def test_a_t4_gets_no_bf16_and_no_half_precision_a_vae() -> None:
    assert gpu_precisions((7, 5)) == [FLOAT16, FLOAT32]
    assert FLOAT16.avae == torch.float32
    assert gpu_precisions((8, 0))[0] == gpu_precisions((9, 0))[0] == BFLOAT16


def test_a_cpu_computes_in_bf16_by_itself_only_where_that_is_faster() -> None:
    cpu = torch.device("cpu")
    assert resolve_precision(cpu, "auto") == (BFLOAT16 if bf16_is_fast("cpu") else FLOAT32)
    assert resolve_precision(cpu, "bfloat16") == BFLOAT16 and resolve_precision(cpu, "float32") == FLOAT32


def test_the_vendor_of_a_cpu_is_read_where_linux_tells_it(tmp_path: Path) -> None:
    information = tmp_path / "cpuinfo"
    information.write_text("processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n", encoding="utf-8")
    assert cpu_vendor(information) == "AuthenticAMD"
    information.write_text("processor\t: 0\nCPU implementer\t: 0x41\n", encoding="utf-8")
    assert cpu_vendor(information) == cpu_vendor(tmp_path / "there is none")


@pytest.mark.parametrize("name", ["float16", "double"])
def test_a_precision_that_a_cpu_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match=r"has .*float32|one of auto"):
        resolve_precision(torch.device("cpu"), name)
    assert not has_precision("cpu", name) and has_precision("cpu", "float32")


@pytest.mark.gpu
def test_on_a_gpu_a_convolution_in_float32_is_not_rounded_to_tf32() -> None:
    """Only GPUs of compute capability 8 or more have TF32."""
    device = resolve_device("cuda")
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 64, 32, 32, generator=generator), torch.randn(64, 64, 3, 3, generator=generator)
    exact = torch.nn.functional.conv2d(x.double(), weight.double())
    found = torch.nn.functional.conv2d(x.to(device), weight.to(device)).cpu()
    assert (found - exact).abs().max() / exact.abs().max() < 1e-5


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
@pytest.mark.parametrize("asked", [{}, {"OMP_NUM_THREADS": "2"}], ids=["nothing asked", "asked for"])
def test_threads_follow_the_cores_that_are_given_unless_their_number_is_asked_for(asked: dict[str, str]) -> None:
    """And the hardware, which a sidecar records, says how many they are."""
    code = (
        "import os, torch; from ctflow.runtime.device import hardware_of, resolve_device; "
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "print(torch.get_num_threads()); print(hardware_of(resolve_device('cpu')))"
    )
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=inherited | asked, capture_output=True, encoding="utf-8", check=True)
    before, hardware = done.stdout.splitlines()
    assert hardware.endswith(f"CPU with {before if asked else 1} threads")
