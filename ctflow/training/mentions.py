"""Training of the reader's mentions: a head on the frozen text encoder, taught with phantoms' sentences."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.evaluation.statistics import Estimate, share
from ctflow.models.reader import ASSERTED, DENIED, NOT_MENTIONED, Reader, ReaderConfig
from ctflow.models.text import TextEncoder
from ctflow.phantom import (
    KINDS,
    SIZES,
    SLOTS,
    Finding,
    Kind,
    Phrasings,
    Site,
    Truth,
    draw_finding,
    tell,
    tell_everywhere,
    tell_unplaced,
)
from ctflow.phantom import phrases_frames as frames
from ctflow.phantom.phrases import ALSO_DENIED, BACKGROUND, GENERAL_DENIALS, NORMAL_IMPRESSION, NORMAL_WHOLE
from ctflow.phantom.reports import deny_all, filled
from ctflow.phantom.truth import LOBAR, SIDED
from ctflow.report import Report, encoder_text
from ctflow.training.loop import Stage, train
from ctflow.training.others import OTHER_THINGS, OTHERS, OTHERS_NEW
from ctflow.training.text import LOGIT_SCALE, UNSIZED, Attributes

Sort = Literal["asserted", "denied", "other"]
PLACED = (*SIDED, *LOBAR)
HIDDEN = 256
BATCH = 256
ENCODED = 64  # sentences at once
JOINED_SHARE = 0.2  # of the sentences are two, joined by a comma
# Of every second sentence for training these many words are unknown ones, so that no single word decides alone.
UNKNOWN_SHARE = 0.15


@dataclass(frozen=True, eq=False)
class Sentence:
    """`slots`: int64 (len(SLOTS),), each NOT_MENTIONED, DENIED or ASSERTED. `unplaced`: asserted, but in no slot."""

    text: str
    slots: np.ndarray
    sort: Sort
    unplaced: Kind | None = None


def new_reader(attributes: Attributes) -> Reader:
    """With the grades that the encoder was trained with, and mentions that are still to be trained."""
    bert = attributes.encoder.bert.config
    slots = tuple((kind, *site) for kind, site in SLOTS)
    reader = Reader(ReaderConfig(bert.hidden_size, bert.num_hidden_layers, HIDDEN, slots, SIZES))
    # Its embeddings come as they are; and the last number of a slot is the amount, which nobody reads.
    weight, bias = (
        tensor.unflatten(0, (len(SLOTS), -1))[:, :-1].flatten(0, 1).detach()
        for tensor in (attributes.heads.weight, attributes.heads.bias)
    )
    reader.grades.load_state_dict({"weight": LOGIT_SCALE * weight, "bias": bias})
    return reader


def draw_sentence(rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    """One sentence, or two that are joined, as reports have them."""
    first = _draw_one(rng, phrasings)
    if rng.random() >= JOINED_SHARE:
        return first
    second = _draw_one(rng, phrasings)
    while _contradict(first, second) or _contradict(second, first):
        second = _draw_one(rng, phrasings)
    text = f"{first.text.rstrip('.')}, {second.text[:1].lower()}{second.text[1:]}"
    return Sentence(text, np.maximum(first.slots, second.slots), max(first.sort, second.sort, key=_WEIGHT.get))


def _contradict(one: Sentence, other: Sentence) -> bool:
    """Whether one denies what the other asserts, or speaks of what the other asserts somewhere."""
    unplaced = [kind == one.unplaced for kind, _ in SLOTS]
    return bool((one.slots * other.slots * (one.slots - other.slots)).any() or other.slots[unplaced].any())


_WEIGHT: dict[Sort, int] = {"other": 0, "denied": 1, "asserted": 2}


def _draw_one(rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    draw = rng.random()
    kind = KINDS[int(rng.integers(len(KINDS)))]
    if draw < 0.45:
        return _asserted(kind, rng, phrasings)
    if draw < 0.70:
        (text,) = tell(Truth(), kind, rng, phrasings)
        return Sentence(text, _slots(dict.fromkeys((kind, *ALSO_DENIED.get(text, ())), DENIED)), "denied")
    if draw < 0.75:
        several = [KINDS[i] for i in rng.permutation(len(KINDS))[: int(rng.integers(2, 4))]]
        return Sentence(deny_all(several, rng, phrasings), _slots(dict.fromkeys(several, DENIED)), "denied")
    if phrasings == "known" and draw < 0.79:
        text, kinds = GENERAL_DENIALS[int(rng.integers(len(GENERAL_DENIALS)))]
        return Sentence(text, _slots(dict.fromkeys(kinds, DENIED)), "denied")
    if phrasings == "known" and draw < 0.82:
        text = str(rng.choice(NORMAL_WHOLE + NORMAL_IMPRESSION))
        return Sentence(text, _slots(dict.fromkeys(KINDS, DENIED)), "denied")
    if phrasings == "known" and draw < 0.86:
        kind = LOBAR[int(rng.integers(len(LOBAR)))]
        return Sentence(tell_everywhere(kind, rng), _slots({kind: ASSERTED}), "asserted")
    if phrasings == "known" and draw < 0.90:  # as it cannot be said where it is, it is better not recognised
        kind = PLACED[int(rng.integers(len(PLACED)))]
        return Sentence(tell_unplaced(kind, rng), _slots({}), "other", kind)
    return Sentence(_other(rng, phrasings), _slots({}), "other")


def _other(rng: np.random.Generator, phrasings: Phrasings) -> str:
    held_out = phrasings == "held-out"
    if rng.random() < 0.5:
        return str(rng.choice(OTHERS_NEW if held_out else BACKGROUND + OTHERS))
    said = frames.told if rng.random() < 0.5 else frames.denied
    framed = said(OTHER_THINGS)[held_out]
    words = {"size": str(rng.choice(SIZES)), "measure": ""}
    return filled(framed[int(rng.integers(len(framed)))], words)


def _asserted(kind: Kind, rng: np.random.Generator, phrasings: Phrasings) -> Sentence:
    findings = draw_finding(kind, rng)
    if kind != "Pleural effusion":
        findings = findings[:1]
    texts = tell(Truth(findings=tuple(findings)), kind, rng, phrasings, UNSIZED)
    if len(texts) == len(findings):
        which = int(rng.integers(len(texts)))
        return Sentence(texts[which], _at(findings[which], ASSERTED), "asserted")
    if len(texts) < len(findings):  # both sides in one sentence
        return Sentence(texts[0], _slots({kind: ASSERTED}), "asserted")
    other = Finding(kind=kind, side="left" if findings[0].side == "right" else "right")
    return Sentence(texts[1], _at(other, DENIED), "denied")  # of an effusion on one side, that it is not on the other


def _sorted(text: str, slots: np.ndarray) -> Sentence:
    return Sentence(text, slots, "asserted" if (slots == ASSERTED).any() else "denied" if slots.any() else "other")


def _slots(answers: dict[Kind, int]) -> np.ndarray:
    return np.array([answers.get(kind, NOT_MENTIONED) for kind, _ in SLOTS], np.int64)


def _at(finding: Finding, answer: int) -> np.ndarray:
    def there(kind: Kind, site: Site) -> bool:
        return kind == finding.kind and site in finding.sites

    return np.array([answer if there(*slot) else NOT_MENTIONED for slot in SLOTS], np.int64)


@torch.no_grad()
def _encoded(
    encoder: TextEncoder, sentences: list[Sentence], parts: tuple[str, ...], rng: np.random.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """-> embeddings (sentences, D), states (sentences, (1 + layers) · D), answers (sentences, slots).

    With `rng`, some words are made unknown.
    """
    tokenizer, encoded = encoder.tokenizer, []
    for first in range(0, len(sentences), ENCODED):
        texts = [encoder_text(Report(one.text), parts) for one in sentences[first : first + ENCODED]]
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=encoder.max_tokens, return_tensors="pt")
        ids, mask = tokens["input_ids"], tokens["attention_mask"]
        if rng:
            lost = torch.from_numpy(rng.random(ids.shape) < UNKNOWN_SHARE * rng.integers(2, size=(len(ids), 1)))
            kept = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id)
            ids = torch.where(lost & ~kept, tokenizer.unk_token_id, ids)
        encoded.append(encoder.states(ids, mask))
    embeddings, states = map(torch.cat, zip(*encoded, strict=True))
    return embeddings, states, torch.from_numpy(np.stack([one.slots for one in sentences]))


def train_mentions(stage: Stage, reader: Reader, encoder: TextEncoder, parts: tuple[str, ...], count: int) -> nn.Module:
    """Cross-entropy over the slots of `count` sentences, which are encoded once: the encoder stays as it is."""
    rng = np.random.default_rng([stage.seed, 6])
    _, states, answers = _encoded(encoder, [draw_sentence(rng, "known") for _ in range(count)], parts, rng)

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        picks = torch.from_numpy(rng.integers(count, size=BATCH))
        said = model(states[picks].to(device)).float().unflatten(1, (-1, 3))
        target = answers[picks].to(device)
        return {"mentions": F.cross_entropy(said.flatten(0, 1), target.flatten(), reduction="sum") / BATCH}

    return train(stage, reader.mentions, losses)


def taught(seed: int, count: int) -> frozenset[str]:
    """The texts that `train_mentions` draws for a stage of this seed."""
    rng = np.random.default_rng([seed, 6])
    return frozenset(draw_sentence(rng, "known").text for _ in range(count))


@dataclass(frozen=True)
class MentionCheck:
    """Shares of distinct sentences: of each sort those read wholly right, and of all those where something was misread.

    What is neither right nor misread was not recognised.
    """

    right: dict[Sort, Estimate]
    misread: Estimate


@torch.inference_mode()
def check_mentions(
    reader: Reader,
    encoder: TextEncoder,
    parts: tuple[str, ...],
    phrasings: Phrasings,
    count: int,
    seed: int,
    without: Container[str] = (),
) -> MentionCheck:
    """See `MentionCheck`; of `count` sentences drawn, those that differ, `without` what the reader was taught.

    A sentence of what the reader does not know is of the sort "other".
    """
    rng = np.random.default_rng([seed, 7])
    known = [SLOTS.index((kind, (side, lobe))) for kind, side, lobe in reader.config.slots]  # type: ignore[arg-type]
    drawn = {one.text: one for one in (draw_sentence(rng, phrasings) for _ in range(count))}
    sentences = [_sorted(one.text, one.slots[known]) for one in drawn.values() if one.text not in without]
    by_sort: dict[Sort, list[bool]] = {"asserted": [], "denied": [], "other": []}
    misread = 0
    if sentences:
        embeddings, states, answers = _encoded(encoder, sentences, parts)
        read = reader.answers(embeddings, states)
        for one, good in zip(sentences, (read == answers).all(-1).tolist(), strict=True):
            by_sort[one.sort].append(good)
        misread = int(((read != answers) & (read != NOT_MENTIONED)).any(-1).sum())
    shares = {sort: share(sum(good), len(good)) for sort, good in by_sort.items()}
    return MentionCheck(shares, share(misread, len(sentences)))
