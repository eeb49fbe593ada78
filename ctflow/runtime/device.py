"""What a model runs on, chosen once, at the door."""

import torch

from ctflow.choices import DEVICES
from ctflow.errors import RequestError, ResourceError

BF16_CAPABILITY = (8, 0)  # the compute capability from which on a GPU has units for it


def resolve_device(name: str) -> torch.device:
    """`auto` is the GPU where there is one. What runs in float32 is not rounded to TF32 from here on.

    Raises RequestError for a name that is not in DEVICES, ResourceError for a GPU that is not there.
    """
    if name not in DEVICES:
        raise RequestError(f"The device is one of {', '.join(DEVICES)}; got {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ResourceError("The device cuda was asked for, but torch finds no CUDA GPU here. Use cpu or auto.")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # convolutions do, unless told
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def bf16_is_fast(device: str) -> bool:
    """Whether `device`, cpu or cuda, multiplies in bfloat16 faster than in float32; where not, it only emulates it."""
    if device == "cuda":
        return torch.cuda.get_device_capability() >= BF16_CAPABILITY
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def hardware_of(device: torch.device) -> str:
    """What of the machine the last bits of a result depend on: the GPU, or the CPU's vectors and threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.backends.cpu.get_cpu_capability()} CPU with {torch.get_num_threads()} threads"
