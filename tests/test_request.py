import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctflow.errors import RequestError
from ctflow.report import Report
from ctflow.request import MAX_SEED, GenerationRequest
from tests.junk import junk

GOOD: dict[str, Any] = {
    "report": Report("Clear lungs."),
    "seed": MAX_SEED,
    "solver": "midpoint",
    "steps": 16,
    "shift": 1.0,
    "chunks": 6,
    "guidance": 1,
    "guidance_above_t": 0,
}


def test_a_request_is_a_value() -> None:
    assert GenerationRequest(**GOOD) == GenerationRequest(**GOOD)
    assert hash(GenerationRequest(**GOOD)) == hash(GenerationRequest(**GOOD))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", MAX_SEED + 1),
        ("seed", 1.0),
        ("seed", True),
        ("steps", 0),
        ("steps", 1001),
        ("steps", 15),  # midpoint takes pairs
        ("chunks", 0),
        ("chunks", 65),
        ("shift", 0),
        ("shift", math.nan),
        ("guidance", -1),
        ("guidance", math.inf),
        ("guidance", "2"),
        ("guidance_above_t", -0.1),
        ("guidance_above_t", 1.1),
        ("solver", "heun"),
    ],
)
def test_a_value_out_of_range_is_refused_and_quoted(name: str, value: object) -> None:
    with pytest.raises(RequestError, match=str(value)):
        GenerationRequest(**{**GOOD, name: value})


@pytest.mark.parametrize(
    ("changes", "evaluations"),
    [
        ({}, 16),
        ({"guidance": 2}, 32),
        ({"guidance": 2, "guidance_above_t": 0.5}, 24),  # pairs of midpoint begin at 1, 7/8, …, 1/8
        ({"guidance": 2, "guidance_above_t": 1}, 16),
        ({"solver": "stochastic", "steps": 4, "guidance": 2, "guidance_above_t": 0.5}, 6),
    ],
)
def test_a_guided_step_takes_two_evaluations(changes: dict[str, Any], evaluations: int) -> None:
    assert GenerationRequest(**{**GOOD, **changes}).evaluations == evaluations


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD.keys() - {"report"}, junk)))
def test_any_values_make_a_request_or_a_request_error(values: dict[str, Any]) -> None:
    try:
        request = GenerationRequest(**{**GOOD, **values})
    except RequestError:
        return
    assert hash(request) == hash(GenerationRequest(**{**GOOD, **values}))
