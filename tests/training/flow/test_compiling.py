"""What a GPU is prepared for is left as it is where that cannot be done, and said."""

import logging

import pytest
from torch import nn

from ctflow.training.flow.compiling import compile_blocks, compiled


def test_what_cannot_be_compiled_stays_as_it_is_and_the_log_names_what_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def compute() -> None: ...

    with caplog.at_level(logging.WARNING):
        assert compiled(compute, "cuda", missing=lambda: "a C compiler") is compute
    assert "a C compiler is not found" in caplog.text


def test_a_cpu_needs_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    def compute() -> None: ...

    assert compiled(compute, "cpu", missing=lambda: "a C compiler") is compute and not caplog.records


class Blocks(nn.Module):
    """As those of a transformer; they note that they are compiled."""

    def __init__(self) -> None:
        super().__init__()
        self.compiled: list[int] = []
        self.blocks = nn.ModuleList(self._block(number) for number in range(3))

    def _block(self, number: int) -> nn.Module:
        block = nn.Identity()
        block.compile = lambda **_: self.compiled.append(number)  # type: ignore[method-assign]  # compiling takes minutes
        return block


def test_each_block_of_a_transformer_is_compiled_for_a_gpu_and_none_where_that_cannot_be_done() -> None:
    for device, lacks, expected in (("cuda", None, [0, 1, 2]), ("cuda", "a C compiler", []), ("cpu", None, [])):
        model = Blocks()
        compile_blocks(model, device, missing=lambda lacks=lacks: lacks)  # type: ignore[arg-type, misc]  # has blocks
        assert model.compiled == expected
