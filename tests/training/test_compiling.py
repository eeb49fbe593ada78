"""What a GPU is prepared for is left as it is where that cannot be done, and said."""

import logging

import pytest

from ctflow.training.compiling import compiled


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
