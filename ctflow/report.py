"""A radiology report, and the text that an encoder sees."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from string import Formatter
from typing import Literal, get_args

from ctflow.errors import RequestError

Field = Literal["findings", "impression"]  # of a report, that holds text
MAX_CHARACTERS = 20_000
_HEADINGS = re.compile(r"\b(findings|impressions?)\s*:", re.IGNORECASE)
# The space behind a stop may be missing: "normal.Large effusion" is two sentences, as CT-CLIP joins two fields.
# A question and its answer are one sentence: "Effusion? Yes, on the left."
_ANSWERS = "yes|no|none|normal|unremarkable|clear|negative|absent|present"
_NO_ANSWER = rf"(?!(?<=\?\s)(?:{_ANSWERS})(?:[,.;]|\s*$))"
_SENTENCE_ENDS = re.compile(
    rf"(?i:(?<=[.!?;])\s+{_NO_ANSWER})|\s*\n\s*|(?<=[a-z][a-z][.!?;])(?=[A-Z])|(?<=[A-Z\d)][.])(?=[A-Z][a-z])"
)
# These go on: an abbreviation, a heading ("Pleura:"), and a line that its writer's program broke.
_ABBREVIATED = re.compile(
    r"(?<!\w)(?:(?i:(?:approx|ca|max|min|resp|vs|e\.g|i\.e|incl|cf)\.\s+(?=[a-z\d])|(?:im|img|se|ser|fig)\.\s+(?=\d))"
    r"|[LR]\.\s+(?=(?:upper|middle|lower|lung|lobe|apex|apical|base|basal|hilum|hemithorax|main|pleural)(?!\w)))"
)
_DANGLING = re.compile(
    r"(?:(?<!\w)(?i:of|the|in|at|on|with|and|or|nor|for|from|to|is|are|was|were|pleural|pericardial)"
    r"|(?:^|[.;]\s)\s*(?i:no|without))$"
)
_BLOCKS = re.compile(r"[ \t]*\n\s+")  # a sentence never goes on over a blank line or into an indented one
_STOP = re.compile(r"[.!?;](?:\s|\Z)")
_MIN_WIDTH = 50  # of lines that a program breaks, in characters
_NEAR = 24  # more than an abbreviation with its spaces
# Control characters, changes of writing direction, half characters: no report needs them, and no page can show them.
LEFT_OUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

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
            object.__setattr__(self, name, LEFT_OUT.sub("", text).strip())
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
        parts: dict[Field, list[str]] = {"findings": [], "impression": [impression]}
        for field, start, end in sections(text):
            parts[field].append(text[start:end])
        findings, impression = (" ".join(filter(None, map(str.strip, some))) for some in parts.values())
        return cls(findings, impression, sex, age)


def sections(text: str) -> Iterator[tuple[Field, int, int]]:
    """The parts of a free text: the field of a report that each belongs to, its first character and that behind it."""
    field: Field = "findings"
    start = 0
    for heading in _HEADINGS.finditer(text):
        yield field, start, heading.start()
        # not .lower(): the pattern takes a Turkish dotless or dotted i for an i
        field, start = "findings" if heading[0][0] in "fF" else "impression", heading.end()
    yield field, start, len(text)


def _is_visible(sign: str) -> bool:
    return sign.isalnum() and sign not in _FILLERS


@dataclass(frozen=True)
class Sentence:
    """`text` is what stands in this field of its report from the character `start` to before `end`."""

    text: str
    field: Field
    start: int
    end: int


def placed_sentences(report: Report) -> tuple[Sentence, ...]:
    """The sentences of findings and impression in their order, as often as they stand there.

    What has no letter is no sentence.
    """
    return tuple(sentence for field in get_args(Field) for sentence in _in_field(field, getattr(report, field)))


def _in_field(field: Field, text: str) -> Iterator[Sentence]:
    for start, end in sentence_spans(text):
        yield Sentence(text[start:end], field, start, end)


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each sentence of a text begins, and the place behind it. What has no letter is no sentence."""
    for start, end in _parts(text):
        if any(sign.isalpha() and _is_visible(sign) for sign in text[start:end]):
            yield start, end


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """All that stands between the gaps of a text, sentences or not."""
    start = 0
    for end, following in [*_gaps(text), (len(text), len(text))]:
        yield start, end
        start = following


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    """What stands between two sentences."""
    start = 0
    for end, following in [*(found.span() for found in _BLOCKS.finditer(text)), (len(text), len(text))]:
        width = max(map(len, text[start:end].split("\n")))
        for gap in _SENTENCE_ENDS.finditer(text, start, end):
            if not _goes_on(text, *gap.span(), end, width):
                yield gap.span()
        if end < following:
            yield end, following
        start = following


def _goes_on(text: str, end: int, following: int, last: int, width: int) -> bool:
    """Whether what stands before `end` is no whole sentence.

    `last`: where the block of lines ends; `width`: of its longest line.
    """
    if following >= last:
        return False
    if any(found.end() == following for found in _ABBREVIATED.finditer(text, max(0, end - _NEAR), following + _NEAR)):
        return True
    if "\n" not in text[end:following] or text[end - 1] in ".!?;":
        return False
    begin = text.rfind("\n", 0, end) + 1
    line, next_line = text[begin:end], text[following:last].partition("\n")[0]
    if line.endswith(":"):
        return ":" not in next_line
    if _DANGLING.search(line):
        return not text[:begin].rstrip().endswith((":", "?"))
    is_full = len(line) + 1 + len(next_line.split(maxsplit=1)[0]) > width >= _MIN_WIDTH
    return is_full and next_line[:1].islower() and bool(_STOP.search(text, following, last))


def sentences(report: Report) -> list[str]:
    """The texts of `placed_sentences`, each once."""
    return list(dict.fromkeys(sentence.text for sentence in placed_sentences(report)))


def without(report: Report, sentence: str) -> Report:
    """The report without a sentence of it, wherever it stands. Raises RequestError if it is the only one."""
    findings, impression = (
        "".join(_ended(text[start:end]) for start, end in _parts(text) if text[start:end] != sentence)
        for text in (report.findings, report.impression)
    )
    return replace(report, findings=findings, impression=impression)


def _ended(part: str) -> str:
    """A line without a stop stays a line, or the next one would become a part of its sentence."""
    return f"{part} " if part.endswith((".", "!", "?", ";")) else f"{part}\n"


def encoder_text(report: Report, parts: tuple[str, ...]) -> str:
    """The text that an encoder sees. Each part names a field in braces and is left out where that field is empty.

    For example `("[Sex: {sex}]", "Findings: {findings}")`.
    """
    return "".join(text for _, text in _pieces(report, parts))


def field_starts(report: Report, parts: tuple[str, ...]) -> dict[str, int]:
    """Where the text of each field begins in `encoder_text`; a field that is not in it is left out."""
    starts: dict[str, int] = {}
    end = 0
    for field, text in _pieces(report, parts):
        if field is not None:
            starts.setdefault(field, end)
        end += len(text)
    return starts


def _pieces(report: Report, parts: tuple[str, ...]) -> Iterator[tuple[str | None, str]]:
    """`encoder_text` piece by piece: each with its field, None for what stands around the fields."""
    fields = {key: value for key, value in asdict(report).items() if value not in (None, "")}
    used = [part for part in parts if fields_of(part) <= fields.keys()]
    for i, part in enumerate(used):
        if i:
            yield None, " "
        for around, name, form, conversion in Formatter().parse(part):
            yield None, around
            if name is not None:
                yield name, f"{{{name}{f'!{conversion}' if conversion else ''}:{form}}}".format(**fields)


def fields_of(part: str) -> set[str]:
    """The names in braces in a part of `encoder_text`; `{{` is a brace. Raises ValueError for braces without an end."""
    return {name for _, name, _, _ in Formatter().parse(part) if name is not None}
