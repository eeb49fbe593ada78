"""Files of sentences that people wrote, each with what it says."""

from dataclasses import dataclass
from pathlib import Path

from ctflow.errors import RequestError

CODES = {
    "PLE": "Pleural effusion",
    "PTX": "Pneumothorax",
    "CM": "Cardiomegaly",
    "PE": "Pericardial effusion",
    "CON": "Consolidation",
    "OPA": "Lung opacity",
    "NOD": "Lung nodule",
    "ATE": "Atelectasis",
    "EMP": "Emphysema",
    "FIB": "Pulmonary fibrotic sequela",
    "BRE": "Bronchiectasis",
    "PBT": "Peribronchial thickening",
    "SEP": "Interlobular septal thickening",
    "MOS": "Mosaic attenuation pattern",
    "HH": "Hiatal hernia",
    "LAP": "Lymphadenopathy",
    "AWC": "Arterial wall calcification",
    "CAC": "Coronary artery wall calcification",
    "MM": "Medical material",
}
SIDES = {"R": frozenset({"right"}), "L": frozenset({"left"}), "B": frozenset({"right", "left"})}
LOBES = ("upper", "middle", "lower")
FORMAT = """\
FILE holds a sentence a line: SENTENCE | TAGS. A tag is + (asserted) or - (denied), a finding's code and, where the
sentence says it, :R :L or :B (right, left, both) and :upper :middle or :lower. For example
  Consolidation in the left lower lobe, no effusion. | +CON:L:lower -PLE
No tag: the sentence speaks of none of the findings. Lines that begin with # are remarks. The codes:
""" + "\n".join(f"  {code:4} {finding}" for code, finding in CODES.items())


@dataclass(frozen=True)
class Tag:
    """What a sentence says of one finding. `sides` and `lobe` are None where the label does not say."""

    finding: str
    asserted: bool
    sides: frozenset[str] | None = None
    lobe: str | None = None


@dataclass(frozen=True)
class LabelledSentence:
    """A sentence, and all that it says. `manner`: how it is written, empty if nobody knows."""

    text: str
    tags: tuple[Tag, ...]
    manner: str = ""


def read_sentences(path: Path) -> list[LabelledSentence]:
    """The labelled sentences of a file (`FORMAT`). Raises RequestError for what is not one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"The sentences {path} cannot be read as UTF-8 text ({error}).") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            found.append(_labelled(line, f"{path}, line {number}"))
    if not found:
        raise RequestError(f"{path} holds no sentence; expected lines of SENTENCE | TAGS.")
    return found


def line_of(sentence: LabelledSentence) -> str:
    """The line of a file (`FORMAT`) that `read_sentences` reads as this sentence."""
    return f"{sentence.text} | {' '.join(map(_written, sentence.tags))}".strip()


def _written(tag: Tag) -> str:
    code = next(code for code, finding in CODES.items() if finding == tag.finding)
    side = [name for name, sides in SIDES.items() if sides == tag.sides]
    lobe = [tag.lobe] if tag.lobe else []
    return ("+" if tag.asserted else "-") + ":".join((code, *side, *lobe))


def _labelled(line: str, where: str) -> LabelledSentence:
    text, bar, tags = line.rpartition("|")
    if not bar or not any(map(str.isalpha, text)):
        raise RequestError(f"{where}: expected SENTENCE | TAGS; got {line.strip()!r}.")
    return LabelledSentence(text.strip(), tuple(_tag(tag, where) for tag in tags.split()))


def _tag(tag: str, where: str) -> Tag:
    code, *places = tag[1:].split(":")
    sides = [SIDES[place] for place in places if place in SIDES]
    lobes = [place for place in places if place in LOBES]
    known = tag[0] in "+-" and code in CODES and len(sides) + len(lobes) == len(places)
    if not known or len(sides) > 1 or len(lobes) > 1:
        raise RequestError(f"{where}: expected a tag such as +CON:L:lower or -PLE; got {tag!r}. See --help.")
    return Tag(CODES[code], tag[0] == "+", sides[0] if sides else None, lobes[0] if lobes else None)
