"""A question that makes several volumes: one turn on the model, rows that come one by one, and volumes to look at.

Each of its volumes becomes a run of its own as soon as it is there, so that the viewer shows it like any other.
"""

from abc import abstractmethod
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from app.job import Job, State
from app.run import Run
from ctflow.analysis.ablation import ChanceFloor, SentenceEffect, Way, WholeReport, ablate, check_ablation
from ctflow.analysis.making import Progress
from ctflow.analysis.places import Place
from ctflow.analysis.seeds import SeedVolume, Spread, check_seeds, compare_seeds
from ctflow.errors import RequestError
from ctflow.generator import VolumeGenerator
from ctflow.report import without
from ctflow.request import GenerationRequest, SharedPrevious
from ctflow.volume import Volume

MOST_SEEDS = 16
MOST_VOLUMES = 100
Keep = Callable[..., Run]  # see `Runs.keep`


class Question(Job):
    """`seeds`: how many; each kind says of what. `keep`: as `Runs.keep`, what takes its volumes.

    Raises RequestError for what cannot be asked. `runs`: those of its volumes so far.
    """

    kind: ClassVar[str]

    def __init__(self, *, request: GenerationRequest, seeds: int, keep: Keep, **place: Any) -> None:
        self.request, self.seeds = request, seeds
        self.volumes_total = self.check(request, seeds)
        super().__init__(**place)
        self.runs: list[Run] = []
        self.doing = ""
        self._steps_total = self.volumes_total * request.chunks * request.steps
        self._keep = keep

    @classmethod
    def check(cls, request: GenerationRequest, seeds: int) -> int:
        """How many volumes the question makes. Raises RequestError for what cannot be asked."""
        volumes = cls._volumes(request, seeds)
        if seeds > MOST_SEEDS:
            raise RequestError(f"At most {MOST_SEEDS} seeds can be asked for at once; got {seeds}.")
        if volumes > MOST_VOLUMES:
            raise RequestError(
                f"This takes {volumes} volumes, and one question makes at most {MOST_VOLUMES}: shorten the report."
            )
        return volumes

    @classmethod
    @abstractmethod
    def _volumes(cls, request: GenerationRequest, seeds: int) -> int: ...

    @property
    def steps_total(self) -> int:
        return self._steps_total

    @property
    def chunks_total(self) -> int:
        return self.volumes_total * self.request.chunks

    def make(self, generator: VolumeGenerator) -> State:
        """See `Job.make`. What is there when it is to stop stays."""
        with closing(self._results(generator)) as results:
            for result in results:
                if isinstance(result, Progress):
                    self._record_progress(result)
                else:
                    self._take(result)
                if self.stopping and self.steps_done < self.steps_total:
                    return "stopped"
        return "finished"

    @abstractmethod
    def _results(self, generator: VolumeGenerator) -> Generator[Any, None, None]:
        """Progress, and results for `_take`."""

    @abstractmethod
    def _take(self, result: Any) -> None:
        """Keeps a result."""

    def mark_seen(self) -> None:
        """Whoever looks at a question looks at its volumes, too."""
        super().mark_seen()
        for run in self.runs:
            run.mark_seen()

    def _record_progress(self, progress: Progress) -> None:
        with self.news:
            self._steps_total = progress.total
            self.record_step(progress.done)
            if progress.doing != self.doing:
                self.doing = progress.doing
                self.bump()

    def _kept(self, volume: Volume, **told: Any) -> Run:
        run = self._keep(volume, self.visitor, **told)
        self.runs.append(run)
        return run


@dataclass(frozen=True)
class Chance:
    """What other seeds change, see `ChanceFloor`."""

    way: Way
    changed_ml: float
    mean_hu: float


@dataclass(frozen=True)
class Row:
    """What a sentence does, see `SentenceEffect`. `number`: from 1; `run`: of the volume without the sentence."""

    number: int
    sentence: str
    way: Way
    places: tuple[Place, ...]
    changed_ml: float
    mean_hu: float
    inside_hu: float | None
    outside_hu: float | None
    run: Run


class SentenceQuestion(Question):
    """What did each sentence do? `seeds`: other ones, which tell what changes by chance."""

    kind = "ablate"

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.whole: Run | None = None
        self.chance: Chance | None = None
        self.rows: list[Row] = []

    @classmethod
    def _volumes(cls, request: GenerationRequest, seeds: int) -> int:
        return len(check_ablation(request, seeds)) + 1 + seeds

    @property
    def sentences(self) -> int:
        return self.volumes_total - 1 - self.seeds

    def _results(self, generator: VolumeGenerator) -> Generator[Any, None, None]:
        return ablate(generator, self.request, self.seeds)

    def _take(self, result: WholeReport | ChanceFloor | SentenceEffect) -> None:
        match result:
            case WholeReport():
                self.whole = self._kept(result.volume, request=self.request, title="The whole report")
            case ChanceFloor():
                self.chance = Chance(result.way, result.changed_ml, result.mean_hu)
            case SentenceEffect():
                self._add_row(result)
        self.bump()

    def _add_row(self, effect: SentenceEffect) -> None:
        number = len(self.rows) + 1
        start = SharedPrevious(request=self.request)
        title = f"Without sentence {number} of {self.sentences}"
        request = replace(self.request, report=without(self.request.report, effect.sentence))
        run = self._kept(effect.volume, request=request, start=start, title=title)
        row = Row(
            number=number,
            sentence=effect.sentence,
            way=effect.way,
            places=effect.places,
            changed_ml=effect.changed_ml,
            mean_hu=effect.mean_hu,
            inside_hu=effect.inside_hu,
            outside_hu=effect.outside_hu,
            run=run,
        )
        with self.news:
            self.rows.append(row)


class SeedQuestion(Question):
    """What do other seeds change? `seeds`: how many volumes, the request's own among them."""

    kind = "seeds"

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.volumes: list[Run] = []
        self.spread: dict[str, Run] = {}  # by "mean" and "deviation", once it is over
        self._last_spread: Spread | None = None

    @classmethod
    def _volumes(cls, request: GenerationRequest, seeds: int) -> int:
        check_seeds(seeds)
        return seeds

    @property
    def chunks_total(self) -> int:
        """Mean and standard deviation take room, too."""
        return (self.volumes_total + 2) * self.request.chunks

    def make(self, generator: VolumeGenerator) -> State:
        """See `Question.make`. Mean and standard deviation are of those volumes that there are."""
        try:
            return super().make(generator)
        finally:
            self._keep_spread()

    def _results(self, generator: VolumeGenerator) -> Generator[Any, None, None]:
        return compare_seeds(generator, self.request, self.seeds)

    def _take(self, result: SeedVolume | Spread) -> None:
        match result:
            case SeedVolume():
                title = f"Seed {result.request.seed}"
                run = self._kept(result.volume, request=result.request, title=title)
                with self.news:
                    self.volumes.append(run)
            case Spread():
                self._last_spread = result
        self.bump()

    def _keep_spread(self) -> None:
        if self._last_spread is None:
            return
        seeds = f"of {self._last_spread.count} seeds"
        for name, words, volume in (
            ("mean", "Mean", self._last_spread.mean),
            ("deviation", "Standard deviation", self._last_spread.deviation),
        ):
            run = self._kept(volume, request=self.request, title=f"{words} {seeds}", is_computed=True)
            with self.news:
                self.spread[name] = run
        self._last_spread = None
        self.bump()


KINDS: dict[str, type[Question]] = {kind.kind: kind for kind in (SentenceQuestion, SeedQuestion)}
