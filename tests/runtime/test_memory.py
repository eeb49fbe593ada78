"""Memory that ran out is told as such, also where another error hides it."""

from contextlib import contextmanager

import pytest
import torch

from ctflow.errors import ResourceError
from ctflow.runtime.memory import memory_of, ran_out


@contextmanager
def recording():
    """As `torch.cuda.graph`: what was cut short cannot be ended, and that is raised in place of the reason."""
    try:
        yield
    finally:
        raise torch.AcceleratorError("CUDA error: operation failed due to a previous error during capture", 901)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
)
def test_memory_that_runs_out_while_a_graph_is_recorded_is_told_as_memory(error: Exception) -> None:
    with pytest.raises(ResourceError, match=r"memory of cuda is not enough.*--device cpu"), memory_of("cuda"):  # noqa: SIM117
        with recording():
            raise error


def test_what_a_compiler_passes_on_is_told_as_memory() -> None:
    with pytest.raises(ResourceError), memory_of("cuda"):
        try:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        except torch.OutOfMemoryError as error:
            raise RuntimeError("the backend failed") from error


@pytest.mark.parametrize("error", [RuntimeError("size mismatch"), ValueError("out of memory")])
def test_a_recording_that_fails_for_another_reason_is_not_told_as_memory(error: Exception) -> None:
    with pytest.raises(torch.AcceleratorError), memory_of("cuda"), recording():
        raise error


def test_the_reason_of_an_error_that_hides_nothing_of_memory_is_left_alone() -> None:
    error = RuntimeError("one")
    error.__cause__ = ValueError("two")
    assert not ran_out(error)
