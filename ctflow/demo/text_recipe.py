"""How the demo model gets a text encoder that reads sentence by sentence: `python -m ctflow train text`.

Its BERT begins as a public sentence model. All that is drawn from reports stays: the transformer is told what it was
told before, by the encoder of the checkpoint that the training begins with.
"""

import json
import logging
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch

from ctflow.card import CARD, ModelCard, Text, write_card
from ctflow.checkpoint.drawn import MEASURED
from ctflow.checkpoint.folder import READER, TEXT, load_checkpoint, save_text
from ctflow.checkpoint.networks import Checkpoint
from ctflow.demo.fact_training import SentenceReading, new_facts, train_sentences, train_telling
from ctflow.demo.pretrained import LICENCE, NAME, SHA256, load_pretrained
from ctflow.demo.recipe import adamw
from ctflow.demo.taught import draw_taught
from ctflow.demo.text_check import check_encoder
from ctflow.demo.vocabulary import cut_vocabulary, split_otherwise
from ctflow.demo.work import PLAN, keep_base, kept_base, train_once
from ctflow.errors import RequestError
from ctflow.io.files import replacing
from ctflow.models.fact_encoder import FactEncoder, facts_of
from ctflow.models.guard.lexicon import FINDINGS
from ctflow.runtime.device import resolve_device
from ctflow.training.optimizers import OptimizerConfig
from ctflow.training.randomness import random_stream, seed_torch
from ctflow.training.restarts.plan import note_plan
from ctflow.training.stage import SUMMARY, Budget, Stage

log = logging.getLogger(__name__)

PARTS = ("{findings}\n", "{impression}")  # the encoder reads sentences, and a heading is none
MAX_TOKENS = 512
SENTENCES_SHARE = 0.92  # of the hours; the rest is for the telling
SENTENCES, TELLING = "sentences", "telling"  # the stages
REPLACED = (TEXT, READER, MEASURED)  # parts of a checkpoint folder
READING_RATE = adamw(3e-4, max_gradient_norm=5.0)
TELLING_RATE = adamw(2e-3, max_gradient_norm=1.0)


@dataclass(frozen=True)
class TextSizes:
    """`layers` and `vocabulary`: how much is kept of the public model. `corpus`: so many sentences say which words."""

    layers: int
    vocabulary: int
    corpus: int
    checked: int


DEMO_TEXT = TextSizes(layers=5, vocabulary=8000, corpus=30_000, checked=2000)


def train_text_encoder(
    out: Path,
    work: Path,
    *,
    hours: float,
    sizes: TextSizes,
    seed: int,
    device: str,
    from_checkpoint: Path | None,
    pretrained: str | None = None,
    sha256: str = SHA256,
) -> None:
    """Trains for about `hours`, keeps its state in `work`, and writes a checkpoint folder `out`.

    Called again, it goes on with what is in `work`. `from_checkpoint`: the model that gets the encoder, which begins as
    `pretrained`, a name on the hub or a folder, whose weights must have the hash `sha256`. Left out, it is the public
    model's name, or the encoder that the model has where that one reads sentence by sentence: it is trained further.

    Raises RequestError without a checkpoint that reads reports, or where `work` holds another training; CheckpointError
    where weights cannot be read.
    """
    folder = base_folder(work, from_checkpoint)
    base = load_reading_base(folder)
    goes_on = pretrained is None and isinstance(base.text, FactEncoder)
    plan = {"seed": seed, **asdict(sizes), "base": base.sha256, "begun as": None if goes_on else sha256}
    note_plan(work / PLAN, plan, begun=(work / PLAN).exists())
    keep_base(work, from_checkpoint)

    on = resolve_device(device).type

    def stage(name: str, share: float, optimizer: OptimizerConfig) -> Stage:
        return Stage(
            name=name,
            optimizer=optimizer,
            folder=work / name,
            budget=Budget.of_seconds(3600 * hours * share),
            seed=seed,
            device=on,
        )

    encoder = base.text if goes_on else begin(base, sizes, seed, pretrained or NAME, sha256)
    assert isinstance(encoder, FactEncoder)
    encoder.requires_grad_(True)
    reading = SentenceReading(encoder)
    draw = partial(draw_taught, phrasings="known")
    taught = partial(train_sentences, reading=reading, encoder=encoder, draw=draw)
    train_once(stage(SENTENCES, SENTENCES_SHARE, READING_RATE), reading, taught)
    if encoder is not base.text:
        told = partial(train_telling, facts=encoder.facts, before=base.text, parts=base.card.text.parts)
        train_once(stage(TELLING, 1 - SENTENCES_SHARE, TELLING_RATE), encoder.facts.tell, told)
    encoder.cpu().eval().requires_grad_(False)
    check_encoder(encoder, PARTS, sizes.checked, seed)
    card = text_card(base.card, encoder, sha256, history(work, on))
    write_model(out, folder, encoder, card)
    log.info("%s is there; try it with: python app.py --model %s", out, out)


def base_folder(work: Path, given: Path | None) -> Path:
    """Of the model to begin with: the one that is given, or the one that `work` began with. Raises RequestError."""
    folder = given or kept_base(work)
    if folder is None:
        raise RequestError("A text encoder is trained for a model: name its checkpoint with --from.")
    return folder


def load_reading_base(folder: Path) -> Checkpoint:
    """The model to begin with. Raises RequestError for one that cannot say what it reads."""
    base = load_checkpoint(folder)
    if not base.reads:
        raise RequestError(f"{folder} cannot say what it reads: a model of `train demo` was expected.")
    return base


def write_model(out: Path, base: Path, encoder: FactEncoder, card: ModelCard) -> None:
    """The model in `base` with another encoder and card. All else is copied: the same files are the same networks, so
    that what was measured of an A-VAE still counts. What was measured of the whole model does not."""
    with replacing(out) as new:
        shutil.copytree(base, new, ignore=lambda folder, _: REPLACED if Path(folder) == base else ())
        save_text(new / TEXT, encoder.bert, encoder.tokenizer, encoder.facts)
        write_card(card, new / CARD)


def begin(base: Checkpoint, sizes: TextSizes, seed: int, pretrained: str, sha256: str) -> FactEncoder:
    """An encoder that begins as the public model, with the words that our sentences and the guard know."""
    whole, tokenizer = load_pretrained(pretrained, sha256)
    rng = random_stream(seed, "sentences for the vocabulary")
    texts = [draw_taught(rng, "known").text for _ in range(sizes.corpus)]
    bert, smaller = cut_vocabulary(whole, tokenizer, [*texts, *lexicon_words()], sizes.vocabulary, sizes.layers)
    held_out = [draw_taught(rng, "held-out").text for _ in range(sizes.checked)]
    log.info(
        "of %d tokens %d are kept: %.1f %% of the words of held-out sentences become other tokens",
        tokenizer.get_vocab_size(),
        smaller.get_vocab_size(),
        100 * split_otherwise(tokenizer, smaller, held_out),
    )
    seed_torch(seed, "first weights of the reading")
    before = facts_of(base.text) or base.reader
    assert before is not None, "load_reading_base refuses a model that reads nothing"
    facts = new_facts(bert.config.hidden_size, base.text.dim, before.grades)
    return FactEncoder(bert, smaller, min(MAX_TOKENS, bert.config.max_position_embeddings), facts)


def lexicon_words() -> list[str]:
    """The names of findings that the guard knows, which others may write."""
    return [
        phrase.replace("*", "")
        for wording in FINDINGS.values()
        for phrases in (wording.names, wording.kinds, wording.denials)
        for phrase in phrases
    ]


def text_card(before: ModelCard, encoder: FactEncoder, sha256: str, history: str) -> ModelCard:
    """The card of the model with its new encoder. `sha256`: of the weights that it began as."""
    began = f"BERT that reads sentence by sentence; it began as {NAME} ({LICENCE}, SHA-256 {sha256})"
    return replace(
        before,
        text=Text(encoder=began, parts=PARTS, max_tokens=encoder.max_tokens),
        provenance=f"{before.provenance} {history}",
    )


def history(work: Path, device: str) -> str:
    """What was trained, for the card."""
    stages = {name: work / name / SUMMARY for name in (SENTENCES, TELLING)}
    done = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in stages.items() if path.exists()}
    steps = ", ".join(f"{name} {one['steps']:,} steps in {one['seconds'] / 60:.0f} min" for name, one in done.items())
    return (
        "Then it got another text encoder, by `python -m ctflow train text`, taught sentences of our own grammar, no "
        f"patient's: {steps}; on {device} with {torch.get_num_threads()} threads, {datetime.now(UTC):%Y-%m-%d}."
    )
