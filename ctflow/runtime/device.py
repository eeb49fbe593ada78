"""The device that a model runs on, chosen once when it is loaded."""

import os

import torch

from ctflow.choices import DEVICES
from ctflow.errors import RequestError, ResourceError
from ctflow.runtime.threads import THREADS_VARIABLE, cores_given

BF16_CAPABILITY = (8, 0)  # GPUs have units for bf16 from this compute capability on


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


def bf16_is_fast(device: str) -> bool:
    """Whether `device`, cpu or cuda, multiplies in bfloat16 faster than in float32, and does not just emulate it."""
    if device == "cuda":
        return torch.cuda.get_device_capability() >= BF16_CAPABILITY
    # torch has no public name for these.
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def hardware_of(device: torch.device) -> str:
    """The hardware that the last bits of a result depend on: the GPU, or the CPU's vector units and threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.backends.cpu.get_cpu_capability()} CPU with {torch.get_num_threads()} threads"
