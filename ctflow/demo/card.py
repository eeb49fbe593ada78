"""The demo model's card: what it is, how it was trained, and which findings it was measured to draw as asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ctflow.card import (
    CARD,
    Defaults,
    EndRule,
    Evidence,
    Geometry,
    Latent,
    LearntEndRule,
    ModelCard,
    PartialGuidance,
    Text,
    read_card,
    write_card,
)
from ctflow.checkpoint.drawn import keep_drawn
from ctflow.checkpoint.folder import folder_sha256
from ctflow.demo.sizes import CHUNK
from ctflow.errors import RequestError
from ctflow.evaluation.obedience.table import AUROC_ASKED, SIDE, read_table
from ctflow.hu import AIR_HU, IntensityMap
from ctflow.io.files import replacing
from ctflow.phantom import KINDS
from ctflow.phantom.grid import PIXEL_MM, SIZE, SLICE_MM

NAME = "ctflow-demo"
INTENSITY = IntensityMap(black=0.0, white=1.0, hu_black=AIR_HU, hu_white=1400)
TEXT_PARTS = ("[Sex: {sex}]", "[Age: {age:03d}Y]", "Findings: {findings}", "Impression: {impression}")
MAX_TOKENS = 256
TEXT = Text(encoder="BERT of its own, first token", parts=TEXT_PARTS, max_tokens=MAX_TOKENS)
# Borders of chests have gone 0.05 of the way at most in phantoms and 0.063 in the model's own volumes, those of slices
# that are a fifth white 0.19 at least. `python -m ctflow evaluate end` counts the errors.
DEMO_END = LearntEndRule(border_whiteness=0.1)
# For a model that learnt nothing: its grey borders would end every volume before its first slice.
PUBLISHED_END = EndRule(tolerance=0.7, share=0.9)
# As much obedience as 16 steps with guidance 2 in all of t, and weaker seams, in 9 evaluations a chunk instead of 32:
# `python -m ctflow evaluate trade` measures it.
GUIDANCE = PartialGuidance(trained=True, default=3.0, above_t=0.6)
DEFAULTS = Defaults(solver="stochastic", steps=6, shift=1.0, chunks=6)
# The AUROC compares volumes whose report asks for a finding with all others. A finding follows the report if the lower
# end of the AUROC's interval is at least FOLLOWS_FROM, and follows it weakly if that end lies above CHANCE.
CHANCE, FOLLOWS_FROM = 0.5, 0.65
# A finding is on the side that the report names if the lower end of the share of right sides is at least this.
RIGHT_SIDE_FROM = 0.75


@dataclass(frozen=True)
class Obedience:
    """Which findings follow the report, and which do so weakly or no better than by chance; the surest first.

    `right_side`: those that are on the side that the report names. Measured in so many `volumes`.
    """

    follow: tuple[str, ...]
    follow_weakly: tuple[str, ...]
    by_chance: tuple[str, ...]
    right_side: tuple[str, ...]
    volumes: int


def read_obedience(path: Path) -> Obedience:
    """Reads the `obedience.json` of a demo model. Raises RequestError for another file, or another model's."""
    table = read_table(path)
    if NAME not in table.columns:
        raise RequestError(
            f"{path} has the obedience of {', '.join(table.columns)}; that of {NAME} was expected. Measure the model "
            "with `python -m ctflow evaluate obedience`."
        )
    column = table.columns[NAME]
    if missing := [kind for kind in KINDS if (AUROC_ASKED, kind) not in column]:
        raise RequestError(f"{path} says nothing of {_listed(missing)}: measure the model again.")
    lows = {kind: column[AUROC_ASKED, kind].low for kind in KINDS}
    # A finding that was not asked for often enough has no interval, and counts as not told apart from chance.
    sure = {kind: CHANCE if math.isnan(low) else low for kind, low in lows.items()}
    ordered = sorted(KINDS, key=lambda kind: -sure[kind])
    return Obedience(
        follow=tuple(kind for kind in ordered if sure[kind] >= FOLLOWS_FROM),
        follow_weakly=tuple(kind for kind in ordered if CHANCE < sure[kind] < FOLLOWS_FROM),
        by_chance=tuple(kind for kind in ordered if sure[kind] <= CHANCE),
        right_side=tuple(
            kind for kind in ordered if (SIDE, kind) in column and column[SIDE, kind].low >= RIGHT_SIDE_FROM
        ),
        volumes=table.plan["n"],
    )


def demo_card(
    latent: Latent,
    provenance: str,
    measured: Obedience | None,
    end: EndRule | LearntEndRule = DEMO_END,
    text: Text = TEXT,
) -> ModelCard:
    """The whole card. `measured`: None for a model that was just trained, and not measured yet."""
    claims = _claims(measured)
    return ModelCard(
        format=1,
        name=NAME,
        title="CTFlow demo model, trained on procedural phantoms",
        notice=claims.notice,
        geometry=Geometry(
            slices_per_chunk=CHUNK,
            max_chunks=6,
            rows=SIZE,
            columns=SIZE,
            slice_spacing_mm=SLICE_MM,
            pixel_spacing_mm=PIXEL_MM,
            axes=("I", "P", "L"),
        ),
        intensity=INTENSITY,
        latent=latent,
        prediction="data",
        first_previous="black",
        end=end,
        text=text,
        guidance=GUIDANCE,
        defaults=DEFAULTS,
        evidence=Evidence(axes="proved", spacing="proved", intensity="proved", text="proved"),
        provenance=provenance,
        licence="Apache-2.0",
        good_for=claims.good_for,
        not_good_for=claims.not_good_for,
    )


def rewrite_card(folder: Path, measured: Obedience) -> None:
    """Brings up to date what the card in `folder` says of obedience, and how it samples where nobody says otherwise.

    A model that was not trained for guidance, such as a student, stays without it. What was measured of the model stays
    its own, unless it samples otherwise from now on.
    Raises RequestError where the folder holds another model than the demo, CheckpointError where it has no card.
    """
    card = read_card(folder / CARD)
    if card.name != NAME:
        raise RequestError(f"{folder} holds {card.name}; a model of `train demo`, {NAME}, was expected.")
    claims = _claims(measured)
    rewritten = replace(
        card,
        notice=claims.notice,
        guidance=GUIDANCE if card.guidance.trained else card.guidance,
        defaults=DEFAULTS,
        good_for=claims.good_for,
        not_good_for=claims.not_good_for,
    )
    before = folder_sha256(folder)
    with replacing(folder / CARD) as new:
        write_card(rewritten, new)
    if (card.guidance, card.defaults) == (rewritten.guidance, rewritten.defaults):
        keep_drawn(folder, before, folder_sha256(folder))


def provenance(
    trained: Mapping[str, Mapping[str, int]], phantoms: int, hardware: str, date: str, base: str | None
) -> str:
    """How a model was trained.

    `trained`: steps and seconds of each stage. `base`: what is said of the checkpoint that the training began with.
    """
    stages = ", ".join(
        f"{name} {one['steps']:,} steps in {one['seconds'] / 60:.0f} min" for name, one in trained.items()
    )
    text = (
        f"Trained by `python -m ctflow train demo` on {phantoms} procedural phantoms, no patient's data: {stages}; "
        f"last on {hardware}, {date}."
    )
    return text if base is None else f"{text} {base}"


@dataclass(frozen=True, kw_only=True)
class _Claims:
    """The card's sentences about what the model draws as asked."""

    notice: str
    good_for: str
    not_good_for: str


def _claims(measured: Obedience | None) -> _Claims:
    reads = f"Demo model: simulated chests. It reads {len(KINDS)} findings"
    good_for = "Trying CTFlow without a GPU or downloads: a simulated chest, streamed, viewed and saved."
    if measured is None:
        return _Claims(
            notice=f"{reads}; how well its volumes follow the report was not measured. Not for diagnosis.",
            good_for=good_for,
            not_good_for="Anything clinical; anatomy in detail.",
        )
    if measured.follow:
        good_for += f" These findings follow the report: {_listed(measured.follow)}."
    if measured.follow_weakly:
        good_for += f" These follow it weakly: {_listed(measured.follow_weakly)}."
    if measured.right_side:
        good_for += f" On the side that the report names: {_listed(measured.right_side)}."
    not_good_for = "Anything clinical; anatomy in detail"
    if measured.by_chance:
        not_good_for += (
            f"; findings that it reads but that do not follow the report, as far as {measured.volumes} volumes can "
            f"tell: {_listed(measured.by_chance)}"
        )
    return _Claims(
        notice=f"{reads}; in its volumes {len(measured.follow)} of them follow the report. Not for diagnosis.",
        good_for=good_for,
        not_good_for=f"{not_good_for}.",
    )


def _listed(kinds: Sequence[str]) -> str:
    """The findings in a sentence: "cardiomegaly, emphysema and hiatal hernia"."""
    names = [kind.lower() for kind in kinds]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
