"""A generator without a model. It makes an asymmetric chest whose every voxel is known."""

import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType, SimpleNamespace

import numpy as np

from ctflow.card import Defaults, EndRule, Evidence, Geometry, Guidance, Latent, ModelCard, Text
from ctflow.drawn import Drawn
from ctflow.generator import ChunkDone, Drafted, EventStream, Finished, Started, StepDone
from ctflow.hu import IntensityMap
from ctflow.reading import Mention, Reading, SentenceReading
from ctflow.report import Report, Sentence, encoder_text, placed_sentences
from ctflow.request import GenerationRequest, Start, VolumeStart, scan_of
from ctflow.volume import Volume, plane_affine

SIZE = 256
SPACING_MM = (3.0, 1.5, 1.5)
WAIT_S = 20
DRAFT_HU = -321  # of no voxel of a chest


def fake_card(towards: str) -> ModelCard:
    """`towards`: the direction, I or S, in which the slice index grows."""
    axes = (towards, "P", "L")
    return ModelCard(
        format=1,
        name="fake",
        title="Fake model, for tests",
        notice="Not a model: geometric shapes that stand for a chest.",
        geometry=Geometry(16, 6, SIZE, SIZE, *SPACING_MM[:2], axes=axes),  # type: ignore[arg-type]
        intensity=IntensityMap(0, 1, -1000, 1000),
        latent=Latent(4, 32, 32, 1.0, 0.0),
        prediction="velocity",
        first_previous="zeros",
        end=EndRule(tolerance=0.1, share=0.9),
        text=Text("words", ("{sex}", "{age}", "Findings: {findings}", "Impression: {impression}"), 64),
        guidance=Guidance(trained=False, default=1.0),
        defaults=Defaults("euler", 4, 1.0, 6),
        evidence=Evidence("proved", "proved", "proved", "proved"),
        provenance="tests",
        licence="none",
        good_for="tests",
        not_good_for="anything else",
    )


def ellipse(shape: tuple[int, int], centre: tuple[float, float], radius: tuple[float, float]) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return ((rows - centre[0]) / radius[0]) ** 2 + ((columns - centre[1]) / radius[1]) ** 2 < 1


def chest_slice(share: float, vessel: int) -> np.ndarray:
    """int16 HU (rows, columns); `share` is 0 at the head and 1 at the feet. The heart is left, the liver right."""
    shape = (SIZE, SIZE)
    hu = np.full(shape, -1000, np.int16)
    hu[ellipse(shape, (128, 128), (78, 112))] = 40
    wide = 22 + 30 * np.sin(np.pi * min(share + 0.12, 1))
    if share < 0.9:
        for column in (76, 180):
            hu[ellipse(shape, (125, column), (wide * 1.25, wide))] = -850
    if 0.35 < share < 0.8:
        hu[ellipse(shape, (112, 150), (34, 40))] = 50
    if share > 0.6:
        hu[ellipse(shape, (125, 76), (70 * (share - 0.5), 90 * (share - 0.5)))] = 60
    hu[ellipse(shape, (178, 128), (14, 14))] = 700
    hu[ellipse(shape, (196 - 130 * share, 60 + 12 * vessel), (5, 5))] = 130
    return hu


@lru_cache(maxsize=32)
def smooth_chest(slices: int, vessel: int, towards: str) -> np.ndarray:
    made = [chest_slice(i / (slices - 1), vessel) for i in range(slices)]
    return np.stack(made if towards == "I" else made[::-1])


def chest(slices: int, seed: int, towards: str) -> np.ndarray:
    """int16 HU (slices, rows, columns). The seed places a vessel and shifts the grain, so there are 55 kinds."""
    grain = (np.add.outer(np.arange(SIZE) * 7 + seed, np.arange(SIZE) * 13) % 11).astype(np.int16)
    return smooth_chest(slices, seed % 5, towards) + grain


class FakeGenerator:
    """Heeds chunks, steps and seed of a request and what its volume begins with, and nothing else.

    `step` is called once a step: let it sleep, wait or raise. `ends_at`: the number of slices after which its volumes
    end, as a model's do when it makes white ones. `drafts`: whether a draft of the first chunk comes after its first
    step, whose voxels are all `DRAFT_HU`. `known`: the findings that it recognises by their names; `drawn`: how often
    it draws them.
    """

    model_sha256 = "0" * 64
    device, cuda, hardware, precision = "cpu", "plain", "nothing", "float32"

    def __init__(
        self,
        step: Callable[[int, int], None],
        towards: str = "I",
        ends_at: int | None = None,
        known: tuple[str, ...] = (),
        drafts: bool = False,
        drawn: Mapping[str, Drawn] = MappingProxyType({}),
    ) -> None:
        self.card = fake_card(towards)
        self.ends_at = ends_at
        self.known = known
        self.drafts, self.drawn = drafts, drawn
        self.towards = towards
        self.step = step
        self.closed = 0
        self.requests: list[GenerationRequest] = []
        self.starts: list[Start | None] = []

    def hu(self, request: GenerationRequest, start: Start | None = None) -> np.ndarray:
        """int16 (slices, rows, columns) of a volume that does not end early."""
        hu = chest(request.chunks * self.card.geometry.slices_per_chunk, request.seed, self.towards)
        if not isinstance(start, VolumeStart):
            return hu
        kept = self.hu(start.request, start.start)[: start.chunks * self.card.geometry.slices_per_chunk]
        return np.concatenate([kept, hu[len(kept) :]])

    def stream(self, request: GenerationRequest, start: Start | None = None) -> EventStream:
        self.requests.append(request)
        self.starts.append(start)
        per_chunk = self.card.geometry.slices_per_chunk
        hu = self.hu(request, start)
        kept = start.chunks if isinstance(start, VolumeStart) else 0
        affine = plane_affine(self.card.geometry.axes, SPACING_MM, SIZE, SIZE)
        if scan := scan_of(start):
            hu[: scan.slices], affine = scan.scan.hu[: scan.slices], scan.scan.affine
        finished = False
        try:
            yield Started(request, (hu.shape[0], SIZE, SIZE), affine)
            for chunk in range(request.chunks):
                for step in range(request.steps if chunk >= kept else 0):
                    self.step(chunk, step)
                    yield StepDone(chunk, step)
                    if self.drafts and (chunk, step) == (0, 0):
                        yield Drafted(0, 0, np.full((per_chunk, SIZE, SIZE), DRAFT_HU, np.int16))
                first = chunk * per_chunk
                yield ChunkDone(chunk, first, hu[: self.ends_at][first : first + per_chunk])
                if self.ends_at and self.ends_at <= first + per_chunk:
                    break
            yield Finished(hu[: self.ends_at].shape)
            finished = True
        finally:
            self.closed += not finished

    def read(self, report: Report | None) -> Reading:
        limit = self.card.text.max_tokens
        if report is None:
            return Reading(0, limit, "", self.known)
        words = encoder_text(report, self.card.text.parts).split()
        taken_in = " ".join(words[:limit])
        read = tuple(self._read(one, taken_in) for one in placed_sentences(report))
        return Reading(len(words), limit, " ".join(words[limit:]), self.known, read)

    def _read(self, sentence: Sentence, taken_in: str) -> SentenceReading:
        if " ".join(sentence.text.split()) not in taken_in:
            return SentenceReading(sentence, is_cut=True)
        found = self._mentions(sentence.text)
        return SentenceReading(sentence, tuple(found), (sentence.text,) if self.known and not found else ())

    def _mentions(self, sentence: str) -> list[Mention]:
        words = sentence.lower()
        side, size = (next((one for one in some if one in words), None) for some in (("right", "left"), ("large",)))
        return [Mention(one, "no " not in words, side, None, size) for one in self.known if one.lower() in words]

    def score(self, volume: Volume, report: Report) -> float | None:
        return None

    def labels(self, volume: Volume) -> dict[str, float] | None:
        return None


class Heeding(FakeGenerator):
    """Fills the patient's right lung wherever the report speaks of an effusion; nothing else in a report counts."""

    EFFUSION_HU = 20
    RIGHT_LUNG = np.s_[:, 90:160, 55:97]  # rows and columns inside it, in most slices

    def hu(self, request: GenerationRequest, start: Start | None = None) -> np.ndarray:
        hu = super().hu(request, start).copy()
        kept = start.chunks * self.card.geometry.slices_per_chunk if isinstance(start, VolumeStart) else 0
        if "effusion" in request.report.findings:
            hu[kept:][self.RIGHT_LUNG] = self.EFFUSION_HU
        return hu


def finder(generator: FakeGenerator) -> Callable[[str], SimpleNamespace]:
    """Stands for `find_model` of the command line: whatever is asked for, it is this generator."""
    return lambda name: SimpleNamespace(card=generator.card, load=lambda *_: generator)


def sleeping(seconds: float) -> FakeGenerator:
    return FakeGenerator(lambda chunk, step: time.sleep(seconds))


class Gate:
    """Lets a generator make one step at a time, and counts how many steps run at once."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.inside = 0
        self.most_inside = 0
        self.count = 0

    def __call__(self, chunk: int, step: int) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.entered.release()
        assert self.steps.acquire(timeout=WAIT_S)
        self.count += 1
        self.inside -= 1

    def open(self, steps: int) -> None:
        self.steps.release(steps)

    def wait_inside(self) -> None:
        assert self.entered.acquire(timeout=WAIT_S)


def wait_until(condition: Callable[[], object]) -> None:
    """Tries it every 50 ms."""
    for _ in range(WAIT_S * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("the condition did not become true")
