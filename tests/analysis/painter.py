"""A generator whose every voxel is known: what a sentence paints, what a seed changes, and what previous chunks do."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from ctflow.card import ModelCard
from ctflow.drawn import Drawn
from ctflow.generator import ChunkDone, EventStream, Finished, Started, StepDone
from ctflow.lineage import Lineage, plan_chunks
from ctflow.reading import Mention, Reading, SentenceReading
from ctflow.report import Report, placed_sentences, sentences
from ctflow.request import GenerationRequest, Start
from ctflow.volume import plane_affine
from tests.tiny import CARD

SLICES, ROWS, COLUMNS = CARD.geometry.slices_per_chunk, CARD.geometry.rows, CARD.geometry.columns
BODY = (slice(4, 28), slice(2, 30))  # rows, columns; in it two lungs
LUNGS = ((slice(8, 20), slice(5, 14)), (slice(8, 20), slice(18, 27)))
DRIFT_HU = 30  # for each previous chunk that lacks a sentence
Paint = Callable[[np.ndarray, int], None]  # draws into a chunk of this number


class Painter:
    """`paints`: what a sentence draws. `grain`: how many HU a seed changes, up and down.

    `ends_after`: the chunk with which every volume ends.
    """

    model_sha256 = "0" * 64
    device, cuda, precision, hardware = "cpu", "plain", "float32", "nothing"
    drawn: Mapping[str, Drawn] = MappingProxyType({})

    def __init__(
        self, paints: Mapping[str, Paint], grain: int = 0, mentions: tuple[Mention, ...] = (), ends_after: int = 99
    ) -> None:
        self.card: ModelCard = replace(CARD, name="painter")
        self.paints, self.grain, self.mentions, self.ends_after = paints, grain, mentions, ends_after
        self.closed = 0

    def stream(self, request: GenerationRequest, start: Start | None = None) -> EventStream:
        plan = plan_chunks(request, start, SLICES)
        finished = False
        try:
            yield Started(request, (request.chunks * SLICES, ROWS, COLUMNS), affine())
            made = min(len(plan.lineages), self.ends_after)
            for chunk, lineage in enumerate(plan.lineages[:made]):
                for step in range(request.steps if chunk >= plan.head else 0):
                    yield StepDone(chunk, step)
                yield ChunkDone(chunk, chunk * SLICES, self._chunk(lineage))
            yield Finished((made * SLICES, ROWS, COLUMNS))
            finished = True
        finally:
            self.closed += not finished

    def _chunk(self, lineage: Lineage) -> np.ndarray:
        hu = chest()
        report, seed = lineage[-1].report, lineage[-1].seed  # type: ignore[union-attr]  # no scans here
        for sentence in sentences(report):
            self.paints.get(sentence, lambda hu, chunk: None)(hu, len(lineage) - 1)
        said = [set(sentences(one.report)) for one in lineage[:-1]]  # type: ignore[union-attr]
        hu[:, *BODY] += DRIFT_HU * sum("All is stable." not in one for one in said)
        grain = np.random.default_rng([seed, len(lineage)]).integers(-self.grain, self.grain + 1, hu.shape)
        return (hu + grain).astype(np.int16)

    def read(self, report: Report | None) -> Reading:
        placed = placed_sentences(report) if report else ()
        read = (SentenceReading(one, tuple(m for m in self.mentions if m.finding in one.text)) for one in placed)
        return Reading(0, 99, "", sentences=tuple(read))

    def score(self, volume: object, report: Report) -> float | None:
        return None

    def labels(self, volume: object) -> dict[str, float] | None:
        return None


def chest() -> np.ndarray:
    """One chunk, all of its slices alike: a body with two lungs in air."""
    hu = np.full((SLICES, ROWS, COLUMNS), -1000, np.int16)
    hu[:, *BODY] = 0
    for lung in LUNGS:
        hu[:, *lung] = -850
    return hu


def affine() -> np.ndarray:
    """Slices go down, columns to the patient's left: the first lung is the right one."""
    return plane_affine(("I", "P", "L"), (3.0, 1.5, 1.5), ROWS, COLUMNS)


def fill(lung: int, hu: int, chunks: tuple[int, ...] = (0, 1, 2)) -> Paint:
    """Fills a lung of these chunks."""

    def paint(picture: np.ndarray, chunk: int) -> None:
        if chunk in chunks:
            picture[:, *LUNGS[lung]] = hu

    return paint
