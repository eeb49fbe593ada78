"""Cuts a sentence where what it says turns: from denied to asserted, or from one side to the other."""

import re
from functools import lru_cache

from ctflow.models.guard import cues
from ctflow.models.guard.lexicon import FINDINGS, OTHER_ORGANS
from ctflow.models.guard.phrases import holds, plain, unmended
from ctflow.models.guard.places import places
from ctflow.models.guard.stance import denies, denies_before, denies_everything, is_unclear, names

_GUESSES = (
    r"(?:(?:suspicious|concerning|worrisome|typical) for|typical of|(?:consistent|compatible) with|in keeping with"
    r"|suggest\w*|indicative of|representing|likely|probably|possibly|due to|secondary to)\s"
)
_JOINTS = re.compile(
    r"\s*[,;](?!\d)\s*(?:(?:and|but|with|while|whereas|although|however|then|also|further|furthermore)\s+){0,2}"
    r"|(?<!keeping)(?<!consistent)(?<!compatible)\s+(?!with the exception)"
    r"(?:but|and|with|plus|while|whereas|although|however)\s+"
    r"|\s+(?=(?:without|w/o|unaccompanied by|after|following|status post|s/p|despite)\s)"
    rf"|,?\s+(?={_GUESSES})"
    r"|\s*\((?=[^()]*\?)"
)
_GUESS = re.compile(_GUESSES)
_SPACES = re.compile(r"\s{3,}")  # each of them would be looked at from each before it
_POINTS_BACK = re.compile(r"(?<!\w)(?:it|its|they|these|those|this|which|that|ones?|latter|former|same|other)(?!\w)")
_TURNS = re.compile(r";|but|while|whereas|although|however")
_NEW_DENIAL = re.compile(
    r"(?:there |(?:i|we) )?(?:(?:is|are|was|were|see|find|do|does|did|can|could) )*"
    r"(?:no|not a trace|without|w/o|unaccompanied|neither|absence|negative"
    r"|cannot|(?<=do )not|(?<=did )not)(?!\w)(?! longer)"
)
_IS_GONE = re.compile(
    r"(?:interval |complete )?(?:resolution|disappearance|clearing|clearance|regression|re expansion) of "
)
_HAS_STAYED = re.compile(r"(?:an? )?(?:residual|persist\w*|remaining)(?!\w)")
_LUNG = re.compile(r"(?<!\w)(?:(?:upper|middle|lower) lobes?|[rl][uml]l|lungs?|pulmonary|lingula)(?!\w)")
_ANOTHER_ONE = re.compile(r"(?:an?|the|another|one)\s+(?:(?:\w+\s+){0,2}ones?(?!\w)|(?:in|on|at)\s)")
_EXCEPT = ("except", "other than", "apart from", "aside from", "besides")
_BESIDE = ("without", "w/o", "unaccompanied")
_CLEAR = re.compile(r"(?:clear|normal|unremarkable)(?: bilaterally)?$")
_AFTERWARDS = re.compile(r"(?:after|following|status post|s/p|despite)\s")
_SAYS_OF_IT = re.compile(
    r"(?:cannot|can|could|not|is|are|was|were|may|might|should|must|to be|suspected|unlikely|doubtful|possibl[ey]|if"
    r"|unless|has|have|which|query|\?)(?!\w)"
)
_LISTED = re.compile(r"(?<!\w)(?:or|nor)(?!\w)")
_VERB = re.compile(
    r"(?<!\w)(?:is|are|was|were|has|have|shows?|contains?|holds?|carr(?:y|ies)|surrounds?|lies|persists?|remains?|extends?|measures?|terminates?|there)(?!\w)"
)
_START = re.compile(
    r"(?:an?|the|there|new|several|multiple|few|bilateral|both|right|left|r[uml]l|l[ul]l|heart|lungs|aorta|trachea"
    r"|areas?|status|findings?|in|within|on|at|after)(?!\w)"
)


def clauses(sentence: str) -> list[str]:
    """The parts of a sentence that each say one thing of what they name. Together they are the sentence."""
    sentence = _SPACES.sub(" ", sentence)
    text, begin = unmended(sentence), 0
    parts: list[str] = []
    for joint in _JOINTS.finditer(text):
        left, rest = text[begin : joint.start()], text[joint.end() :]
        if left.strip() and (_turns(plain(left), joint[0], plain(rest)) or _points_away(text[: joint.start()], rest)):
            parts.append(sentence[begin : joint.start()].strip())
            begin = joint.end()
    return [*parts, sentence[begin:].strip()]


@lru_cache(maxsize=8192)
def names_any(text: str) -> bool:
    """Whether a text names a finding."""
    small = plain(text)
    if any(names(wording, small) or holds(wording.denials, small) for wording in FINDINGS.values()):
        return True
    return denies_everything(text)


def points_back(text: str) -> bool:
    """Whether a `plain` text begins with another one of what was named before: "a small one on the left"."""
    return bool(_ANOTHER_ONE.match(text)) and not names_any(text)


def _points_away(left: str, rest: str) -> bool:
    """Whether `rest` begins with another one, at a place of its own, and of which of several findings is not said."""
    right = plain(_JOINTS.split(unmended(rest), maxsplit=1)[0])
    is_another = points_back(right) and bool(places(right)) and not denies(plain(left))
    return is_another and len(_named_in(plain(left))) > 1


def _turns(left: str, joint: str, rest: str) -> bool:
    """Whether a new clause begins at `rest`."""
    right = _JOINTS.split(rest, maxsplit=1)[0]
    if _AFTERWARDS.match(rest):
        return is_unclear(rest) != is_unclear(left) or denies(left) or denies_before(left)
    if rest.startswith(_BESIDE) and _named_in(f"{left} {right}") - _named_in(left) - _named_in(right):
        return False  # in "pericardial thickening without effusion" only the whole tells which effusion
    if rest.startswith(_BESIDE) and "," not in joint and _CLEAR.search(left):
        return False  # what the lungs are clear of is what stands behind it
    if "(" in joint or _turns_to_a_doubt(left, joint, rest):
        return True
    if holds(OTHER_ORGANS, left) and not names_any(left) and _LUNG.search(rest):
        return names_any(rest)
    if left.startswith(_EXCEPT) and _named_in(left) & _normal_in(right):
        return False
    if names_any(right):
        return _turns_to_a_finding(left, joint, right, rest)
    if places(right) or _POINTS_BACK.search(right):  # "no effusion on the right, a small one on the left"
        return False
    if _NEW_DENIAL.match(rest) or _GUESS.match(rest):
        return True
    is_part = _LISTED.search(rest) or (names_any(f"{left}, {right}") and not names_any(left))  # "heart contour, size"
    return "," in joint and _is_statement(right) and bool(_VERB.search(right)) and not is_part


def _turns_to_a_doubt(left: str, joint: str, rest: str) -> bool:
    """Whether what was sure becomes unsure at `rest`, of something else: "a nodule, malignancy cannot be excluded"."""
    is_member = not {",", ";"} & set(joint) or _LISTED.search(rest)
    return is_unclear(rest) and not is_member and not _SAYS_OF_IT.match(rest) and not is_unclear(left)


def _turns_to_a_finding(left: str, joint: str, right: str, rest: str) -> bool:
    """Whether a new clause begins at `rest`, whose first part, `right`, names a finding."""
    if _NEW_DENIAL.match(rest):
        return names_any(left) or not rest.startswith(_BESIDE)
    if _HAS_STAYED.match(rest) and (denies_before(left) or _IS_GONE.match(left)):
        return names_any(left)  # "the effusion has resolved with residual atelectasis"
    if _IS_GONE.match(rest):
        return names_any(left) and "," in joint
    if _TURNS.search(joint) and names_any(left):
        return True
    if _GUESS.match(rest):
        return names_any(left)
    listed = "," not in joint or _LISTED.search(rest)  # a member of a list, such as "A, B or C"
    if not listed and _is_statement(right) and (_VERB.search(left) or _stands_alone(left, right, rest)):
        return True
    if denies_before(rest) and not denies(left):
        return not listed and _is_statement(left)
    if denies(left) or denies(rest) or not names_any(left):
        return False
    here, there = places(left), places(right)
    if here and there:
        return {side for side, _ in here} != {side for side, _ in there}
    return bool(here or not _needs_place(left)) and bool(there or not _needs_place(right))


def _stands_alone(left: str, right: str, rest: str) -> bool:
    """Whether what begins at `rest` says by itself whether it is there, unlike a member of a list."""
    if denies_before(rest):
        return denies(left) and _begins(right) and bool(_VERB.search(right))
    return _begins(right) and bool(_VERB.search(right) or denies(left))


def _named_in(text: str) -> set[str]:
    return {finding for finding, wording in FINDINGS.items() if names(wording, text)}


def _normal_in(text: str) -> set[str]:
    """The findings that a text denies without naming them: "the lungs are clear"."""
    return {finding for finding, wording in FINDINGS.items() if holds(wording.denials, text)}


def _needs_place(text: str) -> bool:
    """Whether a text names a finding of which reports say in which lung it is."""
    return any(wording.has_place and names(wording, text) for wording in FINDINGS.values())


def _is_statement(text: str) -> bool:
    """Whether a text stands on its own, unlike a member of a list."""
    return _begins(text) or bool(_VERB.search(text))


def _begins(text: str) -> bool:
    """Whether a text starts as a statement does: with an article, a size or a place."""
    first_word = " ".join(text.split()[:1])
    return bool(_START.match(text)) or any(holds(words, first_word) for words in cues.SIZES.values())
