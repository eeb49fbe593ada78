"""Frames that noun phrases are put into. Of the sentences that come about a fixed share is held out, never a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from zlib import crc32

from ctflow.phantom.phrases import Noun, Phrases, Place

HELD_OUT_OF = 6  # every sixth
SEEN = ("seen", "noted", "present", "observed", "identified", "demonstrated", "evident", "visible")
DETECTED = ("detected", "observed", "seen", "identified", "found")

# ``{sized}``: the noun with its size; ``{place}`` follows a noun, ``{where}`` may stand anywhere.
TOLD = (
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
    *(f"{{a}}{{sized}} {{is}} {seen} {{where}}{{measure}}." for seen in SEEN),
    *(f"{{sized}} {{was}} {seen} {{where}}{{measure}}." for seen in DETECTED),
    *(f"{{where}} {{a}}{{sized}} {{is}} {seen}{{measure}}." for seen in SEEN[:5]),
)
EVERYWHERE = (
    "{noun} {both}.",
    "bilateral {noun}.",
    "{multiple}{noun} {both}.",
    "there {are} {noun} {both}.",
    "{noun} {are} seen {both}.",
)
DENIED = (
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
    *(f"no {{noun}} {{is}} {seen}." for seen in SEEN),
    *(f"no {{noun}} {{was}} {seen}." for seen in DETECTED),
    *(f"{{noun}} {{is}} not {seen}." for seen in SEEN),
    *(f"{{noun}} {{was}} not {seen}." for seen in DETECTED),
    "{noun} {was} not observed {either}.",
)
NEITHER = "neither {each} shows {noun}."
# Of two or three kinds: ``{any}`` joins them by "or", ``{all}`` by "and", ``{nor}`` by "nor".
LISTS = (
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
LISTS_NEW = (
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
# A noun with one of these says its size itself.
SIZES = ("size", "quantity", "mildly", "number", "mm", "cm")
# What ``told`` leaves to be filled with the truth.
LATER = {name: f"{{{name}}}" for name in ("size", "measure", "place", "where")}


@cache
def told(phrases: Phrases) -> tuple[list[str], list[str]]:
    """-> the known and the held-out sentences that its nouns make with the frames, braces left for the truth."""
    return _split(_told(phrases), (*phrases.told, *phrases.told_new))


@cache
def told_held_out(phrases: Phrases) -> frozenset[str]:
    """The held-out sentences that tell its nouns, as `_plain` compares them."""
    return frozenset(_plain(text) for text in (*told(phrases)[1], *phrases.told_new))


def is_held_out(sentence: str, phrases: Phrases) -> bool:
    """Whether a sentence, braces left, is one of those that are held out."""
    return _plain(sentence) in told_held_out(phrases)


@cache
def denied(phrases: Phrases) -> tuple[list[str], list[str]]:
    """-> the known and the held-out sentences that deny its nouns."""
    return _split(_denied(phrases), (*phrases.denied, *phrases.denied_new))


@cache
def deniable(phrases: Phrases) -> list[Noun]:
    """The nouns that a sentence can deny without denying another kind."""
    return [noun for noun in (*phrases.nouns, *phrases.denied_nouns) if "{" not in noun.text]


def listed(frame: str, nouns: list[Noun]) -> str:
    """A frame of ``LISTS`` about these nouns, at least two."""
    *first, last = (noun.text for noun in nouns)
    joined = {
        name: f"{', '.join(first)} {word} {last}" for name, word in (("any", "or"), ("all", "and"), ("nor", "nor"))
    }
    return _capital(frame.format(**joined, **_verbs(nouns[-1])))


def _told(phrases: Phrases) -> Iterator[str]:
    for noun in phrases.nouns:
        whole = any(f"{{{size}}}" in noun.text for size in SIZES)
        for before in ("",) if whole or "{side}" in noun.text else BEFORE_THE_NOUN[phrases.place]:
            text = before + noun.text
            slots = {
                **LATER,
                **_verbs(noun),
                "noun": text,
                "sized": text if whole else "{size} " + text,
                "a": "a " if noun.number == "one" else "",
            }
            if phrases.place == "none" or before or "{side}" in text:
                slots["place"] = slots["where"] = ""
            if "{mm}" in text or "{cm}" in text:
                slots["measure"] = ""
            for frame in TOLD:
                if not (whole and "{noun}" in frame):
                    yield _spaced(frame.format(**slots))


def _denied(phrases: Phrases) -> Iterator[str]:
    parts = PARTS[phrases.place]
    for noun in deniable(phrases):
        for frame in (*DENIED, NEITHER) if parts["each"] else DENIED:
            yield _capital(_spaced(frame.format(noun=noun.text, **parts, **_verbs(noun))))


def _verbs(noun: Noun) -> dict[str, str]:
    return {"is": "are", "was": "were"} if noun.number == "many" else {"is": "is", "was": "was"}


def _spaced(text: str) -> str:
    text = " ".join(text.split())
    return text.replace(" .", ".").replace(" ,", ",").replace(" :", ":").replace(" {measure}", "{measure}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _split(sentences: Iterable[str], written: Iterable[str]) -> tuple[list[str], list[str]]:
    """Without those that are written out: which of these are held out is written too."""
    taken = {_plain(text) for text in written}
    rest = [text for text in dict.fromkeys(sentences) if _plain(text) not in taken]
    held_out = {text for text in rest if crc32(_plain(text).encode()) % HELD_OUT_OF == 0}
    return [text for text in rest if text not in held_out], [text for text in rest if text in held_out]


def _plain(text: str) -> str:
    return text.lower().replace("{place}", "{where}").replace("{measure}", "")
