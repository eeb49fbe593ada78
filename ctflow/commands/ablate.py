"""`python -m ctflow ablate`: what each sentence of a report does, beside what chance alone would have changed."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ctflow.analysis.ablation import ChanceFloor, SentenceEffect, WholeReport, ablate, check_ablation
from ctflow.analysis.table import effects_csv, effects_markdown
from ctflow.commands.asking import number
from ctflow.commands.making import write_computed, write_made
from ctflow.commands.question import add_question_to, begin, results_of
from ctflow.generator import VolumeGenerator
from ctflow.io.files import write_atomic
from ctflow.volume import Volume

HELP = """\
Makes the volume of a report, then others of it with other seeds, which tell what changes by chance, then the volume
without each sentence in turn. Into DIR go the volume, a map of signed HU differences for each sentence (with it minus
without it), and the table as ablation.md and ablation.csv. Ctrl-C keeps what is done. See analysis/README.md."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `ablate` and its arguments."""
    parser = commands.add_parser(
        "ablate",
        help="tell what each sentence of a report does to its volume",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add_question_to(parser)
    parser.add_argument(
        "--seeds", type=number, default=3, metavar="K", help="other seeds, for what chance changes (default: 3)"
    )
    parser.add_argument(
        "--plain", action="store_true", help="compare also volumes whose chunks go on from their own (twice the time)"
    )


def run(args: argparse.Namespace) -> None:
    """Writes each map as soon as it is there, and prints the table. Raises CTFlowError."""
    generator, request = begin(args, lambda request: check_ablation(request, args.seeds))
    written = _Results(args.out_dir, generator)
    results: Iterator[WholeReport | ChanceFloor | SentenceEffect]
    results = results_of(ablate(generator, request, args.seeds, args.plain))
    try:
        for result in results:
            written.add(result)
    finally:
        print(written.table, end="")


class _Results:
    """Writes results into a folder, one after another."""

    def __init__(self, folder: Path, generator: VolumeGenerator) -> None:
        self._folder, self._generator = folder, generator
        self._whole: Volume | None = None
        self._floors: list[ChanceFloor] = []
        self._effects: list[SentenceEffect] = []

    @property
    def table(self) -> str:
        """In Markdown; empty before there is a result to compare."""
        return effects_markdown(self._floors, self._effects) if self._floors else ""

    def add(self, result: WholeReport | ChanceFloor | SentenceEffect) -> None:
        """Writes the volume, or the map and the tables."""
        if isinstance(result, WholeReport):
            self._whole = result.volume
            path = self._folder / "whole.nii.gz"
            write_made(result.volume, result.request, self._generator, result.seconds, path)
            return
        if isinstance(result, ChanceFloor):
            self._floors.append(result)
            self._write(result.hu, f"floor-{result.way}", "chance floor of |HU|")
        else:
            self._effects.append(result)
            number = len({effect.sentence for effect in self._effects})
            self._write(result.difference, f"sentence-{number:02d}-{result.way}", f"HU change by sentence {number}")
        write_atomic(self._folder / "ablation.md", self.table.encode())
        write_atomic(self._folder / "ablation.csv", effects_csv(self._floors, self._effects).encode())

    def _write(self, hu: np.ndarray, name: str, kind: str) -> None:
        assert self._whole, "the whole report's volume comes first"
        path = self._folder / f"{name}.nii.gz"
        write_computed(hu, self._whole.affine, path, self._generator.card.name, kind)
