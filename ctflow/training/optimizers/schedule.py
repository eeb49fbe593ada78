"""How the learning rate goes over a training: it warms up, and then falls by one of two laws."""

from collections.abc import Callable

# (how many steps were made, the share of the budget that is left) -> the share of the full learning rate
Schedule = Callable[[int, float], float]


def falling_to_zero(warm_up_steps: int) -> Schedule:
    """Falls evenly, to zero at the end of the budget, from its first step on: most is learnt while it falls."""
    return lambda step, left: min((step + 1) / max(warm_up_steps, 1), left)


def inverse_root(warm_up_steps: int, decay_steps: float) -> Schedule:
    """The released law: full / √(1 + 2 · steps after the warm-up / `decay_steps`), whatever the budget is."""

    def share(step: int, left: float) -> float:
        if step < warm_up_steps:
            return (step + 1) / warm_up_steps
        return (1 + 2 * (step - warm_up_steps) / decay_steps) ** -0.5

    return share
