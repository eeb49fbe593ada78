"""The steps of a reproduction: commands of `python -m ctflow`, which anybody could type, in their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ctflow.data.ctrate import Split, reports_path, volumes_folder
from ctflow.evaluation.metrics.beginnings import FULL_BODY, GT_HEAD
from ctflow.reproduction.controls import NOISY, REPEATED, SHUFFLED, control_folder
from ctflow.reproduction.orders import EARLY, LAST, OTHERS
from ctflow.reproduction.plan import Plan

MODES = (FULL_BODY, GT_HEAD, "next-block")
PROTOCOL = "demo"


@dataclass(frozen=True)
class Step:
    """`words`: of a command, after `python -m ctflow`. `name`: by which it is known to be done."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Places:
    """Where everything lies in the folder of a reproduction."""

    out: Path

    @property
    def phantoms(self) -> Path:
        """Laid out as CT-RATE."""
        return self.out / "phantoms"

    @property
    def config(self) -> Path:
        """Of the training."""
        return self.out / "config.toml"

    @property
    def training(self) -> Path:
        """The folder of `train flow`."""
        return self.out / "training"

    @property
    def results(self) -> Path:
        """The folder of `evaluate metrics`."""
        return self.out / "results"

    def data_set(self, split: Split) -> Path:
        """The shards."""
        return self.out / "data" / split

    def real(self, split: Split) -> Path:
        """The volumes of the phantoms."""
        return volumes_folder(self.phantoms, split)

    @property
    def others(self) -> Path:
        """Phantoms, as many as are judged, that are in neither split: a model could make none that are more real."""
        return self.out / "others"

    @property
    def early(self) -> Path:
        """The volumes of the early model, in a folder for each mode."""
        return self.out / "early"

    @property
    def volumes(self) -> Path:
        """Those of the last model."""
        return self.out / "volumes"

    @property
    def controls(self) -> Path:
        """The sets that are worse in a known way than `others`."""
        return self.out / "controls"

    @property
    def reports(self) -> Path:
        """The reports of all that is judged."""
        return self.controls / "reports.csv"

    @property
    def labels(self) -> Path:
        """Their labels."""
        return self.controls / "labels.csv"

    def judged(self) -> Iterator[tuple[str, Path]]:
        """The title of each set that is judged, and its folder."""
        for mode in MODES:
            yield LAST, self.volumes / mode
        yield EARLY, self.early / FULL_BODY
        yield OTHERS, volumes_folder(self.others, "train")
        for name in (SHUFFLED, REPEATED, NOISY):
            yield name, control_folder(self.controls, name)


def making(plan: Plan, places: Places) -> Iterator[Step]:
    """From nothing to the volumes."""
    counts: dict[Split, int] = {"train": plan.trained, "valid": plan.judged}
    for split, count in counts.items():
        yield _step(f"phantoms {split}", "phantom", n=count, split=split, seed=plan.seed, out=places.phantoms)
    more = {"n": plan.judged, "split": "train", "seed": plan.seed + plan.trained}
    yield _step("other phantoms", "phantom", **more, out=places.others)
    for split in counts:
        of_set = {"ct_rate": places.phantoms, "split": split, "model": plan.model, "out": places.data_set(split)}
        yield _step(f"prepare {split}", "prepare", **of_set)
        yield _step(f"verify {split}", "prepare", "--verify", **of_set)
    yield _train(plan, places, "train the early model", plan.early_minutes)
    yield _generate(plan, places, "generate by the early model", (FULL_BODY,), places.early)
    yield _train(plan, places, "train", plan.late_minutes)
    yield _generate(plan, places, "generate", MODES, places.volumes)


def judging(plan: Plan, places: Places) -> Iterator[Step]:
    """Once the controls are there."""
    for title, folder in places.judged():
        yield _step(
            f"judge {folder.relative_to(places.out)}",
            "evaluate",
            "metrics",
            real=places.real("valid"),
            fake=folder,
            training=places.real("train"),
            reports=places.reports,
            labels=places.labels,
            protocol=PROTOCOL,
            title=title,
            out=places.results,
        )


def _train(plan: Plan, places: Places, name: str, minutes: float) -> Step:
    return _step(
        name,
        "train",
        "flow",
        config=places.config,
        data=places.data_set("train"),
        valid=places.data_set("valid"),
        valid_reports=reports_path(places.phantoms, "valid"),
        model=plan.model,
        minutes=f"{minutes:g}",
        out=places.training,
    )


def _generate(plan: Plan, places: Places, name: str, modes: Sequence[str], out: Path) -> Step:
    real = {} if modes == (FULL_BODY,) else {"real": places.real("valid")}
    return _step(
        name,
        "generate",
        model=places.training / "model",
        reports=reports_path(places.phantoms, "valid"),
        **real,
        modes=",".join(modes),
        seed=plan.seed,
        out_dir=out,
    )


def _step(name: str, *words: str, **options: object) -> Step:
    given = ((f"--{option.replace('_', '-')}", str(value)) for option, value in options.items())
    return Step(name, (*words, *(word for pair in given for word in pair)))
