"""Which places a text names: right or left, upper, middle or lower."""

import re
from collections.abc import Iterable

from ctflow.models.guard import cues
from ctflow.models.guard.lexicon import Phrases
from ctflow.models.guard.phrases import holds, plain, spans

Place = tuple[str, str | None]  # right or left; upper, middle, lower, or the whole side
BOTH = ("right", "left")

_LOBE_WORD = r"(?:upper|middle|mid|lower)"
_OF_A_LUNG = r"(?:lung\s+)?(?:lobes?|lobar|zones?|lungs?|fields?|parts?|halves|half)"
_SIDE_OR_PART = r"(?:lungs?|sides?|hemithora\w*|thora\w*|pleura\w*|lobes?|apex|base|upper|lower|hemidiaphragm)"
_OF_BOTH = (
    r"both|bilateral\w*|bilat|bil|b/l|two sided|on the two sides"
    rf"|(?:either|neither|each)(?=\s+(?:of the\s+)?{_SIDE_OR_PART}(?!\w))"
    r"|(?:all|every|each)\s+(?:(?:of the\s+)?(?:five\s+)?(?:lung|pulmonary)\s+|(?:of the\s+)?five\s+)?"
    r"(?:lobes?|zones?|fields)"
)
_TOKENS = re.compile(
    r"(?<!\w)(?:"
    r"(?P<short>(?P<short_side>[rl])(?P<short_lobe>[uml])l)"
    r"|(?P<lingula>lingul\w*)"
    r"|(?P<both_low>bibas\w*)|(?P<both_up>biapical)"
    r"|(?P<right>right|rt|r)|(?P<left>left|lt|l)"
    rf"|(?P<both>{_OF_BOTH})"
    rf"|(?P<lobe>{_LOBE_WORD}(?=(?:[\s,/]+(?:and|or|to)?\s*(?:right\s+|left\s+)?{_LOBE_WORD})*\s+{_OF_A_LUNG}(?!\w)))"
    r"|(?P<up>apex|apexes|apices|apical|apicoposterior)"
    r"|(?P<low>bases?|basis|basal\w*|basilar|posterobasal|laterobasal|anterobasal|mediobasal)"
    r")(?!\w)"
)
_PLURAL = re.compile(rf"(?<!\w)(?:apices|apexes|bases|{_LOBE_WORD}\s+(?:lobes|zones|lungs|fields))(?!\w)")
# "The lower lobe of the right lung" becomes "right lower lobe". In "lower lobe, left upper lobe" the side is another's.
_LOBE_OF = re.compile(
    rf"(?<!\w)(?P<lobe>{_LOBE_WORD}\s+(?:lobe|zone)|apex|base)(?:\s+(?:\w+\s+){{1,3}}segments?)?"
    rf"\s*,?\s+(?:of|on|in|at)?\s*(?:the\s+)?(?P<side>right|left)(?!\w)"
    rf"(?!\s+(?:lung\s+)?(?:{_LOBE_WORD}|lobe|apex|base|apical|basal)(?!\w))"
)
# A segment is in the lobe that it is of: the apical one of a lower lobe (S6) is no part of the apex of the lung.
_SEGMENT_OF_LOWER = re.compile(
    r"(?<!\w)(?:apical|\w*basal)\s+segments?\s+(?:of|in)\s+(?:the\s+)?"
    r"(?P<before>(?:(?:right|left|both)\s+)?(?:lower lobes?|[rl]ll))"
    r"|(?P<behind>lower lobes?|[rl]ll)\s*[,(]?\s*apical(?=\s+segment)"
)
_PREDOMINANCE = re.compile(r"(?:with|in) (?:an? )?(?:\w+ ){1,4}predominance")
_LOBES = {"u": "upper", "m": "middle", "l": "lower", "mid": "middle"}
_SIDES = {"r": "right", "l": "left"}


def places(text: str) -> frozenset[Place]:
    """The places that a text names. Both sides are two places."""
    text = _SEGMENT_OF_LOWER.sub(r"\g<before>\g<behind>", _blank(cues.NOT_A_SIDE, plain(text)))
    return _places(_LOBE_OF.sub(r"\g<side> \g<lobe>", text))


def without_emphasis(text: str) -> str:
    """The text without what it says of the part where a finding is strongest."""
    return re.sub("|".join(map(re.escape, _emphases(text))), " ", plain(text)) if _emphases(text) else text


def is_widespread(text: str) -> bool:
    """Whether a text says, without naming a side, that a finding is in both lungs."""
    return holds(cues.WIDESPREAD, plain(text))


def _emphases(text: str) -> list[str]:
    small = plain(text)
    behind = [re.match(r"[^,;:]*", small[first:])[0] for first, _ in spans(cues.EMPHASIS, small)]  # type: ignore[index]
    return [*behind, *(found[0] for found in _PREDOMINANCE.finditer(small))]


def _blank(phrases: Phrases, text: str) -> str:
    for first, last in spans(phrases, text):
        text = f"{text[:first]}{' ' * (last - first)}{text[last:]}"
    return text


def _places(text: str) -> frozenset[Place]:
    """Reads from left to right: a lobe belongs to the side before it, or else to the one behind it."""
    found: set[Place] = set()
    sides: tuple[str, ...] = ()  # the last that were named
    bare = False  # whether no lobe has followed them yet
    waiting: list[str] = []  # lobes that no side has come before
    of_lingula = False  # whether the last token is the lingula
    for token in _TOKENS.finditer(text):
        after_lingula, of_lingula = of_lingula, bool(token["lingula"])
        if token["lingula"] and waiting:  # "the middle lobe and the lingula"
            found |= _at(("left",), "upper")
            continue
        new_sides, lobe = _sides(token), _lobe(token)
        if after_lingula and lobe == "middle" and not new_sides:  # "the lingula and the middle lobe"
            found |= _at(("right",), lobe)
            continue
        if new_sides:
            if bare:
                found |= _at(sides, None)
            sides, bare = new_sides, not waiting
            found |= {place for one in waiting for place in _at(sides, one)}
            waiting = []
        if lobe:
            bare = False
            if sides:
                found |= _at(sides, lobe)
            else:
                waiting.append(lobe)
    if bare:
        found |= _at(sides, None)
    for lobe in waiting:
        found |= _at(("right",) if lobe == "middle" else BOTH if _PLURAL.search(text) else (), lobe)
    return _narrowed(found)


def _sides(token: re.Match[str]) -> tuple[str, ...]:
    if token["short_side"]:
        return (_SIDES[token["short_side"]],)
    if token["lingula"]:
        return ("left",)
    if token["both"] or token["both_low"] or token["both_up"]:
        return BOTH
    return tuple(side for side in BOTH if token[side])


def _lobe(token: re.Match[str]) -> str | None:
    if token["lingula"] or token["up"] or token["both_up"]:
        return "upper"
    if token["low"] or token["both_low"]:
        return "lower"
    word = token["short_lobe"] or token["lobe"]
    return _LOBES.get(word, word) if word else None


def _at(sides: Iterable[str], lobe: str | None) -> set[Place]:
    """The left lung has no middle lobe: its middle zone is somewhere in it."""
    return {(side, None if (side, lobe) == ("left", "middle") else lobe) for side in sides}


def _narrowed(found: set[Place]) -> frozenset[Place]:
    """A side counts as a whole only if none of its lobes is named."""
    lobed = {side for side, lobe in found if lobe}
    return frozenset((side, lobe) for side, lobe in found if lobe or side not in lobed)
