"""The last corrections of a text that was put together from words."""

import re

_BEFORE_A_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou]|8(?:\d*)\b|11\b|18\b)(?!uni|one|eu|us)", re.IGNORECASE)


def tidy(text: str) -> str:
    """Without double blanks or words, blanks before stops, and with "an" before vowels."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.;:)])", r"\1", text)
    text = re.sub(r"[,:]+([,.;])", r"\1", text)
    text = re.sub(r"\b(\w{3,}) \1\b", r"\1", text)  # "no significant significant effusion"
    text = re.sub(r"\s-(?=\s-|\.?$)", "", text)
    text = text.replace("the a ", "the ")
    return _BEFORE_A_VOWEL.sub(r"\1n ", text)


def capital(text: str) -> str:
    """With a capital at the start."""
    return text[:1].upper() + text[1:]
