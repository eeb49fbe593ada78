"""What is shown of each sentence of a report: what a reader reads in it, as far as the guard lets it pass."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

import torch

from ctflow.models.fact_encoder import FactEncoder, SentenceLogits
from ctflow.models.guard.clauses import clauses, names_any
from ctflow.models.guard.guard import Guard, stance_of
from ctflow.models.guard.guard import Slot as Site
from ctflow.models.guard.sentence_guard import SentenceGuard
from ctflow.models.guard.stance import Stance, is_heading
from ctflow.models.kept_sentences import KeptSentences
from ctflow.models.mentions import Slot, mentions_of
from ctflow.models.reader import Reader
from ctflow.models.text import TextEncoder
from ctflow.reading import Mention
from ctflow.report import Report, encoder_text

Said = tuple[tuple[Mention, ...], tuple[str, ...]]  # what is shown of a sentence, and what was not recognised in it


class ReadsSentences(Protocol):
    """Reads the sentences of one report. `known`: the findings that it knows."""

    @property
    def known(self) -> tuple[str, ...]: ...

    def __call__(self, sentences: list[str]) -> dict[str, Said]: ...


class ByClauses:
    """Reads each clause alone, so that what a sentence denies on the right and asserts on the left is not mixed up."""

    def __init__(self, text: TextEncoder, reader: Reader, parts: tuple[str, ...]) -> None:
        self._text, self._reader, self._parts = text, reader, parts
        self._guard = Guard(sites_by_finding(reader.config.slots))
        self._kept = KeptSentences(self._read)

    @property
    def known(self) -> tuple[str, ...]:
        return self._reader.config.findings

    def __call__(self, sentences: list[str]) -> dict[str, Said]:
        return self._kept.of(sentences)

    def _read(self, new: list[str]) -> dict[str, Said]:
        """All that is new is encoded at once."""
        named = {sentence: _named_clauses(sentence) for sentence in new}
        shown = self._shown(list(dict.fromkeys(clause for some in named.values() for clause in some)))
        return {sentence: self._together(sentence, {one: shown[one] for one in named[sentence]}) for sentence in new}

    def _shown(self, named: list[str]) -> dict[str, tuple[Mention, ...]]:
        """By clause, what the reader reads in it and the guard lets pass."""
        if not named:
            return {}
        texts = [encoder_text(Report(_ended(clause)), self._parts) for clause in named]
        read = self._reader.read_all(self._text, texts)
        return {clause: self._guard.shown(clause, one) for clause, one in zip(named, read, strict=True)}

    def _together(self, sentence: str, shown: dict[str, tuple[Mention, ...]]) -> Said:
        """What is shown of a sentence, from what is shown of its clauses."""
        shown = self._guard.shown_together(shown)
        mentions = tuple(dict.fromkeys(mention for of_clause in shown.values() for mention in of_clause))
        return said(self._guard, sentence, mentions)


class BySentences:
    """Reads each sentence whole, and shows of it what the report's embedding tells too."""

    def __init__(self, text: FactEncoder) -> None:
        self._text = text
        self._guard = SentenceGuard(sites_by_finding(text.facts.config.slots))
        self._kept = KeptSentences(self._read)

    @property
    def known(self) -> tuple[str, ...]:
        return self._text.facts.config.findings

    @torch.inference_mode()
    def __call__(self, sentences: list[str]) -> dict[str, Said]:
        read = self._kept.of(sentences)
        facts = self._text.gathered([logits for logits, _ in read.values()])
        disagreed = self._text.facts.disagreed(facts)
        return {
            sentence: said(self._guard, sentence, tuple(one for one in shown if one.finding not in disagreed))
            for sentence, (_, shown) in read.items()
        }

    @torch.inference_mode()
    def _read(self, new: list[str]) -> dict[str, tuple[SentenceLogits, tuple[Mention, ...]]]:
        """Its logits of each sentence, and what the guard lets pass of them."""
        read = self._text.read_sentences(new)
        facts = self._text.facts
        answers, sizes = (torch.stack(logits) for logits in zip(*read.values(), strict=True))
        said = zip(facts.answers(answers).tolist(), facts.sizes(sizes).tolist(), facts.sure_of(answers), strict=True)
        return {
            sentence: (logits, self._shown(sentence, *one))
            for (sentence, logits), one in zip(read.items(), said, strict=True)
        }

    def _shown(
        self, sentence: str, answers: list[int], sizes: list[int], certain: frozenset[str]
    ) -> tuple[Mention, ...]:
        if is_heading(sentence):
            return ()
        config = self._text.facts.config
        return self._guard.shown_in(sentence, mentions_of(config.slots, config.sizes, answers, sizes), certain)


def said(guard: Guard, sentence: str, mentions: tuple[Mention, ...]) -> Said:
    """What was not recognised: all of a sentence, if nothing of it is shown."""
    if not mentions:
        return (), (sentence,)
    return mentions, tuple(clause for clause in _named_clauses(sentence) if _is_missed(guard, clause, mentions))


def sites_by_finding(slots: Iterable[Slot]) -> dict[str, list[Site]]:
    """By finding, the sides and lobes that a reader tells it apart by."""
    sites: dict[str, list[Site]] = defaultdict(list)
    for finding, side, lobe in slots:
        sites[finding].append((side, lobe))
    return sites


def _is_missed(guard: Guard, clause: str, mentions: tuple[Mention, ...]) -> bool:
    """Whether a clause names a finding that is not among what is shown of its sentence."""
    shown = {(one.finding, stance_of(one)) for one in mentions}
    findings = {one.finding for one in mentions}
    return any(
        finding not in findings if what in (Stance.UNCLEAR, Stance.INVOLVED) else (finding, what) not in shown
        for finding, what in guard.named(clause)
    )


def _named_clauses(sentence: str) -> list[str]:
    """The clauses of a sentence that name a finding; of others nothing would be shown."""
    return [] if is_heading(sentence) else [clause for clause in clauses(sentence) if names_any(clause)]


def _ended(clause: str) -> str:
    """The clause as a sentence of its own, which is what readers are taught."""
    return clause if clause.endswith((".", "!", "?")) else f"{clause.rstrip(' ,;')}."
