"""The device that a model runs on, and the precision that it computes in there, both chosen once when it is loaded."""

import os
import platform
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ctflow.choices import DEVICES, PRECISIONS
from ctflow.errors import RequestError, ResourceError
from ctflow.runtime.threads import THREADS_VARIABLE, cores_given

BF16_CAPABILITY = (8, 0)  # GPUs have units for bf16 from this compute capability on
# With AVX512-BF16 alone, AMD's CPUs multiply faster in bf16 than in float32, Intel's at half the speed: a Xeon without
# AMX reached 78 GFLOP/s in products of 512 × 512, and 147 in float32. A rule, and no measurement at the start, because
# a busy moment must not decide about the bytes of a volume.
AMD = "AuthenticAMD"


class Precision(NamedTuple):
    """The types of the transformer's large products (and of TAEF1), and of the A-VAE."""

    transformer: torch.dtype
    avae: torch.dtype

    @property
    def name(self) -> str:
        """The transformer's, as in PRECISIONS."""
        return str(self.transformer).removeprefix("torch.")


FLOAT32 = Precision(transformer=torch.float32, avae=torch.float32)
BFLOAT16 = Precision(transformer=torch.bfloat16, avae=torch.bfloat16)
FLOAT16 = Precision(transformer=torch.float16, avae=torch.float32)  # FLUX's A-VAE gives NaN in float16


def resolve_device(name: str) -> torch.device:
    """The device of that name; `auto` is the GPU if there is one.

    Switches rounding of float32 to TF32 off, and lowers the number of threads to that of the cores really given, unless
    OMP_NUM_THREADS is set.

    Raises RequestError for a name that is not in DEVICES, ResourceError if there is no such GPU.
    """
    if name not in DEVICES:
        raise RequestError(f"The device is one of {', '.join(DEVICES)}; got {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ResourceError("The device cuda was asked for, but torch finds no CUDA GPU here. Use cpu or auto.")
    if THREADS_VARIABLE not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), cores_given()))
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False  # convolutions round by default
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def gpus_of(name: str) -> int:
    """How many GPUs the device of that name may be; 0 where it is the CPU. Raises as `resolve_device`."""
    return torch.cuda.device_count() if resolve_device(name).type == "cuda" else 0


def resolve_precision(device: torch.device, name: str) -> Precision:
    """The precision of that name on `device`; `auto` is the fastest there.

    Raises RequestError for a name that is not in PRECISIONS, or that `device` does not have.
    """
    if name not in PRECISIONS:
        raise RequestError(f"The precision is one of {', '.join(PRECISIONS)}; got {name!r}.")
    available = precisions_of(device)
    if name == "auto":
        return available[0]
    for precision in available:
        if precision.name == name:
            return precision
    names = ", ".join(precision.name for precision in available)
    raise RequestError(f"The precision {name} was asked for, and {hardware_of(device)} has {names}. Use one of these.")


def has_precision(device: str, name: str) -> bool:
    """Whether `device`, one of DEVICES, is here and computes in `name`, one of PRECISIONS."""
    if device == "cuda" and not torch.cuda.is_available():
        return False
    return name in [precision.name for precision in precisions_of(resolve_device(device))]


def precisions_of(device: torch.device) -> list[Precision]:
    """What `device` can compute in, the fastest first."""
    if device.type == "cuda":
        return gpu_precisions(torch.cuda.get_device_capability(device))
    return [BFLOAT16, FLOAT32] if bf16_is_fast("cpu") else [FLOAT32, BFLOAT16]


def gpu_precisions(compute_capability: tuple[int, int]) -> list[Precision]:
    """A T4 has no bf16. Does not ask `torch.cuda.is_bf16_supported`, which says yes where bf16 is only emulated."""
    return [BFLOAT16, FLOAT16, FLOAT32] if compute_capability >= BF16_CAPABILITY else [FLOAT16, FLOAT32]


def bf16_is_fast(device: str) -> bool:
    """Whether `device`, cpu or cuda, multiplies in bfloat16 faster than in float32, and does not just emulate it."""
    if device == "cuda":
        return torch.cuda.get_device_capability() >= BF16_CAPABILITY
    # torch has no public name for these.
    has_bf16, has_amx = torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_amx_tile_supported()
    return has_amx or (has_bf16 and cpu_vendor() == AMD)


def cpu_vendor(information: Path = Path("/proc/cpuinfo")) -> str:
    """As the CPU names it, for example GenuineIntel; empty where the system does not say."""
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "vendor_id":
                return value.strip()
    return platform.processor().rpartition(", ")[2]  # on Windows the vendor stands last


def on_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on a device. A copy to a GPU goes from pinned memory, and neither side waits for the other.

    torch keeps the pinned memory until it has been read.
    """
    if torch.device(device).type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def hardware_of(device: torch.device) -> str:
    """The hardware that the last bits of a result depend on: the GPU, or the CPU's vector units and threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.backends.cpu.get_cpu_capability()} CPU with {torch.get_num_threads()} threads"
