"""What a reproduction of so many minutes consists of: how many phantoms and volumes, and how long it trains."""

from dataclasses import dataclass

# How the time is spent, found by runs on two cores: what is not training is phantoms, encoding, volumes and measuring.
_TRAINING_SHARE = 0.5
_TRAINED_PER_MINUTE, _JUDGED_PER_MINUTE = 4.0, 0.5
_MOST_TRAINED, _MOST_JUDGED = 2400, 200
_LEAST = 4  # as many volumes as the metrics of a set need
EARLY_SHARE = 0.1  # of the training: then a first model is judged, to which the last one is compared


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`trained`: phantoms to train from. `judged`: others, whose reports are generated; they are the real set.

    `minutes`: of the training, of which the first `EARLY_SHARE` makes the early model.
    """

    trained: int
    judged: int
    minutes: float
    seed: int
    model: str
    config: str | None

    @property
    def early_minutes(self) -> float:
        """Until the early model."""
        return EARLY_SHARE * self.minutes

    @property
    def late_minutes(self) -> float:
        """From there to the end."""
        return self.minutes - self.early_minutes


def plan_of(minutes: float, *, seed: int, model: str, config: str | None) -> Plan:
    """The plan of a reproduction that takes about so many minutes on two cores."""
    return Plan(
        trained=_between(_TRAINED_PER_MINUTE * minutes, _MOST_TRAINED),
        judged=_between(_JUDGED_PER_MINUTE * minutes, _MOST_JUDGED),
        minutes=_TRAINING_SHARE * minutes,
        seed=seed,
        model=model,
        config=config,
    )


def _between(count: float, most: int) -> int:
    return min(max(round(count), _LEAST), most)
