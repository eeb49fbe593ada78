"""A radiology report, and the text that an encoder sees."""

import re
from dataclasses import asdict, dataclass, replace
from string import Formatter
from typing import Literal

from ctflow.errors import RequestError

MAX_CHARACTERS = 20_000
_HEADINGS = re.compile(r"\b(findings|impressions?)\s*:", re.IGNORECASE)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?;])\s+|\s*\n\s*")
# Control characters, changes of writing direction, half characters: no report needs them, and no page can show them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters by Unicode's count, but nothing of them is seen


@dataclass(frozen=True)
class Report:
    """What a radiologist writes; `age` in years. Raises RequestError for values that no report has."""

    findings: str
    impression: str = ""
    sex: Literal["F", "M"] | None = None
    age: int | None = None

    def __post_init__(self) -> None:
        for name in ("findings", "impression"):
            text = getattr(self, name)
            if not isinstance(text, str):
                raise RequestError(f"The report's {name} must be text; got {type(text).__name__}.")
            if len(text) > MAX_CHARACTERS:
                raise RequestError(
                    f"The report's {name} has {len(text):,} characters; at most {MAX_CHARACTERS:,} are accepted. "
                    "Shorten it."
                )
            object.__setattr__(self, name, _CONTROL.sub("", text).strip())
        if not any(map(_is_visible, self.findings + self.impression)):
            raise RequestError(
                "The report is empty. Write findings or an impression, for example “No pleural effusion.”"
            )
        if self.sex not in ("F", "M", None):
            raise RequestError(f"Sex is F, M or left out; got {self.sex!r}.")
        if self.age is not None and not (type(self.age) is int and 0 <= self.age <= 120):
            raise RequestError(f"Age is a whole number of years from 0 to 120, or left out; got {self.age!r}.")

    @classmethod
    def parse(
        cls, text: str, impression: str = "", sex: Literal["F", "M"] | None = None, age: int | None = None
    ) -> "Report":
        """Free text -> Report: all of it is findings, unless it has the headings `Findings:` or `Impression:`."""
        head, *sections = _HEADINGS.split(text)
        parts = {"f": [head], "i": [impression]}
        for heading, body in zip(sections[::2], sections[1::2], strict=True):
            # not .lower(): the pattern takes a Turkish dotless or dotted i for an i
            parts["f" if heading[0] in "fF" else "i"].append(body)
        findings, impression = (" ".join(filter(None, map(str.strip, parts[key]))) for key in "fi")
        return cls(findings, impression, sex, age)


def _is_visible(sign: str) -> bool:
    return sign.isalnum() and sign not in _FILLERS


def sentences(report: Report) -> list[str]:
    """The sentences of findings and impression in their order, each once. What has no letter is no sentence."""
    parts = [part for text in (report.findings, report.impression) for part in _SENTENCE_ENDS.split(text)]
    return list(dict.fromkeys(part for part in parts if any(sign.isalpha() and _is_visible(sign) for sign in part)))


def without(report: Report, sentence: str) -> Report:
    """The report without a sentence of it, wherever it stands. Raises RequestError if it is the only one."""
    findings, impression = (
        " ".join(part for part in _SENTENCE_ENDS.split(text) if part != sentence)
        for text in (report.findings, report.impression)
    )
    return replace(report, findings=findings, impression=impression)


def encoder_text(report: Report, parts: tuple[str, ...]) -> str:
    """The text that an encoder sees. Each part names a field in braces and is left out where that field is empty.

    For example `("[Sex: {sex}]", "Findings: {findings}")`.
    """
    fields = {key: value for key, value in asdict(report).items() if value not in (None, "")}
    return " ".join(part.format(**fields) for part in parts if fields_of(part) <= fields.keys())


def fields_of(part: str) -> set[str]:
    """The names in braces in a part of `encoder_text`; `{{` is a brace. Raises ValueError for braces without an end."""
    return {name for _, name, _, _ in Formatter().parse(part) if name is not None}
