"""Sentence frames for noun phrases. A fixed share of the resulting sentences is held out, but no word is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from zlib import crc32

from ctflow.phantom.phrases import Noun, Phrases, Place

HELD_OUT_EVERY = 6  # one sentence of so many
IS_SEEN = ("seen", "noted", "present", "observed", "identified", "demonstrated", "evident", "visible")
WAS_DETECTED = ("detected", "observed", "seen", "identified", "found")

# ``{sized}``: the noun with its size. ``{place}`` only follows a noun, ``{where}`` may stand anywhere.
ASSERTION_FRAMES = (
    "{sized} {place}{measure}.",
    "{a}{sized} {place}{measure}.",
    "there {is} {a}{sized} {place}{measure}.",
    "{where} there {is} {a}{sized}{measure}.",
    "{noun} {place}, {size}{measure}.",
    "{noun} {place}: {size}{measure}.",
    "the study shows {a}{sized} {place}{measure}.",
    "the images show {a}{sized} {place}{measure}.",
    "the scan demonstrates {a}{sized} {place}{measure}.",
    "findings in keeping with {a}{sized} {place}{measure}.",
    "there is evidence of {a}{sized} {place}{measure}.",
    *(f"{{a}}{{sized}} {{is}} {seen} {{where}}{{measure}}." for seen in IS_SEEN),
    *(f"{{sized}} {{was}} {seen} {{where}}{{measure}}." for seen in WAS_DETECTED),
    *(f"{{where}} {{a}}{{sized}} {{is}} {seen}{{measure}}." for seen in IS_SEEN[:5]),
)
BOTH_LUNGS_FRAMES = (
    "{noun} {both}.",
    "bilateral {noun}.",
    "{multiple}{noun} {both}.",
    "there {are} {noun} {both}.",
    "{noun} {are} seen {both}.",
)
DENIAL_FRAMES = (
    "no {noun}.",
    "no {noun} {either}.",
    "there {is} no {noun}.",
    "there {is} no {noun} {either}.",
    "no evidence of {noun}.",
    "there is no evidence of {noun}.",
    "no sign of {noun}.",
    "no signs of {noun} {either}.",
    "without {noun}.",
    "without evidence of {noun}.",
    "absence of {noun}.",
    "{noun} {is} absent.",
    "negative for {noun}.",
    "the study is negative for {noun}.",
    "free of {noun}.",
    "the {whole} free of {noun}.",
    "the study shows no {noun}.",
    "the images show no {noun}.",
    *(f"no {{noun}} {{is}} {seen}." for seen in IS_SEEN),
    *(f"no {{noun}} {{was}} {seen}." for seen in WAS_DETECTED),
    *(f"{{noun}} {{is}} not {seen}." for seen in IS_SEEN),
    *(f"{{noun}} {{was}} not {seen}." for seen in WAS_DETECTED),
    "{noun} {was} not observed {either}.",
)
NEITHER_FRAME = "neither {each} shows {noun}."
# About two or three kinds: ``{any}`` joins them with "or", ``{all}`` with "and", ``{nor}`` with "nor".
DENIAL_LISTS = (
    "no {any}.",
    "no {any} {is} seen.",
    "no {any} {was} detected.",
    "there is no {any}.",
    "no evidence of {any}.",
    "without {any}.",
    "negative for {any}.",
    "the study shows no {any}.",
    "the chest is free of {any}.",
    "absence of {all}.",
    "{all} are absent.",
    "{all} were not observed.",
    "neither {nor} {is} seen.",
    "neither {nor} {was} detected.",
)
DENIAL_LISTS_HELD_OUT = (
    "no sign of {any}.",
    "there is no evidence of {any}.",
    "the study is negative for {any}.",
    "free of {any}.",
    "{all} are not present.",
    "neither {nor} {is} present.",
)

BEFORE_THE_NOUN: dict[Place, tuple[str, ...]] = {
    "lobe": ("", "{side} {lobe} lobe ", "{abbreviation} "),
    "side": ("", "{side} ", "{side}-sided "),
    "lungs": ("", "bilateral "),
    "none": ("",),
}
PARTS: dict[Place, dict[str, str]] = {
    "lobe": {"either": "in either lung", "each": "lung", "whole": "lungs are"},
    "side": {"either": "on either side", "each": "side", "whole": "chest is"},
    "lungs": {"either": "in either lung", "each": "lung", "whole": "lungs are"},
    "none": {"either": "", "each": "", "whole": "chest is"},
}
# A noun with one of these slots states its size itself.
SIZE_SLOTS = ("size", "quantity", "mildly", "number", "mm", "cm")
# Slots that ``framed_assertions`` leaves open, to be filled from a truth.
OPEN_SLOTS = {name: f"{{{name}}}" for name in ("size", "measure", "place", "where")}


@cache
def framed_assertions(phrases: Phrases) -> tuple[list[str], list[str]]:
    """-> the known and the held-out sentences that assert its nouns, with ``OPEN_SLOTS``."""
    return _split(_assertions(phrases), (*phrases.assertions, *phrases.held_out_assertions))


@cache
def _held_out_assertions(phrases: Phrases) -> frozenset[str]:
    """All held-out assertions, in the form in which `_plain` compares them."""
    return frozenset(_plain(text) for text in (*framed_assertions(phrases)[1], *phrases.held_out_assertions))


def is_held_out(sentence: str, phrases: Phrases) -> bool:
    """Whether an assertion, with its slots still open, is one of those that are held out."""
    return _plain(sentence) in _held_out_assertions(phrases)


@cache
def framed_denials(phrases: Phrases) -> tuple[list[str], list[str]]:
    """-> the known and the held-out sentences that deny its nouns."""
    return _split(_denials(phrases), (*phrases.denials, *phrases.held_out_denials))


@cache
def deniable_nouns(phrases: Phrases) -> list[Noun]:
    """The nouns that a sentence can deny without denying another kind too."""
    return [noun for noun in (*phrases.nouns, *phrases.denied_nouns) if "{" not in noun.text]


def list_denial(frame: str, nouns: list[Noun]) -> str:
    """A frame of ``DENIAL_LISTS``, filled with these nouns, of which there are at least two."""
    *first, last = (noun.text for noun in nouns)
    joined = {
        name: f"{', '.join(first)} {word} {last}" for name, word in (("any", "or"), ("all", "and"), ("nor", "nor"))
    }
    return _capital(frame.format(**joined, **_verbs(nouns[-1])))


def _assertions(phrases: Phrases) -> Iterator[str]:
    for noun in phrases.nouns:
        whole = any(f"{{{size}}}" in noun.text for size in SIZE_SLOTS)
        for before in ("",) if whole or "{side}" in noun.text else BEFORE_THE_NOUN[phrases.place]:
            text = before + noun.text
            slots = {
                **OPEN_SLOTS,
                **_verbs(noun),
                "noun": text,
                "sized": text if whole else "{size} " + text,
                "a": "a " if noun.number == "one" else "",
            }
            if phrases.place == "none" or before or "{side}" in text:
                slots["place"] = slots["where"] = ""
            if "{mm}" in text or "{cm}" in text:
                slots["measure"] = ""
            for frame in ASSERTION_FRAMES:
                if not (whole and "{noun}" in frame):
                    yield _spaced(frame.format(**slots))


def _denials(phrases: Phrases) -> Iterator[str]:
    parts = PARTS[phrases.place]
    for noun in deniable_nouns(phrases):
        for frame in (*DENIAL_FRAMES, NEITHER_FRAME) if parts["each"] else DENIAL_FRAMES:
            yield _capital(_spaced(frame.format(noun=noun.text, **parts, **_verbs(noun))))


def _verbs(noun: Noun) -> dict[str, str]:
    return {"is": "are", "was": "were"} if noun.number == "many" else {"is": "is", "was": "was"}


def _spaced(text: str) -> str:
    text = " ".join(text.split())
    return text.replace(" .", ".").replace(" ,", ",").replace(" :", ":").replace(" {measure}", "{measure}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _split(sentences: Iterable[str], written: Iterable[str]) -> tuple[list[str], list[str]]:
    """Known and held-out sentences, without those that are written out: these say themselves which are held out."""
    taken = {_plain(text) for text in written}
    rest = [text for text in dict.fromkeys(sentences) if _plain(text) not in taken]
    held_out = {text for text in rest if crc32(_plain(text).encode()) % HELD_OUT_EVERY == 0}
    return [text for text in rest if text not in held_out], [text for text in rest if text in held_out]


def _plain(text: str) -> str:
    return text.lower().replace("{place}", "{where}").replace("{measure}", "")
