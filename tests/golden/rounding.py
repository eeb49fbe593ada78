"""How near to the published numbers a computation can come: what rounding does to the published computation itself.

Golden weights are random and amplify rounding, the ones beside this file by 5 to 70 in one step and by 100,000 in 200
steps, others ten times as much. No fixed limit suits them all. So the literal reference, which is the published
computation word for word, runs in float64 and in float32 on the same case and on this machine, and the distance between
the two is the measure. A test fails where we come out worse than the published way would, and not because a case is
ill-conditioned. A real fault makes another function, thousands of times as far away: `test_ctflow_v1` shows that, too.

One distance would measure luck, because most of the error may lie in a single direction. So the float32 run is repeated
with inputs of which every number is a neighbour of the true one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# How many times the error of the published computation in float32 is allowed. Golden numbers were made in float32 too,
# so two errors of that kind meet; if one direction carries them all, their ratio is above 6 in 2 of 100,000 cases.
ALLOWED = 6
RUNS = 16
FILE_PRECISION = 2.0**-24  # golden numbers are stored in float32: half a unit in the last place


@dataclass(frozen=True, eq=False)
class Exact:
    """What float64 answers, and the error (see `rms`) that rounding to float32 makes."""

    answer: Tensor
    float32_error: float

    @property
    def limit(self) -> float:
        """The error allowed to a computation in float32, and to numbers from a file that one has made."""
        return ALLOWED * self.float32_error + FILE_PRECISION


def exact(compute: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Exact:
    """`compute`: takes `inputs`, all in float64, or `RUNS` of them in float32, one below the other."""
    answer = compute(*(tensor.double() for tensor in inputs))
    errors = [rms(found, answer) for found in compute(*beside_neighbours(inputs)).chunk(RUNS)]
    return Exact(answer, torch.tensor(errors).square().mean().sqrt().item())


def beside_neighbours(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Each input (B, …) as (RUNS · B, …): first as it is, then with every number the next that there is, up or down."""
    generator = torch.Generator().manual_seed(0)
    stacked = []
    for tensor in inputs:
        below = torch.full_like(tensor, -torch.inf)
        ups = (torch.rand(tensor.shape, generator=generator) < 0.5 for _ in range(RUNS - 1))
        near = [torch.nextafter(tensor, torch.where(up, -below, below)) for up in ups]
        stacked.append(torch.cat([tensor, *near]))
    return stacked


def rms(found: Tensor, expected: Tensor) -> float:
    """The root mean square error, as a share of what was expected."""
    return ((found - expected).square().mean() / expected.square().mean()).sqrt().item()
