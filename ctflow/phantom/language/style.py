"""The last touch: spelling, headings, capitals, slips of the pen, and sentences that are joined."""

import re
from dataclasses import replace

from ctflow.phantom.language.chance import Chance
from ctflow.phantom.language.lexicon import slips, words
from ctflow.phantom.language.manner import Style
from ctflow.phantom.language.statements import Statement
from ctflow.phantom.language.tidying import capital, tidy

JOINTS = ("; ", ", and ", ", ")
JOINTS_RUN_ON = (", ", ", and ", " and ", ", also ", ", then ")
# Where a denial ends and what follows is there: the denial may not seem to reach over these.
JOINTS_TURNING = ("; ", ", but ", "; however, ", ", however ", "; also ")
JOINT_AROUND_A_GUESS = "; "
JOINT_BEFORE_A_LATE_DENIAL = "; "  # "atelectasis; effusion was not detected"
_DENIES_AT_ONCE = re.compile(
    r"(?:no|not|without|w/o|neg|neither|nil|free|exclusion|absence|zero|there (?:is|are) (?:no|neither)|"
    r"(?:i|we) see no|we do not see)\b|Ø",
    re.IGNORECASE,
)
_DENIES = re.compile(r"\b(?:no|not|without|neither)\b", re.IGNORECASE)
_STARTS_ANEW = re.compile(r"(?:there (?:is|are)|we see|the|this|one finds|ct|noted|visible)\b", re.IGNORECASE)
LOWER_ODDS, UPPER_ODDS, NO_STOP_ODDS = 0.05, 0.04, 0.08  # that all of a sentence is small, or capital, or has no stop
MOST_UNDER_A_HEADING = 6  # mentions: what speaks of the whole chest stands under none
NO_HYPHEN_ODDS = 0.2  # that a sentence writes "ground glass"
HEADING_ODDS = 0.7  # where sentences stand under headings
# Such words say where, how much or whether; a letter less could make another word of them.
NEVER_MISSPELT = (
    "middle", "without", "absent", "absence", "neither", "negative", "resolved", "bilateral", "bilaterally", "excluded",
    "cannot", "either", "normal", "stable",
)  # fmt: skip
COMMON_SLIP_ODDS = 0.6  # that a word is misspelt as others misspell it, where one is known
_NUMBERED = re.compile(r"[\d\W]")
_LIST_MARK = re.compile(r"(?:\d[.)]\s+|[^\w\s]+\s*)?")
# British and American spelling.
_SPELLINGS = (
    ("haem", "hem"), ("oesoph", "esoph"), ("oedema", "edema"), ("tumour", "tumor"), ("visualis", "visualiz"),
    ("fibre", "fiber"), ("calibre", "caliber"), ("favour", "favor"), ("goitre", "goiter"), ("dyspnoea", "dyspnea"),
    ("gynaecomastia", "gynecomastia"), ("artefact", "artifact"), ("whilst", "while"), ("characteris", "characteriz"),
    ("grey", "gray"), ("haziness", "haziness"),
)  # fmt: skip
_HEADINGS: dict[str, tuple[str, ...]] = {
    "lungs": ("Lungs", "LUNGS", "Lung parenchyma", "Lungs and airways", "Parenchyma", "Lung fields", "Pulmonary"),
    "pleura": ("Pleura", "PLEURA", "Pleural spaces", "Pleurae", "Pleural cavities"),
    "heart": ("Heart", "HEART", "Heart and pericardium", "Cardiac", "Cor", "Cardiovascular"),
    "mediastinum": ("Mediastinum", "MEDIASTINUM", "Mediastinum and hila", "Mediastinum/hila"),
    "vessels": ("Vessels", "Vasculature", "Great vessels", "Aorta and coronaries"),
    "airways": ("Airways", "Bronchi", "AIRWAYS"),
    "lines": ("Lines and tubes", "Devices", "Support devices"),
}
HEADING_OF: dict[str, str] = {
    "Pleural effusion": "pleura", "Pneumothorax": "pleura", "Cardiomegaly": "heart", "Pericardial effusion": "heart",
    "Hiatal hernia": "mediastinum", "Lymphadenopathy": "mediastinum", "Arterial wall calcification": "vessels",
    "Coronary artery wall calcification": "vessels", "Bronchiectasis": "airways", "Peribronchial thickening": "airways",
    "Medical material": "lines",
}  # fmt: skip


def joined(one: Statement, other: Statement, style: Style, chance: Chance) -> Statement:
    """Two statements as one sentence."""
    joint = chance.one_of(_joints(one, other, style))
    text = one.text.rstrip(".") + joint + other.text
    family = f"{one.family}+{other.family}"
    return replace(one, text=text, mentions=one.mentions + other.mentions, family=family, about=one.about | other.about)


def _joints(one: Statement, other: Statement, style: Style) -> tuple[str, ...]:
    """What may stand between two statements, so that neither denies a part of the other."""
    denies_at_once = _DENIES_AT_ONCE.match(other.text)
    if one.guesses or other.guesses:
        return (JOINT_AROUND_A_GUESS,)
    if other.denies and not other.asserts and not denies_at_once:
        return (JOINT_BEFORE_A_LATE_DENIAL,)
    if (one.denies or _DENIES.search(one.text)) and not denies_at_once and not _STARTS_ANEW.match(other.text):
        return JOINTS_TURNING
    return JOINTS_RUN_ON if style.run_on else JOINTS


def finished(statement: Statement, style: Style, chance: Chance, typo_odds: float) -> Statement:
    """As it is written down in a manner; `typo_odds`: that one of its words is misspelt."""
    text = _american(statement.text) if style.american else statement.text
    if chance.happens(NO_HYPHEN_ODDS):
        text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    text = _first_capital(_with_slips(tidy(text), chance, typo_odds))
    heading = heading_of(statement)
    if style.headings and heading != "other" and chance.happens(HEADING_ODDS):
        text = f"{chance.one_of(_HEADINGS[heading])}: {text}"
    return replace(statement, text=text)


def in_an_impression(statement: Statement, chance: Chance) -> Statement:
    """Behind "Impression:" or the like, unless it stands behind a heading or a number already."""
    if ":" in statement.text or _NUMBERED.match(statement.text):
        return statement
    return replace(statement, text=f"{chance.one_of(words()['impression'])} {statement.text}")


def heading_of(statement: Statement) -> str:
    """The organ that it speaks of first; "other" if it speaks of none of the findings."""
    if not statement.mentions or len(statement.mentions) > MOST_UNDER_A_HEADING:
        return "other"
    return HEADING_OF.get(statement.mentions[0].finding, "lungs")


def cased(text: str, chance: Chance) -> str:
    """Now and then all small, all in capitals, or without the last stop."""
    if chance.happens(LOWER_ODDS):
        text = text.lower()
    elif chance.happens(UPPER_ODDS):
        text = text.upper()
    return text.removesuffix(".") if chance.happens(NO_STOP_ODDS) else text


def _american(text: str) -> str:
    for british, american in _SPELLINGS:
        text = text.replace(british, american)
    return text


def _first_capital(text: str) -> str:
    start = _LIST_MARK.match(text).end()  # type: ignore[union-attr]  # it matches nothing too
    return text[:start] + capital(text[start:])


def _with_slips(text: str, chance: Chance, odds: float) -> str:
    """Now and then a word is misspelt as it often is, or has two letters swapped, one too few, or one twice."""
    if not chance.happens(odds):
        return text
    written = text.split(" ")
    known = [i for i, word in enumerate(written) if word in slips()]
    if known and chance.happens(COMMON_SLIP_ODDS):
        i = chance.one_of(known)
        written[i] = chance.one_of(slips()[written[i]])
        return " ".join(written)
    long = [
        i for i, word in enumerate(written) if len(word) > 5 and word.isalpha() and word.lower() not in NEVER_MISSPELT
    ]
    if long:
        i = chance.one_of(long)
        written[i] = _slip(written[i], chance)
    return " ".join(written)


def _slip(word: str, chance: Chance) -> str:
    at = chance.between(1, len(word) - 3)
    before, here, there, after = word[:at], word[at], word[at + 1], word[at + 2 :]
    return chance.one_of((before + there + here + after, before + there + after, before + here + here + there + after))
